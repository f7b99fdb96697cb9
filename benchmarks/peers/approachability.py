"""The limited-liability mechanism against pyblackwell: the same game, the same target, the same opponent.

The learner picks a group of agents, I or I\\i; the environment picks one of a few profiles of outputs; the payoff is
the vector of regrets (R^I, R_1, ..., R_n); an agent pays its whole output while it is in debt. The target is the
nonpositive orthant. pyblackwell gets the payoff matrix in which everybody is in debt: a coordinate that is not has
weight 0 in Blackwell's condition, so that its theorem covers the game too.

    python benchmarks/peers/run.py --only approachability
"""

from __future__ import annotations

import importlib.util
from functools import partial
from typing import Any

import numpy as np

from benchmarks.peers.room import Table, peer, ratio, side_by_side
from benchmarks.timing import Candidate
from mechopt.mechanisms.limited_liability import Online, Paths, Rules, Single, groups
from mechopt.mechanisms.limited_liability.paths import pick
from mechopt.mechanisms.limited_liability.single import kernels

AGENTS, DECISIONS, PROFILES = 3, 4, 8
SHORT, LONG, WIDE = 1_000, 100_000, 256
PEER, OCO = "pyblackwell", "pyblackwell, OCO (Hedge)"
RULES = Rules(variant="baseline", agents=AGENTS)


class Game:
    """Outputs of every profile, what each group decides, and the regrets of every (group, profile)."""

    def __init__(self) -> None:
        rng = np.random.default_rng(2021)
        self.outputs = rng.random((PROFILES, AGENTS, DECISIONS))
        self.taken = groups.taken(self.outputs, groups.decisions(self.outputs))  # [profile][group][agent]
        total = self.taken.sum(axis=2)
        others = total[:, :, None] - self.taken
        own = np.stack([others[:, agent + 1, agent] for agent in range(AGENTS)], axis=1)
        self.allocation = total[:, :1] - total  # [profile][group]
        self.externality = own[:, None, :] - others  # [profile][group][agent]
        self.profile = rng.integers(0, PROFILES, LONG)
        self.draw = rng.random(LONG)

    def payoffs(self) -> Any:
        """Everybody in debt, as [group][profile][coordinate]."""
        regrets = np.concatenate([self.allocation[:, :, None], self.externality - self.taken], axis=2)
        return regrets.transpose(1, 0, 2)

    def step(self, regret: Any, shares: Any, profile: int) -> Any:
        """The expected payoff of a mixture where only those in debt pay."""
        due = np.where(regret[1:] > 0, self.taken[profile], 0.0)
        return np.concatenate([[shares @ self.allocation[profile]], shares @ (self.externality[profile] - due)])


def distance(regret: Any, steps: int) -> float:
    """From the average payoff to the nonpositive orthant."""
    return float(np.linalg.norm(np.maximum(regret, 0.0))) / steps


def pyblackwell(game: Game, steps: int, name: str) -> float:
    """One of its solvers as it comes, histories off."""
    module = peer("pyblackwell")
    solver = getattr(module, name)(
        module.MatrixGame(game.payoffs()), module.OrthantTarget(ceiling=0.0, dim=AGENTS + 1), summary_only=True
    )
    for profile in game.profile[:steps].tolist():
        shares = solver.strategy()
        solver.update(game.step(solver.cumulative_payoff, shares, profile), env_action=profile)
    return distance(solver.cumulative_payoff, steps)


def online(game: Game, steps: int) -> float:
    """The protocol, one Python number after the other."""
    values, taken, state = game.outputs.tolist(), game.taken.tolist(), Online(RULES)
    for profile, draw in zip(game.profile[:steps].tolist(), game.draw[:steps].tolist(), strict=True):
        proposal = state.propose(values[profile])
        state.settle(proposal, state.draw(proposal, draw), taken[profile])
    return distance(np.array([state.allocation, *state.transfer]), steps)


def single(game: Game, steps: int, module: Any) -> float:
    """One path, compiled."""
    state, outputs = Single(RULES, module), game.outputs[game.profile[:steps]]
    state.run(outputs, outputs, game.draw[:steps])
    return distance(np.concatenate([state.allocation, state.vectors[0]]), steps)


def many(game: Game, steps: int) -> float:
    """256 paths at once in numpy; the distance of the first."""
    state = Paths(RULES, WIDE)
    for profile, draw in zip(game.profile[:steps].tolist(), game.draw[:steps].tolist(), strict=True):
        proposal = state.propose(np.broadcast_to(game.outputs[profile], (WIDE, AGENTS, DECISIONS)))
        outputs = np.broadcast_to(game.taken[profile], (WIDE, AGENTS + 1, AGENTS))
        state.settle(proposal, outputs, pick(proposal.shares, np.full(WIDE, draw)))
    return distance(np.concatenate([state.allocation[:1], state.transfer[0]]), steps)


def tables() -> list[Table]:
    game = Game()
    steps: dict[str, int] = {PEER: SHORT, OCO: SHORT, "mechopt, reference": SHORT, "mechopt, many paths": SHORT}
    candidates: dict[str, Candidate] = {
        PEER: partial(pyblackwell, game, SHORT, "BlackwellApproachability"),
        OCO: partial(pyblackwell, game, SHORT, "OCOApproachability"),
        "mechopt, reference": partial(online, game, SHORT),
        "mechopt, many paths": partial(many, game, SHORT),
    }
    skipped = []
    if importlib.util.find_spec("numba"):
        candidates["mechopt, compiled"] = partial(single, game, LONG, kernels("compiled", LONG))
        steps["mechopt, compiled"] = LONG
    else:
        skipped.append("mechopt, compiled: numba is not installed")
    found: dict[str, float] = {}
    taken, more = side_by_side(candidates, rounds=3, check=found.__setitem__)
    table = Table(
        title=f"Approachability: {AGENTS} agents, {PROFILES} profiles, the nonpositive orthant",
        about="Steps of one path per second of CPU, the quickest = 1; the distance of the average payoff to the target "
        "after so many steps against the same opponent. pyblackwell's classical solver knows all profiles beforehand "
        "and solves a program each step; mechopt knows none and follows regrets.",
        head=["program", "steps per second", "distance", "steps"],
        skipped=[*skipped, *more],
    )
    each = {name: taken[name] / (steps[name] * (WIDE if name == "mechopt, many paths" else 1)) for name in taken}
    best = min(each.values())
    for name, cost in sorted(each.items(), key=lambda item: item[1]):
        table.rows.append([name, f"1 / {ratio(cost / best)}", f"{found[name]:.2e}", f"{steps[name]:,}"])
    for name in ("mechopt, reference", "mechopt, compiled"):
        for other in (PEER, OCO):
            if name in each and other in each:
                task = f"A step towards a target set, {name.removeprefix('mechopt, ')}"
                table.headlines.append([task, other, ratio(each[other] / each[name])])
    return [table]
