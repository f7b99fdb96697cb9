"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object and nothing else.")]
Quiet = Annotated[bool, Parameter(negative="", help="Print nothing but errors.")]
Seed = Annotated[int | None, Parameter(help="Of whatever is drawn; the document's seed by default.")]
Output = Annotated[Path | None, Parameter(name=["--output", "-o"], help="The file to write.")]
Executor = Annotated[
    str | None, Parameter(help="Run on a cluster instead of processes here: dask://HOST:PORT of its scheduler.")
]
