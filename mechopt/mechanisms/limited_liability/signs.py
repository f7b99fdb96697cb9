"""Signs that somebody does not tell the truth, or that the books run away: each with the level that is alarming.

Under the truth, output less stated value is a martingale whose variance is at most v (y_max - v) a period, a report
for the decision taken has its expectation under mu, and R_i falls below -n y_max sqrt(T) in the mean for nobody (10).
Claims of different agents that avoid each other suggest a ring. Debts grow with the square root of time where the rules
are followed and outputs are what is said; half the certified bound is far beyond what the truth leads to. None of this
proves anything; all is worth a look.

Source: chassang2021, Assumption 1, eq. (10), Section 3 on bid rotation; `attack.py` for draw-dependent reports.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.limited_liability import attack, audit, bounds
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.rules import SMOOTHED, Rules
from mechopt.outcome import Outcome
from mechopt.program import to_float

Array = NDArray[np.float64]
Kind = Literal["calibration", "debt", "draw_dependence", "externality", "distrust", "rotation"]
CALIBRATION = 5.0  # standard deviations
ROTATION = -0.5  # correlation of two agents' claims
DISTRUST = 0.5  # share of periods with R^A < 0
DEBT = 0.5  # of the certified bound on regrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One sign.

    Attributes:
        kind: what is looked at.
        agent: whom it concerns; two names joined by " and " for a pair.
        measure: what was found.
        level: beyond which it rings, on the side away from 0.
        words: the fact in a line, whether it rings or not.
    """

    kind: Kind
    agent: str
    measure: float
    level: float
    words: str

    @property
    def rings(self) -> bool:
        """Whether the measure is beyond the level."""
        return self.measure < self.level if self.level < 0 else self.measure > self.level


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What alarms are read from, in units of output; periods come first.

    Attributes:
        names: of the agents.
        rules: the variant.
        bound: y_max.
        stated: value under the decision taken, shape (periods, agents).
        produced: output under it, the same shape.
        claims: the largest stated value, the same shape.
        debts: R_i at the end of the period, the same shape.
        held: R^A of Appendix A.1, the same shape, or None.
        reported: outputs under each group's decision where the draw could have been known, shape (periods, groups,
            agents), or None.
        shares: mu, shape (periods, groups).
        group: the one drawn, shape (periods,).
    """

    names: Sequence[str]
    rules: Rules
    bound: float
    stated: Array
    produced: Array
    claims: Array
    debts: Array
    held: Array | None
    reported: Array | None
    shares: Array
    group: NDArray[np.int64]


def alarms(environment: Environment, outcome: Outcome) -> list[Alarm]:
    """Every sign, whether it rings or not.

    Args:
        environment: the instance.
        outcome: of `mechanism.run`; `tables.periods` is read.
    """
    books = audit.read(environment, outcome)
    rows = np.arange(len(books.group))
    return look(
        Evidence(
            names=environment.agent_names,
            rules=environment.rules,
            bound=books.bound,
            stated=books.values[rows, books.group],
            produced=books.outputs[rows, books.group],
            claims=to_float(environment.values).max(axis=2),
            debts=books.table["regret_transfer"],
            held=books.table.get("regret_a"),
            reported=books.outputs if environment.rules.variant == "strategic" else None,
            shares=books.table["probability"],
            group=books.group,
        )
    )


def look(evidence: Evidence) -> list[Alarm]:
    """Every sign in what was stated, produced and booked, whether it rings or not."""
    periods = len(evidence.group)
    if not periods:
        return []
    spread = np.maximum((evidence.stated * (evidence.bound - evidence.stated)).sum(axis=0), 1e-300)
    floor = -evidence.rules.agents * evidence.bound * math.sqrt(periods)
    found = []
    for agent, name in enumerate(evidence.names):
        score = float((evidence.produced - evidence.stated)[:, agent].sum() / math.sqrt(float(spread[agent])))
        found.append(
            Alarm(kind="calibration", agent=name, measure=score, level=-CALIBRATION,
                  words=f"what {name} produces is {score:.1f} standard deviations from what it states")
        )  # fmt: skip
        least = float(evidence.debts[:, agent].min())
        found.append(
            Alarm(kind="externality", agent=name, measure=least, level=2 * floor,
                  words=f"R_i of {name} has been {least:.4g}: far below 0, what it states hardly matters to it")
        )  # fmt: skip
        if evidence.held is not None:
            share = float((evidence.held[:, agent] < 0).mean())
            found.append(
                Alarm(kind="distrust", agent=name, measure=share, level=DISTRUST,
                      words=f"{name} is not believed in {share:.0%} of the periods (R^A below 0)")
            )  # fmt: skip
    return found + _debts(evidence) + _draw_dependence(evidence) + _rotation(evidence)


def _debts(evidence: Evidence) -> list[Alarm]:
    """Debts at the end against the bound on them: growth in proportion to time, not to its square root."""
    rules, periods = evidence.rules, len(evidence.group)
    if rules.variant not in ("baseline", "strategic", *SMOOTHED):
        return []
    level = DEBT * bounds.certified(rules, periods, output_bound=evidence.bound).regret
    return [
        Alarm(kind="debt", agent=name, measure=debt, level=level,
              words=f"{name} owes {debt:.4g} after period {periods}")
        for name, debt in zip(evidence.names, evidence.debts[-1].tolist(), strict=True)
    ]  # fmt: skip


def _draw_dependence(evidence: Evidence) -> list[Alarm]:
    if evidence.reported is None:
        return []
    scores = attack.dependence(evidence.reported, evidence.shares, evidence.group)
    return [
        Alarm(kind="draw_dependence", agent=evidence.names[found.agent], measure=abs(found.score), level=attack.ALARM,
              words=f"outputs reported by {evidence.names[found.agent]} follow the draw by {found.score:.1f} "
                    "standard deviations")
        for found in scores
    ]  # fmt: skip


def _rotation(evidence: Evidence) -> list[Alarm]:
    """Correlations of what agents claim at most, period by period."""
    claims, found = evidence.claims, []
    for first in range(claims.shape[1]):
        for second in range(first):
            pair = claims[:, [second, first]]
            if len(pair) < 3 or (pair.std(axis=0) == 0).any():
                continue
            matrix: Array = np.asarray(np.corrcoef(pair.T))
            correlation = float(matrix[0, 1])
            names = f"{evidence.names[second]} and {evidence.names[first]}"
            found.append(
                Alarm(kind="rotation", agent=names, measure=correlation, level=ROTATION,
                      words=f"claims of {names} have a correlation of {correlation:.2f}")
            )  # fmt: skip
    return found
