"""Check a settlement that somebody else computed, line by line, against what the mechanism gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mechopt import exact, table_files, tables
from mechopt.errors import InstanceError
from mechopt.finding import Finding
from mechopt.numerals import Numerals
from mechopt.outcome import Guarantee, Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHOWN = 1000  # wrong lines in the result
ROUNDING = 1e-14  # far above what a subtraction of floats loses, relative to what is subtracted
FLOAT_TOLERANCE = 1e-9  # relative to the largest number of a column, where the result is in floats


def read(statement: Path, *, decimal: str | None = None, thousands: str | None = None) -> tables.Table:
    """The statement of another system: a CSV, Parquet, JSON or Arrow file.

    Args:
        statement: its file, with a column of names (account, agent, ...) and columns of the result's table.
        decimal: mark of decimals in a CSV file, "." or ",".
        thousands: mark between groups of three digits in a CSV file.

    Raises:
        InstanceError: the file cannot be read, or a mark is not allowed.
    """
    found, separator = table_files.read(statement, key="statement")
    marks = {name: mark for name, mark in (("decimal", decimal), ("thousands", thousands)) if mark is not None}
    numerals = Numerals.of(marks, separator=separator, key="statement", file=statement, options=True)
    columns = found if isinstance(found, dict) else {name: found[name] for name in found.columns}
    return tables.Table(columns=columns, row=None, key="statement", file=statement, numerals=numerals)


def audit(outcome: Outcome, stated: tables.Table, *, tolerance: int | Fraction | None = None) -> Outcome:
    """Hold a statement against an outcome.

    Args:
        outcome: of the mechanism.
        stated: of `read`; one or more of its columns, such as payoff, are columns of the result's table.
        tolerance: largest difference that counts as right. Where it is None: 0 for exact results; for others the
            result's error bound, or 1e-9 of the largest number of the column where that is more.

    Returns:
        An outcome whose `tables.wrong` has the first wrong lines, and checks: every line there once, none too many,
        and each column right, with the largest difference as witness.

    Raises:
        InstanceError: the statement shares no column with the result, or a cell of it is wrong.
    """
    import numpy as np

    name, key = _table(outcome, stated)
    columns = _columns(outcome, name, key, stated)
    ours, theirs, missing, extra = _match(outcome.tables[name][key], stated, key)
    wrong: list[tuple[int, str, str, Any, Any]] = []
    checks = [_presence(len(missing), len(extra), [*missing[:1], *extra[:1]])]
    names, failed = outcome.tables[name][key], np.zeros(len(theirs), dtype=bool)
    for column in columns:
        found, said, should, finding = _compare(outcome, name, column, stated.numbers(column), ours, theirs, tolerance)
        failed[found] = True
        wrong += [
            (int(theirs[k]) + 1, str(names[int(ours[k])]), column, _plain(said[k]), _plain(should[k]))
            for k in found[:SHOWN]
        ]
        checks.append(finding)
    return Outcome(
        mechanism=outcome.mechanism,
        title=outcome.title,
        status="agrees" if all(finding.holds for finding in checks) else "differs",
        guarantee=Guarantee(kind=outcome.guarantee.kind, detail=f"against a result that is {outcome.guarantee.detail}",
                            error=outcome.guarantee.error),
        summary={
            "statement": Path(str(stated.file)).name,
            "table": name,
            "lines": len(stated),
            "lines_wrong": int(failed.sum()),
            "missing": len(missing),
            "unknown": len(extra),
            "columns": ", ".join(columns),
        },
        tables={
            "wrong": _wrong(key, sorted(wrong, key=lambda line: line[0])[:SHOWN]),
            "missing": {key: missing[:SHOWN]},
            "unknown": {key: extra[:SHOWN]},
        },
        checks=checks,
        provenance=outcome.provenance,
    )  # fmt: skip


def _table(outcome: Outcome, stated: tables.Table) -> tuple[str, str]:
    """The result's first table whose names are a column of the statement."""
    for name, columns in outcome.tables.items():
        key = next(iter(columns), None)
        if key is not None and key in stated.columns:
            return name, key
    known = ", ".join(dict.fromkeys(next(iter(columns), "") for columns in outcome.tables.values()))
    problem = f"needs a column of names, one of {known}; it has {', '.join(stated.columns)}"
    raise InstanceError(problem, file=stated.file)


def _columns(outcome: Outcome, name: str, key: str, stated: tables.Table) -> list[str]:
    """The columns of the result's table that the statement has too, besides the names."""
    known = [column for column in outcome.tables[name] if column != key]
    found = [column for column in known if column in stated.columns]
    if not found:
        raise InstanceError(f"has no column to check; the result has {', '.join(known)}", file=stated.file)
    return found


def _wrong(key: str, lines: Sequence[tuple[int, str, str, Any, Any]]) -> dict[str, list[Any]]:
    """The table of wrong lines: number, name, column, what is stated and what was computed."""
    return {
        "line": [line[0] for line in lines],
        key: [line[1] for line in lines],
        "column": [line[2] for line in lines],
        "stated": [line[3] for line in lines],
        "computed": [line[4] for line in lines],
        "difference": [_exactly(line[3]) - _exactly(line[4]) for line in lines],
    }


