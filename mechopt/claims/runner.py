"""Run the ledger: here or in other processes, with progress, keeping what is finished."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from mechopt import arguments, tasks
from mechopt.claims import coverage
from mechopt.claims.examine import examine
from mechopt.claims.record import Ledger, Record
from mechopt.claims.select import Shelf, claims_of, complete, select, shelf
from mechopt.claims.statement import describe
from mechopt.claims.verdict import settle
from mechopt.errors import CatalogError, InstanceError
from mechopt.evidence import Instance, Run, Tier

DIED = "the process that ran it died (out of memory?)"
Progress = Callable[[int, int, str], object]
Item = tuple[str, str, Tier, int]


def verify(
    what: str | Path | Sequence[str | Path] = (),
    *,
    workers: int = 1,
    tier: Tier = "quick",
    progress: Progress | None = None,
    executor: Executor | None = None,
    seed: int = 0,
) -> Ledger:
    """Run claims and compute their verdicts.

    Args:
        what: ids, labels, mechanisms, papers or files of claims, see `mechopt.claims.select`; nothing is all.
        workers: processes to use; 1 runs here.
        tier: "quick" leaves out the claims of the full tier.
        progress: called as progress(done, total, id of the claim that was finished last).
        executor: where to run instead; it stays yours to close.
        seed: of the random searches.

    Returns:
        The ledger, in the order of the papers. After Ctrl-C it holds what was finished and is marked interrupted.

    Raises:
        CatalogError: a name is unknown, or a file of the user's cannot be loaded.
        InstanceError: there is no worker, no such tier, or the seed is no whole number of at least 0.
    """
    workers, seed = arguments.workers(workers), arguments.seed(seed)
    if tier not in get_args(Tier):
        raise InstanceError(f"{tier!r} is none of {', '.join(get_args(Tier))}", key="tier")
    started = time.perf_counter()
    asked, known = select([what] if isinstance(what, str | Path) else list(what))
    ids = [name for name in asked if name in known.claims]
    skipped = [name for name in ids if tier == "quick" and known.claims[name].tier == "full"]
    asked_now = [name for name in ids if name not in skipped]
    needed = complete(asked_now, known)
    running = [*asked_now, *needed]
    listed = [name for name in running if known.claims[name].not_checked_reason is not None]
    items: list[Item] = [(str(known.claims[name].file), name, tier, seed) for name in running if name not in listed]
    found, interrupted = _run(items, workers, executor, progress)
    found |= {name: examine(known.claims[name], Run(tier=tier, seed=seed)) for name in listed}

    records = {name: _broken(name, known) for name in asked if name in known.broken}
    for name in dict.fromkeys([*ids, *needed]):
        claim = known.claims[name]
        if name in found:
            records[name] = _checked(found[name], known)
        elif name in skipped and name not in needed:
            records[name] = Record.of(claim, skipped=True, reason="full tier only: `mechopt verify --full`")
        else:
            why = {"skipped": True, "reason": "the run was interrupted"} if interrupted else {"error": DIED}
            records[name] = Record.of(claim, **why)
    settled = settle(records)
    return Ledger(
        records=tuple(settled[name] for name in asked),
        numbered=coverage.asked(known.claims[name] for name in ids),
        tier=tier,
        seed=seed,
        interrupted=interrupted,
        seconds=time.perf_counter() - started,
        provenance=_versions(),
    )


def replay(what: str, witness: Instance) -> str:
    """What the independent checker of a claim says about a counterexample, or that nothing is violated there.

    Args:
        what: the claim: an id such as "overage.equation_4", or "my_claims.py::id" for a file of your own.
        witness: an instance in the claim's own terms.

    Raises:
        CatalogError: no such claim, more than one, or it has no checker.
        InstanceError: the witness is not in the claim's own terms.
    """
    ids, known = select([what])
    if len(ids) != 1 or ids[0] not in known.claims:
        raise CatalogError(f"{what}: names {len(ids)} claims; one is needed: {', '.join(ids)}")
    claim = known.claims[ids[0]]
    if claim.replay is None:
        raise CatalogError(f"{what}: has no checker to replay a counterexample with")
    try:
        for hypothesis in claim.hypotheses:
            if not hypothesis(witness):
                return f"not an instance of {claim.title}: it fails {describe(hypothesis)!r}"
        return claim.replay(deepcopy(dict(witness))) or f"{claim.title} holds at this instance"
    except Exception as error:
        problem = f"{claim.title}: the witness is not in its terms: {type(error).__name__}: {error}"
        raise InstanceError(problem, key="witness") from error


class _Arrivals(dict[int, Record]):
    """Results by position; remembers the last one, for the progress display."""

    last = ""

    def __setitem__(self, position: int, record: Record) -> None:
        super().__setitem__(position, record)
        self.last = record.id


def _run(
    items: list[Item], workers: int, executor: Executor | None, progress: Progress | None
) -> tuple[dict[str, Record], bool]:
    """Records by id, and whether the run was interrupted. A claim whose process dies has no record."""
    arrivals = _Arrivals()
    report: Any = None if progress is None else lambda done, total: progress(done, total, arrivals.last)
    executor = executor or tasks.on_cluster()
    pool = tasks.processes(min(workers, len(items))) if executor is None and workers > 1 and len(items) > 1 else None
    interrupted = False
    try:
        tasks.run(_examine, items, executor=pool or executor, progress=report, finished=arrivals)
    except tasks.Interrupted:
        interrupted = True
    except tasks.WorkerLost:
        if pool is None:
            raise
        interrupted = _one_by_one(items, arrivals, report)
    finally:
        if pool is not None:
            pool.shutdown(wait=not interrupted, cancel_futures=True)
    return {record.id: record for record in arrivals.values()}, interrupted


def _one_by_one(items: list[Item], arrivals: _Arrivals, report: Any) -> bool:
    """Run what a dead process left behind, each claim in its own: only the culprit loses. True if interrupted."""
    for position in [position for position in range(len(items)) if position not in arrivals]:
        with tasks.processes(1) as pool:
            try:
                arrivals[position] = tasks.run(_examine, [items[position]], executor=pool)[0]
            except tasks.WorkerLost:
                continue
            except tasks.Interrupted:
                return True
        if report is not None:
            report(len(arrivals), len(items))
    return False


def _examine(item: Item) -> Record:
    """Run one claim, named by its file and id: content modules cannot be sent to another process."""
    file, name, tier, seed = item
    claim = next(claim for claim in claims_of(Path(file)) if claim.id == name)
    return examine(claim, Run(tier=tier, seed=seed))


def _checked(record: Record, known: Shelf) -> Record:
    """The record, with an error where it names a repaired claim that does not exist."""
    repaired = record.repaired_by
    if repaired is None or repaired in known.claims or record.error is not None:
        return record
    if repaired in shelf([repaired.split(".")[0]]).claims:
        return record
    return replace(record, verdict="not_checked", error=f"is repaired by {repaired}: no such claim")


def _broken(name: str, known: Shelf) -> Record:
    """The record of a shipped file that cannot be loaded."""
    file, problem = known.broken[name]
    return Record(
        id=name,
        mechanism=name.split(".")[0],
        paper=None,
        label=file.name,
        title=file.name,
        statement="",
        reading="",
        proof="",
        hypotheses=(),
        expected=None,
        repaired_by=None,
        rests_on={},
        file=file.name,
        error=problem,
    )


def _versions() -> dict[str, str]:
    import platform
    from importlib import metadata

    versions = {"python": platform.python_version()}
    for package in ("sympy", "z3-solver", "highspy", "cvxpy", "clarabel", "hypothesis"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
