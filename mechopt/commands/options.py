"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token
from cyclopts.validators import Number


def whole(type_: Any, tokens: Sequence[Token]) -> int:
    """A whole number as it is written; 1.5 is refused and not rounded."""
    text = tokens[0].value
    if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        raise ValueError(f"a whole number is needed, not {text!r}")
    return int(text)


Whole = Annotated[int, Parameter(converter=whole)]
Rows = Annotated[int, Parameter(converter=whole, validator=Number(gte=0))]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object and nothing else.")]
Quiet = Annotated[bool, Parameter(negative="", help="Print nothing but errors.")]
Exact = Annotated[
    bool, Parameter(negative="", help="Calculate in rational numbers, as a document does that says so itself.")
]
Seed = Annotated[int | None, Parameter(converter=whole, help="Of whatever is drawn; the document's seed by default.")]
Output = Annotated[Path | None, Parameter(name=["--output", "-o"], help="The file to write.")]
Executor = Annotated[
    str | None, Parameter(help="Run on a cluster instead of processes here: dask://HOST:PORT of its scheduler.")
]
