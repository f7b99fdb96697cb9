"""Expectations where a value function stands for a callable: no algebra, lines of nodes cut at breaks and crossings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.borrowing.conditional import line_nodes, outer_nodes
from mechopt.mechanisms.borrowing.times import Times
from mechopt.mechanisms.borrowing.values import NEAR, ValueFunction

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampled:
    """What `regions.Part` is in exact numbers, as values at nodes.

    Attributes:
        best: W* at each node.
        apart: v1(t1) + v2(t2).
        sign: 1, -1 or 0: who goes first.
        weight: the belief's.
    """

    best: Floats
    apart: Floats
    sign: Floats
    weight: Floats

    def where(self, sign: int) -> Floats:
        """1 where agent 1 (sign 1), agent 2 (-1) or nobody for sure (0) goes first, else 0."""
        return np.asarray(self.sign == sign, dtype=np.float64)


def sampled(one: ValueFunction, two: ValueFunction, times: tuple[Times, Times], panels: int) -> Sampled:
    """The square of times of one pair as nodes: panels of agent 2's time, lines of agent 1's."""
    own, outer = outer_nodes(times[1], panels)
    first: list[Floats] = []
    second: list[Floats] = []
    weight: list[Floats] = []
    for time, mass in times[0].atoms:
        first.append(np.full(own.shape, float(time)))
        second.append(own)
        weight.append(outer * float(mass))
    for piece in times[0].pieces:
        at, inner = line_nodes(two, one, own, piece)
        first.append(at.ravel())
        second.append(np.broadcast_to(own[:, None], at.shape).ravel())
        weight.append((inner * outer[:, None]).ravel())
    x, y = np.concatenate(first), np.concatenate(second)
    total = x + y
    alone = one.floats(x), two.floats(y)
    with_first, with_second = alone[0] + two.floats(total), alone[1] + one.floats(total)
    # Two callables that agree everywhere tie everywhere; rounding must not decide who goes first.
    near = np.abs(with_first - with_second) <= NEAR * (1 + np.abs(with_first))
    sign = np.where(near, 0.0, np.sign(with_first - with_second))
    return Sampled(best=np.maximum(with_first, with_second), apart=alone[0] + alone[1], sign=sign,
                   weight=np.concatenate(weight))  # fmt: skip
