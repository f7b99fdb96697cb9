"""`mechopt simulate`: the manager's budget over many rounds, exact against simulated. Source: zheng2023, Section 10."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from mechopt import exact, tasks
from mechopt.instance import Document
from mechopt.mechanisms.borrowing import random_walk as walk
from mechopt.mechanisms.borrowing.budget import limits, moments
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.expectations import Expectations
from mechopt.mechanisms.borrowing.paths import Block, Setup, play
from mechopt.mechanisms.borrowing.transfers import rule
from mechopt.outcome import Guarantee, Outcome

BLOCK_ROUNDS = 100_000  # rounds of a task
CHECKPOINTS = 50
LARGEST = 200_000_000  # rounds in all


class Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of [simulate].

    Attributes:
        rounds: R, at least 1.
        replications: of R rounds, at least 2.
        level: probability of ruin to keep to, and outside the bands.
        reserve: what the manager has; None: what the corrected formula asks for at the level.
        feedback: kappa of h_r = h - kappa B_{r-1} / 2; 0 for a constant h.
        strategy: "truth", "shift" or "extraction", of both agents in the second stage.
        drift: per round, which the alarm is to notice; None: half a standard deviation.
    """

    rounds: int = 100
    replications: int = 1000
    level: Any = "1/20"
    reserve: Any = None
    feedback: Any = 0
    strategy: Literal["truth", "shift", "extraction"] = "truth"
    drift: Any = None


