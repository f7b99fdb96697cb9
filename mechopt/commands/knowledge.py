"""Commands on what is known: the ledger, the axiom matrix, reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mechopt import console
from mechopt.commands.options import Executor, Json, Output, Quiet, Seed, Whole


def verify(
    *what: str,
    json: Json = False,
    explain: Annotated[bool, Parameter(negative="", help="Show statement, reading, evidence and witness.")] = False,
    full: Annotated[bool, Parameter(negative="", help="Run the slow evidence too.")] = False,
    workers: Whole = 1,
    executor: Executor = None,
    seed: Whole = 0,
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
    from mechopt import api, claims, tasks
    from mechopt.report import ledger as pages

    with tasks.cluster(executor), console.progress_bar("verify", quiet=quiet or json) as progress:
        ledger = api.verify(*what, workers=workers, tier="full" if full else "quick", seed=seed, progress=progress)
    if json:
        console.say_json(ledger.to_dict())
    elif not quiet:
        screen = console.screen()
        screen.print(pages.table(ledger))
        if explain:
            for record in ledger.records:
                screen.print(claims.explain(record), markup=False, highlight=False, soft_wrap=True)
    return 130 if ledger.interrupted else ledger.exit_status


def axioms(
    *rule: str,
    property_: Annotated[list[str] | None, Parameter(name="--property", negative="")] = None,
    claimants: Whole = 3,
    largest: Whole = 4,
    plugin: Path | None = None,
    prove: bool | None = None,
    json: Json = False,
    out: Path | None = None,
    workers: Whole = 1,
    executor: Executor = None,
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
        prove: whether proofs are tried where nothing is refuted; by default where Z3 is installed (extra verify).
        out: a folder for result.json, one CSV file per table, and report.html with the matrix as a picture.
        workers: processes to use.
    """
    from mechopt import api, tasks
    from mechopt.report import page

    console.need_folder(out)
    with tasks.cluster(executor), console.progress_bar("axioms", quiet=quiet or json) as progress:
        outcome = api.axioms(
            rules=rule or None,
            properties=property_ or None,
            claimants=claimants,
            largest=largest,
            plugin=plugin,
            prove=prove,
            workers=workers,
            progress=progress,
        )
    if out is not None:
        console.write_folder(outcome, out)
        console.write(out / "report.html", page(outcome))
    console.show(outcome, json=json, quiet=quiet, rows=40)
    return 0


def report(what: str, /, *, output: Output = None, seed: Seed = None, workers: Whole = 1, quiet: Quiet = False) -> int:
    """Write one self-contained HTML page, readable offline.

    Examples: `mechopt report overage/eu_ets_2019 -o report.html`; `mechopt report verification -o ledger.html`.

    Args:
        what: a model document, the name of a shipped model, `verification` for the whole ledger, or `axioms` for the
            axiom matrix of the claims rules.
        workers: processes to use for the ledger and the matrix.
    """
    from mechopt import api

    path = output or Path(Path(what).stem + ".html")
    console.need_file(path)
    interrupted = False
    if what == "verification":
        from mechopt.report import ledger as pages

        with console.progress_bar("verify", quiet=quiet) as progress:
            ledger = api.verify(workers=workers, seed=seed or 0, progress=progress)
        text, interrupted = pages.html(ledger), ledger.interrupted
    elif what == "axioms":
        from mechopt.report import page

        with console.progress_bar("axioms", quiet=quiet) as progress:
            text = page(api.axioms(workers=workers, progress=progress))
    else:
        text = api.report(what, seed=seed)
    console.write(path, text)
    if not quiet:
        console.say(f"wrote {path} ({len(text.encode()) / 1e6:.1f} MB)")
    return 130 if interrupted else 0
