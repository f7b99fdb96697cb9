"""The verbs as functions: what the command line calls, for use from Python."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mechopt import arguments, catalog, instance, mechanisms
from mechopt.errors import InstanceError
from mechopt.loading import Model, Source, load
from mechopt.outcome import Guarantee, Outcome

if TYPE_CHECKING:
    from mechopt.claims import Ledger
    from mechopt.picture import Picture

__all__ = [
    "Model",
    "Source",
    "audit",
    "axioms",
    "check",
    "compare",
    "design",
    "explain",
    "formulate",
    "load",
    "program_text",
    "report",
    "simulate",
    "solve",
    "verify",
]

Progress = Callable[[int, int], object]


def solve(
    source: Source | Model, *, seed: int | None = None, workers: int = 1, progress: Progress | None = None
) -> Outcome:
    """Run the mechanism on a model.

    Args:
        source: a model.
        seed: of whatever the mechanism draws; the document's where it is None.
        workers: processes to use, where the mechanism's work falls into independent tasks (linked_vcg).
        progress: called as progress(done, total), where it does.

    Raises:
        MechoptError: the input is wrong, or no result with a guarantee could be reached.
    """
    model = load(source, seed=seed)
    workers = arguments.workers(workers)
    if mechanisms.offers(model.mechanism, "run_tasks"):
        run = mechanisms.offered(model.mechanism, "run_tasks")
        return _finish(model, lambda: run(model.environment, workers=workers, progress=progress))
    return _finish(model, lambda: mechanisms.get(model.mechanism).run(model.environment))


def explain(source: Source | Model, agent: str, *, outcome: Outcome | None = None) -> str:
    """Why an agent gets what it gets, in words and in the mechanism's own terms.

    Args:
        source: a model.
        agent: its name in the result's tables.
        outcome: of `solve`, where it is at hand.

    Raises:
        InstanceError: there is no such agent, or the mechanism explains nothing.
    """
    model = load(source)
    try:
        words = mechanisms.offered(model.mechanism, "explain")
        return str(words(model.environment, solve(model) if outcome is None else outcome, agent))
    except InstanceError as error:
        raise error.at(file=model.document.path) from None


def audit(
    source: Source | Model,
    statement: str | Path,
    *,
    tolerance: Any = None,
    decimal: str | None = None,
    thousands: str | None = None,
) -> Outcome:
    """Check a settlement that somebody else computed against the mechanism's own, line by line.

    Arguments and errors as in `mechopt.auditing.read` and `mechopt.auditing.audit`.
    """
    from mechopt import auditing

    allowed = None if tolerance is None else arguments.tolerance(tolerance)
    stated = auditing.read(Path(statement), decimal=decimal, thousands=thousands)
    return auditing.audit(solve(source), stated, tolerance=allowed)


def _finish(model: Model, work: Callable[[], Outcome], pictures: str | None = "pictures", **provenance: Any) -> Outcome:
    """What every verb adds to a mechanism's outcome: its title, its pictures, and what it takes to repeat it."""
    started = time.perf_counter()
    try:
        outcome = work()
    except InstanceError as error:
        raise error.at(file=model.document.path) from None
    provenance = {
        "instance_sha256": instance.fingerprint(model.environment),
        "seed": model.document.data.get("seed"),
        **provenance,
        **outcome.provenance,
        "source": model.document.data.get("source", ""),
        "seconds": round(time.perf_counter() - started, 6),
    }
    draw = None if pictures is None else partial(_pictures, model.mechanism, pictures, model.environment)
    return replace(outcome, title=model.title, provenance=provenance, draw=draw)


def _pictures(mechanism: str, verb: str, environment: Any, outcome: Outcome) -> Sequence[Picture]:
    """The pictures of an outcome; a function by name, so that outcomes can be sent to other processes."""
    draw = getattr(mechanisms.get(mechanism), verb, None)
    return draw(environment, outcome) if draw else ()


def design(
    source: Source | Model, *, seed: int | None = None, workers: int = 1, progress: Progress | None = None
) -> Outcome:
    """Calibrate the parameters that the model's [design] table names.

    Args:
        source: a model.
        seed: of whatever is drawn; the document's seed, else 0, where it is None.
        workers: processes to use.
        progress: called as progress(done, total).

    Raises:
        InstanceError: the mechanism has no design, or the table is wrong.
    """
    return _run_table("design", load(source), seed, workers, progress)


def simulate(
    source: Source | Model, *, seed: int | None = None, workers: int = 1, progress: Progress | None = None
) -> Outcome:
    """Run the model's [simulate] table: many rounds, replications, strategies. Arguments and errors as in `design`."""
    return _run_table("simulate", load(source), seed, workers, progress)


def _run_table(verb: str, model: Model, seed: int | None, workers: int, progress: Progress | None) -> Outcome:
    workers = arguments.workers(workers)
    try:
        work = mechanisms.offered(model.mechanism, verb)
    except InstanceError as error:
        raise error.at(file=model.document.path) from None
    if seed is None:
        seed = model.document.data.get("seed") or 0
    seed = arguments.seed(seed)
    return _finish(
        model,
        lambda: work(model.environment, model.document, seed=seed, workers=workers, progress=progress),
        pictures=f"{verb}_pictures",
        seed=seed,
        table=instance.fingerprint(model.document.data.get(verb) or {}),
    )


