"""The cheapest transfers that any efficient ex-post mechanism with this allocation could make: an audit.

Theorem 1 says that the linked transfer is the cheapest. As printed that is false (the envelope argument of Lemma 4
meets a kink at every truthful report). What is true: fix the allocation and a finite set of reports; telling the truth
pays exactly where W(k) >= W(l) + D(k, l), with D(k, l) what own production gains by reporting l where k is true. The
least such W >= 0 is a longest path. It bounds from below whatever such a mechanism pays, and the linked transfer is
never below it; where the two meet, the linked transfer is the cheapest. Source: zhu2021, Section 4, Theorem 1, Lemma 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import CertificateError, InstanceError
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.inner import Limits
from mechopt.mechanisms.linked_vcg.linked import linked_at
from mechopt.mechanisms.linked_vcg.ordered import retract
from mechopt.mechanisms.linked_vcg.position import find_agent, positions
from mechopt.mechanisms.linked_vcg.production import Production
from mechopt.program import to_float

Floats = NDArray[np.float64]
CLOSE = 1e-9  # relative: a cycle of incentives gains no more than this by rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cheapest:
    """Cheapest transfers of one agent over a finite set of reports, the others' reports as they are.

    Attributes:
        agent: his name.
        reports: the set, his own (retracted) reports first, projects, shape (reports, dates, types).
        gain: D(k, l), what own production gains by reporting l where k is true, money at the end, shape
            (reports, reports); proven from below, by feasible plans.
        cheapest: the longest-path potential, shape (reports,): no efficient ex-post mechanism with this allocation
            pays less, whatever other reports are possible.
        linked: the linked transfer at each report, upper end of its bracket, shape (reports,).
        chain: reports whose incentive constraints, one after the other, prove `cheapest` at his own report.
    """

    agent: str
    reports: Floats
    gain: Floats
    cheapest: Floats
    linked: Floats
    chain: tuple[int, ...]

    @property
    def excess(self) -> float:
        """How much the linked transfer is above the proven lower bound, at his own report."""
        return float(self.linked[0] - self.cheapest[0])


def cheapest_transfer(
    environment: Environment,
    agent: int | str,
    reports: NDArray[np.float64] | None = None,
    *,
    count: int = 24,
    seed: int = 0,
    taken_off: float | None = None,
    limits: Limits | None = None,
) -> Cheapest:
    """A proven lower bound on one agent's cheapest transfer, beside the linked one.

    Args:
        environment: the instance.
        agent: name, or place from 0.
        reports: reports to compare with his own, within his bounds, shape (reports, dates, types); None draws some.
        count: how many to draw: corners of what he may report, the report that sets his transfer, and steps between.
        seed: of what is drawn.
        taken_off: what the linked transfer takes off the unlinked one, where it is known; else it is searched.
        limits: of that search.

    Returns:
        The potential. More reports can only raise it, up to the linked transfer at most.

    Raises:
        InstanceError: no such agent, or a report outside his bounds.
        CertificateError: a cycle of misreports gains, so the allocation is not the mechanism's.
    """
    place = find_agent(environment, agent)
    production = Production(environment, place)
    truth = production.truth
    corners: list[Floats] = []
    if taken_off is None:
        settled = linked_at(environment, place, positions(environment, place), limits=limits)
        taken_off = settled.unlinked - settled.high
        corners.append(settled.reports)
    if reports is None:
        every = draw_reports(environment, place, truth, count=count, seed=seed, corners=corners)
    else:
        every = np.concatenate([truth[None], _checked(environment, place, truth, reports)])
    gain, unlinked = production.compare(every)
    cheapest, chain = longest_paths(gain, unit=production.unit)
    return Cheapest(
        agent=environment.agent_names[place], reports=every, gain=gain, cheapest=cheapest,
        linked=np.maximum(unlinked - taken_off, 0.0), chain=chain,
    )  # fmt: skip


def longest_paths(gain: Floats, *, unit: float = 1.0) -> tuple[Floats, tuple[int, ...]]:
    """The least W >= 0 with W(k) >= W(l) + gain(k, l), and the chain of reports that proves W(0).

    Args:
        gain: shape (reports, reports), 0 on the diagonal.
        unit: of the gains; rounding is relative to it, and to the largest gain.

    Raises:
        CertificateError: a cycle gains, so there is none.

    Source: difference constraints: the least solution is the longest path, by Bellman and Ford.
    """
    size = len(gain)
    slack = CLOSE * max(unit, float(np.abs(gain).max(initial=0.0)))
    value, after = np.zeros(size), np.full(size, -1)
    for _ in range(size):
        through = gain + value[None, :]
        best = through.argmax(axis=1)
        reached = through[np.arange(size), best]
        better = reached > value + slack / size
        if not better.any():
            break
        value, after = np.where(better, reached, value), np.where(better, best, after)
    else:
        raise CertificateError("a cycle of misreports gains: this allocation cannot be made to pay for the truth")
    chain = [0]
    while after[chain[-1]] >= 0 and len(chain) <= size:
        chain.append(int(after[chain[-1]]))
    return value, tuple(chain)


def draw_reports(
    environment: Environment, place: int, truth: Floats, *, count: int, seed: int, corners: Sequence[Floats] = ()
) -> Floats:
    """Reports within an agent's bounds, his own first: corners of what he may report, and steps on the way to them.

    Args:
        environment: the instance.
        place: of the agent.
        truth: his retracted reports, shape (dates, types).
        count: how many, at least 2.
        seed: of the corners.
        corners: to begin with.

    Source: the steps matter: a chain of small misreports can prove more than one large one.
    """
    if count < 2:
        raise InstanceError(f"{count} is not enough reports to compare; it must be at least 2", key="count")
    rng = np.random.default_rng(seed)
    dates, kinds = truth.shape
    low, high = (dates * to_float(bound[place]) for bound in (environment.lower, environment.upper))
    result, ends = [truth], [*corners]
    while len(result) < count:
        if not ends:
            corner = np.zeros_like(truth)
            corner[rng.integers(0, dates, kinds), np.arange(kinds)] = np.where(rng.random(kinds) < 0.75, high, low)
            ends.append(corner)
        end = ends.pop(0)
        result += [truth + step * (end - truth) for step in (1.0, 0.5, 0.25, 0.75)]
    return np.array(result[:count])


def _checked(environment: Environment, place: int, truth: Floats, reports: NDArray[np.float64]) -> Floats:
    given = np.asarray(reports, dtype=np.float64)
    if given.ndim != 3 or given.shape[1:] != truth.shape:
        raise InstanceError(
            f"has shape {given.shape}, not (reports, {truth.shape[0]}, {truth.shape[1]})", key="reports"
        )
    if not (np.isfinite(given).all() and (given >= 0).all()):
        raise InstanceError("must be finite and at least 0", key="reports")
    bounds = (to_float(bound[[place]]) for bound in (environment.lower, environment.upper))
    low, high = (np.repeat(bound, len(given), axis=0) for bound in bounds)
    outside = retract(given, low, high)[1].any(axis=1)
    if outside.any():
        number = int(np.flatnonzero(outside)[0])
        raise InstanceError(
            f"report {number + 1} leaves the bounds of agent {environment.agent_names[place]}", key="reports"
        )  # fmt: skip
    return given
