"""The spot market over many draws of the values: budgets, transfers and gains as they come, beside their expectations.

Source: liu2020, eq. (2) and Appendix B.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mechopt import tasks
from mechopt.instance import Document
from mechopt.mechanisms.forward_market.anticipated import Anticipated, Prospect, prospect_of
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.spot import Spot, allocate_each, welfare
from mechopt.outcome import Guarantee, Outcome

Floats = NDArray[np.float64]
BLOCK = 2_000  # draws a task
LEVELS = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


class Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of [simulate].

    Attributes:
        rounds: draws of a type profile.
        holdings: with which agents enter the spot market: r* or the endowments.
    """

    rounds: Annotated[int, msgspec.Meta(ge=2, le=10_000_000)] = 10_000
    holdings: Literal["common", "endowment"] = "common"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """What a block of draws comes to; a row a draw.

    Attributes:
        welfare: W, money, shape (draws,).
        budget: Pi(theta, r), the VCG surplus, money, shape (draws,).
        vcg: VCG transfers RECEIVED, money, shape (draws, agents).
        agv: AGV transfers RECEIVED, money, shape (draws, agents).
        worth: Q_i theta_i, money, shape (draws, agents).
        outside: min(r_i, k_i) theta_i, money, shape (draws, agents).
    """

    welfare: Floats
    budget: Floats
    vcg: Floats
    agv: Floats
    worth: Floats
    outside: Floats


class _Task:
    """One block of draws; the spot markets travel to a worker once a block.

    Args:
        spots: of every state that agents anticipate, or the one.
        chance: of each.
    """

    def __init__(self, spots: Sequence[Spot], chance: Floats) -> None:
        self.spots, self.chance = spots, chance

    def __call__(self, draws: int, generator: Generator) -> Block:
        laws = self.spots[0].market.environment.distribution
        values = np.stack([law.sample(generator, draws) for law in laws], axis=-1)
        if len(self.spots) == 1:
            return self._played(self.spots[0], values)
        state = generator.choice(len(self.spots), draws, p=self.chance)
        parts = [(np.flatnonzero(state == place), spot) for place, spot in enumerate(self.spots)]
        played = [(rows, self._played(spot, values[rows])) for rows, spot in parts]
        return Block(**{field.name: _gathered(draws, field.name, played) for field in fields(Block)})

    @staticmethod
    def _played(spot: Spot, values: Floats) -> Block:
        return Block(
            welfare=welfare(values, spot.market.demand),
            budget=spot.surplus(values),
            vcg=spot.vcg_each(values),
            agv=spot.agv_each(values),
            worth=allocate_each(values, spot.market.demand) * values,
            outside=spot.usable * values,
        )


def _gathered(draws: int, name: str, parts: Sequence[tuple[NDArray[np.intp], Block]]) -> Floats:
    """A column of a block from the rows of each state."""
    found = np.empty((draws, *getattr(parts[0][1], name).shape[1:]))
    for rows, block in parts:
        found[rows] = getattr(block, name)
    return found


def simulate(
    environment: Environment,
    document: Document,
    *,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Outcome:
    """The spot market over many rounds, as the document's [simulate] table asks; of anticipated states one a round.

    Args:
        environment: the instance.
        document: with [simulate].
        seed: root of the random streams, one a block of draws.
        workers: processes.
        progress: called as progress(done, total) blocks.

    Returns:
        `tables.agents`: mean transfers RECEIVED and gains over the outside option beside their expectations;
        `tables.budget`: quantiles of the VCG budget. Status "interrupted" after Ctrl-C, "incomplete" where
        workers died: of what was finished.

    Raises:
        InstanceError: the table is wrong.
    """
    section = document.section("simulate", Section)
    prospect = prospect_of(environment)
    holding = prospect.target if section.holdings == "common" else environment.endowments
    parts = prospect.weighted if isinstance(prospect, Anticipated) else [(prospect, 1.0)]
    task = _Task(
        [Spot(market=market, holding=holding) for market, _ in parts], np.array([chance for _, chance in parts])
    )
    sizes = [min(BLOCK, section.rounds - start) for start in range(0, section.rounds, BLOCK)]
    finished: dict[int, Block] = {}
    with tasks.keeping(finished) as ending, tasks.pool(workers) as executor:
        tasks.run(task, sizes, seed=seed, progress=progress, executor=executor, finished=finished)
    return _report(prospect, task, section, [finished[place] for place in sorted(finished)], ending)


def _report(market: Prospect, task: _Task, section: Section, blocks: Sequence[Block], ending: tasks.Ending) -> Outcome:
    environment, holding = market.environment, task.spots[0].holding
    whole = {
        name: np.concatenate([getattr(block, name) for block in blocks])
        for name in ("welfare", "budget", "vcg", "agv", "worth", "outside")
    }
    rounds = whole["budget"].size
    budget = whole["budget"]
    error = float(budget.std(ddof=1)) / rounds**0.5
    expected = market.surplus(holding)
    gains = {name: whole["worth"] + whole[name] - whole["outside"] for name in ("vcg", "agv")}
    outside = task.chance @ np.array([spot.usable * environment.means for spot in task.spots])
    agents: dict[str, Any] = {
        "agent": list(environment.name),
        "holding": holding,
        "vcg_transfer": whole["vcg"].mean(axis=0),
        "agv_transfer": whole["agv"].mean(axis=0),
        "vcg_gain": gains["vcg"].mean(axis=0),
        "vcg_gain_expected": market.payoffs(holding) - outside,
        "agv_gain": gains["agv"].mean(axis=0),
        "agv_gain_expected": market.payoffs(holding) + expected / environment.agents - outside,
        "gain_error": gains["agv"].std(axis=0, ddof=1) / rounds**0.5,
        "rounds_with_loss": (gains["agv"] < 0).mean(axis=0),
    }
    return Outcome(
        mechanism="forward_market",
        title="",
        status=ending.status or "simulated",
        warnings=ending.warnings,
        guarantee=Guarantee(kind="approximate", detail="means over draws; one standard error of the mean budget",
                            error=error),
        summary={
            "rounds": rounds,
            "holdings": section.holdings,
            "welfare": float(whole["welfare"].mean()),
            "welfare_expected": market.welfare,
            "budget": float(budget.mean()),
            "budget_error": error,
            "budget_expected": expected,
            "budget_least": float(budget.min()),
            "rounds_with_deficit": float((budget < -1e-12 * market.high).mean()),
            "agv_imbalance": float(np.abs(whole["agv"].sum(axis=1)).max()),
        },
        tables={
            "agents": agents,
            "budget": {"level": list(LEVELS), "vcg_budget": np.quantile(budget, LEVELS)},
        },
        provenance={"block": BLOCK, "method": task.spots[0].market.interim.method},
    )  # fmt: skip
