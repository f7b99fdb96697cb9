"""The manager's budget: moments of a round's T_1 + T_2 under truth. Source: zheng2023, Lemma 2, Section 10."""

from __future__ import annotations

from fractions import Fraction

from mechopt.mechanisms.borrowing.expectations import Estimate, Expectations


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
        return expectations.of(lambda part: (part.best if design == "two_stage" else part.best - part.apart) ** k)

    first, second, third = moment(1), moment(2), moment(3)
    square = first * first
    return second - square, third - (first * second).times(3) + (square * first).times(2)
