"""What floats can prove of a solution: a safe bound on the optimum, and the violation of the point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.outcome import Guarantee
from mechopt.program import LinearProgram, Solution, to_float
from mechopt.rational import EPSILON, sums_with_bound


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Residuals:
    """What floats can say of a solution.

    Attributes:
        objective: of the point.
        bound: proven: no feasible point is better. Infinite where a variable without a bound has a reduced cost of
            the wrong sign, by however little.
        violation: the largest violation of a limit at the point, relative to max(1, |limit|).
        reason: why there is no exact certificate.
    """

    objective: float
    bound: float
    violation: float
    reason: str

    @property
    def error(self) -> float:
        """The gap between objective and bound; infinite where there is no bound."""
        return abs(self.objective - self.bound)

    def guarantee(self, of: str) -> Guarantee:
        """What a result that rests on these residuals is worth."""
        kind = "bounded" if self.error < np.inf else "approximate"
        detail = f"{of}: gap {self.error:.1e}, largest violation {self.violation:.1e} ({self.reason})"
        return Guarantee(kind=kind, detail=detail, error=self.error)  # type: ignore[arg-type]  # one of two literals


def residuals(program: LinearProgram, solution: Solution, *, reason: str) -> Residuals:
    """A bound on the optimum from any shadow prices, safe against rounding, and the violation of the point.

    Args:
        program: floats or rationals; rounded to floats, which the bound allows for.
        solution: a point and the duals it came with.
        reason: why there is no exact certificate.
    """
    sign = 1.0 if program.sense == "max" else -1.0  # as a maximum: bound = sup of the Lagrangian over the limits
    price = np.nan_to_num(sign * solution.dual)
    low, high = to_float(program.row_lower), to_float(program.row_upper)
    price[(price > 0) & ~np.isfinite(high) | (price < 0) & ~np.isfinite(low)] = 0.0
    column = np.repeat(np.arange(program.columns), np.diff(program.start))
    used, slack = sums_with_bound(column, to_float(program.value) * price[program.index], program.columns)
    cost = sign * to_float(program.cost)
    slack += 2 * EPSILON * (np.abs(cost) + np.abs(used))
    lower, upper = to_float(program.lower), to_float(program.upper)
    with np.errstate(invalid="ignore"):
        # The reduced cost is known to within `slack`: take the worst of both ends at the better bound.
        worst = np.fmax(_extreme(cost - used + slack, lower, upper), _extreme(cost - used - slack, lower, upper))
        terms = np.concatenate([worst, _extreme(price, low, high)])
    offset = sign * exact.as_float(exact.parse(program.offset))
    rounding = (terms.size + 8) * EPSILON * (float(np.abs(terms).sum()) + abs(offset))
    return Residuals(
        objective=solution.objective,
        bound=sign * (float(terms.sum()) + offset + (rounding if np.isfinite(rounding) else 0.0)),
        violation=program.violation(solution.point),
        reason=reason,
    )


def _extreme(slope: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest slope * x for low <= x <= high."""
    at = np.where(slope > 0, high, np.where(slope < 0, low, 0.0))
    return np.where(slope == 0, 0.0, slope * at)
