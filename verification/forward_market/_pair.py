"""Two agents with uniform types: everything about the forward market in closed form, in fractions.

With b = k_1 + k_2 - 1 the interim allocation is q_i = 1 - k_j + b u. So hat theta = low + 1/2, r_i* = (1 + k_i -
k_j)/2, and around it both marginal values are the same: low + 1/2 + y / b for a position y = x - r_i* up to b/2 either
way."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from mechopt.evidence import Instance

Price = Callable[[Fraction], Fraction]
HALF = Fraction(1, 2)


def pair(instance: Instance) -> bool:
    """Two agents with maximum demands in (0, 1] that together exceed 1; uniform types on [low, low + 1], low >= 0."""
    demand = instance["demand"]
    return len(demand) == 2 and all(0 < k <= 1 for k in demand) and sum(demand) > 1 and instance["low"] >= 0


def sells(instance: Instance) -> bool:
    """Endowments are nonnegative and sum to 1; agent 1 has more than r_1* and agent 2 less."""
    endowment = instance["endowment"]
    return len(endowment) == 2 and sum(endowment) == 1 and min(endowment) >= 0 and bool(position(instance) > 0)


def excess(instance: Instance) -> Fraction:
    """b = k_1 + k_2 - 1."""
    return sum(map(Fraction, instance["demand"]), Fraction(-1))


def star(instance: Instance, agent: int) -> Fraction:
    """r_i*."""
    demand = instance["demand"]
    return (1 + Fraction(demand[agent]) - demand[1 - agent]) / 2


def position(instance: Instance) -> Fraction:
    """e_1 - r_1*; agent 2's is the opposite."""
    return Fraction(instance["endowment"][0]) - star(instance, 0)


def marginal(instance: Instance, y: Any) -> Fraction:
    """The worst-off type at r_i* + y, of either agent, for a demand up to k_i."""
    return instance["low"] + min(Fraction(1), max(Fraction(0), HALF + Fraction(y) / excess(instance)))


def worth(instance: Instance, agent: int, demanded: Any) -> Fraction:
    """pi_i(x) up to a constant: the integral of the worst-off type up to min(x, k_i)."""
    held = min(Fraction(demanded), Fraction(instance["demand"][agent]))
    rest = max(Fraction(0), held - 1 + instance["demand"][1 - agent])
    return instance["low"] * held + rest * rest / (2 * excess(instance))


def trapezoids(curve: Price, bends: list[Fraction], start: Any, end: Any) -> Fraction:
    """The integral of a continuous piecewise linear function that bends only where it is said to."""
    low, high = sorted((Fraction(start), Fraction(end)))
    points = [low, *sorted(b for b in bends if low < b < high), high]
    area = sum((b - a) * (curve(a) + curve(b)) / 2 for a, b in itertools.pairwise(points))
    return Fraction(area if start <= end else -area)


def document(instance: Instance) -> dict[str, Any]:
    """The two agents as a model document."""
    held = instance.get("endowment", [HALF, HALF])
    rows = [
        {"name": f"agent {i + 1}", "demand": k, "endowment": e, "distribution": {"family": "uniform"}}
        for i, (k, e) in enumerate(zip(instance["demand"], held, strict=True))
    ]
    low = instance["low"]
    return {"mechanism": "forward_market", "title": "A counterexample", "support": [low, low + 1], "agents": rows}


def ceiling(instance: Instance) -> Fraction:
    """The supremum of the forward budget over the family of Proposition 4: prices at the worst-off types."""
    reach, half = position(instance), excess(instance) / 2
    return sum(
        (trapezoids(lambda y: marginal(instance, y), [-half, half], start, 0) for start in (reach, -reach)), Fraction(0)
    )


def rectangles(instance: Instance) -> str | None:
    """By hand, rectangles under and over the price: what agent 1 is paid at least and agent 2 pays at most."""
    k1, k2 = map(Fraction, instance["demand"])
    hat, reach = instance["low"] + HALF, instance["endowment"][0] - (1 + k1 - k2) / 2
    if reach <= 0:
        return None
    # From the middle of the way on the price is beyond the worst-off type there, on either side.
    half = reach / 2
    step = min(HALF, half / (k1 + k2 - 1))
    paid, received = reach * hat + half * step, reach * hat - half * step
    return (
        f"agent 1 sells {reach} above hat = {hat}, the second half of it above {hat + step}: he is paid more than "
        f"{paid}\n"
        f"agent 2 buys {reach} below {hat}, half of it below {hat - step}: he pays less than {received}\n"
        f"the forward market loses more than {paid - received}, for every P of the family"
    )


def short_family(instance: Instance) -> bool:
    """P has slope above 1/b up to the positions of the endowments, so it is outside the hulls, and increases beyond."""
    return bool(instance["slope"] * excess(instance) > 1 and instance["beyond"] > 0)


def deviation(instance: Instance) -> bool:
    """Agent 1 demands something in [0, 1]."""
    return bool(0 <= instance["demanded"] <= 1)


def charge(instance: Instance, y: Fraction) -> Fraction:
    """The integral of P from 0 to y: P starts at hat and has one slope up to the endowments' positions, another
    beyond."""
    reach = position(instance)
    size = abs(y)
    near, far = min(size, reach), max(Fraction(0), size - reach)
    bend = instance["slope"] * near
    area = instance["slope"] * near * near / 2 + far * bend + instance["beyond"] * far * far / 2
    return Fraction((instance["low"] + HALF) * y + area)


def gain(instance: Instance) -> Fraction:
    """What agent 1 gains by his demand instead of r_1*."""
    here = star(instance, 0)
    x = Fraction(instance["demanded"])
    return Fraction(worth(instance, 0, x) - worth(instance, 0, here) - charge(instance, x - here))


def deviates(instance: Instance) -> str | None:
    """Price and worst-off type as broken lines, their areas by trapezoids."""
    k, low = list(map(Fraction, instance["demand"])), Fraction(instance["low"])
    b, held, x = k[0] + k[1] - 1, (1 + k[0] - k[1]) / 2, Fraction(instance["demanded"])
    reach = instance["endowment"][0] - held

    def price(z: Fraction) -> Fraction:
        y = z - held
        inside = max(-reach, min(reach, y))
        return Fraction(low + Fraction(1, 2) + instance["slope"] * inside + instance["beyond"] * (y - inside))

    def hat(z: Fraction) -> Fraction:
        return low + min(Fraction(1), max(Fraction(0), (z - 1 + k[1]) / b))

    paid = trapezoids(price, [held - reach, held + reach], held, x)
    worth = trapezoids(hat, [1 - k[1], k[0]], held, min(x, k[0]))
    if worth <= paid:
        return None
    return (
        f"hat = {low + Fraction(1, 2)}, r* = ({held}, {1 - held}); P is in the family: its slope is "
        f"{instance['slope']} > 1/b = {1 / b} for positions up to {reach}, and {instance['beyond']} beyond\n"
        f"demanding {x} instead of {held} costs agent 1 {paid} more and is worth {worth}: he gains {worth - paid}"
    )


DEMANDS: list[list[Any]] = [[1, 1], [1, Fraction(1, 2)], [Fraction(3, 4), Fraction(2, 3)]]
TENTHS = [Fraction(k, 10) for k in range(11)]
EXAMPLE: dict[str, Any] = {
    "demand": [Fraction(3, 4), Fraction(2, 3)],
    "low": 1,
    "endowment": [Fraction(7, 8), Fraction(1, 8)],
}
