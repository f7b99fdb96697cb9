"""The command line. Heavy libraries are imported by the command that needs them, never by `--help`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from mechopt import __version__
from mechopt.errors import InstanceError, MechoptError

if TYPE_CHECKING:
    from mechopt.outcome import Outcome

EPILOGUE = """
Three things to try:

    mechopt solve overage/eu_ets_2019
    mechopt report overage/eu_ets_2019 -o report.html
    mechopt new overage -o mine.toml && mechopt check mine.toml

Exit status: 0 done; 1 a check failed; 2 the input or the command is wrong; 3 no result with a certificate.
"""

app = App(
    name="mechopt",
    help="Solve, check, design and verify allocation mechanisms, with a guarantee on every result.",
    help_epilogue=EPILOGUE,
    help_format="plaintext",
    version=__version__,
    suppress_keyboard_interrupt=False,
)

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object and nothing else.")]
Quiet = Annotated[bool, Parameter(negative="", help="Print nothing but errors.")]
Output = Annotated[Path | None, Parameter(name=["--output", "-o"], help="The file to write.")]


@app.command
def solve(model: str, /, *, json: Json = False, out: Path | None = None, rows: int = 20, quiet: Quiet = False) -> int:
    """Run the mechanism of a model and show the result.

    Examples: `mechopt solve overage/eu_ets_2019`; `mechopt solve mine.toml --out results`.

    Args:
        model: a model document (.toml or .json), or the name of a shipped model (see `mechopt list`).
        out: a folder for result.json and one CSV file per table.
        rows: how many rows of each table to show.
    """
    from mechopt import api

    outcome = api.solve(model)
    if out is not None:
        _write_folder(outcome, out)
    _show(outcome, json=json, quiet=quiet, rows=rows)
    return 0


@app.command
def check(model: str, /, *, json: Json = False, quiet: Quiet = False) -> int:
    """Check the properties that apply to a model, each with margin, evidence and witness.

    Exit status 1 where one does not hold. Example: `mechopt check overage/cap_and_share`.

    Args:
        model: a model document, or the name of a shipped model.
    """
    from mechopt import api

    outcome = api.check(model)
    _show(outcome, json=json, quiet=quiet, rows=0)
    return 0 if all(finding.holds for finding in outcome.checks) else 1


@app.command
def report(what: str, /, *, output: Output = None, quiet: Quiet = False) -> int:
    """Write one self-contained HTML page, readable offline.

    Examples: `mechopt report overage/eu_ets_2019 -o report.html`; `mechopt report verification -o ledger.html`.

    Args:
        what: a model document, the name of a shipped model, or `verification` for the whole ledger.
    """
    from mechopt import api

    if what == "verification":
        from mechopt.report import ledger

        text = ledger.html(api.verify())
    else:
        text = api.report(what)
    path = output or Path(Path(what).stem + ".html")
    _write(path, text)
    if not quiet:
        print(f"wrote {path} ({len(text.encode()) / 1e6:.1f} MB)")
    return 0


@app.command
def verify(
    *what: str,
    json: Json = False,
    explain: Annotated[bool, Parameter(negative="", help="Show statement, reading, evidence and witness.")] = False,
    full: Annotated[bool, Parameter(negative="", help="Run the slow evidence too.")] = False,
    workers: int = 1,
    seed: int = 0,
    quiet: Quiet = False,
) -> int:
    """Run the ledger: every numbered statement of the papers, with evidence and a computed verdict.

    Exit status 1 where a verdict is not the one on record. Examples: `mechopt verify overage`;
    `mechopt verify overage.theorem_4 --explain`; `mechopt verify my_claims.py`.

    Args:
        what: mechanisms, statements or files of claims; nothing means all.
        workers: processes to use.
        seed: of the sampled evidence.
    """
    from mechopt import api, claims
    from mechopt.report import ledger as pages

    with _progress(quiet=quiet or json) as progress:
        ledger = api.verify(*what, workers=workers, tier="full" if full else "quick", seed=seed, progress=progress)
    if json:
        import json as encoder

        print(encoder.dumps(ledger.to_dict(), ensure_ascii=False, allow_nan=False))
    elif not quiet:
        from rich.console import Console

        console = Console()
        console.print(pages.table(ledger))
        if explain:
            for record in ledger.records:
                console.print(claims.explain(record), markup=False, highlight=False, soft_wrap=True)
    return 130 if ledger.interrupted else ledger.exit_status


@app.command(name="list")
def list_(*, json: Json = False) -> int:
    """List the mechanisms, the ready-to-run models and the claims."""
    from mechopt import catalog, mechanisms

    shelves = {
        "mechanisms": [f"{name}: {mechanisms.get(name).PAPER}" for name in mechanisms.MECHANISMS],
        "models": list(catalog.models()),
        "programs": list(catalog.programs()),
        "claims": list(catalog.claim_files()),
    }
    if json:
        import json as encoder

        print(encoder.dumps(shelves))
        return 0
    for shelf, names in shelves.items():
        print(shelf)
        for name in names:
            print(f"  {name}")
    return 0


@app.command
def new(mechanism: str, /, *, output: Output = None, quiet: Quiet = False) -> int:
    """Write a commented starting document that solves as it is.

    Example: `mechopt new overage -o mine.toml`. An existing file is never overwritten.

    Args:
        mechanism: one of those that `mechopt list` shows.
    """
    from mechopt import catalog, mechanisms

    mechanisms.get(mechanism)
    path = output or Path(f"{mechanism}.toml")
    if path.exists():
        raise InstanceError("exists already; choose another name with -o", file=path)
    _write(path, catalog.starter(mechanism).read_text(encoding="utf-8"))
    if not quiet:
        print(f"wrote {path}; try: mechopt solve {path}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after `mechopt`; those of this process by default.

    Returns:
        The exit status of the contract: 0, 1, 2 or 3; 130 after Ctrl-C.
    """
    tokens = sys.argv[1:] if argv is None else argv
    try:
        result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _fail(str(error), 2)
    except MechoptError as error:
        return _fail(str(error), error.exit_status)
    except ImportError as error:
        if error.name is None or error.name.startswith("mechopt"):
            raise
        return _fail(f"the library {error.name} is not installed; pip install 'mechopt[all]' brings it", 2)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; there is nobody to tell
        return 0
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    return result if isinstance(result, int) else 0


def _fail(problem: str, status: int) -> int:
    print("mechopt: " + " ".join(problem.split()), file=sys.stderr)
    return status


def _show(outcome: Outcome, *, json: bool, quiet: bool, rows: int) -> None:
    if json:
        print(outcome.to_json())
    elif not quiet:
        from rich.console import Console

        from mechopt.report import show

        show(outcome, Console(), rows=rows)


def _write_folder(outcome: Outcome, folder: Path) -> None:
    """result.json and one CSV file per table."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InstanceError(f"cannot be made a folder: {error.strerror}", file=folder, key="--out") from None
    _write(folder / "result.json", outcome.to_json(indent=1))
    for name in outcome.tables:
        outcome.to_polars(name).write_csv(folder / f"{name}.csv")


def _write(path: Path, text: str) -> None:
    """Write a whole file or none: under another name first."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise InstanceError(f"cannot be written: {error.strerror}", file=path, key="--output") from None


def _progress(*, quiet: bool) -> Any:
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
            task = progress.add_task("verify", total=None)

            def advance(done: int, total: int, name: str = "") -> None:
                progress.update(task, completed=done, total=total, description=name)

            yield advance

    return bar()
