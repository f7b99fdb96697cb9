"""Ex-post Nash equilibria of both mechanisms on grids of types, decided exactly.

Everything about two agents reduces to four numbers a profile: what each gets first and second. And whatever an agent
reports, only who goes first comes of it: three outcomes stand for all deviations, value functions and times alike.
His own second-stage report moves the other's transfer only, so it is never a deviation that pays or costs him.
Source: zheng2023, Definitions 2 and 6, Propositions 1 to 4, Corollary 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mechopt.finding import Finding
from mechopt.mechanisms.borrowing.environment import Environment

Scope = Literal["fixed", "all"]
Reading = Literal["repaired", "literal"]
SIGNS = (1, 0, -1)  # agent 1 first, lottery, agent 2 first
GRID = 8  # times a density piece


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Game:
    """Payoffs of two agents on a grid of types, as whole numbers over one denominator.

    Attributes:
        types: of each agent: (name of the value function, time).
        probability: of each type, by agent.
        unit: what 1 in the arrays stands for.
        first: W1 with agent 1 first, shape (types of 1, types of 2).
        second: W2 with agent 2 first, likewise.
        own: v_i(t_i), a vector by agent.
        late: v_i(t1 + t2), shape (types of 1, types of 2), by agent.
    """

    types: tuple[Sequence[tuple[str, Fraction]], Sequence[tuple[str, Fraction]]]
    probability: tuple[Sequence[Fraction], Sequence[Fraction]]
    unit: Fraction
    first: NDArray[Any]
    second: NDArray[Any]
    own: tuple[NDArray[Any], NDArray[Any]]
    late: tuple[NDArray[Any], NDArray[Any]]

    @property
    def sign(self) -> NDArray[np.int8]:
        """Who goes first at these reports: 1, -1, or 0 on a tie, shape (types of 1, types of 2)."""
        return np.sign((self.first - self.second).astype(object) if self.first.dtype == object else
                       self.first - self.second).astype(np.int8)  # fmt: skip

    def payoff(self, agent: int, sign: int) -> NDArray[Any]:
        """Twice what an outcome is worth to an agent at the true types (twice, so that a lottery is whole)."""
        place = sign if agent == 0 else -sign
        own = self.own[agent][:, None] if agent == 0 else self.own[agent][None, :]
        own = np.broadcast_to(own, self.late[agent].shape)
        return 2 * own if place > 0 else 2 * self.late[agent] if place < 0 else own + self.late[agent]

    def welfare(self, sign: int) -> NDArray[Any]:
        """Twice the welfare of an outcome at the true types."""
        return 2 * self.first if sign > 0 else 2 * self.second if sign < 0 else self.first + self.second


def game(environment: Environment, *, grid: int = GRID, times: Sequence[Any] | None = None) -> Game:
    """The game on a grid of times, exactly.

    Args:
        environment: two agents.
        grid: middles of equal parts a density piece; atoms are kept as they are.
        times: the same times for both agents, equally likely, in place of the grid.
    """
    types, chances = [], []
    for agent in environment.agents:
        belief = agent.times.grid(grid) if times is None else [(Fraction(t), Fraction(1, len(times))) for t in times]
        types.append([(name, time) for name, p in agent.beliefs if p for time, _ in belief])
        chances.append([p * q for _, p in agent.beliefs if p for _, q in belief])
    values = environment.values
    own = [[values[name].at(time) for name, time in mine] for mine in types]
    late = [
        [[values[(one, two)[agent][0]].at(one[1] + two[1]) for two in types[1]] for one in types[0]] for agent in (0, 1)
    ]
    numbers = [*own[0], *own[1], *(v for table in late for row in table for v in row)]
    scale = np.lcm.reduce([Fraction(v).denominator for v in numbers], dtype=object)
    largest = max(abs(v) for v in numbers) * scale
    kind: Any = np.int64 if largest < 2**56 else object

    def whole(table: Any) -> NDArray[Any]:
        return np.array([[int(v * scale) for v in row] for row in table], dtype=kind)

    own_ = whole([own[0]])[0], whole([own[1]])[0]
    late_ = whole(late[0]), whole(late[1])
    return Game(
        types=(types[0], types[1]),
        probability=(chances[0], chances[1]),
        unit=Fraction(1, int(scale)),
        first=own_[0][:, None] + late_[1],
        second=own_[1][None, :] + late_[0],
        own=own_,
        late=late_,
    )


def reachable(found: Game, agent: int, sign: int, *, scope: Scope, reports: NDArray[np.int8] | None = None) -> Any:
    """Whether an agent can bring about an outcome by some report, shape (types of 1, types of 2).

    Args:
        found: the game.
        agent: who deviates.
        sign: the outcome.
        scope: "all": any value function may be reported, "fixed": only times.
        reports: outcome at each pair of reports of (agent 1, agent 2) for the other's strategy; truth where None.
    """
    outcome = found.sign if reports is None else reports
    hit = outcome == sign
    if scope == "all":
        return np.broadcast_to(hit.any(axis=agent, keepdims=True), hit.shape)
    result = np.zeros_like(hit)
    names = np.array([name for name, _ in found.types[agent]])
    for name in sorted(set(names.tolist())):
        mine = names == name
        index: Any = (mine, slice(None)) if agent == 0 else (slice(None), mine)
        result[index] = hit[index].any(axis=agent, keepdims=True)
    return result


def ex_post_nash(
    found: Game,
    *,
    scope: Scope,
    strategies: tuple[Sequence[int], Sequence[int]] | None = None,
    shares: tuple[Fraction, Fraction] | None = None,
    reported: tuple[Any, Any] | None = None,
    reading: Reading = "repaired",
) -> Finding:
    """Whether a profile of strategies is an ex-post Nash equilibrium on the grid.

    Args:
        found: the game.
        scope: "fixed": value functions are known and cannot be misreported (Section 3); "all": they are reported too,
            and the profile must be an equilibrium for all of them (Section 6).
        strategies: first-stage reports, the number of the reported type for each type, by agent; truth where None.
        shares: s of the one-stage rules, where agent i gets s_i W; None for the two-stage mechanism.
        reported: second-stage reports of each agent, {outcome: twice the report, shape (types of 1, types of 2)};
            truth where None.
        reading: "repaired": second-stage reports respond to the realised order; "literal": as Definition 6 writes it,
            the other's report is a number that stays put when an agent deviates.

    Returns:
        The margin is the least loss from a deviation, in units of value; negative where one pays.
    """
    sign = found.sign
    parts = 1 if shares is None else int(np.lcm.reduce([Fraction(s).denominator for s in shares], dtype=object))
    keep = None if shares is None else [int(s * parts) for s in shares]
    if strategies is not None:
        sign = sign[np.ix_(list(strategies[0]), list(strategies[1]))]
    worst, witness = None, None
    for agent in (0, 1):
        against = None
        if strategies is not None:
            index: Any = (slice(None), list(strategies[1])) if agent == 0 else (list(strategies[0]), slice(None))
            against = found.sign[index]
        worth = {s: _utility(found, agent, s, sign, keep, reported, reading) for s in SIGNS}
        held = np.select([sign == s for s in SIGNS], [worth[s] for s in SIGNS])
        for s in SIGNS:
            possible = np.asarray(reachable(found, agent, s, scope=scope, reports=against))
            if not possible.any():
                continue
            loss = np.where(possible, held - worth[s], held - held)
            place = np.unravel_index(int(np.argmin(loss)), loss.shape)
            if worst is None or loss[place] < worst:
                worst, witness = loss[place], (agent, s, place)
    return _finding(found, None if worst is None else Fraction(int(worst), parts), witness, sign, scope, reading)


def _utility(
    found: Game, agent: int, outcome: int, sign: Any, keep: Any, reported: Any, reading: Reading
) -> NDArray[Any]:
    """Twice an agent's utility from an outcome at the true types, up to what he cannot move.

    With shares: times their denominator, `keep` being their numerators.
    """
    if keep is not None:
        welfare = found.welfare(outcome)
        roomy = abs(keep[agent]) * int(abs(welfare).max(initial=0)) < 2**61
        return keep[agent] * (welfare if roomy else welfare.astype(object))
    other = 1 - agent
    if reading == "literal":
        return found.payoff(agent, outcome) + np.select(
            [sign == s for s in SIGNS], [_told(found, other, s, reported) for s in SIGNS]
        )
    return found.payoff(agent, outcome) + _told(found, other, outcome, reported)


def _told(found: Game, agent: int, outcome: int, reported: Any) -> NDArray[Any]:
    return found.payoff(agent, outcome) if reported is None else np.asarray(reported[agent][outcome])


def _finding(found: Game, worst: Any, witness: Any, sign: Any, scope: Scope, reading: Reading) -> Finding:
    profiles = sign.size
    evidence = (
        f"every deviation at {profiles} profiles of types on a grid, by the outcomes it can bring about "
        f'({"value functions and times" if scope == "all" else "times only"}; reading "{reading}")'
    )
    if worst is None or worst == 0:
        return Finding(property="incentive_compatibility", margin=0, tolerance=0, evidence=evidence)
    agent, outcome, (i, j) = witness
    one, two = found.types[0][i], found.types[1][j]
    return Finding(
        property="incentive_compatibility",
        margin=worst / 2 * found.unit,
        tolerance=0,
        evidence=evidence,
        witness={
            "agent": agent + 1,
            "value_1": one[0],
            "time_1": str(one[1]),
            "value_2": two[0],
            "time_2": str(two[1]),
            "first": named(int(sign[i, j])),
            "first_after_deviation": named(outcome),
        },
    )


def named(sign: int) -> int | str:
    """Who goes first, as the tables say it."""
    return "lottery" if sign == 0 else 1 if sign > 0 else 2


def shift_reports(found: Game, shift: tuple[Any, Any]) -> tuple[dict[int, Any], dict[int, Any]]:
    """Second-stage reports v_j(outcome) + c_j: an equilibrium for any c_j that no realised order can move.

    Proposition 4 is c_j = -(v_j(t_j) + v_j(t1 + t2)), Corollary 3 is c_j = 1 - v_j for constant v_j.

    Args:
        found: the game.
        shift: c_j in units of value over `found.unit`, by agent, shape (types of 1, types of 2) or a number.
    """
    return (
        {s: found.payoff(0, s) + 2 * shift[0] for s in SIGNS},
        {s: found.payoff(1, s) + 2 * shift[1] for s in SIGNS},
    )


def swap_reports(found: Game) -> tuple[dict[int, Any], dict[int, Any]]:
    """Proposition 4: each reports minus what he would have had in the other's place."""
    return ({s: -found.payoff(0, -s) for s in SIGNS}, {s: -found.payoff(1, -s) for s in SIGNS})


def extraction_reports(found: Game, top: Fraction) -> tuple[dict[int, Any], dict[int, Any]]:
    """The largest report on the efficient order, the least one on any other; on a tie the payoff moved up to the top.

    Args:
        found: the game.
        top: the largest value that can be reported; the least is -top.
    """
    high = int(top / found.unit)
    sign = found.sign
    told = []
    for agent in (0, 1):
        ceiling = np.maximum(found.payoff(agent, 1), found.payoff(agent, -1))
        told.append(
            {
                s: np.where(sign == 0, found.payoff(agent, s) + 2 * high - ceiling,
                            np.where(sign == s, 2 * high, -2 * high))
                for s in SIGNS
            }
        )  # fmt: skip
    # A lottery brought about by a lie is half of each order.
    for table in told:
        table[0] = np.where(sign == 0, table[0], (table[1] + table[-1]) // 2)
    return told[0], told[1]
