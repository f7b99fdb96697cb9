"""delta(z), c(z) and their parameters, which Proposition 2 and the remarks after it share."""

from fractions import Fraction

from mechopt.evidence import Instance

# ratio: epsilon / (beta^(1-T) T v-bar), the only way in which epsilon, beta, T and v-bar enter.


def parameters(instance: Instance) -> bool:
    """0 < z < 1, ratio = epsilon / (beta^(1-T) T v-bar) > 0, N >= 1 agents."""
    return 0 < instance["z"] < 1 and instance["ratio"] > 0 and instance["agents"] == int(instance["agents"]) >= 1


def delta(instance: Instance) -> Fraction:
    """delta(z)."""
    z, ratio = Fraction(instance["z"]), Fraction(instance["ratio"])
    return min(z * (1 - z) * ratio**2 / instance["agents"], Fraction(1))


def conjecture(instance: Instance) -> Fraction:
    """c(z)."""
    return min(Fraction(instance["z"]) * instance["ratio"], Fraction(1))
