"""The market of Figure 1, by brute force and in closed form: what the claims about the figure share."""

from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.evidence import Instance, symbolic

market = catalog.beside(__file__, "_market")

TWO, ONE = Fraction(2, 3), Fraction(1, 3)
POINTS = [{"k": Fraction(j, 24)} for j in range(1, 17)]
RANGE = "k_1 in {1/24, ..., 16/24}"


def drawn(instance: Instance) -> bool:
    """k_1 is in (0, 2/3]."""
    return bool(0 < instance["k"] <= TWO)


def spot_at(k: Any) -> Any:
    """The market of the figure, in the exact brute force."""
    return market.spot((Fraction(k), TWO, TWO), (1, 1, 1), Fraction(0))


def interior(k: Any) -> tuple[Fraction, Fraction]:
    """Pi at r*, between two fractions."""
    spot = spot_at(k)
    low, high = spot.surplus([r for r, _ in spot.star()])
    return Fraction(low) - Fraction(1, 2**30), Fraction(high) + Fraction(1, 2**30)


def boundary(k: Any) -> Fraction:
    """Pi at (1, 0, 0)."""
    return Fraction(spot_at(k).surplus([1, 0, 0])[0])


def total(k: Any, t: Any, scarce: bool) -> Any:
    """The sum of the q_i at the type t; scarce is k_1 <= 1/3, where the others leave the lowest type something."""
    if scarce:
        return (2 + 2 * t - 6 * k + 18 * k * t - 9 * k * t * t) / 3
    return t * (10 - 6 * k - 6 * t + 9 * k * t) / 3


def slope(t: Any, scarce: bool) -> Any:
    """The derivative of Pi at r* in k_1, at hat = t: by the envelope hat itself need not move."""
    return (1 - 4 * t + 6 * t * t - 2 * t**3) / 2 if scarce else (1 - 6 * t * t + 6 * t**3) / 6


def value(k: Any, t: Any, scarce: bool) -> Any:
    """Pi at r*, at hat = t."""
    if scarce:
        return (2 + 9 * k - 36 * k * t + 54 * k * t * t - 18 * k * t**3 - 6 * t + 6 * t * t) / 18
    return (18 * k * t**3 - 18 * k * t * t + 3 * k - 12 * t**3 + 30 * t * t - 18 * t + 4) / 18


def symbols() -> dict[str, Any]:
    """q_1, q_2, the idle supply and Pi in closed form, from the sets of agents above a type."""
    import sympy

    k, t, s = symbolic.positive("k t s")
    two, one = sympy.Rational(2, 3), sympy.Rational(1, 3)
    found: dict[str, Any] = {"k": k, "t": t}
    for scarce in (True, False):
        both = one - k if scarce else 0  # what agents 1 and 2 (or 1 and 3) leave
        q1 = k * s**2 + 2 * s * (1 - s) * (k if scarce else one)
        q2 = two * s**2 + s * (1 - s) * ((two if scarce else 1 - k) + one) + (1 - s) ** 2 * both
        idle = s**3 + (1 - s) * s**2 * ((1 - k) + 2 * one) + 2 * (1 - s) ** 2 * s * both
        fixed = 1 - sympy.integrate(idle, (s, 0, 1)) - sympy.integrate((1 - s) * (q1 + 2 * q2), (s, 0, 1))
        found[f"sum {scarce}"] = (q1 + 2 * q2).subs(s, t)
        found[f"interior {scarce}"] = fixed + sympy.integrate(q1 + 2 * q2, (s, 0, t)) - t
        found[f"boundary {scarce}"] = fixed + sympy.integrate(q1, (s, 0, 1)) - k
    return found
