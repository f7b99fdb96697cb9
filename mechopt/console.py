"""What the commands print and write: outcomes, folders of results, progress bars.

A reader of standard output who leaves (`| head`) ends the printing and not the command: its exit status is its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mechopt.errors import InstanceError

if TYPE_CHECKING:
    from rich.console import Console

    from mechopt.outcome import Outcome

NARROWEST = 40  # columns; a terminal that says it is narrower wraps lines itself


def say(text: str) -> None:
    """Print a text and a line's end."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        discard_output()


def say_json(value: object) -> None:
    """Print one JSON object on a line; where the output cannot carry every character, as ASCII."""
    import json

    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    unicode = encoding.lower().replace("-", "").replace("_", "").startswith("utf")
    say(json.dumps(value, ensure_ascii=not unicode, allow_nan=False))


def screen() -> Console:
    """Standard output for tables and colours."""
    from rich.console import Console

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True
            discard_output()

    found = Screen()
    found.width = max(found.width, NARROWEST)
    return found


def discard_output() -> None:
    """Send what is still printed nowhere: nobody reads it, or there is no room for it."""
    if sys.stdout is not None:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def show(outcome: Outcome, *, json: bool, quiet: bool, rows: int, explanation: str | None = None) -> None:
    """Print an outcome: as JSON, for people, or not at all.

    An explanation is printed in place of the tables; in JSON it is one more key.
    """
    if json:
        say_json(outcome.to_dict() | ({} if explanation is None else {"explanation": explanation}))
    elif explanation is not None and not quiet:
        say(explanation)
    elif not quiet:
        from mechopt.report import show as print_outcome

        print_outcome(outcome, screen(), rows=rows)


def need_folder(folder: Path | None) -> None:
    """Say before the work, and not after it, that a folder for its results cannot be there.

    Raises:
        InstanceError: a file is in its way, or nothing may be written where it would be.
    """
    if folder is None:
        return
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not there.is_dir():
            raise InstanceError(f"cannot be made a folder: {there} is a file", file=folder, key="--out")
    except OSError as error:
        raise InstanceError(f"cannot be made a folder: {error.strerror}", file=folder, key="--out") from None
    if not os.access(there, os.W_OK | os.X_OK):
        raise InstanceError(f"cannot be written: {there} is read-only", file=folder, key="--out")


def need_file(path: Path | None) -> None:
    """Say before the work that a file for its result cannot be written.

    Raises:
        InstanceError: it is a folder, its folder is not there, or nothing may be written there.
    """
    if path is None:
        return
    if path.is_dir():
        raise InstanceError("cannot be written: it is a folder", file=path, key="--output")
    if not path.parent.is_dir():
        raise InstanceError(f"cannot be written: there is no folder {path.parent}", file=path, key="--output")
    if not os.access(path if path.exists() and not path.is_file() else path.parent, os.W_OK):
        raise InstanceError("cannot be written: permission denied", file=path, key="--output")


def write_folder(outcome: Outcome, folder: Path) -> None:
    """result.json and one CSV file per table."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InstanceError(f"cannot be made a folder: {error.strerror}", file=folder, key="--out") from None
    write(folder / "result.json", outcome.to_json(indent=1), key="--out")
    for name in outcome.tables:
        _write(folder / f"{name}.csv", outcome.to_polars(name).write_csv, key="--out")


def write(path: Path, text: str, *, key: str = "--output") -> None:
    """Write a whole file or none.

    Raises:
        InstanceError: it cannot be written; what was there is as it was.
    """
    # A file name may hold bytes that are no text, and is shown on a page all the same.
    _write(path, lambda part: part.write_text(text, encoding="utf-8", errors="backslashreplace"), key=key)


def _write(path: Path, fill: Callable[[Path], object], *, key: str) -> None:
    """Have a file filled under a name of its own, which then takes the place of `path`."""
    try:
        if path.exists() and not path.is_file():  # a pipe or a device: nothing may take its place
            fill(path)
            return
        place = path.resolve()  # what a link leads to is written, and the link stays
        part = place.with_name(f".{uuid4().hex}.part")
        try:
            fill(part)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise InstanceError(f"cannot be written: {reason}", file=path, key=key) from None


def progress_bar(name: str, *, quiet: bool) -> Any:
    """A context that yields a callback (done, total, name), drawn as a bar on standard error."""
    from contextlib import contextmanager

    @contextmanager
    def bar() -> Any:
        if quiet or sys.stderr is None or not sys.stderr.isatty():
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
