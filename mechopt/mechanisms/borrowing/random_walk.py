"""A budget that moves by independent rounds: normal bands, ruin within a horizon, and the reserve for a level.

B_R is the manager's cumulative deficit; she is ruined when it passes her reserve. All formulas allow a drift.
Source: zheng2023, Proposition 6 (the normal limit); Siegmund 1979 for the correction to discrete rounds.
"""

from __future__ import annotations

from math import exp, log, sqrt

from mechopt.errors import InstanceError

# Mean overshoot of a standard normal walk, -zeta(1/2) / sqrt(2 pi): the walk passes a barrier b as Brownian motion
# passes b + 0.5826 sigma.
OVERSHOOT = 0.5825971579390107


def band(mean: float, variance: float, rounds: int, level: float) -> tuple[float, float]:
    """The normal band of B_R that holds all but `level`, half of it on each side."""
    from scipy.special import ndtri

    half = float(ndtri(1 - level / 2)) * sqrt(variance * rounds)
    return mean * rounds - half, mean * rounds + half


def exceedance(mean: float, variance: float, rounds: int, limit: float) -> float:
    """P(B_R > limit), by the normal limit."""
    from scipy.special import ndtr

    if variance == 0:
        return float(mean * rounds > limit)
    return float(ndtr((mean * rounds - limit) / sqrt(variance * rounds)))


def ruin(mean: float, variance: float, rounds: int, reserve: float, *, corrected: bool = True) -> float:
    """P(B_r > reserve for some r <= R): Brownian motion with drift, the barrier moved by the mean overshoot.

    Args:
        mean: drift a round.
        variance: of a round.
        rounds: R.
        reserve: b >= 0.
        corrected: Siegmund's correction to discrete rounds; without it, the reflection principle.
    """
    from scipy.special import log_ndtr, ndtr

    if variance == 0:
        return float(mean * rounds > reserve)
    sigma = sqrt(variance)
    barrier = reserve + OVERSHOOT * sigma * corrected
    spread = sigma * sqrt(rounds)
    tail = 2 * mean * barrier / variance + float(log_ndtr((-barrier - mean * rounds) / spread))
    return min(1.0, float(ndtr((mean * rounds - barrier) / spread)) + exp(min(tail, 0.0)))


def reserve_for(mean: float, variance: float, rounds: int, level: float, *, corrected: bool = True) -> float:
    """The least reserve that keeps ruin within R rounds at a level; 0 where none is needed.

    Raises:
        InstanceError: the level is not between 0 and 1.
    """
    from scipy.optimize import brentq

    if not 0 < level < 1:
        raise InstanceError(f"must lie between 0 and 1, not {level}", key="level")
    if ruin(mean, variance, rounds, 0.0, corrected=corrected) <= level:
        return 0.0
    high = max(1.0, sqrt(variance), abs(mean) * rounds)
    while ruin(mean, variance, rounds, high, corrected=corrected) > level:
        high *= 2
    return float(brentq(lambda b: ruin(mean, variance, rounds, b, corrected=corrected) - level, 0.0, high, xtol=1e-12))


def proven_reserve(mean: float, width: float, rounds: int, level: float) -> float:
    """A reserve that holds at the level for certain, by the maximal form of Hoeffding's inequality.

    Args:
        mean: drift a round.
        width: range of a round's deficit, largest less least.
        rounds: R.
        level: largest probability of ruin.
    """
    return max(0.0, mean) * rounds + width * sqrt(rounds * log(1 / level) / 2)


def stationary_variance(variance: float, kappa: float) -> float:
    """Variance of the budget under the feedback constant h_r = h - kappa B_{r-1} / 2: B_r = (1 - kappa) B_{r-1} + X_r.

    Raises:
        InstanceError: kappa is not in (0, 2), where the budget has no stationary distribution.
    """
    if not 0 < kappa < 2:
        raise InstanceError(f"must lie between 0 and 2, not {kappa}", key="feedback")
    return variance / (1 - (1 - kappa) ** 2)
