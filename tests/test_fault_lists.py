"""The lists of seeded faults are up to date: each fault still has its one place in the engine."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.checkout
ROOT = Path(__file__).resolve().parent.parent
LISTS = sorted((ROOT / "benchmarks").glob("*_faults.toml"))


def test_there_are_lists() -> None:
    assert LISTS


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_each_fault_can_be_seeded(path: Path) -> None:
    mechanism = path.stem.removesuffix("_faults")
    for fault in tomllib.loads(path.read_text(encoding="utf-8"))["fault"]:
        source = (ROOT / "mechopt" / "mechanisms" / mechanism / fault["file"]).read_text(encoding="utf-8")
        assert source.count(fault["old"]) == 1, fault["why"]
        assert fault["old"] != fault["new"]
        named = fault.get("tests")
        assert named is None or (ROOT / "tests" / mechanism / named).is_file()
