"""Three ways to calculate one mechanism: floats, fractions, and the integer ledger.

The protocol in `online.py` is written once; what differs is how a probability is formed and multiplied.

* `Floats` follows the contract's conventions to the letter; regrets within 1e-12 of 0 are set to 0.
* `Fractions` is exact for any rational data; its numbers grow by some digits a period.
* `Ledger` keeps probabilities on a grid of 2^-32 and regrets as integers in units of 2^-32 of output, with floor
  division: the same integers on every machine. The float dynamics of Sections 4, 6 and 7 are chaotic (a difference
  in the last digit reaches every regret within three to ten thousand periods), so that audit and replay need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Protocol

from mechopt import exact

SNAP = 1e-12
GRID = 1 << 32  # of probabilities in the integer ledger, and of draws from a seed


class Arithmetic(Protocol):
    """What the protocol needs to know about numbers."""

    one: Any
    zero: Any

    def lift(self, output: Any) -> Any:
        """An output as a regret."""

    def mix(self, shares: Sequence[Any], amounts: Sequence[Any]) -> Any:
        """Sum of probability times output over the groups, as a regret."""

    def times(self, share: Any, regret: Any) -> Any:
        """A probability, or the discount, times a regret."""

    def split(self, share: Any, regret: Any) -> tuple[Any, Any]:
        """share and 1 - share of a regret."""

    def ratio(self, part: Any, rest: Any) -> Any:
        """part / (part + rest) for regrets >= 0 that are not both 0."""

    def shares(self, weights: Sequence[Any]) -> list[Any]:
        """Probabilities proportional to weights >= 0; all to the first where all are 0."""

    def explore(self, shares: Sequence[Any], rate: Any) -> list[Any]:
        """(1 - rate) shares + rate times the uniform distribution."""

    def rate(self, period: int, exponent: Fraction) -> Any:
        """nu_t = t^-a."""

    def estimate(self, output: Any, propensity: Any) -> Any:
        """output / propensity as a regret, Appendix A.2."""

    def estimated_gap(self, shares: Sequence[Any], own: Any, groups: Sequence[Any], realised: Any) -> Any:
        """Sum of probability times (own - estimate) over the groups."""

    def owed(self, regret: Any) -> Any:
        """A debt in units of output that can be paid."""

    def settle(self, regret: Any) -> Any:
        """A regret as it is kept from one period to the next."""

    def pick(self, shares: Sequence[Any], draw: Any) -> int:
        """The first group whose cumulated probability exceeds the draw."""


def total(terms: Sequence[Any], zero: Any) -> Any:
    """The sum in the order given; the built-in `sum` compensates floats in newer Pythons."""
    result = zero
    for term in terms:
        result = result + term
    return result


class Fractions:
    """Exact rationals."""

    one: Any = Fraction(1)
    zero: Any = Fraction(0)

    def lift(self, output: Any) -> Any:
        """The output itself."""
        return output

    def mix(self, shares: Sequence[Any], amounts: Sequence[Any]) -> Any:
        """In group order."""
        return total([share * amount for share, amount in zip(shares, amounts, strict=True)], self.zero)

    def times(self, share: Any, regret: Any) -> Any:
        """The product."""
        return share * regret

    def split(self, share: Any, regret: Any) -> tuple[Any, Any]:
        """share * regret and (1 - share) * regret."""
        return share * regret, (self.one - share) * regret

    def ratio(self, part: Any, rest: Any) -> Any:
        """part / (part + rest)."""
        return part / (part + rest)

    def shares(self, weights: Sequence[Any]) -> list[Any]:
        """Each weight over their sum in group order."""
        whole = total(weights, self.zero)
        if whole == 0:
            return [self.one] + [self.zero] * (len(weights) - 1)
        return [weight / whole for weight in weights]

    def explore(self, shares: Sequence[Any], rate: Any) -> list[Any]:
        """Mixed group by group."""
        each = rate / len(shares)
        return [(self.one - rate) * share + each for share in shares]

    def rate(self, period: int, exponent: Fraction) -> Any:
        """t^-a rounded down to the grid of the ledger: a power is irrational, the rate is a choice."""
        return Fraction(grid_rate(period, exponent), GRID)

    def estimate(self, output: Any, propensity: Any) -> Any:
        """output / propensity."""
        return output / propensity

    def estimated_gap(self, shares: Sequence[Any], own: Any, groups: Sequence[Any], realised: Any) -> Any:
        """Differences before mixing."""
        return self.mix(shares, [own - other for other in groups])

    def owed(self, regret: Any) -> Any:
        """The debt."""
        return regret

    def settle(self, regret: Any) -> Any:
        """Exact zeros need no help."""
        return regret

    def pick(self, shares: Sequence[Any], draw: Any) -> int:
        """Cumulated in group order; a draw that rounding leaves beyond the total falls to the last possible group."""
        cumulated, last = self.zero, 0
        for group, share in enumerate(shares):
            cumulated = cumulated + share
            if share > 0:
                last = group
                if cumulated > draw:
                    return group
        return last


class Floats(Fractions):
    """Doubles, as the contract's conventions say."""

    one: Any = 1.0
    zero: Any = 0.0

    def rate(self, period: int, exponent: Fraction) -> Any:
        """t^-a."""
        return float(period) ** -float(exponent)

    def settle(self, regret: Any) -> Any:
        """0 within 1e-12 of it: the rules are discontinuous there."""
        return 0.0 if abs(regret) <= SNAP else regret