def _match(
    names: Sequence[Any], stated: tables.Table, key: str
) -> tuple[NDArray[Any], NDArray[Any], list[str], list[str]]:
    """Positions of the same names in the result and in the statement, and the names that are in one only."""
    import numpy as np
    import polars as pl

    mine = pl.Series("name", names if isinstance(names, list) else [str(name) for name in names], strict=False)
    mine = mine.cast(pl.String)
    told = stated.columns[key]
    if isinstance(told, list):
        told = pl.Series([None if name is None else str(name) for name in told], dtype=pl.String)
    said = told.cast(pl.String).str.strip_chars().alias("name")
    if mine.equals(said):  # the usual case: the same names in the same order
        places = np.arange(len(mine))
        return places, places, [], []
    left, right = mine.to_frame().with_row_index("ours"), said.to_frame().with_row_index("theirs")
    twice = right.filter(pl.col("name").is_duplicated() | pl.col("name").is_null())
    if len(twice):
        row = int(twice["theirs"].min())
        problem = (
            f"{exact.show(right['name'][row])} occurs twice" if right["name"][row] else "is empty; a name is needed"
        )
        raise stated.error(problem, key, row)
    both = left.join(right, on="name", how="inner").sort("theirs")
    missing = left.join(right, on="name", how="anti").sort("ours")["name"].to_list()
    extra = right.join(left, on="name", how="anti").sort("theirs")["name"].to_list()
    return both["ours"].to_numpy(), both["theirs"].to_numpy(), missing, extra


def _compare(
    outcome: Outcome,
    table: str,
    column: str,
    stated: NDArray[Any],
    ours: NDArray[Any],
    theirs: NDArray[Any],
    tolerance: int | Fraction | None,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], Finding]:
    """The wrong places of one column, what is stated and computed at all of them, and the finding that sums it up."""
    import numpy as np

    computed = outcome.tables[table][column]
    values = computed if isinstance(computed, np.ndarray) else tables.pack([exact.parse(v) for v in computed])
    said, should = stated[theirs], values[ours]
    if not (_exact_in_floats(said) and _exact_in_floats(should)):
        said, should = _objects(said), _objects(should)
    difference = np.abs(said - should)
    limit: Any = tolerance
    if limit is None:
        floats = outcome.guarantee.kind != "exact"
        scale = float(np.abs(should).max()) if should.size else 0.0
        limit = exact.parse(max(float(outcome.guarantee.error), FLOAT_TOLERANCE * scale)) if floats else 0
    wrong = np.flatnonzero(_beyond(difference, said, should, limit))
    worst = difference.max() if difference.size else 0
    evidence = f"{len(theirs):,} lines, of which {len(wrong):,} are off by more than {exact.show(limit)}"
    witness = None
    if wrong.size:
        k = int(wrong[difference[wrong].argmax()])
        witness = {"line": int(theirs[k]) + 1, "stated": _plain(said[k]), "computed": _plain(should[k])}
        worst = abs(_exactly(said[k]) - _exactly(should[k]))
    finding = Finding(
        property=f"{column}_as_computed", margin=0 - _plain(worst), tolerance=limit, evidence=evidence, witness=witness
    )
    return wrong, said, should, finding


def _beyond(difference: NDArray[Any], said: NDArray[Any], should: NDArray[Any], limit: Any) -> NDArray[np.bool_]:
    """Where numbers differ by more than the limit; decided exactly wherever a float may lie on either side of it."""
    import numpy as np

    if difference.dtype == object or difference.dtype.kind in "iu":
        return np.asarray(difference > limit, dtype=bool)
    bound = exact.as_float(limit)
    found: NDArray[np.bool_] = difference > bound
    near = np.abs(difference - bound) <= ROUNDING * (np.abs(said) + np.abs(should) + bound)
    for k in np.flatnonzero(near & (difference > 0)):
        found[k] = abs(_exactly(said[k]) - _exactly(should[k])) > limit
    return found


def _exact_in_floats(values: NDArray[Any]) -> bool:
    """Whether numpy may subtract them: floats, or whole numbers far from where floats and 64 bits end."""
    import numpy as np

    return values.dtype.kind == "f" or (
        values.dtype.kind in "iu" and (not values.size or int(np.abs(values).max()) < 2**52)
    )


def _presence(missing: int, extra: int, examples: Sequence[str]) -> Finding:
    witness: Mapping[str, Any] | None = {"for example": list(examples)} if examples else None
    return Finding(
        property="every_line_once",
        margin=0 - missing - extra,
        tolerance=0,
        evidence=f"{missing:,} names of the result are missing, {extra:,} names are unknown",
        witness=None if witness is None else dict(witness),
    )


def _objects(values: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    found = np.empty(values.shape, dtype=object)
    found[...] = [exact.parse(value) for value in values.tolist()]
    return found


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _exactly(value: Any) -> int | Fraction:
    return exact.parse(value)