def simulate(
    environment: Environment,
    document: Document,
    *,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Outcome:
    """Play the rounds many times and hold the budget against its formulas.

    Args:
        environment: two agents, in a two-stage design.
        document: its [simulate] table, see `Table`.
        seed: root of one random stream for each block of replications.
        workers: processes to use; the result does not depend on them.
        progress: called as progress(done, total), a block each.

    Returns:
        `tables.budget` (normal and simulated bands, ruin up to each round) and `tables.reserve` (for each number of
        rounds, by formula, simulated, and proven). Status "interrupted" after Ctrl-C, "incomplete" where
        workers died: of what was finished.

    Raises:
        InstanceError: the table is wrong, or there are no two agents.
    """
    table = _read(environment, document)
    expectations = Expectations(environment)
    law = _law(environment, expectations, table)
    blocks, ending = _play(environment, table, law, seed, workers, progress)
    return _outcome(environment, table, law, blocks, ending)


class _Law(msgspec.Struct, frozen=True, kw_only=True):
    """Mean and variance of a round's deficit under truth, its range, and the constants.

    Attributes:
        mean: of T_1 + T_2, its constants included.
        variance: of T_1 + T_2.
        width: largest less least T_1 + T_2.
        constant: what both constants add.
        level: of ruin and bands.
        reserve: of the manager.
        feedback: kappa.
        drift: that the alarm is to notice.
        error: of the mean.
    """

    mean: float
    variance: float
    width: float
    constant: float
    level: float
    reserve: float
    feedback: float
    drift: float
    error: float


def _read(environment: Environment, document: Document) -> Table:
    table = document.section("simulate", Table)
    if not environment.agents:
        raise document.error("two agents with beliefs are needed to simulate rounds", "agents")
    if environment.design in ("one_stage", "balanced"):
        raise document.error(f"{environment.design} balances every round; there is nothing to simulate", "design")
    if table.rounds < 1:
        raise document.error(f"must be at least 1, not {table.rounds}", "simulate.rounds")
    if table.replications < 2:
        raise document.error(f"must be at least 2, not {table.replications}", "simulate.replications")
    if table.rounds * table.replications > LARGEST:
        raise document.error(f"rounds times replications must be at most {LARGEST:,}", "simulate.rounds")
    level = document.number(table.level, "simulate.level")
    if not 0 < level < 1:
        raise document.error(f"must lie between 0 and 1, not {exact.show(level)}", "simulate.level")
    feedback = document.number(table.feedback, "simulate.feedback")
    if not 0 <= feedback < 2:
        raise document.error(f"must be at least 0 and below 2, not {exact.show(feedback)}", "simulate.feedback")
    if table.reserve is not None:
        document.number(table.reserve, "simulate.reserve", minimum=0)
    if table.drift is not None:
        document.number(table.drift, "simulate.drift", positive=True)
    return table


def _law(environment: Environment, expectations: Expectations, table: Table) -> _Law:
    groves = rule(environment, expectations)
    constant = float(groves.constant[0] + groves.constant[1])
    plain = {
        "two_stage": expectations.welfare,
        "pivot": expectations.loss_power(1),
        "minimum_variance": expectations.welfare.times(-1),
    }[environment.design]
    variance = max(0.0, float(moments(expectations, environment.design)[0].value))
    mean, level = float(plain.value) + constant, float(exact.parse(table.level))
    if expectations.exact and abs(mean) < 1e-15:
        mean = 0.0
    low, high = limits(expectations, environment.design)
    reserve = (
        walk.reserve_for(mean, variance, table.rounds, level)
        if table.reserve is None
        else float(exact.parse(table.reserve))
    )
    drift = sqrt(variance) / 2 if table.drift is None else float(exact.parse(table.drift))
    return _Law(mean=mean, variance=variance, width=float(high - low), constant=constant, level=level, reserve=reserve,
                feedback=float(exact.parse(table.feedback)), drift=drift, error=plain.error)  # fmt: skip


def _checkpoints(rounds: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(1, rounds, min(rounds, CHECKPOINTS)).round().astype(np.intp))


def _play(
    environment: Environment, table: Table, law: _Law, seed: int, workers: int, progress: Any
) -> tuple[list[Block], tasks.Ending]:
    setup = Setup(
        environment=environment, rounds=table.rounds, constant=law.constant, feedback=law.feedback,
        strategy=table.strategy, checkpoints=_checkpoints(table.rounds), allowance=law.mean + law.drift / 2,
    )  # fmt: skip
    block = max(1, BLOCK_ROUNDS // table.rounds)
    items = [(setup, min(block, table.replications - start)) for start in range(0, table.replications, block)]
    finished: dict[int, Block] = {}
    with tasks.keeping(finished) as ending, tasks.pool(min(workers, len(items))) as executor:
        tasks.run(play, items, executor=executor, seed=seed, progress=progress, finished=finished)
    return [finished[position] for position in sorted(finished)], ending


def _outcome(environment: Environment, table: Table, law: _Law, blocks: list[Block], ending: tasks.Ending) -> Outcome:
    budget, peak = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("budget", "peak"))
    alarm = np.concatenate([block.alarm for block in blocks])
    total, squares, count = (sum(block.total[k] for block in blocks) for k in range(3))
    mean = total / count
    ruined = float((peak[:, -1] > law.reserve).mean())
    low, high = walk.band(law.mean, law.variance, table.rounds, law.level)
    spread = sqrt(max(ruined * (1 - ruined), 1.0 / len(budget)) / len(budget))
    summary: dict[str, Any] = {
        "rounds": table.rounds,
        "replications": len(budget),
        "strategy": table.strategy,
        "mean": law.mean,
        "mean_simulated": mean,
        "variance": law.variance,
        "variance_simulated": squares / count - mean**2,
        "band_low": low,
        "band_high": high,
        "band_coverage_simulated": float(((budget[:, -1] >= low) & (budget[:, -1] <= high)).mean()),
        "reserve": law.reserve,
        "probability_over_reserve": walk.exceedance(law.mean, law.variance, table.rounds, law.reserve),
        "probability_over_reserve_simulated": float((budget[:, -1] > law.reserve).mean()),
        "ruin_probability": walk.ruin(law.mean, law.variance, table.rounds, law.reserve),
        "ruin_probability_reflection": walk.ruin(law.mean, law.variance, table.rounds, law.reserve, corrected=False),
        "ruin_probability_simulated": ruined,
        "reserve_simulated": float(np.quantile(peak[:, -1], 1 - law.level)),
        "alarm_threshold": float(np.quantile(alarm, 1 - law.level)),
        "alarm_allowance": law.mean + law.drift / 2,
    }
    lines = list(ending.warnings)
    if law.feedback:
        summary["stationary_variance"] = walk.stationary_variance(law.variance, law.feedback)
        summary["budget_variance_simulated"] = float(budget[:, -1].var())
        lines.append("with feedback the budget is no random walk; bands and ruin by formula are those without it")
    if table.strategy != "truth":
        lines.append(f"agents play {table.strategy}; bands and ruin by formula are those of the truth")
    detail = (f"{len(budget):,} simulated replications; the error is the standard error of the simulated ruin "
              "probability; mean and variance of a round are the belief's own")  # fmt: skip
    return Outcome(
        mechanism="borrowing", title="", status=ending.status or "simulated",
        guarantee=Guarantee(kind="approximate", detail=detail, error=spread), summary=summary,
        tables={"budget": _budget(law, table, budget, peak), "reserve": _reserve(law, table, peak)},
        warnings=lines, provenance={"design": environment.design},
    )  # fmt: skip


def _budget(law: _Law, table: Table, budget: Any, peak: Any) -> dict[str, Any]:
    at = _checkpoints(table.rounds)
    bands = [walk.band(law.mean, law.variance, int(r), law.level) for r in at]
    low, high = (np.quantile(budget, q, axis=0) for q in (law.level / 2, 1 - law.level / 2))
    shown: dict[str, Any] = {
        "round": at.tolist(),
        "mean": [law.mean * int(r) for r in at],
        "mean_simulated": budget.mean(axis=0).tolist(),
        "low": [band[0] for band in bands],
        "high": [band[1] for band in bands],
        "low_simulated": low.tolist(),
        "high_simulated": high.tolist(),
        "ruin": [walk.ruin(law.mean, law.variance, int(r), law.reserve) for r in at],
        "ruin_simulated": (peak > law.reserve).mean(axis=0).tolist(),
    }
    for number in range(min(5, len(budget))):
        shown[f"path_{number + 1}"] = budget[number].tolist()
    return shown


def _reserve(law: _Law, table: Table, peak: Any) -> dict[str, Any]:
    at = _checkpoints(table.rounds)
    return {
        "rounds": at.tolist(),
        "reflection": [walk.reserve_for(law.mean, law.variance, int(r), law.level, corrected=False) for r in at],
        "corrected": [walk.reserve_for(law.mean, law.variance, int(r), law.level) for r in at],
        "simulated": np.quantile(peak, 1 - law.level, axis=0).tolist(),
        "proven": [walk.proven_reserve(law.mean, law.width, int(r), law.level) for r in at],
    }
