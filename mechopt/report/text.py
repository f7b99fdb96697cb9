"""An outcome on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mechopt.outcome import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from mechopt.outcome import Guarantee, Outcome

LONGEST_CELL = 36  # characters of a name in a table of the terminal
LONGEST_NUMBER = 200  # bits of a whole number that is still printed in full
LONGEST_FRACTION = 15  # characters; JSON and CSV have every fraction in full


def show(outcome: Outcome, console: Console, rows: int = 20) -> None:
    """Print title, guarantee, warnings, summary, the first rows of each table, and the checks.

    Args:
        outcome: what to print.
        console: where to.
        rows: of each table; 0 leaves the tables out.
    """
    from rich.table import Table
    from rich.text import Text

    console.print(Text(clean(outcome.title or outcome.mechanism), style="bold"))
    promise = outcome.guarantee
    console.print(Text(f"{outcome.status}; guarantee {promise.kind}: {clean(promise.detail)}{error(promise)}"))
    for warning in outcome.warnings:
        console.print(Text.assemble(("warning: ", "bold yellow"), clean(warning)))
    sheet = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    sheet.add_column("name", no_wrap=True)
    sheet.add_column("value", justify="right", overflow="fold")
    for name, value in outcome.summary.items():
        sheet.add_row(Text(clean(name)), Text(word(value)))
    console.print()
    console.print(sheet)
    if rows > 0:
        for name, columns in outcome.tables.items():
            _show_table(name, columns, console, rows)
    if outcome.checks:
        console.print()
        show_checks(outcome, console)


def show_checks(outcome: Outcome, console: Console) -> None:
    """Print the findings: does it hold, by how much, how that is known, and what shows it."""
    from rich.table import Table
    from rich.text import Text

    sheet = Table(title="checks", title_justify="left", show_lines=True)
    sheet.add_column("property", overflow="fold", min_width=14)
    sheet.add_column("margin\ntolerance", justify="right", overflow="fold", min_width=9)
    sheet.add_column("evidence\nwitness", overflow="fold")
    for finding in outcome.checks:
        verdict: Text = Text("holds", style="green") if finding.holds else Text("FAILS", style="bold red")
        evidence = clean(finding.evidence)
        if finding.witness:
            evidence += "\n" + "\n".join(f"{clean(name)}: {word(value)}" for name, value in finding.witness.items())
        sheet.add_row(
            Text.assemble(clean(finding.property), "\n", verdict),
            Text(f"{word(finding.margin)}\n{word(finding.tolerance)}"),
            Text(evidence),
        )
    console.print(sheet)
    failed = sum(not finding.holds for finding in outcome.checks)
    count = f"{len(outcome.checks)} check{'s' if len(outcome.checks) > 1 else ''}"
    console.print(f"{count}, {failed} failed" if failed else f"{count} hold{'' if len(outcome.checks) > 1 else 's'}")


def _show_table(name: str, columns: Mapping[str, Sequence[Any]], console: Console, rows: int) -> None:
    """The first rows, and as many columns as fit: a number is never cut."""
    from rich.table import Table
    from rich.text import Text

    length = len(next(iter(columns.values()), ()))
    heads = {column: [word(value) for value in first(values, rows)] for column, values in columns.items()}
    sheet = Table(title=Text(clean(name)), title_justify="left", pad_edge=False)
    shown: list[list[Text]] = []
    used = 1
    left_out = []
    for column, words in heads.items():
        numeric = is_numeric(columns[column])
        cells = words if numeric else [w if len(w) <= LONGEST_CELL else w[: LONGEST_CELL - 1] + "…" for w in words]
        width = max(Text(cell).cell_len for cell in [clean(column), *cells]) + 3
        if shown and used + width > console.width:
            left_out.append(column)
            continue
        used += width
        sheet.add_column(Text(clean(column)), justify="right" if numeric else "left", overflow="fold")
        shown.append([Text(cell) for cell in cells])
    console.print()
    if not length:
        console.print(f"{clean(name)}: no rows", markup=False)
        return
    for row in zip(*shown, strict=True):
        sheet.add_row(*row)
    console.print(sheet)
    notes = [f"{length - rows:,} more rows"] if length > rows else []
    notes += [f"columns left out: {', '.join(clean(c) for c in left_out)}"] if left_out else []
    if notes:
        console.print(f"... {'; '.join(notes)}: --out DIR writes all", markup=False, highlight=False)


def error(guarantee: Guarantee) -> str:
    """The error of a guarantee in words: a bound is not an estimate; nothing where it is 0."""
    if not guarantee.error:
        return ""
    return f"; error {'about' if guarantee.kind == 'approximate' else 'at most'} {word(guarantee.error)}"


def first(column: Sequence[Any], rows: int) -> list[Any]:
    """The first values of a column, as Python objects."""
    head = column[:rows]
    return list(head.tolist() if hasattr(head, "tolist") else head)


def is_numeric(column: Sequence[Any]) -> bool:
    """True where a column is to be aligned to the right."""
    kind = getattr(getattr(column, "dtype", None), "kind", "O")
    if kind in "iuf":
        return True
    return kind == "O" and all(isinstance(v, int | float | Fraction | None) for v in first(column, 100))


def word(value: Any) -> str:
    """A value for people: digits in groups, exact numbers as they are unless they are long, floats to 6 places."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | Fraction):
        value = Fraction(value)
        if max(value.numerator.bit_length(), value.denominator.bit_length()) <= LONGEST_NUMBER:
            if value.denominator == 1:
                return f"{value.numerator:,}"
            if len(str(value)) <= LONGEST_FRACTION:
                return str(value)
        try:
            return f"≈ {word(float(value))}"
        except OverflowError:
            return f"about {'-' if value < 0 else ''}2^{value.numerator.bit_length() - value.denominator.bit_length()}"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 2**53:
            return f"{value + 0.0:,.0f}"  # -0.0 is 0
        if 1e-3 <= abs(value) < 1e15:
            return f"{value:,.6f}".rstrip("0").rstrip(".")
        return f"{value:.6g}"
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{clean(key)} {word(item)}" for key, item in value.items())
    if isinstance(value, Sequence | frozenset):
        return ", ".join(word(item) for item in value)
    return clean(plain(value))


def clean(text: object) -> str:
    """Text without control characters: names come from files, and a terminal obeys what it is sent."""
    return "".join(c if c.isprintable() else "�" for c in str(text))
