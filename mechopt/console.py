"""What the commands print and write: outcomes, folders of results, progress bars."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mechopt.errors import InstanceError

if TYPE_CHECKING:
    from mechopt.outcome import Outcome


def show(outcome: Outcome, *, json: bool, quiet: bool, rows: int, explanation: str | None = None) -> None:
    """Print an outcome: as JSON, for people, or not at all.

    An explanation is printed in place of the tables; in JSON it is one more key.
    """
    if json and explanation is not None:
        import json as encoder

        print(encoder.dumps({**outcome.to_dict(), "explanation": explanation}, ensure_ascii=False, allow_nan=False))
    elif json:
        print(outcome.to_json())
    elif explanation is not None and not quiet:
        print(explanation)
    elif not quiet:
        from rich.console import Console

        from mechopt.report import show as print_outcome

        print_outcome(outcome, Console(), rows=rows)


def write_folder(outcome: Outcome, folder: Path) -> None:
    """result.json and one CSV file per table."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InstanceError(f"cannot be made a folder: {error.strerror}", file=folder, key="--out") from None
    write(folder / "result.json", outcome.to_json(indent=1))
    for name in outcome.tables:
        outcome.to_polars(name).write_csv(folder / f"{name}.csv")


def write(path: Path, text: str) -> None:
    """Write a whole file or none: under another name first."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise InstanceError(f"cannot be written: {error.strerror}", file=path, key="--output") from None


def progress_bar(name: str, *, quiet: bool) -> Any:
    """A context that yields a callback (done, total, name), drawn as a bar on standard error."""
    from contextlib import contextmanager

    @contextmanager
    def bar() -> Any:
        if quiet or not sys.stderr.isatty():
            yield None
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(name, total=None)

            def advance(done: int, total: int, item: str = "") -> None:
                progress.update(task, completed=done, total=total, description=item or name)

            yield advance

    return bar()
