"""The manager's budget: moments of a round's T_1 + T_2 under truth. Source: zheng2023, Lemma 2, Section 10."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from mechopt.mechanisms.borrowing import planes
from mechopt.mechanisms.borrowing.expectations import Estimate, Expectations
from mechopt.mechanisms.borrowing.regions import UNSETTLED, Part
from mechopt.mechanisms.borrowing.values import bernstein


def moments(expectations: Expectations, design: str) -> tuple[Estimate, Estimate | None]:
    """Variance and third central moment of T_1 + T_2 when everybody tells the truth.

    The two-stage budget moves with W*, the pivot's with min(L1, L2), the minimum-variance design's with the part of
    W* that no single agent's report explains. The third moment of the last is not computed.

    Source: Lemma 2 for the two-stage design.
    """
    if design == "one_stage":
        return Estimate(value=Fraction(0)), Estimate(value=Fraction(0))
    if design == "minimum_variance":
        mean = expectations.welfare
        known = expectations.second_moment_given(0) + expectations.second_moment_given(1)
        return expectations.power(2) - known + mean * mean, None

    def moment(k: int) -> Estimate:
        return expectations.power(k) if design == "two_stage" else expectations.loss_power(k)

    first, second, third = moment(1), moment(2), moment(3)
    square = first * first
    return second - square, third - (first * second).times(3) + (square * first).times(2)


def limits(expectations: Expectations, design: str) -> tuple[float, float]:
    """Proven bounds of T_1 + T_2 less its constants under truth, by Bernstein coefficients on every part.

    For the minimum-variance design, whose charges are no polynomials of both times, the bounds of its terms are added.
    """
    if design == "one_stage":
        return 0.0, 0.0
    if expectations.function_error:
        return _limits_of_values(expectations, design)
    ends = [
        end
        for _, _, _, found in expectations.pairs
        for part in found
        for sign in ((1, -1) if part.sign == UNSETTLED else (part.sign,))
        for end in enclosure(replace(part, sign=sign), pivot=design == "pivot")
    ]
    low, high = float(min(ends)), float(max(ends))
    if design == "minimum_variance":  # W* less two means of W*
        return low - 2 * high, high - 2 * low
    return low, high


def enclosure(part: Part, *, pivot: bool = False) -> tuple[Fraction, Fraction]:
    """Bounds of W*, or of W* - v1(t1) - v2(t2), on one part; attained where it is linear."""
    polynomial = part.best - part.apart if pivot else part.best
    if part.polygon:
        corner = part.polygon[0]
        found = [
            c for b, d in pairwise(part.polygon[1:]) for c in planes.triangle_coefficients(polynomial, corner, b, d)
        ]
        return min(found), max(found)
    moving = [axis for axis in (0, 1) if part.low[axis] != part.high[axis]]
    if not moving:
        value = planes.value(polynomial, part.low)
        return value, value
    axis = moving[0]
    name = planes.PLANE.names()[1 - axis]
    line = planes.univariate(polynomial.subs({name: planes.rational(part.low[1 - axis])}), axis)
    found = bernstein([planes.fraction(c) for c in line.coeffs()] or [Fraction(0)], part.low[axis], part.high[axis])
    return min(found), max(found)


def _limits_of_values(expectations: Expectations, design: str) -> tuple[float, float]:
    values = expectations.environment.values
    bounds = [
        [values[name].bounds(Fraction(0), Fraction(2)) for name, p in agent.beliefs if p]
        for agent in expectations.environment.agents
    ]
    low = float(sum(min(b[0] for b in mine) for mine in bounds))
    high = float(sum(max(b[1] for b in mine) for mine in bounds))
    return (low, high) if design == "two_stage" else (low - high, high - low) if design == "pivot" else (
        low - 2 * high, high - 2 * low
    )  # fmt: skip
