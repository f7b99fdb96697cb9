"""Proposition 3 is false as printed: the attack on reported counterfactual outputs, and how to notice it.

In Section 5 an agent reports y_{t-1} after it has seen a_{t-1}, but the regrets credit the EXPECTED transfer
tau(mu), which contains reported outputs of decisions that were not taken and are never paid. An agent that reports 0
where it must pay, and much where it need not, is credited for payments it never makes: two agents, one resource, v =
(0.4, 0.6), y = v; the first states value 1 and keeps 0.4 * (1 - 0.6) = 0.16 a period for ever, against 0 under truth,
while every regret stays of order sqrt(T).

What repairs it: counterfactual outputs that are verified, or sealed before the draw (reports independent of the draw
given history, which is what the proof needs); or a variant that uses realised outputs only (Appendix A). A seal alone
is not enough: who seals reports above what it has and is drawn cannot pay, yet was credited for the expectation; the
same attack on guesses still gains about 0.07 a period. Sealed reports must be honoured, and `dishonoured` counts those
that were not.

Source: chassang2021, Section 5, Proposition 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.mechanisms.limited_liability import groups
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.record import Record, as_floats
from mechopt.program import to_float

WARNING = (
    'unsafe: Proposition 3 is false as printed; with counterfactuals = "reported" an agent can report little for the '
    "decision taken and much for the others, and is credited for payments it never makes. Verify counterfactual "
    'outputs or have them sealed before the draw (counterfactuals = "verified" or "sealed"), or use exploration or '
    "bounded_values"
)
ALARM = 5.0  # standard deviations
ROUNDING = 1e-12  # of the largest output


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependence:
    """Whether an agent's reported outputs depend on the draw.

    Attributes:
        agent: its position.
        score: sum of (report for the decision taken - its expectation under mu) over its standard deviation; near 0
            where reports were fixed before the draw, far below 0 under the attack.
        excess: that sum, in units of output a period.
        chance: bound on the probability of a score this far from 0 where reports do not depend on the draw (Freedman's
            inequality at the variance observed).
    """

    agent: int
    score: float
    excess: float
    chance: float


def dependence(reported: NDArray[Any], shares: NDArray[Any], drawn: NDArray[np.int64]) -> list[Dependence]:
    """The score of every agent.

    Given the history, the report for the decision taken has mean sum_G mu(G) y(G) if reports do not depend on the
    draw, so that the differences are a martingale.

    Args:
        reported: outputs under each group's decision, shape (periods, groups, agents).
        shares: mu, shape (periods, groups).
        drawn: the group drawn, shape (periods,).
    """
    mean = np.einsum("tg,tgi->ti", shares, reported)
    spread = np.einsum("tg,tgi->ti", shares, (reported - mean[:, None, :]) ** 2)
    realised = reported[np.arange(len(drawn)), drawn]
    found = []
    bound = float(reported.max(initial=0.0))
    for agent in range(reported.shape[2]):
        difference, variance = float((realised - mean)[:, agent].sum()), float(spread[:, agent].sum())
        size = abs(difference)
        chance = 1.0 if size == 0 else min(1.0, 2 * math.exp(-(size**2) / (2 * (variance + bound * size / 3))))
        score = difference / math.sqrt(variance) if variance > 0 else 0.0
        found.append(Dependence(agent=agent, score=score, excess=difference / len(drawn), chance=chance))
    return found


def scores(environment: Environment, record: Record) -> list[Dependence]:
    """The scores of a recorded path."""
    reported = groups.taken(to_float(environment.outputs), record.decisions)
    return dependence(reported, as_floats(record.shares, grid=record.grid), record.group)


def dishonoured(environment: Environment, record: Record) -> NDArray[np.int64]:
    """Periods in which an agent had to pay more than it truly produced, because it had reported more, by agent."""
    if environment.true_outputs is None:
        return np.zeros(environment.rules.agents, dtype=np.int64)
    place = record.decision[:, None, None]
    reported, true = (
        np.take_along_axis(to_float(array), place, axis=2)[:, :, 0]
        for array in (environment.outputs, environment.true_outputs)
    )
    due = to_float(record.paid) * (exact.as_float(environment.output_unit) if record.grid else 1.0)
    beyond = due > true + ROUNDING * exact.as_float(environment.output_bound)  # a debt may be less than the report
    return np.asarray(((reported > true) & beyond).sum(axis=0), dtype=np.int64)


def alarms(environment: Environment, record: Record) -> list[str]:
    """A line for each agent that did not honour a report, and for each whose reports depend on the draw."""
    lines = [
        f"agent {environment.agent_names[agent]}: reported more than it produced and could not pay, in {count} periods"
        for agent, count in enumerate(dishonoured(environment, record).tolist())
        if count
    ]
    if environment.rules.variant != "strategic":
        return lines
    return lines + [
        f"agent {environment.agent_names[found.agent]}: reported outputs depend on the draw ({found.score:.1f} "
        f"standard deviations, {found.excess:.4g} a period); the attack on Proposition 3 looks like this"
        for found in scores(environment, record)
        if abs(found.score) > ALARM
    ]
