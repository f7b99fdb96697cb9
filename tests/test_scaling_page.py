"""The numbers of docs/scaling.md are those that were measured, and the plan follows from them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.checkout
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_scaling_page", ROOT / "benchmarks" / "scaling_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found() -> Any:
    return json.loads((ROOT / "docs" / "scaling.json").read_text(encoding="utf-8"))


def test_the_page_has_the_measured_numbers(page: ModuleType, found: Any) -> None:
    text = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert page.filled(text, found) == text, "python benchmarks/scaling.py --page writes it"
    assert len(page.BLOCK.findall(text)) == 3
    other = json.loads(json.dumps(found))
    other["series"]["overage_stream"]["rows"][0]["cpu_seconds"] *= 2
    assert page.filled(text, other) != text


def test_all_mechanisms_are_measured(page: ModuleType, found: Any) -> None:
    assert {series["mechanism"] for series in found["series"].values()} == set(page.TITLES)
    for series in found["series"].values():
        sizes = [row["size"] for row in series["rows"]]
        assert len(sizes) >= 2
        assert sizes == sorted(set(sizes))


def test_a_plan_is_never_quicker_than_its_work_divided_or_its_scheduler(page: ModuleType) -> None:
    assert page.makespan([1.0] * 8, 4, 0.0) == 2.0
    assert page.makespan([1.0] * 9, 4, 0.0) == 3.0
    assert page.makespan([0.1] * 100, 50, 1.0) == pytest.approx(100.1)  # one message a second
    assert page.makespan([3.0, 1.0, 1.0, 1.0], 2, 0.0) == 3.0
    chunks = page.chunked([0.001] * 10_001, 5)
    assert sum(chunks) == pytest.approx(10.001)
    assert chunks[0] == pytest.approx(0.5)


def test_ten_times_follows_the_line_or_the_power_whichever_is_dearer(page: ModuleType) -> None:
    def rows(*seconds: float) -> list[dict[str, float]]:
        return [{"size": 10 ** (place + 1), "cpu_seconds": cost, "peak_mib": 100.0 + 90 * place}
                for place, cost in enumerate(seconds)]  # fmt: skip

    assert page.growth(rows(1.0, 100.0)) == pytest.approx(2)
    assert page.ten_times(rows(1.0, 100.0)) == (pytest.approx(10_000), pytest.approx(1090))
    assert page.ten_times(rows(1.0, 1.9)) == (pytest.approx(10.9), pytest.approx(1090))  # 0.9 fixed, then 0.1 each ten
