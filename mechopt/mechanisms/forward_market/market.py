"""The money of an efficient spot market: worst-off types, payoffs, and its expected surplus at any holdings.

With Q_i(t) the integral of q_i from the low end to t and m_i = min(r_i, k_i),

    worst-off type   hat_i(r_i) = min{t: q_i(t) >= m_i}                                   (Lemma 1)
    outside option   phi_i(r_i) = Q_i(hat_i) - hat_i m_i = min over t of Q_i(t) - t m_i    (concave in r_i)
    payoff           pi_i(r_i)  = rent_i - phi_i(r_i),  rent_i = integral of (1 - F_i) q_i
    surplus          Pi_r       = E W - sum rent_i + sum phi_i(r_i)                        (eq. (11))
    welfare          E W        = low * min(1, sum k) + integral of E min(1, D_t)

No density is needed. Source: liu2020, Sections 3 and 4; pi_i and eq. (11) rearranged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt.distributions import Distribution, Mixture, PiecewiseLinear
from mechopt.errors import SolveError
from mechopt.mechanisms.forward_market.curves import Curves
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.interim import Interim, Method
from mechopt.mechanisms.forward_market.roots import NEXT, rising_root

Floats = NDArray[np.float64]
SNAP = 1e-12  # a holding this close to q_i(low) or k_i is taken to be it
FLAT = 1e-6  # of the support: how far from the common worst-off type flatness is looked for


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Common:
    """The common worst-off type and the holdings that make it so.

    Attributes:
        type: hat, the least one.
        highest: the largest common worst-off type; above `type` only where no type is likely between them.
        uncertainty: by how much rounding may have moved hat, money per unit: an estimate, large where demand exceeds
            supply so little that the allocations sum to all but 1 at many types.
        holding: r_i* = q_i(hat), shape (agents,).
        error: bound on the error of each holding, given the values of the distributions.
        evaluations: types at which the allocations were computed.
    """

    type: float
    highest: float
    uncertainty: float
    holding: Floats
    error: float
    evaluations: int


class Market:
    """An efficient spot market for given demands and distributions.

    Args:
        environment: who takes part.
        demand: other maximum demands than the environment's (a state of the world).
        method: how the interim allocations are computed; None chooses.
    """

    def __init__(
        self, environment: Environment, *, demand: Sequence[Fraction] | None = None, method: Method | None = None
    ) -> None:
        self.environment = environment
        self.exact_demand = tuple(demand or environment.demand)
        self.demand = np.array([float(value) for value in self.exact_demand])
        self.low, self.high = environment.low, environment.high
        self.interim = Interim(self.exact_demand, environment.distribution, method=method)

    @cached_property
    def scarce(self) -> bool:
        """Whether demand exceeds supply."""
        return sum(self.exact_demand) > 1

    @cached_property
    def curves(self) -> Curves:
        """The interim allocations over the support."""
        return Curves(self.interim, self.low, self.high, breaks(self.environment.distribution))

    @property
    def _kind(self) -> NDArray[np.intp]:
        return self.interim.class_of

    @cached_property
    def common(self) -> Common:
        """The unique holdings at which all worst-off types agree.

        Raises:
            SolveError: there is no scarcity, so that no such type exists.

        Source: liu2020, Proposition 2.
        """
        if not self.scarce:
            raise SolveError("without scarcity there is no common worst-off type")
        interim, before = self.interim, self.interim.evaluations

        def excess(point: float) -> float:
            return float(interim.total(interim.at(point).value)[0]) - 1.0

        hat = rising_root(excess, self.low, self.high)
        close, flat = 2 * NEXT * hat, FLAT * (self.high - self.low) / 2
        near = interim.at(np.clip(hat + np.array([-close, 0.0, close, -flat, flat]), self.low, self.high))
        over, noise = interim.total(near.value) - 1.0, float(interim.total(near.error).max())
        left = 1 if over[1] < 0 else 0  # the allocations sum to 1 between this type and the next
        gap = over[left + 1] - over[left]
        share = float(np.clip(-over[left] / gap, 0.0, 1.0)) if gap > 0 else 0.0
        least, highest = self._ends(hat, flat, over[3:], max(1e-13, noise))
        return Common(
            type=least,
            highest=highest,
            uncertainty=self._uncertainty(hat, noise, float(over[4] - over[3]) / (2 * flat)),
            holding=interim.spread(near.value[left] + share * (near.value[left + 1] - near.value[left])),
            # All q_i rise, so that none is further from r_i* than their sum is from 1.
            error=float(np.abs(over[left : left + 2]).max()) + noise + float(near.error[left : left + 2].max()),
            evaluations=interim.evaluations - before,
        )

    def _uncertainty(self, hat: float, noise: float, slope: float) -> float:
        """How far from hat the allocations still sum to 1 within their error."""
        if slope * FLAT * (self.high - self.low) > 4 * noise:
            return 2 * noise / slope

        def meets(point: float) -> bool:
            return abs(float(self.interim.total(self.interim.at(point).value)[0]) - 1.0) <= noise

        return max(abs(_edge(meets, hat, end) - hat) for end in (self.low, self.high))

    def _ends(self, hat: float, flat: float, over: Floats, noise: float) -> tuple[float, float]:
        """The ends of the interval of common worst-off types: more than one type only where no distribution moves."""
        for sign, there in zip((-1.0, 1.0), over.tolist(), strict=True):
            inside, further = hat + sign * flat, hat + 2 * sign * flat

            def unmoved(point: float, inside: float = inside) -> bool:
                below = self.interim.below([inside, point])
                return bool(np.all(below[0] == below[1]))

            if abs(there) <= noise and self.low <= further <= self.high and unmoved(further):
                return _edge(unmoved, inside, self.low), _edge(unmoved, inside, self.high)
        return hat, hat

    @cached_property
    def welfare(self) -> float:
        """E W, expected welfare of the efficient allocation, money."""
        sold = min(1.0, float(sum(self.exact_demand)))
        return self.low * sold + (self.high - self.low) - self.curves.idle

    @cached_property
    def rents(self) -> Floats:
        """The integral of (1 - F_i) q_i, money, shape (agents,)."""
        curves = self.curves
        return self.interim.spread(curves.integrate((1.0 - curves.below) * curves.node_values))

    @cached_property
    def error(self) -> float:
        """Estimate of the absolute error of a surplus, money."""
        curves = self.curves
        scale = np.finfo(np.float64).eps * self.high * (self.interim.agents + 4)
        return curves.idle_error + 2 * float(self.interim.total(curves.area_error)) + scale

    def worst_off_types(self, holding: ArrayLike) -> Floats:
        """hat_i(r_i) of every agent, in the shape of the holdings.

        Args:
            holding: r_i >= 0, units of supply, shape (agents,) or (agents, points).

        Source: liu2020, Lemma 1.
        """
        held = np.asarray(holding, dtype=np.float64)
        kind = np.repeat(self._kind, held.size // held.shape[0])
        return self.curves.inverse(kind, self._usable(held).ravel()).reshape(held.shape)

    def _usable(self, holding: Floats) -> Floats:
        """min(r_i, k_i), snapped to q_i(low) and k_i."""
        shape = (-1, *(1,) * (holding.ndim - 1))
        least, most = self.interim.spread(self.curves.at_edge[0]).reshape(shape), self.demand.reshape(shape)
        return _snapped(np.minimum(holding, most), least, most)

    def outside(self, holding: ArrayLike) -> Floats:
        """phi_i(r_i) <= 0 of every agent, money, shape (agents,)."""
        usable = np.minimum(np.asarray(holding, dtype=np.float64), self.demand)
        hat = self.curves.inverse(self._kind, usable)
        return self.curves.integral(self._kind, hat) - hat * usable

    def payoffs(self, holding: ArrayLike) -> Floats:
        """pi_i(r_i), the expected payoff from the spot market at its worst-off type's outside option, money.

        Source: liu2020, Section 4.2 (pi_i).
        """
        return self.rents - self.outside(holding)

    def payoff(self, agent: int, holdings: ArrayLike) -> Floats:
        """pi_i of one agent at holdings of any shape."""
        usable = np.minimum(np.asarray(holdings, dtype=np.float64), self.demand[agent])
        kind = int(self._kind[agent])
        hat = self.curves.inverse(kind, usable)
        return self.rents[agent] - (self.curves.integral(kind, hat) - hat * usable)

    def worst_off_type(self, agent: int, holdings: ArrayLike) -> Floats:
        """hat_i of one agent at holdings of any shape."""
        kind, most = int(self._kind[agent]), self.demand[agent]
        usable = np.minimum(np.asarray(holdings, dtype=np.float64), most)
        return self.curves.inverse(kind, _snapped(usable, self.curves.at_edge[0, kind], most))

    def limits(self, agent: int) -> Sequence[tuple[float, float]]:
        """The demand k_i, beyond which a unit more is worth nothing, with the chance that it is so: 1."""
        return [(float(self.demand[agent]), 1.0)]

    def marginal_value(self, agent: int, holdings: Floats, *, side: Literal["left", "right"]) -> Floats:
        """What the next ("right") or the last ("left") unit held adds to pi_i: hat_i up to k_i, 0 beyond."""
        most = self.demand[agent]
        beyond = holdings > most if side == "left" else holdings >= most
        return np.where(beyond, 0.0, self.worst_off_type(agent, holdings))

    @property
    def representatives(self) -> Sequence[int]:
        """One agent of each class: identical agents hold the same r* and have the same deviations."""
        found: list[int] = self.interim.first.tolist()
        return found

    @property
    def target(self) -> Floats:
        """r*, which the forward market is to bring about, units of supply, shape (agents,)."""
        return self.common.holding

    @property
    def price(self) -> float:
        """The common worst-off type, which is the marginal value of r* to everybody, money per unit."""
        return self.common.type

    @property
    def surplus_at_target(self) -> float:
        """Pi at r*, money."""
        return self.surplus_at_common

    @property
    def outside_payoffs(self) -> Floats:
        """min(e_i, k_i) E theta_i, from keeping the endowment with no market at all, money, shape (agents,)."""
        return np.asarray(np.minimum(self.environment.endowments, self.demand) * self.environment.means)

    def surplus(self, holding: ArrayLike) -> float:
        """Pi_r, the expected budget surplus of the spot market at any holdings, money.

        Source: liu2020, eq. (11) in Appendix A.8, with min(r_i, k_i) in place of r_i.
        """
        return self.welfare - float(self.rents.sum()) + float(self.outside(holding).sum())

    @cached_property
    def surplus_at_common(self) -> float:
        """Pi at the holdings r*, without a root an agent: there all worst-off types are one."""
        common = self.common
        outside = self.curves.integral(self._kind, np.full(self.interim.agents, common.type))
        return self.welfare - float(self.rents.sum()) + float(outside.sum()) - common.type

    @cached_property
    def cornered(self) -> Floats:
        """Pi where agent i holds the whole supply and the others nothing, money, shape (agents,).

        # Paper: the corner goes to the least integral of k_i - q_i; here low * k_i is added, because the outside
        # option of the corner's holder is worth that much more where types start above 0.

        Source: liu2020, Proposition 10, corrected.
        """
        curves = self.curves
        outside = self.interim.spread(curves.area[-1]) - self.high * self.demand
        return self.welfare - float(self.rents.sum()) + outside


def _edge(holds: Callable[[float], bool], inside: float, outside: float) -> float:
    """The last type on the way from one to another up to which something holds."""
    if holds(outside):
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return inside


def _snapped(usable: Floats, least: Any, most: Any) -> Floats:
    """Amounts that rounding alone keeps from q_i(low) or from k_i."""
    usable = np.where(np.abs(usable - least) <= SNAP, least, usable)
    # Where everybody is served q_i is k_i at every type, and the least of them is meant.
    return np.where((np.abs(usable - most) <= SNAP) & (least < most - SNAP), most, usable)


def breaks(distributions: Sequence[Distribution]) -> list[float]:
    """Where a cdf may have a kink: the ends of every component and the points of piecewise linear ones."""
    found: set[float] = set()
    for law in distributions:
        found.update(law.support)
        if isinstance(law, PiecewiseLinear):
            found.update(float(point) for point in law.points)
        if isinstance(law, Mixture):
            found.update(breaks(law.components))
    return sorted(found)
