"""Commands on a model: solve, check, design, simulate, formulate, audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mechopt import console
from mechopt.commands.options import Exact, Executor, Json, Output, Quiet, Rows, Seed, Whole
from mechopt.errors import InstanceError

BROKEN_OFF = {"interrupted": 130, "incomplete": 3}  # 130 is what a shell gives after Ctrl-C


def solve(
    model: str,
    /,
    *,
    json: Json = False,
    out: Path | None = None,
    rows: Rows = 20,
    explain: str | None = None,
    exact: Exact = False,
    seed: Seed = None,
    workers: Whole = 1,
    executor: Executor = None,
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
        workers: processes to use, where agents are independent tasks (linked_vcg).
    """
    from mechopt import api, tasks

    loaded = api.load(model, seed=seed, exactly=exact)
    console.need_folder(out)
    with tasks.cluster(executor), console.progress_bar("solve", quiet=quiet or json) as progress:
        outcome = api.solve(loaded, workers=workers, progress=progress)
    words = None if explain is None else api.explain(loaded, explain, outcome=outcome)
    if out is not None:
        console.write_folder(outcome, out)
    console.show(outcome, json=json, quiet=quiet, rows=rows, explanation=words)
    return BROKEN_OFF.get(outcome.status, 0)


def check(
    model: str,
    /,
    *,
    json: Json = False,
    exact: Exact = False,
    seed: Seed = None,
    tolerance: str | None = None,
    workers: Whole = 1,
    executor: Executor = None,
    quiet: Quiet = False,
) -> int:
    """Check the properties that apply to a model, each with margin, evidence and witness.

    Exit status 1 where one does not hold. Example: `mechopt check overage/cap_and_share`.

    Args:
        model: a model document, or the name of a shipped model.
        tolerance: largest violation that passes, in place of each check's own, such as 0.005 or 1/200.
        workers: processes to use, where agents are independent tasks (linked_vcg).
    """
    from mechopt import api, tasks

    loaded = api.load(model, seed=seed, exactly=exact)
    with tasks.cluster(executor), console.progress_bar("solve", quiet=quiet or json) as progress:
        outcome = api.check(loaded, tolerance=tolerance, workers=workers, progress=progress)
    console.show(outcome, json=json, quiet=quiet, rows=0)
    failed = not all(finding.holds for finding in outcome.checks)
    return BROKEN_OFF.get(outcome.status, int(failed))


def design(
    model: str,
    /,
    *,
    json: Json = False,
    out: Path | None = None,
    rows: Rows = 20,
    seed: Seed = None,
    workers: Whole = 1,
    executor: Executor = None,
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
    return _run_table("design", model, json, out, rows, seed, workers, executor, quiet)


def simulate(
    model: str,
    /,
    *,
    json: Json = False,
    out: Path | None = None,
    rows: Rows = 20,
    seed: Seed = None,
    workers: Whole = 1,
    executor: Executor = None,
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
    return _run_table("simulate", model, json, out, rows, seed, workers, executor, quiet)


def _run_table(
    verb: str,
    source: str,
    json: bool,
    out: Path | None,
    rows: int,
    seed: int | None,
    workers: int,
    executor: str | None,
    quiet: bool,
) -> int:
    from mechopt import api, tasks
    from mechopt.report import page

    model = api.load(source)
    console.need_folder(out)
    run = api.design if verb == "design" else api.simulate
    with tasks.cluster(executor), console.progress_bar(verb, quiet=quiet or json) as progress:
        outcome = run(model, seed=seed, workers=workers, progress=progress)
    if out is not None:
        console.write_folder(outcome, out)
        console.write(out / "report.html", page(outcome))
    console.show(outcome, json=json, quiet=quiet, rows=rows)
    return BROKEN_OFF.get(outcome.status, 0)


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
        console.say(text.removesuffix("\n"))
        return 0
    console.write(output, text)
    if not quiet:
        console.say(f"wrote {output}")
    return 0


def _pair(item: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals or not name.isidentifier():
        raise InstanceError(f"{item!r} is not of the form name=value", key="--set")
    return name, value


def audit(
    statement: Path,
    /,
    *,
    model: str,
    tolerance: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    json: Json = False,
    out: Path | None = None,
    rows: Rows = 20,
    quiet: Quiet = False,
) -> int:
    """Check a settlement that somebody else computed, line by line; status 1 where a line is wrong or missing.

    Example: `mechopt audit their_payoffs.csv --model overage/eu_ets_2019`.

    Args:
        statement: a CSV, Parquet, JSON or Arrow file with a column of names and columns of the result's table.
        model: a model document, or the name of a shipped model.
        tolerance: largest difference that counts as right, such as 0.005 for amounts rounded to cents.
        decimal: mark of decimals in a CSV file, "." or ",".
        thousands: mark between groups of three digits in a CSV file, such as "," or ".".
        out: a folder for result.json and one CSV file per table.
        rows: how many wrong lines to show.
    """
    from mechopt import api

    console.need_folder(out)
    outcome = api.audit(model, statement, tolerance=tolerance, decimal=decimal, thousands=thousands)
    if out is not None:
        console.write_folder(outcome, out)
    console.show(outcome, json=json, quiet=quiet, rows=rows)
    return 0 if all(finding.holds for finding in outcome.checks) else 1
