"""Check a settlement that somebody else computed, line by line, against what the mechanism gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mechopt import exact, table_files, tables
from mechopt.errors import InstanceError
from mechopt.finding import Finding
from mechopt.outcome import Guarantee, Outcome

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

SHOWN = 1000  # wrong lines in the result
FLOAT_TOLERANCE = 1e-9  # relative to the largest number of a column, where the result is in floats


def audit(outcome: Outcome, statement: Path, *, tolerance: Any = None) -> Outcome:
    """Hold a statement against an outcome.

    Args:
        outcome: of the mechanism.
        statement: a CSV, Parquet, JSON or Arrow file with a column of names (account, agent, ...) and one or more
            columns of the result's table, such as payoff.
        tolerance: largest difference that counts as right; 0 for exact results and the result's own error bound for
            others, where it is None.

    Returns:
        An outcome whose `tables.wrong` has the first wrong lines, and checks: every line there once, none too many,
        and each column right, with the largest difference as witness.

    Raises:
        InstanceError: the file cannot be read, or shares no column with the result.
    """
    frame = table_files.frame(statement, key="statement")
    name, key = _table(outcome, frame, statement)
    stated = tables.Table(
        columns={column: frame[column] for column in frame.columns}, row=None, key="statement", file=statement
    )
    columns = [column for column in outcome.tables[name] if column != key and column in frame.columns]
    if not columns:
        known = ", ".join(column for column in outcome.tables[name] if column != key)
        raise InstanceError(f"has no column to check; the result has {known}", file=statement)
    ours, theirs, missing, extra = _match(outcome.tables[name][key], stated, key)
    allowed = None if tolerance is None else exact.parse(tolerance)
    wrong: list[tuple[int, str, str, Any, Any]] = []
    checks = [_presence(len(missing), len(extra), [*missing[:1], *extra[:1]])]
    for column in columns:
        found, worst = _compare(outcome, name, column, stated.numbers(column), ours, theirs, allowed)
        names = outcome.tables[name][key]
        wrong += [(int(theirs[k]) + 1, str(names[int(ours[k])]), column, said, should) for k, said, should in found]
        checks.append(worst)
    wrong.sort(key=lambda line: line[0])
    failed = len({line[0] for line in wrong})
    return Outcome(
        mechanism=outcome.mechanism,
        title=outcome.title,
        status="agrees" if all(finding.holds for finding in checks) else "differs",
        guarantee=Guarantee(kind=outcome.guarantee.kind, detail=f"against a result that is {outcome.guarantee.detail}",
                            error=outcome.guarantee.error),
        summary={
            "statement": statement.name,
            "table": name,
            "lines": len(frame),
            "lines_wrong": failed,
            "missing": len(missing),
            "unknown": len(extra),
            "columns": ", ".join(columns),
        },
        tables={
            "wrong": {
                "line": [line[0] for line in wrong[:SHOWN]],
                key: [line[1] for line in wrong[:SHOWN]],
                "column": [line[2] for line in wrong[:SHOWN]],
                "stated": [line[3] for line in wrong[:SHOWN]],
                "computed": [line[4] for line in wrong[:SHOWN]],
                "difference": [_exactly(line[3]) - _exactly(line[4]) for line in wrong[:SHOWN]],
            },
            "missing": {key: missing[:SHOWN]},
            "unknown": {key: extra[:SHOWN]},
        },
        checks=checks,
        provenance=outcome.provenance,
    )  # fmt: skip


def _table(outcome: Outcome, frame: pl.DataFrame, statement: Path) -> tuple[str, str]:
    """The result's first table whose names are a column of the statement."""
    for name, columns in outcome.tables.items():
        key = next(iter(columns), None)
        if key is not None and key in frame.columns:
            return name, key
    known = ", ".join(dict.fromkeys(next(iter(columns), "") for columns in outcome.tables.values()))
    raise InstanceError(f"needs a column of names, one of {known}; it has {', '.join(frame.columns)}", file=statement)


def _match(
    names: Sequence[Any], stated: tables.Table, key: str
) -> tuple[NDArray[Any], NDArray[Any], list[str], list[str]]:
    """Positions of the same names in the result and in the statement, and the names that are in one only."""
    import polars as pl

    left = pl.DataFrame({"name": [str(name) for name in names]}).with_row_index("ours")
    right = pl.DataFrame({"name": stated.columns[key].cast(pl.String).str.strip_chars()}).with_row_index("theirs")
    twice = right.filter(pl.col("name").is_duplicated() | pl.col("name").is_null())
    if len(twice):
        row = int(twice["theirs"].min())  # type: ignore[arg-type]
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
) -> tuple[list[tuple[int, Any, Any]], Finding]:
    """The wrong entries of one column, and the finding that sums it up."""
    import numpy as np

    computed = outcome.tables[table][column]
    values = computed if isinstance(computed, np.ndarray) else tables.pack([exact.parse(v) for v in computed])
    said, should = stated[theirs], values[ours]
    if said.dtype == object or should.dtype == object:
        said, should = _objects(said), _objects(should)
    difference = np.abs(said - should)
    limit: Any = tolerance
    if limit is None:
        floats = outcome.guarantee.kind != "exact"
        scale = float(np.abs(should).max()) if should.size else 0.0
        limit = max(float(outcome.guarantee.error), FLOAT_TOLERANCE * scale) if floats else 0
    elif difference.dtype != object:
        limit = exact.as_float(limit)
    wrong = np.flatnonzero(~(difference <= limit))
    worst = difference.max() if difference.size else 0
    evidence = f"{len(theirs):,} lines, of which {len(wrong):,} are off by more than {exact.show(limit)}"
    witness = None
    if wrong.size:
        k = int(wrong[difference[wrong].argmax()])
        witness = {"line": int(theirs[k]) + 1, "stated": _plain(said[k]), "computed": _plain(should[k])}
    finding = Finding(
        property=f"{column}_as_computed", margin=0 - _plain(worst), tolerance=limit, evidence=evidence, witness=witness
    )
    return [(int(k), _plain(said[k]), _plain(should[k])) for k in wrong[:SHOWN]], finding


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
