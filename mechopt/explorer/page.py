"""What the page shows: the summary as written beside the summary now, the checks, and the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mechopt.outcome import Outcome, plain

ROWS = 30
OPEN = 40  # controls of one group that are shown at once; more fold away
# Two columns, one below the other on a phone; a wide table scrolls by itself.
STYLE = """<style>
.explore { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; }
.explore > .controls { flex: 1 1 17rem; min-width: 0; max-width: 100%; }
.explore > .result { flex: 2 1 26rem; min-width: 0; max-width: 100%; }
.explore h1 { font-size: 1.5rem; line-height: 1.2; }
.explore svg { max-width: 100%; height: auto; }
table.mechopt th, table.mechopt td { padding: 0.15rem 0.8rem 0.15rem 0; text-align: left; vertical-align: top; }
table.mechopt td { font-variant-numeric: tabular-nums; }
table.mechopt thead th { border-bottom: 1px solid #767676; }
</style>"""


def show(value: Any) -> str:
    """A value as a cell has it."""
    return escape(f"{value:.6g}" if isinstance(value, float) else str(plain(value)))


def summary(before: Outcome, now: Outcome) -> str:
    """Summary and guarantee as HTML, as written and now; what changed is bold and marked by a word."""
    rows = [
        (name, show(before.summary.get(name, "")), show(now.summary.get(name, "")))
        for name in dict.fromkeys([*before.summary, *now.summary])
        if not isinstance(now.summary.get(name), Mapping | list)
    ]
    body = "".join(
        f'<tr data-name="{escape(name)}"><th scope="row">{escape(name.replace("_", " "))}</th><td>{old}</td>'
        + (f"<td><strong>{new}</strong></td><td>changed</td></tr>" if old != new else f"<td>{new}</td><td></td></tr>")
        for name, old, new in rows
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("", "as written", "now", ""))
    worth = f"{now.status}; guarantee <strong>{now.guarantee.kind}</strong>: {escape(now.guarantee.detail)}"
    warnings = "".join(f"<p>Warning: {escape(text)}</p>" for text in now.warnings)
    return (
        f"<p>{worth}</p>{warnings}<div style='overflow-x:auto'><table class='mechopt' id='summary'>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def checks(now: Outcome) -> str:
    """The checks as HTML."""
    columns: dict[str, Sequence[Any]] = {
        "property": [finding.property for finding in now.checks],
        "check": ["✓\u00a0holds" if finding.holds else "✗\u00a0fails" for finding in now.checks],
        "margin": [finding.margin for finding in now.checks],
        "evidence": [finding.evidence for finding in now.checks],
    }
    return grid(columns, len(now.checks))


def grid(columns: Mapping[str, Sequence[Any]], rows: int = ROWS) -> str:
    """The first rows of a table as HTML."""
    heads = "".join(f'<th scope="col">{escape(str(name).replace("_", " "))}</th>' for name in columns)
    lines = zip(*(list(column[:rows]) for column in columns.values()), strict=True)
    body = "".join("<tr>" + "".join(f"<td>{show(value)}</td>" for value in line) + "</tr>" for line in lines)
    length = len(next(iter(columns.values()), ()))
    more = f"<p>The first {rows} of {length:,} rows.</p>" if length > rows else ""
    table = f"<table class='mechopt'><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    return f"<div style='overflow-x:auto'>{table}</div>{more}"
