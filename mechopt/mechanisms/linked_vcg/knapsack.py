"""The divisible multi-dimensional knapsack v(q, mu): value, the unique efficient investment, prices.

Source: zhu2021, Section 3, eq. (1), Lemma 1 and Lemma 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.batch_simplex import solve_batch
from mechopt.certify import Certificate, certify
from mechopt.errors import CertificateError
from mechopt.mechanisms.linked_vcg.repair import repaired
from mechopt.mechanisms.linked_vcg.vertices import Geometry, Vertices
from mechopt.prices import Interval, price_intervals
from mechopt.program import BASIC, LinearProgram, Solution, to_float
from mechopt.recertify import Recertifier
from mechopt.residuals import Residuals
from mechopt.solver import Sequence as Hot

LARGEST_GAP = 1e-7  # relative, above which residuals are no proof of an optimum
REMEMBERED = 8  # price vertices tried before a solver is asked
KINK = 1e-9  # relative to the value: nearer to a limit, an amount partly invested in is worked out from exact sums
NEARLY = 1e-7  # payoff less cost of a project at which a solver's tolerance may take one type for another


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Investment:
    """The efficient use of the stock by given projects.

    Attributes:
        value: v(q, mu), payoff.
        amount: alpha, projects invested in, shape (types,).
        geometry: the price vertex found; its price is one of several where `price_range` is not a point.
        price_range: all prices, an interval a resource.
        unique_price: whether there is one price vector.
        certificate: exact, or residuals of the float solve.
    """

    value: Any
    amount: NDArray[Any]
    geometry: Geometry
    price_range: Sequence[Interval]
    unique_price: bool
    certificate: Certificate | Residuals


class Knapsack:
    """v(q, .) for one stock and one set of types, solved from one hot start after another.

    Args:
        stock: q-bar > 0, shape (resources,).
        types: theta, shape (types, resources); type r < resources uses resource r only and is always plentiful.
        type_names: for messages.
        resource_names: for messages.
        possible: types that anybody can ever have; the others never matter. None for all.

    Source: zhu2021, eq. (1).
    """

    def __init__(
        self,
        stock: NDArray[Any],
        types: NDArray[Any],
        *,
        type_names: Sequence[str] = (),
        resource_names: Sequence[str] = (),
        possible: NDArray[np.bool_] | None = None,
    ) -> None:
        self.stock, self.types = stock, types
        self.resources = stock.size
        self.type_names = list(type_names) or [str(number) for number in range(1, len(types) + 1)]
        self.resource_names = list(resource_names) or [str(number) for number in range(1, self.resources + 1)]
        self.possible = np.ones(len(types), dtype=bool) if possible is None else possible.copy()
        self.possible[: self.resources] = True
        self.exact = types.dtype == object or stock.dtype == object
        self.program = LinearProgram.from_dense(
            types.T,
            sense="max",
            cost=np.ones(len(types)),
            lower=0.0,
            upper=self._supply(np.zeros(len(types), dtype=types.dtype)),
            row_lower=np.full(self.resources, -np.inf),
            row_upper=stock,
            column_names=[f"projects of type {name}" for name in self.type_names],
            row_names=[f"stock of resource {name}" for name in self.resource_names],
        )
        self._needs = to_float(types)
        self.measure, self.unit = sizes(stock, types)
        self._scaled = LinearProgram.from_dense(
            (self._needs / self.measure).T,
            sense="max",
            cost=np.ones(len(types)),
            lower=0.0,
            upper=self._supply(np.zeros(len(types))),
            row_lower=np.full(self.resources, -np.inf),
            row_upper=to_float(stock) / self.measure / self.unit,
            column_names=self.program.column_names,
            row_names=self.program.row_names,
        )
        self._hot = Hot(self._scaled)
        self._vertices = Vertices(types, possible=self.possible, names=self.type_names, in_rationals=self.exact)
        self._seen: list[tuple[Geometry, Recertifier]] = []

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, here or in another process, knows nothing of what this one has solved, and has its own solver."""
        build = partial(
            Knapsack, type_names=self.type_names, resource_names=self.resource_names, possible=self.possible
        )
        return build, (self.stock, self.types)

    def _supply(self, endowment: NDArray[Any]) -> NDArray[Any]:
        """Projects of everybody: the principal's first R types are plentiful."""
        supply = endowment.copy()
        supply[: self.resources] = np.inf
        return supply

    def invest(self, endowment: NDArray[Any], *, date: str = "") -> Investment:
        """The efficient investment, with its certificate.

        Args:
            endowment: projects of all agents together, floats or rationals, shape (types,).
            date: for messages.

        Raises:
            InstanceError: the types are not generic at this price (the paper's condition 2): the investment, or
                who is served, would depend on an arbitrary choice.
            CertificateError: no proof of optimality was found.
        """
        supply = self._supply(endowment)
        program = self.program.bounded(upper=supply)
        usual = self.exact or supply.dtype != object
        again = self._again(program) if usual else None
        if again is not None:
            return again
        solution = self._solve(supply)
        found = certify(program, solution)
        if isinstance(found, Residuals):
            solution, found = repaired(self, program, solution, found)
        if isinstance(found, Residuals) and (self.exact or not found.error <= LARGEST_GAP * abs(found.objective)):
            raise CertificateError(f"no proof that the investment{_at(date)} is efficient: {found.reason}")
        basis = solution.basis
        if basis is None or np.any(basis.rows == BASIC):
            raise CertificateError(f"the stock is not exhausted{_at(date)}, which contradicts Lemma 1")
        geometry = self.vertex(np.flatnonzero(basis.columns == BASIC), date=date)
        if isinstance(found, Residuals):
            prices = [Interval(low=price, high=price, exact=False) for price in solution.dual.tolist()]
            basic = solution.point[geometry.partial].tolist()
            return self._investment(found, geometry, supply, (solution.objective, basic, prices))
        if usual:
            self._remember(geometry, found)
        return self._proven(found, geometry, supply)

    def invest_reports(self, reports: NDArray[Any], total: NDArray[Any], *, date: str = "") -> Investment:
        """The efficient investment of all reports; where it lies on a kink, or nearly, of their exact sum.

        A float sum is off by its rounding. At a kink that decides whether prices are unique, and whose they are.

        Args:
            reports: shape (agents, types).
            total: their sum, shape (types,).
            date: for messages.

        Raises:
            InstanceError: as `invest`.
            CertificateError: as `invest`.
        """
        found = self.invest(total, date=date)
        partial = found.geometry.partial
        amount, supply = to_float(found.amount[partial]), to_float(self._supply(total)[partial])
        if self.exact or np.all(np.minimum(amount, supply - amount) > KINK * found.value):
            return found
        exactly = np.empty(total.size, dtype=object)
        exactly[:] = [exact.exact_sum(column) for column in reports.T]
        return self.invest(exactly, date=date)

    def _solve(self, supply: NDArray[Any], *, basis: bool = True) -> Solution:
        """The solver's optimum, in the units of the program."""
        found = self._hot.solve(upper=to_float(supply) / self.unit, basis=basis)
        objective = found.objective * self.unit
        return Solution(
            objective=objective, bound=objective, point=found.point * self.unit, dual=found.dual / self.measure,
            reduced=found.reduced, basis=found.basis,
        )  # fmt: skip

    def in_units(self, unit: float) -> Knapsack:
        """The same knapsack with payoffs and projects counted in another unit, a power of two; knows nothing yet."""
        stock = self.stock / (Fraction(unit) if self.stock.dtype == object else unit)
        return Knapsack(
            stock, self.types, type_names=self.type_names, resource_names=self.resource_names, possible=self.possible
        )

    def _again(self, program: LinearProgram) -> Investment | None:
        """The investment at a price vertex of before, where that is the only optimal one, proven; else None.

        A basis with every partly invested type strictly inside its limits, and no reduced cost of 0, is the only
        one, so that no solver could find another.
        """
        for geometry, recertifier in self._seen:
            supply = program.upper
            full = np.where(geometry.full, supply, 0)
            amount = to_float(geometry.inverse) @ to_float(self.stock - full @ self.types)
            if np.all(amount > 0) and np.all(amount < to_float(supply[geometry.partial])):
                try:
                    found = recertifier.certify(program)
                except CertificateError:
                    continue  # rounding hid that a limit is crossed
                if found.primal_unique and found.dual_unique:
                    return self._proven(found, geometry, supply)
        return None

    def _remember(self, geometry: Geometry, found: Certificate) -> None:
        if any(seen is geometry for seen, _ in self._seen):
            return
        try:
            self._seen.append((geometry, Recertifier(found)))
        except CertificateError:
            return  # right for these bounds only
        del self._seen[:-REMEMBERED]

    def float_amounts(self, endowment: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
        """alpha and v(q, mu) in floats; with a certificate only where types are nearly alike.

        Raises:
            InstanceError: the types are not generic at this price.
        """
        found = self._solve(self._supply(endowment), basis=False)
        if self._nearly_alike(found.dual):
            return self._proven_amounts(endowment)
        return found.point, found.objective

    def float_amounts_of_many(self, endowments: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`float_amounts` of many mu at once, shape (many, types) and (many,)."""
        supply = to_float(endowments).copy()
        supply[:, : self.resources] = np.inf
        found = solve_batch(self._scaled, upper=supply / self.unit)
        point, value = found.point * self.unit, found.objective * self.unit
        for row in np.flatnonzero(self._nearly_alike(found.dual / self.measure)).tolist():
            point[row], value[row] = self._proven_amounts(endowments[row])
        return point, value

    def _nearly_alike(self, price: NDArray[np.float64]) -> Any:
        """Whether more types just earn their cost at a price, shape (..., resources), than can be partly invested in.

        A solver may then invest in a wrong one of them: the value is right to its tolerance, who is served is not.
        """
        excess = price @ self._needs.T - 1.0
        return np.sum((np.abs(excess) <= NEARLY) & self.possible, axis=-1) > self.resources

    def _proven_amounts(self, endowment: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
        found = self.invest(endowment)
        return to_float(found.amount), float(found.value)

    def _proven(self, found: Certificate, geometry: Geometry, supply: NDArray[Any]) -> Investment:
        return self._investment(
            found, geometry, supply, (found.objective, list(found.basic_value), price_intervals(found))
        )

    def _investment(
        self,
        found: Certificate | Residuals,
        geometry: Geometry,
        supply: NDArray[Any],
        optimum: tuple[Any, list[Any], Sequence[Interval]],
    ) -> Investment:
        """An investment from its value, the amounts of the partly invested types, and the prices."""
        value, basic, intervals = optimum
        # Linear at its price (Lemma 1): all of the types below the plane, nothing of those above.
        nothing: Any = Fraction(0) if self.exact else 0.0
        amount = np.where(geometry.full, supply if self.exact else to_float(supply), nothing)
        amount[geometry.partial] = basic
        proven = isinstance(found, Certificate)  # else the prices are not known to be the only ones
        return Investment(
            value=value if self.exact else float(value),
            amount=amount,
            geometry=geometry,
            price_range=intervals,
            unique_price=proven and all(interval.unique for interval in intervals),
            certificate=found,
        )

    def vertex(self, partial: NDArray[np.intp], *, date: str = "") -> Geometry:
        """The price vertex at which the given R types just earn their cost; see `Vertices.at`."""
        return self._vertices.at(partial, date=date)


def sizes(stock: NDArray[Any], types: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    """Units in which a knapsack's numbers are around 1: of each resource, and of payoff.

    A solver's tolerances are absolute, and people's units are not. Powers of two, so that no number is rounded.

    Args:
        stock: not all 0, shape (resources,).
        types: theta, the first R on the diagonal, shape (types, resources).
    """
    own = np.diag(to_float(types[: stock.size]))
    capacity = np.sum(to_float(stock) / own)
    return np.asarray(np.exp2(np.rint(np.log2(own)))), float(np.exp2(np.rint(np.log2(capacity))))


def _at(date: str) -> str:
    return f" at date {date}" if date else ""
