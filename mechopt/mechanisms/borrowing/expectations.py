"""Expectations under the manager's belief: welfare, ties, who goes first, and the budget's moments.

Exact where beliefs are polynomial and the order changes along straight lines or at rational times; enclosed with a
proven bound where it changes along curves or a density is a power, a truncated normal or an exponential one; else by
curve-split quadrature, with an error estimated from two orders. Source: zheng2023, eq. (7.3) to (7.5), Lemmas 1, 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from mechopt.distributions import Power
from mechopt.mechanisms.borrowing import conditional, enclosed_means
from mechopt.mechanisms.borrowing.callables import Sampled, sampled
from mechopt.mechanisms.borrowing.enclosure import enclose
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.planes import fraction, rational
from mechopt.mechanisms.borrowing.quadrature import floats, nodes
from mechopt.mechanisms.borrowing.regions import UNSETTLED, Part, every, parts
from mechopt.mechanisms.borrowing.times import Piece, Times
from mechopt.mechanisms.borrowing.values import ValueFunction

ENCLOSED = 80  # parts that are enclosed; those that take longer count as several
SEVERAL = 4  # curves of a degree above two; densities with a root at their end
SHARP = 1e-10  # an enclosure that needs no nearer number
ORDERS = (20, 40)  # nodes across a strip; their difference is the error estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its error: a Fraction with error 0, or a float with a bound or an estimate of its error.

    Attributes:
        value: the number.
        error: 0 where the value is exact.
        proven: whether the error is a bound; else it is an estimate.
    """

    value: Any
    error: float = 0.0
    proven: bool = True

    def __add__(self, other: Estimate) -> Estimate:
        value = self.value + other.value
        return Estimate(value=value, error=self.error + other.error + _rounding(value),
                        proven=self.proven and other.proven)  # fmt: skip

    def __sub__(self, other: Estimate) -> Estimate:
        return self + other.times(-1)

    def __mul__(self, other: Estimate) -> Estimate:
        error = abs(float(self.value)) * other.error + abs(float(other.value)) * self.error + self.error * other.error
        value = self.value * other.value
        return Estimate(value=value, error=error + _rounding(value), proven=self.proven and other.proven)

    def times(self, factor: Any) -> Estimate:
        """The number times an exact one."""
        value = self.value * factor
        return Estimate(value=value, error=self.error * abs(float(factor)) + _rounding(value), proven=self.proven)


def _rounding(value: Any) -> float:
    """What one operation on floats can have lost."""
    return 2.0**-51 * abs(value) if isinstance(value, float) else 0.0


