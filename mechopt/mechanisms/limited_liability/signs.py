"""Signs that somebody does not tell the truth, or that the books run away: each with the level that is alarming.

Under the truth, output less stated value is a martingale whose variance is at most v (y_max - v) a period, a report
for the decision taken has its expectation under mu, and R_i falls below -n y_max sqrt(T) in the mean for nobody (10).
Claims of different agents that avoid each other suggest a ring. None of this proves anything; all is worth a look.

Source: chassang2021, Assumption 1, eq. (10), Section 3 on bid rotation; `attack.py` for draw-dependent reports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mechopt.mechanisms.limited_liability import attack, audit
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.outcome import Outcome
from mechopt.program import to_float

Kind = Literal["calibration", "draw_dependence", "externality", "distrust", "rotation"]
CALIBRATION = 5.0  # standard deviations
ROTATION = -0.5  # correlation of two agents' claims
DISTRUST = 0.5  # share of periods with R^A < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One sign.

    Attributes:
        kind: what is looked at.
        agent: whom it concerns; two names joined by " and " for a pair.
        measure: what was found.
        level: beyond which it rings, on the side away from 0.
        words: in a line.
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


def alarms(environment: Environment, outcome: Outcome) -> list[Alarm]:
    """Every sign, whether it rings or not.

    Args:
        environment: the instance.
        outcome: of `mechanism.run`; `tables.periods` is read.
    """
    books = audit.read(environment, outcome)
    rows, names = np.arange(len(books.group)), environment.agent_names
    stated, produced = books.values[rows, books.group], books.outputs[rows, books.group]
    spread = np.maximum((stated * (books.bound - stated)).sum(axis=0), 1e-300)
    floor = -environment.rules.agents * books.bound * math.sqrt(len(rows))
    found = []
    for agent, name in enumerate(names):
        score = float((produced - stated)[:, agent].sum() / math.sqrt(float(spread[agent])))
        found.append(
            Alarm(kind="calibration", agent=name, measure=score, level=-CALIBRATION,
                  words=f"{name} produces less than it states: {score:.1f} standard deviations")
        )  # fmt: skip
        least = float(books.table["regret_transfer"][:, agent].min())
        found.append(
            Alarm(kind="externality", agent=name, measure=least, level=2 * floor,
                  words=f"{name} has done the others much good: R_i = {least:.4g}, so its incentives are weak")
        )  # fmt: skip
        if "regret_a" in books.table:
            share = float((books.table["regret_a"][:, agent] < 0).mean())
            found.append(
                Alarm(kind="distrust", agent=name, measure=share, level=DISTRUST,
                      words=f"{name} is not believed in {share:.0%} of the periods (R^A below 0)")
            )  # fmt: skip
    return found + _draw_dependence(environment, books) + _rotation(environment)


def _draw_dependence(environment: Environment, books: audit.Books) -> list[Alarm]:
    if environment.rules.variant != "strategic":
        return []
    scores = attack.dependence(books.outputs, books.table["probability"], books.group)
    names = environment.agent_names
    return [
        Alarm(kind="draw_dependence", agent=names[found.agent], measure=abs(found.score), level=attack.ALARM,
              words=f"outputs reported by {names[found.agent]} depend on the draw: {found.score:.1f} deviations")
        for found in scores
    ]  # fmt: skip


def _rotation(environment: Environment) -> list[Alarm]:
    """Correlations of what agents claim at most, period by period."""
    claims = to_float(environment.values).max(axis=2)
    found = []
    for first in range(claims.shape[1]):
        for second in range(first):
            pair = claims[:, [second, first]]
            if len(pair) < 3 or (pair.std(axis=0) == 0).any():
                continue
            correlation = float(np.corrcoef(pair.T)[0, 1])
            names = f"{environment.agent_names[second]} and {environment.agent_names[first]}"
            found.append(
                Alarm(kind="rotation", agent=names, measure=correlation, level=ROTATION,
                      words=f"{names} claim in turns: correlation {correlation:.2f}")
            )  # fmt: skip
    return found
