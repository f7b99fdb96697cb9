"""The geometric algorithm for the linked transfer of an agent who takes prices as given.

Each date's price is a hyperplane among the types; the ray from 0 through a type meets some of them, and the first one
it meets that encloses the type is the date at which one more project of that type would displace most. Everything is
decided in rational arithmetic, so that a tie is a tie. Source: zhu2021, Section 6.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.position import Position, find_agent, positions
from mechopt.mechanisms.linked_vcg.vertices import as_fractions, invert


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rays:
    """What the rays through the types meet, and the transfer that follows.

    Attributes:
        agent: his name.
        price: p_t, payoff per resource unit, exact, shape (dates, resources).
        encloses: whether H_t encloses a type: he is served entirely whatever he reports, shape (dates, types).
        distance: where the ray through a type meets H_t (for beta < 1 the scaled hyperplane), in multiples of the
            type's needs; None where H_t does not enclose it; shape (dates, types).
        best: tau, the dates met first, places from 0, a tuple a type; all of them where no date encloses the type.
        report: a report that leaves least to the others: the whole budget of a type at its first best date,
            projects, shape (dates, types).
        transfer: the linked transfer, money at the end, exact.
    """

    agent: str
    price: NDArray[Any]
    encloses: NDArray[np.bool_]
    distance: NDArray[Any]
    best: Sequence[tuple[int, ...]]
    report: NDArray[Any]
    transfer: Fraction


def linked_by_geometry(environment: Environment, agent: int | str) -> Rays:
    """The linked transfer of an agent by the geometric algorithm.

    Args:
        environment: the instance; a float counts as its shortest decimal.
        agent: name, or place from 0; he must take prices as given at every date (Properties I and II).

    Raises:
        InstanceError: there is no such agent, or he does not take prices as given; `run` has his transfer.

    Source: zhu2021, Section 6.2, and Lemma 6 for the sum. Paper: N(mu_t, i) has no value where a type is not invested
    in; here a date encloses a type where the agent is served entirely at every report of his.
    """
    place = find_agent(environment, agent)
    found = positions(environment, place)
    moved = [position.name for position in found if not position.linear]
    if moved:
        raise InstanceError(
            f"agent {environment.agent_names[place]} does not take prices as given at date {', '.join(moved[:10])}, so "
            "the geometric algorithm does not apply; solve the model for his transfer",
            key="agent",
        )
    return _rays(environment, place, found)


def _rays(environment: Environment, place: int, found: Sequence[Position]) -> Rays:
    types = as_fractions(environment.types)
    price = np.array([_price(types, position.investment.geometry.partial) for position in found])
    encloses = np.array([position.enclosing for position in found])
    beta = Fraction(exact.parse(environment.discount))
    distance = hit(price, types, encloses, beta)
    best = [first_met(distance[:, kind]) for kind in range(len(types))]
    # The whole budget of a type where its ray is met first; where several dates tie, at the earliest.
    report = np.full(encloses.shape, Fraction(0), dtype=object)
    budget = as_fractions(environment.upper[place]) * len(found)
    for kind, dates in enumerate(best):
        report[dates[0], kind] = budget[kind]
    truth = as_fractions(np.array([position.report for position in found]))
    transfer = Fraction(0)
    for date, mine in enumerate(encloses):
        moved = ((report[date] - truth[date])[mine, None] * types[mine]).sum(axis=0)
        transfer += beta ** (date + 1 - len(found)) * (price[date] @ moved)
    return Rays(
        agent=environment.agent_names[place], price=price, encloses=encloses, distance=distance, best=best,
        report=report, transfer=Fraction(transfer),
    )  # fmt: skip


def _price(types: NDArray[Any], partial: NDArray[np.intp]) -> NDArray[Any]:
    """The price at which the partly invested types just earn their cost, exactly."""
    result: NDArray[Any] = invert(types[partial]) @ np.full(partial.size, Fraction(1))
    return result


def hit(
    price: NDArray[Any], types: NDArray[Any], encloses: NDArray[np.bool_], beta: Fraction = Fraction(1)
) -> NDArray[Any]:
    """Where the ray from 0 through each type meets each date's hyperplane.

    Args:
        price: p_t, exact, shape (dates, resources).
        types: theta_i, exact, shape (types, resources).
        encloses: which hyperplanes enclose which types, shape (dates, types).
        beta: below 1, the hyperplane of date t is beta^(t-1) p_t . x = 1.

    Returns:
        s with s theta_i on the hyperplane, in multiples of theta_i; None where it does not enclose the type.

    Source: zhu2021, Section 6.2, steps 1 to 3.
    """
    result = np.full(encloses.shape, None, dtype=object)
    for date, kind in np.argwhere(encloses).tolist():
        result[date, kind] = 1 / (beta**date * (price[date] @ types[kind]))
    return result


def first_met(distance: NDArray[Any]) -> tuple[int, ...]:
    """The dates whose hyperplanes a ray meets first; all dates where none encloses the type."""
    met = [date for date, value in enumerate(distance) if value is not None]
    if not met:
        return tuple(range(len(distance)))
    nearest = min(distance[date] for date in met)
    return tuple(date for date in met if distance[date] == nearest)
