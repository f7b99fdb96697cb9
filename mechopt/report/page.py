"""An outcome as one HTML page that needs nothing but a browser."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mechopt.report.text import clean, error, first, is_numeric, word

if TYPE_CHECKING:
    from mechopt.outcome import Outcome
    from mechopt.picture import Picture

TEMPLATES = Path(__file__).parent / "templates"
ROWS = 50
MEANINGS = {
    "exact": "rational arithmetic: nothing is rounded",
    "certified": "solved in floats, and a certificate checked",
    "proven": "by a theorem whose hypotheses were checked on this instance",
    "bounded": "a value with a proven bound on its error",
    "approximate": "a value with an estimate of its error",
}


def page(outcome: Outcome, pictures: Sequence[Picture] | None = None) -> str:
    """One self-contained HTML page: style and pictures inside, no script, no link to anywhere.

    Args:
        outcome: the result, with its checks.
        pictures: plots, each shown with its numbers; the outcome's own where it is None.

    Returns:
        The page; whatever comes from the document is escaped.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from mechopt import __version__

    shown = outcome.pictures() if pictures is None else pictures
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"word": word, "clean": clean}
    return environment.get_template("model.html").render(
        outcome=outcome,
        title=clean(outcome.title or outcome.mechanism),
        meaning=MEANINGS[outcome.guarantee.kind],
        error=error(outcome.guarantee),
        checks=sorted(outcome.checks, key=lambda finding: finding.holds),  # what fails comes first
        failed=[finding for finding in outcome.checks if not finding.holds],
        pictures=[(picture, _data(picture.svg), _grid(picture.numbers, ROWS)) for picture in shown],
        tables={name: _grid(columns, ROWS) for name, columns in outcome.tables.items()},
        version=__version__,
    )


def _data(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _grid(columns: Mapping[str, Sequence[Any]], rows: int) -> dict[str, Any]:
    """The first rows of a table as text, with what is needed to align it and to say what is left out."""
    cells = [[word(value) for value in first(column, rows)] for column in columns.values()]
    return {
        "heads": [clean(name) for name in columns],
        "numeric": [is_numeric(column) for column in columns.values()],
        "rows": list(zip(*cells, strict=True)),
        "length": len(next(iter(columns.values()), ())),
    }
