"""The ledger for people: a table for the terminal, and one self-contained HTML page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mechopt.claims import VERDICTS, Ledger, Record
from mechopt.evidence import Evidence, text
from mechopt.paper import PAPERS

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.text import Text

NOTE = 100  # characters; `--explain` and the page show all
TEMPLATES = Path(__file__).parent / "templates"
# A mark and a word beside the colour: it has to be readable without colours too.
MARKS = {
    "proved": ("✓", "green"),
    "proved_in_range": ("◐", "cyan"),
    "supported": ("~", "yellow"),
    "refuted": ("✗", "red"),
    "not_checked": ("–", "bright_black"),
    "error": ("!", "bold red"),
}


def table(ledger: Ledger) -> Group:
    """The ledger as a table per paper or file, with a line of totals; to be printed with rich."""
    from rich.console import Group
    from rich.table import Table

    parts: list[RenderableType] = []
    for name, own in _by_paper(ledger.records):
        sheet = Table(title=name, title_justify="left", expand=False, pad_edge=False)
        sheet.add_column("statement", min_width=14)
        sheet.add_column("verdict", no_wrap=True)
        sheet.add_column("evidence", max_width=10)
        sheet.add_column("covers, or fails at")
        sheet.add_column("s", justify="right", no_wrap=True)
        for record in own:
            sheet.add_row(
                _plain(record.title),
                _verdict(record),
                _plain(" ".join(dict.fromkeys(piece.kind for piece in record.evidence))),
                _plain(textwrap.shorten(_note(record), NOTE, placeholder=" ...")),
                f"{record.seconds:.1f}" if record.evidence else "",
            )
        parts += [sheet, ""]
    return Group(*parts, *_totals(ledger))


def html(ledger: Ledger) -> str:
    """The ledger as one HTML page: coverage, verdicts, and a section per statement; it needs no network."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from mechopt import __version__

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    records = {record.id: record for record in ledger.records}
    repairs = {record.repaired_by: record for record in ledger.records if record.repaired_by}
    states = (*VERDICTS, "error") if ledger.counts["errors"] else VERDICTS
    return environment.get_template("ledger.html.j2").render(
        ledger=ledger,
        papers=_by_paper(ledger.records),
        coverage=_coverage(ledger),
        records=records,
        repairs=repairs,
        states=states,
        totals={state: sum(state_of(record) == state for record in ledger.records) for state in states},
        marks={state: mark for state, (mark, _) in MARKS.items()},
        state_of=state_of,
        words=words,
        note=_note,
        show=text,
        outcome=outcome,
        version=__version__,
    )


def state_of(record: Record) -> str:
    """The verdict, or "error" for a claim that broke."""
    return "error" if record.error is not None else record.verdict


def words(state: str) -> str:
    """A verdict in words: "proved in range"."""
    return state.replace("_", " ")


def outcome(piece: Evidence) -> str:
    """What a piece of evidence says, in words."""
    return {True: "holds", False: "does not hold", None: "not decided"}[piece.holds]


def _by_paper(records: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """The records under the full name of their paper, or of the user's file."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.mechanism, []).append(record)
    return [(str(PAPERS.get(name, name)), own) for name, own in groups.items()]


def _coverage(ledger: Ledger) -> list[dict[str, Any]]:
    """Per paper: its names, the records about each of its numbered statements, how many records have each state."""
    rows: list[dict[str, Any]] = []
    for name, own in _by_paper(ledger.records):
        paper = PAPERS.get(own[0].mechanism)
        labels = ledger.numbered.get(own[0].mechanism, ())
        numbered = {label: [record for record in own if record.label == label] for label in labels}
        rows.append(
            {
                "short": f"{paper.authors} ({paper.year})" if paper else name,
                "title": paper.title if paper else "",
                "numbered": numbered,
                "checked": sum(any(record.checked for record in about) for about in numbered.values()),
                "claims": len(own),
                "counts": {state: sum(state_of(record) == state for record in own) for state in MARKS},
            }
        )
    return rows


def _note(record: Record) -> str:
    """What to know beside the verdict: the error, the reason, the counterexample, or the range."""
    if record.error is not None:
        return record.error
    if record.witness is not None:
        repaired = f"; true instead: {record.repaired_by}" if record.repaired_by else ""
        return f"counterexample {text(record.witness.instance)}{repaired}"
    return record.reason or record.range


def _verdict(record: Record) -> Text:
    from rich.text import Text

    mark, style = MARKS[state_of(record)]
    shown = Text(f"{mark} {words(state_of(record))}", style=style)
    if not record.as_expected and record.error is None:
        shown.append(f"\n  on record: {words(record.expected or 'not refuted')}", style="bold red")
    return shown


def _plain(value: str) -> Text:
    """Text that is shown as it is: brackets in a claim are no markup."""
    from rich.text import Text

    return Text(value)


def _totals(ledger: Ledger) -> list[Text]:
    from rich.text import Text

    counts = {name: number for name, number in ledger.counts.items() if number}
    listed = ", ".join(f"{number} {words(name)}" for name, number in counts.items())
    lines = [Text(f"{len(ledger.records)} claims: {listed} ({ledger.tier} tier, {ledger.seconds:.1f} s)")]
    for row in _coverage(ledger):
        if row["numbered"]:
            lines.append(
                Text(f"{row['short']}: {row['checked']} of {len(row['numbered'])} numbered statements checked")
            )
    changed = [record.id for record in ledger.records if not record.as_expected]
    if changed:
        lines.append(Text(f"not as on record: {', '.join(changed)}", style="bold red"))
    skipped = sum(record.skipped for record in ledger.records)
    if skipped:
        lines.append(Text(f"{skipped} left out of this run", style="yellow"))
    if ledger.interrupted:
        lines.append(Text("interrupted: what was finished is shown", style="yellow"))
    return lines