class Expectations:
    """The expectations of one environment of two agents, each computed when it is first asked for.

    Args:
        environment: two agents with beliefs.
    """

    def __init__(self, environment: Environment) -> None:
        one, two = environment.agents
        self.environment = environment
        self.times: tuple[Times, Times] = (one.times, two.times)
        self.function_error = max(function.error for pair in environment.pairs for function in pair[:2])
        self.pairs = [] if self.function_error else every(environment.pairs, self.times)
        self._polynomials: dict[tuple[int, str], tuple[dict[Fraction, Fraction], conditional.Pieces]] = {}
        self._known: dict[tuple[str, int], Estimate] = {}
        self._kept: dict[tuple[int, ValueFunction, Fraction], Estimate] = {}

    @cached_property
    def exact(self) -> bool:
        """Whether every expectation is a rational number that is computed exactly."""
        return not self.function_error and all(not _numeric(part) for _, _, _, found in self.pairs for part in found)

    @cached_property
    def curved(self) -> int:
        """Parts of the square that a curve cuts."""
        return sum(part.sign == UNSETTLED for _, _, _, found in self.pairs for part in found)

    @cached_property
    def _provable(self) -> bool:
        """Whether enclosing every part that a curve cuts takes seconds rather than minutes."""
        hard = [part for _, _, _, found in self.pairs for part in found if _numeric(part) and part.polygon]
        return sum(_effort(part) for part in hard) <= ENCLOSED

    def of(self, polynomial: Callable[[Any], Any]) -> Estimate:
        """The expectation of what is a polynomial of both times on each part.

        Args:
            polynomial: of a part, from its `best`, `apart` and `where(sign)`.
        """
        total = Estimate(value=Fraction(0))
        for weight, _, _, found in self.pairs:
            total = total + expectation(found, polynomial, prove=self._provable).times(weight)
        for weight, coarse, fine in self._sampled:
            means = [float(np.sum(at.weight * polynomial(at))) for at in (coarse, fine)]
            error = abs(means[1] - means[0]) + 1e-15 * (1 + abs(means[1])) + 4 * self.function_error
            total = total + Estimate(value=means[1], error=error, proven=False).times(weight)
        return total

    @cached_property
    def _sampled(self) -> list[tuple[Fraction, Sampled, Sampled]]:
        """Nodes of two refinements for every pair, where a value function stands for a callable."""
        if not self.function_error:
            return []
        return [
            (weight, *(sampled(one, two, self.times, panels) for panels in conditional.PANELS))  # type: ignore[misc]
            for one, two, weight in self.environment.pairs
        ]

    def power(self, k: int) -> Estimate:
        """E[W*^k]."""
        return self._once(("power", k), lambda: self.of(lambda part: part.best**k))

    def loss_power(self, k: int) -> Estimate:
        """E[(-min(L1, L2))^k]: what is lost because somebody is second."""
        return self._once(("loss", k), lambda: self.of(lambda part: (part.best - part.apart) ** k))

    def _once(self, key: tuple[str, int], compute: Callable[[], Estimate]) -> Estimate:
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]

    @cached_property
    def welfare(self) -> Estimate:
        """E[W*], the expected efficient welfare."""
        return self.power(1)

    @cached_property
    def welfare_on_ties(self) -> Estimate:
        """E[W*; tie], what eq. (7.3) drops."""
        return self.of(lambda part: part.best * part.where(0))

    def probability(self, sign: int) -> Estimate:
        """P(agent 1 first), P(agent 2 first), P(tie) for sign 1, -1, 0."""
        return self._once(("probability", sign), lambda: self.of(lambda part: part.where(sign)))

    @cached_property
    def balancing_constant(self) -> Estimate:
        """h for which expected transfers of the two-stage mechanism sum to zero: -E[W*] / 2, ties included."""
        return self.welfare.times(Fraction(-1, 2))

    @cached_property
    def printed_constant(self) -> Estimate:
        """h of eq. (7.3) as printed: its sets A and B are strict, so the welfare on ties is left out."""
        return (self.welfare - self.welfare_on_ties).times(Fraction(-1, 2))

    def given(self, axis: int, function: ValueFunction, time: Fraction) -> Estimate:
        """E[W* | that agent's value function and time], the other agent's being random; axis 0 is agent 1."""
        quick = self._from_polynomials(axis, function, time)
        if quick is not None:
            return quick
        key = (axis, function, time)
        if key not in self._kept and self.function_error:
            mean = conditional.welfare_given(self, axis, function, np.array([float(time)]))
            self._kept[key] = Estimate(value=float(mean[0]), error=1e-14 + 2 * self.function_error, proven=False)
        if key not in self._kept:
            known = Times(atoms=((time, Fraction(1)),))
            times = (known, self.times[1]) if axis == 0 else (self.times[0], known)
            total = Estimate(value=Fraction(0))
            for name, weight in self.environment.agents[1 - axis].beliefs:
                other = self.environment.values[name]
                pair = (function, other) if axis == 0 else (other, function)
                if weight:
                    found = expectation(list(parts(*pair, times)), lambda part: part.best)
                    total = total + found.times(weight)
            self._kept[key] = total
        return self._kept[key]

    def _from_polynomials(self, axis: int, function: ValueFunction, time: Fraction) -> Estimate | None:
        """The same from the exact polynomials, inside the belief's support; None where they do not reach."""
        if not self.exact or not dict(self.environment.agents[axis].beliefs).get(function.name):
            return None
        if (axis, function.name) not in self._polynomials:
            self._polynomials[axis, function.name] = conditional.mean_polynomials(self, axis, function.name)
        atoms, pieces = self._polynomials[axis, function.name]
        if time in atoms:
            return Estimate(value=atoms[time])
        for low, high, polynomial in pieces:
            if low <= time < high:  # left-closed, as value functions are
                return Estimate(value=fraction(polynomial(rational(time))))
        return None

    def second_moment_given(self, axis: int) -> Estimate:
        """E[E[W* | one agent's type]^2]."""
        if self.exact:
            return self._once(("given", axis), lambda: Estimate(value=conditional.second_moment(self, axis)))
        return self._once(("given", axis), lambda: self._second_moment(axis))

    def _second_moment(self, axis: int) -> Estimate:
        """Enclosed where every density is a polynomial, else in floats."""
        rough = self.function_error or any(piece.density is None for law in self.times for piece in law.pieces)
        found = None if rough or not self._provable else enclosed_means.second_moment(self, axis)
        return found or conditional.second_moment_in_floats(self, axis)


def expectation(found: Sequence[Part], polynomial: Callable[[Part], Any], *, prove: bool = True) -> Estimate:
    """The expectation over the parts of one pair of value functions; `prove` encloses it where a curve cuts a part."""
    exactly, rough, error = Fraction(0), 0.0, 0.0
    numeric, bounded = False, True
    for part in found:
        if not _numeric(part):
            exactly += part.integrate(polynomial(part))
            continue
        numeric = True
        proven = enclose(part, polynomial) if prove else None
        bounded = bounded and proven is not None
        if proven is not None:
            value, width = _sharper(part, polynomial, *proven)
            rough, error = rough + value, error + width
            continue
        coarse, fine = (_by_nodes(part, polynomial, order) for order in ORDERS)
        rough += fine
        error += abs(fine - coarse) + 1e-15 * (1 + abs(fine))
    if not numeric:
        return Estimate(value=exactly)
    value = float(exactly) + rough
    return Estimate(value=value, error=error + len(found) * 2.0**-50 * (1 + abs(value)), proven=bounded)


def _sharper(part: Part, polynomial: Callable[[Part], Any], value: float, error: float) -> tuple[float, float]:
    """Quadrature's number where it lies inside a wide enclosure: nearer, and proven to be no further off than this."""
    if error <= SHARP:
        return value, error
    fine = _by_nodes(part, polynomial, ORDERS[1])
    inside = abs(fine - value) <= error
    return (fine, error + abs(fine - value)) if inside else (value, error)


def _effort(part: Part) -> int:
    """How many easy parts take as long to enclose."""
    if any(isinstance(density, Piece) and isinstance(density.law, Power) for density in part.density):
        return SEVERAL
    return SEVERAL if int((part.first - part.second).degrees()[1]) > 2 else 1


def _numeric(part: Part) -> bool:
    return part.sign == UNSETTLED or any(isinstance(density, Piece) for density in part.density)


def _by_nodes(part: Part, polynomial: Callable[[Part], Any], order: int) -> float:
    at = nodes(part, order)
    signs = (1, -1) if part.sign == UNSETTLED else (part.sign,)
    total = 0.0
    for sign in signs:
        chosen = at.sign == sign
        values = floats(polynomial(replace(part, sign=sign)), at.first[chosen], at.second[chosen])
        total += float(np.sum(at.weight[chosen] * values))
    return total
