"""The command line. Heavy libraries are imported by the command that needs them, never by `--help`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, CycloptsError, Parameter

from mechopt import __version__, console
from mechopt.errors import InstanceError, MechoptError

if TYPE_CHECKING:
    pass

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
Seed = Annotated[int | None, Parameter(help="Of whatever is drawn; the document's seed by default.")]
Output = Annotated[Path | None, Parameter(name=["--output", "-o"], help="The file to write.")]


@app.command
def solve(
    model: str,
    /,
    *,
    json: Json = False,
    out: Path | None = None,
    rows: int = 20,
    explain: str | None = None,
    quiet: Quiet = False,
) -> int:
    """Run the mechanism of a model and show the result.

    Examples: `mechopt solve overage/eu_ets_2019`; `mechopt solve mine.toml --out results`;
    `mechopt solve linked_vcg/talent_marketplace --explain research`.

    Args:
        model: a model document (.toml or .json), or the name of a shipped model (see `mechopt list`).
        out: a folder for result.json and one CSV file per table.
        rows: how many rows of each table to show.
        explain: an agent: show only why it gets what it gets, in words.
    """
    from mechopt import api

    loaded = api.load(model)
    outcome = api.solve(loaded)
    words = None if explain is None else api.explain(loaded, explain, outcome=outcome)
    if out is not None:
        console.write_folder(outcome, out)
    console.show(outcome, json=json, quiet=quiet, rows=rows, explanation=words)
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
    console.show(outcome, json=json, quiet=quiet, rows=0)
    return 0 if all(finding.holds for finding in outcome.checks) else 1


@app.command
def design(
    model: str,
    /,
    *,
    json: Json = False,
    out: Path | None = None,
    rows: int = 20,
    seed: Seed = None,
    workers: int = 1,
    quiet: Quiet = False,
) -> int:
    """Calibrate the parameters that the [design] table of a model names.

    Example: `mechopt design linked_vcg/talent_marketplace --out results`.

    Args:
        model: a model document, or the name of a shipped model.
        out: a folder for result.json, one CSV file per table, and report.html with the pictures.
        rows: how many rows of each table to show.
        workers: processes to use.
    """
    return _run_table("design", model, json, out, rows, seed, workers, quiet)


@app.command
def simulate(
    model: str,
    /,
    *,
    json: Json = False,
    out: Path | None = None,
    rows: int = 20,
    seed: Seed = None,
    workers: int = 1,
    quiet: Quiet = False,
) -> int:
    """Run the [simulate] table of a model over many rounds, replications or strategies.

    Ctrl-C keeps what is finished. Example: `mechopt simulate linked_vcg/talent_marketplace --workers 2`.

    Args:
        model: a model document, or the name of a shipped model.
        out: a folder for result.json, one CSV file per table, and report.html with the pictures.
        rows: how many rows of each table to show.
        workers: processes to use.
    """
    return _run_table("simulate", model, json, out, rows, seed, workers, quiet)


def _run_table(
    verb: str,
    source: str,
    json: bool,
    out: Path | None,
    rows: int,
    seed: int | None,
    workers: int,
    quiet: bool,
) -> int:
    from mechopt import api

    model = api.load(source)
    run = api.design if verb == "design" else api.simulate
    with console.progress_bar(verb, quiet=quiet or json) as progress:
        outcome = run(model, seed=seed, workers=workers, progress=progress)
    if out is not None:
        console.write_folder(outcome, out)
        console.write(out / "report.html", api.table_report(model, verb, outcome))
    console.show(outcome, json=json, quiet=quiet, rows=rows)
    return 130 if outcome.status == "interrupted" else 0


@app.command
def axioms(
    *rule: str,
    property_: Annotated[list[str] | None, Parameter(name="--property", negative="")] = None,
    claimants: int = 3,
    largest: int = 4,
    plugin: Path | None = None,
    json: Json = False,
    out: Path | None = None,
    workers: int = 1,
    quiet: Quiet = False,
) -> int:
    """Compute which properties the claims rules have: every rule against every property, with witnesses.

    Examples: `mechopt axioms --workers 2 --out axioms`; `mechopt axioms talmud --property consistency`;
    `mechopt axioms --plugin mine.py`, a file with lists RULES and PROPERTIES of your own.

    Args:
        rule: claims rules; nothing means all.
        property_: properties; nothing means all.
        claimants: at most how many claimants the problems searched have, 1 to 5.
        largest: claim in whole units, 1 to 12.
        plugin: a Python file with rules and properties of your own.
        out: a folder for result.json, one CSV file per table, and report.html with the matrix as a picture.
        workers: processes to use.
    """
    from mechopt import api

    with console.progress_bar("axioms", quiet=quiet or json) as progress:
        outcome, page = api.axioms(
            rules=rule or None,
            properties=property_ or None,
            claimants=claimants,
            largest=largest,
            plugin=plugin,
            workers=workers,
            progress=progress,
        )
    if out is not None:
        console.write_folder(outcome, out)
        console.write(out / "report.html", page())
    console.show(outcome, json=json, quiet=quiet, rows=40)
    return 0


@app.command
def formulate(
    model: str,
    /,
    *,
    program: str | None = None,
    to: str = "lp",
    set_: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
    solve: Annotated[bool, Parameter(negative="")] = False,
    output: Output = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write the paper's program for a model's instance, or solve it and compare it with the engine.

    Examples: `mechopt formulate overage/cap_and_share --to lp -o clearing.lp`;
    `mechopt formulate linked_vcg/figure_1a --program knapsack --set date=2 --solve`.

    Args:
        model: a model document, or the name of a shipped model.
        program: its name; the first of the mechanism by default.
        to: lp, mps, or a Python script in pyomo or cvxpy to read, extend and run. Standard output, or the file of -o.
        set_: options of the program, as name=value.
        solve: solve the program with its own solver, compare its optimum with the engine's; status 1 if they differ.
    """
    from mechopt import api

    options = dict(_pair(item) for item in set_ or [])
    if solve:
        outcome = api.compare(model, program=program, to=to if to in ("pyomo", "cvxpy") else None, **options)
        console.show(outcome, json=json, quiet=quiet, rows=0)
        return 0 if all(finding.holds for finding in outcome.checks) else 1
    text = api.program_text(model, to, program=program, **options)
    if output is None:
        print(text, end="" if text.endswith("\n") else "\n")
        return 0
    console.write(output, text)
    if not quiet:
        print(f"wrote {output}")
    return 0