def formulate(source: Source | Model, to: str = "pyomo", *, program: str | None = None, **options: Any) -> Any:
    """The paper's program for a model's instance.

    Args:
        source: a model.
        to: "pyomo" or "cvxpy" for the built program; "lp" or "mps" for the text of such a file.
        program: its name; the first that can be written so where it is None.
        options: of the program, such as date = 1.

    Raises:
        InstanceError: there is no such program, or it is written in the other layer.
        SolveError: it has no such form (it is conic).
    """
    from mechopt import formulation

    _, built, _ = _formulate(load(source), to, program, options)
    return built if to in ("pyomo", "cvxpy") else formulation.text(built, "lp" if to == "lp" else "mps")


def program_text(source: str | Path, to: str = "lp", *, program: str | None = None, **options: Any) -> str:
    """The paper's program as a file: "lp", "mps", or a Python script of its source that builds it for the model.

    Arguments and errors as in `formulate`.
    """
    from mechopt import formulation

    model = load(source)
    chosen, built, path = _formulate(model, to, program, options)
    if to in ("pyomo", "cvxpy"):
        found = model.document.path
        name = str(source) if found is None or str(source) in catalog.models() else str(found.resolve())
        return formulation.script(path, chosen, name, formulation.settings(chosen, options), to)
    return formulation.text(built, "lp" if to == "lp" else "mps")


def _formulate(model: Model, to: str | None, name: str | None, given: Mapping[str, Any]) -> tuple[Any, Any, Path]:
    """The formulation, the built program and its file."""
    from mechopt import formulation

    if to is not None and to not in formulation.TARGETS:
        raise InstanceError(f"{to!r} is not one of {', '.join(formulation.TARGETS)}", key="--to")
    chosen, path = formulation.choose(model.mechanism, name)
    candidates = [(chosen, path)] if name else list(formulation.formulations(model.mechanism).values())
    refused: InstanceError | None = None
    for candidate, path in candidates:
        options = formulation.settings(candidate, given)
        try:
            built = candidate.build(model.environment, **options)
        except InstanceError as error:  # another program of the mechanism may be for such a model
            refused = refused or error.at(file=model.document.path)
            continue
        if to not in ("pyomo", "cvxpy") or formulation.language(built) == to:
            return candidate, built, path
    if refused is not None and len(candidates) > 1:
        problem = f"none of the programs of {model.mechanism} is for this model; the first: {refused.problem}"
        raise InstanceError(problem, file=refused.file, key=refused.key)
    if refused is not None:
        raise refused
    raise InstanceError(f"{name or 'none of its programs'} is not written in {to}", key="--to")


def compare(source: Source | Model, *, program: str | None = None, to: str | None = None, **options: Any) -> Outcome:
    """Solve the paper's program with its own solver and hold its optimum against the engine's.

    Arguments and errors as in `formulate`.
    """
    from mechopt import formulation

    model = load(source)
    chosen, built, path = _formulate(model, to, program, options)
    choices = formulation.settings(chosen, options)

    def work() -> Outcome:
        found = formulation.optimum(built)
        finding = formulation.compare(chosen, model.environment, choices, found)
        return Outcome(
            mechanism=model.mechanism,
            title=model.title,
            status="optimal",
            guarantee=Guarantee(
                kind="approximate",
                detail="the optimum of a float solver, within its tolerances",
                error=chosen.tolerance * (1 + abs(found)),
            ),
            summary={"program": chosen.name, "title": chosen.title, "file": path.name, **choices, "optimum": found},
            tables={},
            checks=() if finding is None else (finding,),
        )

    return _finish(model, work, pictures=None)


def check(
    source: Source | Model,
    *,
    seed: int | None = None,
    tolerance: Any = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Outcome:
    """Run the mechanism and check the properties that apply: the outcome with its findings.

    Args:
        source: a model.
        seed: as in `solve`, as are workers and progress.
        tolerance: the largest violation that passes, in place of each check's own; a number or text such as "1/1000".

    Raises:
        MechoptError: as in `solve`, or the tolerance is not a number of at least 0.
    """
    allowed = None if tolerance is None else arguments.tolerance(tolerance)
    model = load(source, seed=seed)
    outcome = solve(model, workers=workers, progress=progress)
    findings = mechanisms.get(model.mechanism).check(model.environment, outcome)
    if allowed is not None:
        findings = [replace(finding, tolerance=allowed) for finding in findings]
    return outcome.with_checks(findings)


def report(source: Source | Model, *, seed: int | None = None) -> str:
    """One self-contained HTML page: result, checks and pictures of a model; the seed as in `solve`."""
    from mechopt.report import page

    model = load(source, seed=seed)
    outcome = check(model)
    return page(outcome)


def axioms(
    *,
    rules: Iterable[str] | None = None,
    properties: Iterable[str] | None = None,
    claimants: int = 3,
    largest: int = 4,
    plugin: str | Path | None = None,
    prove: bool | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Outcome:
    """The axiom matrix of the claims rules.

    Arguments and errors as in `mechopt.mechanisms.overage.axiom_matrix`; proofs are tried (prove) where Z3 is
    installed, by default.
    """
    from mechopt.mechanisms.overage.awards import matrix, plots

    installed = importlib.util.find_spec("z3") is not None
    if prove and not installed:
        raise InstanceError("proofs need Z3: pip install 'mechopt[verify]'", key="prove")
    search = matrix.Search(
        claimants=claimants,
        largest=largest,
        plugin=None if plugin is None else str(plugin),
        prove=installed if prove is None else prove,
    )
    outcome = matrix.axiom_matrix(rules=rules, properties=properties, search=search, workers=workers, progress=progress)
    return replace(outcome, draw=plots.matrix_pictures)


def verify(*what: str, **options: Any) -> Ledger:
    """Run the ledger: all, a mechanism, one statement, or a file of claims. Options as in `mechopt.claims.verify`."""
    from mechopt import claims

    return claims.verify(what, **options)
