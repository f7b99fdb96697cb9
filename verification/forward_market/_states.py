"""Identical agents in a state of the world: the surplus at equal holdings, in the exact brute force."""

from fractions import Fraction

from mechopt import catalog
from mechopt.evidence import Instance

market = catalog.beside(__file__, "_market")


def symmetric(instance: Instance) -> bool:
    """n >= 2 agents with the same demand in (0, 1] and the same law F = u^p on [low, low + 1], low >= 0."""
    whole = all(Fraction(instance[name]).denominator == 1 for name in ("agents", "power"))
    return bool(
        whole and instance["agents"] >= 2 and 0 < instance["k"] <= 1 and instance["power"] >= 1 <= 1 + instance["low"]
    )


def surplus(instance: Instance, held: list[Fraction] | None = None) -> tuple[Fraction, Fraction]:
    """Pi at equal holdings (or others) in the state; also without scarcity."""
    n, k = int(instance["agents"]), Fraction(instance["k"])
    spot = market.spot((k,) * n, (int(instance["power"]),) * n, Fraction(instance["low"]))
    if n * k <= 1:  # everybody is served, the supply is no constraint: E W is n k E theta, rents and phi as always
        fixed = n * k * spot.mean(0) - n * spot.rent(0)
        phi = [spot.phi(i, r) for i, r in enumerate(held or [Fraction(1, n)] * n)]
        return fixed + sum(a for a, _ in phi), fixed + sum(b for _, b in phi)
    low, high = spot.surplus(held or [Fraction(1, n)] * n)
    return Fraction(low), Fraction(high)


STATES = [
    {"agents": n, "k": k, "power": p, "low": low}
    for n in (2, 3)
    for k in (Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), Fraction(1))
    for p in (1, 2)
    for low in (0, 1)
]
RANGE = "2 or 3 agents, k in {1/4, 1/3, 1/2, 2/3, 1}, F = u or u^2, low in {0, 1}"


TINY = Fraction(1, 2**30)