def _pair(item: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals or not name.isidentifier():
        raise InstanceError(f"{item!r} is not of the form name=value", key="--set")
    return name, value


@app.command
def report(what: str, /, *, output: Output = None, workers: int = 1, quiet: Quiet = False) -> int:
    """Write one self-contained HTML page, readable offline.

    Examples: `mechopt report overage/eu_ets_2019 -o report.html`; `mechopt report verification -o ledger.html`.

    Args:
        what: a model document, the name of a shipped model, or `verification` for the whole ledger.
        workers: processes to use for the ledger.
    """
    from mechopt import api

    interrupted = False
    if what == "verification":
        from mechopt.report import ledger as pages

        with console.progress_bar("verify", quiet=quiet) as progress:
            ledger = api.verify(workers=workers, progress=progress)
        text, interrupted = pages.html(ledger), ledger.interrupted
    else:
        text = api.report(what)
    path = output or Path(Path(what).stem + ".html")
    console.write(path, text)
    if not quiet:
        print(f"wrote {path} ({len(text.encode()) / 1e6:.1f} MB)")
    return 130 if interrupted else 0


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

    with console.progress_bar("verify", quiet=quiet or json) as progress:
        ledger = api.verify(*what, workers=workers, tier="full" if full else "quick", seed=seed, progress=progress)
    if json:
        import json as encoder

        print(encoder.dumps(ledger.to_dict(), ensure_ascii=False, allow_nan=False))
    elif not quiet:
        from rich.console import Console

        screen = Console()
        screen.print(pages.table(ledger))
        if explain:
            for record in ledger.records:
                screen.print(claims.explain(record), markup=False, highlight=False, soft_wrap=True)
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
    console.write(path, catalog.starter(mechanism).read_text(encoding="utf-8"))
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
