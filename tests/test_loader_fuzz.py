"""Whatever is fed to the loader, it answers with a model or with one InstanceError line."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import mechopt
from mechopt.errors import InstanceError

GOOD = {
    "mechanism": "overage",
    "rule": "power",
    "alpha": "3/2",
    "rounding": "none",
    "penalty": 2.5,
    "accounts": [{"account": "a", "entitlement": 1, "claim": "2.5"}, {"account": "b", "entitlement": 3, "claim": 0}],
}
TOML = b'mechanism = "overage"\nrounding = "webster"\naccounts = { file = "t.csv", where = { year = 2019 } }\n'
CSV = b"account,year,entitlement,claim\nnorth,2019,10,12\nsouth,2019,5,1\nwest,2018,1,1\n"
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1/3", "1e400", "-0", "inf", "power", "webster", "t.csv", 10**400])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
keys = st.sampled_from([*GOOD, "tie", "claim_bound", "arithmetic", "seed", "title", "units", "unknown"])


def loads_or_explains(source: Any) -> None:
    refusal: InstanceError | None = None
    try:
        model = mechopt.load(source)
    except InstanceError as error:
        refusal = error
    if refusal is None:
        assert model.environment.entitlement.size >= 1
    else:
        assert len(str(refusal).splitlines()) == 1
        assert refusal.exit_status == 2


@settings(max_examples=400, deadline=None)
@given(changes=st.dictionaries(keys, anything, max_size=3))
def test_dicts(changes: dict[str, Any]) -> None:
    loads_or_explains(GOOD | changes)


@settings(max_examples=200, deadline=None)
@given(record=st.dictionaries(st.sampled_from(["account", "entitlement", "claim", "x"]), anything))
def test_records(record: dict[str, Any]) -> None:
    loads_or_explains(GOOD | {"accounts": [*GOOD["accounts"], record]})  # type: ignore[misc]  # a list


@pytest.mark.parametrize("name", ["mine.toml", "t.csv"])
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bytes(name: str, tmp_path: Path, data: st.DataObject) -> None:
    files = {"mine.toml": TOML, "t.csv": CSV}
    content = bytearray(files[name])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        stop = data.draw(st.integers(start, min(start + 6, len(content))))
        content[start:stop] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b'"', b",", b"\n", b"\0", b"1e9", b"]"])
        )
    files[name] = bytes(content)
    for file, text in files.items():
        (tmp_path / file).write_bytes(text)
    loads_or_explains(tmp_path / "mine.toml")


@pytest.mark.parametrize("kind", ["parquet", "arrow", "json", "csv.gz"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_tables(kind: str, tmp_path: Path, data: st.DataObject) -> None:
    frame = pl.DataFrame({"account": ["a", "b"], "entitlement": [1, 2], "claim": [2.5, 0.0]})
    path = tmp_path / f"t.{kind}"
    match kind:
        case "parquet":
            frame.write_parquet(path)
        case "arrow":
            frame.write_ipc(path)
        case "json":
            frame.write_json(path)
        case _:
            path.write_bytes(gzip.compress(frame.write_csv().encode(), mtime=0))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        content[start : start + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=8))
    path.write_bytes(content)
    (tmp_path / "mine.toml").write_text(f'mechanism = "overage"\naccounts = "t.{kind}"\n')
    loads_or_explains(tmp_path / "mine.toml")