class Ledger:
    """Integers: outputs in whole units, probabilities in 2^-32, regrets in 2^-32 of a unit; Python's, so unbounded."""

    one: Any = GRID
    zero: Any = 0

    def lift(self, output: Any) -> Any:
        """In units of 2^-32."""
        return output * GRID

    def mix(self, shares: Sequence[Any], amounts: Sequence[Any]) -> Any:
        """Exact."""
        return sum(share * amount for share, amount in zip(shares, amounts, strict=True))

    def times(self, share: Any, regret: Any) -> Any:
        """Rounded down."""
        return share * regret // GRID

    def split(self, share: Any, regret: Any) -> tuple[Any, Any]:
        """The first part rounded down; together they are the regret."""
        part = share * regret // GRID
        return part, regret - part

    def ratio(self, part: Any, rest: Any) -> Any:
        """Rounded down."""
        return part * GRID // (part + rest)

    def shares(self, weights: Sequence[Any]) -> list[Any]:
        """Rounded down; what is left falls to the grand group, as mu(I) = 1 - sum of the others."""
        whole = sum(weights)
        if whole == 0:
            return [GRID] + [0] * (len(weights) - 1)
        others = [weight * GRID // whole for weight in weights[1:]]
        return [GRID - sum(others), *others]

    def explore(self, shares: Sequence[Any], rate: Any) -> list[Any]:
        """Rounded down, at least one grid point each; what is left falls to the grand group."""
        each = rate // len(shares)
        others = [max(1, (GRID - rate) * share // GRID + each) for share in shares[1:]]
        return [GRID - sum(others), *others]

    def rate(self, period: int, exponent: Fraction) -> Any:
        """Grid points, rounded down."""
        return grid_rate(period, exponent)

    def estimate(self, output: Any, propensity: Any) -> Any:
        """Rounded down."""
        return output * GRID * GRID // propensity

    def estimated_gap(self, shares: Sequence[Any], own: Any, groups: Sequence[Any], realised: Any) -> Any:
        """The mixture of the estimates is what was realised: no need to round it group by group."""
        return own - realised * GRID

    def owed(self, regret: Any) -> Any:
        """In whole units, rounded up: a payment is made in units."""
        return -(-regret // GRID)

    def settle(self, regret: Any) -> Any:
        """Integers stay."""
        return regret

    def pick(self, shares: Sequence[Any], draw: Any) -> int:
        """The draw is a grid point, 0 to 2^32 - 1."""
        cumulated = 0
        for group, share in enumerate(shares):
            cumulated += share
            if cumulated > draw:
                return group
        raise ValueError(f"draw {draw} is not below 2^32")


def grid_rate(period: int, exponent: Fraction) -> int:
    """floor(2^32 t^-a) in integers: the largest w with w^q t^p <= 2^(32 q), for a = p/q.

    Source: chassang2021, Appendix A.2, nu_t = t^-a.
    """
    power, degree = exponent.numerator, exponent.denominator
    return integer_root((GRID**degree) // period**power, degree)


def integer_root(value: int, degree: int) -> int:
    """floor of the `degree`-th root of an integer >= 0."""
    from flint import fmpz

    if value < 2 or degree == 1:
        return value
    if degree >= value.bit_length():
        return 1
    return int(fmpz(value).root(degree))


def grid_draw(draw: Any) -> int:
    """A draw in [0, 1) as a grid point, rounded down; a float counts with its binary value."""
    if isinstance(draw, float):
        return int(draw * GRID)
    return int(exact.parse(draw) * GRID // 1)
