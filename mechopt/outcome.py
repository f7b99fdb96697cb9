"""What a mechanism returns: summary, tables, guarantee and provenance.

Sign convention, everywhere: a transfer is what the agent RECEIVES. A paper that prints payments is converted in its
own module, with the equation cited.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, get_args

from mechopt.errors import InstanceError
from mechopt.finding import Finding

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

    from mechopt.picture import Picture

Kind = Literal["exact", "certified", "proven", "bounded", "approximate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """What a result is worth.

    Attributes:
        kind: exact (rational arithmetic), certified (float solve, certificate checked), proven (a theorem whose
            hypotheses were checked on this instance), bounded (value with a proven gap), approximate (with its
            error estimate).
        detail: in one line, of what.
        error: bound or estimate of the absolute error, in the result's units; 0 where exact.
    """

    kind: Kind
    detail: str
    error: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"guarantee {self.kind!r} is none of {', '.join(get_args(Kind))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a mechanism on one instance.

    Attributes:
        mechanism: its name.
        title: of the model document.
        status: "settled", "optimal", ...
        guarantee: what the result is worth.
        summary: named numbers and words.
        tables: columns of equal length (arrays or lists), by table and column name.
        checks: findings, where `check` was asked for.
        warnings: what a careful user must know about this result, a line each.
        provenance: what it takes to repeat the result.
        draw: gives the pictures of the result; None where it has none.
    """

    mechanism: str
    title: str
    status: str
    guarantee: Guarantee
    summary: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Sequence[Any]]]
    checks: Sequence[Finding] = ()
    warnings: Sequence[str] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    draw: Callable[[Outcome], Sequence[Picture]] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, columns in self.tables.items():
            if len({len(column) for column in columns.values()}) > 1:
                raise ValueError(f"table {name}: columns of different lengths")

    def with_checks(self, checks: Sequence[Finding]) -> Outcome:
        """The same outcome with findings attached."""
        return replace(self, checks=tuple(checks))

    def to_dict(self) -> dict[str, Any]:
        """The outcome as the contract prints it; fractions become text such as "1/3"."""
        from mechopt import __version__

        return {
            "mechopt": __version__,
            "mechanism": self.mechanism,
            "title": self.title,
            "status": self.status,
            "guarantee": {
                "kind": self.guarantee.kind,
                "detail": self.guarantee.detail,
                "error": self.guarantee.error,
            },
            "summary": plain(self.summary),
            "tables": plain(self.tables),
            "checks": [plain(finding.to_dict()) for finding in self.checks],
            "warnings": list(self.warnings),
            "provenance": plain(self.provenance),
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """One JSON object; NaN and infinities are refused, not written."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def _repr_html_(self) -> str:
        """What a notebook shows: guarantee, warnings, summary, the first rows of each table, the checks."""
        from html import escape

        def cell(value: Any) -> str:
            return escape(f"{value:.6g}" if isinstance(value, float) else str(plain(value)))

        def grid(columns: Mapping[str, Sequence[Any]], rows: int = 10) -> str:
            heads = "".join(f"<th>{escape(str(name))}</th>" for name in columns)
            lines = zip(*(list(column[:rows]) for column in columns.values()), strict=True)
            body = "".join("<tr>" + "".join(f"<td>{cell(value)}</td>" for value in line) + "</tr>" for line in lines)
            return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"

        promise = self.guarantee
        parts = [f"<b>{escape(self.title or self.mechanism)}</b>"]
        parts.append(f"<p>{escape(self.status)}; guarantee <b>{promise.kind}</b>: {escape(promise.detail)}</p>")
        parts += [f"<p>⚠ {escape(warning)}</p>" for warning in self.warnings]
        parts.append(grid({"summary": list(self.summary), "value": list(self.summary.values())}, rows=100))
        for name, columns in self.tables.items():
            length = len(next(iter(columns.values()), ()))
            parts.append(f"<p>{escape(name)}, {length:,} rows</p>" + grid(columns))
        if self.checks:
            checks: dict[str, Sequence[Any]] = {
                "check": ["holds" if one.holds else "FAILS" for one in self.checks],
                "property": [one.property for one in self.checks],
                "margin": [one.margin for one in self.checks],
            }
            parts.append(grid(checks, rows=100))
        return "\n".join(parts)

    def pictures(self) -> Sequence[Picture]:
        """The pictures of its report, drawn anew, each with title, caption and the numbers behind it."""
        return () if self.draw is None else self.draw(self)

    def plot(self, picture: int | str = 0) -> Figure:
        """One of its pictures as a matplotlib figure, with its title, to be changed or saved at will.

        Args:
            picture: its position in `pictures()`, or its title.

        Raises:
            InstanceError: there is no such picture; names those that there are.
        """
        drawn = self.pictures()
        places = {found.title: place for place, found in enumerate(drawn)}
        place = places.get(picture) if isinstance(picture, str) else picture
        if place is None or not -len(drawn) <= place < len(drawn):
            known = "; ".join(f"{place} {title!r}" for title, place in places.items())
            raise InstanceError(f"there is no picture {picture!r}; there are {known or 'none'}", key="picture")
        figure = drawn[place].figure
        figure.axes[0].set_title(drawn[place].title)
        return figure

    def to_pandas(self, table: str) -> Any:
        """One table as a pandas frame, where pandas and pyarrow are installed."""
        return self.to_polars(table).to_pandas()

    def to_arrow(self, table: str) -> Any:
        """One table as a pyarrow table, where pyarrow is installed."""
        return self.to_polars(table).to_arrow()

    def to_polars(self, table: str) -> pl.DataFrame:
        """One table as a Polars frame (Arrow inside: any frame library can take it).

        Raises:
            InstanceError: there is no such table; names those that there are.
        """
        import polars as pl

        if table not in self.tables:
            raise InstanceError(
                f"there is no table {table!r}; there are {', '.join(self.tables) or 'none'}", key="table"
            )
        return pl.DataFrame({name: plain_column(column) for name, column in self.tables[table].items()})


def plain(value: Any) -> Any:
    """A value made of plain JSON types; a whole Fraction becomes an int, another one text."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return plain(value.tolist())
    if isinstance(value, Sequence | frozenset):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in a result")


def plain_column(column: Sequence[Any]) -> Any:
    """A column for a frame: arrays of numbers as they are, exact rationals as text where one is not whole."""
    if getattr(getattr(column, "dtype", None), "kind", "O") in "iufb":
        return column
    values = plain(column)
    if any(isinstance(value, str) for value in values):
        return [None if value is None else str(value) for value in values]
    if any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values):
        return [str(value) for value in values]
    return values
