"""Linked VCG in exact rationals, by brute force and independent of the engine: what the claims of this folder share.

`Market` is a horizon of the mechanism; its least unlinked transfer is found by a certified program for each choice of
pieces. The knapsack of one date comes from _knapsack.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from mechopt import catalog
from mechopt.evidence import Instance, certified

knapsack = catalog.beside(__file__, "_knapsack")
condition_1, dot, fill, freeze, generic = (
    knapsack.condition_1, knapsack.dot, knapsack.fill, knapsack.freeze, knapsack.generic,
)  # fmt: skip
invest, vertices, worth = knapsack.invest, knapsack.vertices, knapsack.worth
markets = catalog.beside(__file__, "_markets").markets
Vector = tuple[Fraction, ...]


@dataclass(frozen=True)
class Market:
    """One horizon in exact rationals. Agents are numbered from 0 here; the last is served first, the principal last.

    Attributes:
        stock: q, per resource.
        types: theta, [type][resource].
        reports: mu, [agent][date][type].
        lower: least averages, [agent][type].
        upper: largest averages, [agent][type].
        beta: the discount.
    """

    stock: tuple[Fraction, ...]
    types: tuple[Vector, ...]
    reports: tuple[tuple[Vector, ...], ...]
    lower: tuple[Vector, ...]
    upper: tuple[Vector, ...]
    beta: Fraction

    @classmethod
    def of(cls, instance: Instance) -> Market:
        """From an instance; one resource may be written as plain numbers."""
        stock, types = instance["stock"], instance["types"]
        return cls(
            stock=tuple(map(Fraction, stock if isinstance(stock, list | tuple) else [stock])),
            types=freeze([needs if isinstance(needs, list | tuple) else [needs] for needs in types]),
            reports=tuple(freeze(agent) for agent in instance["reports"]),
            lower=freeze(instance["lower"]),
            upper=freeze(instance["upper"]),
            beta=Fraction(instance.get("discount", 1)),
        )

    @property
    def dates(self) -> int:
        """T."""
        return len(self.reports[0])

    @property
    def kinds(self) -> range:
        """The types."""
        return range(len(self.types))

    def weight(self, date: int) -> Fraction:
        """beta^(t - T), dates from 0."""
        return self.beta ** (date + 1 - self.dates)

    def others(self, agent: int, date: int) -> list[Any]:
        """M: what everybody else has; None is plenty."""
        total = [sum(self.reports[m][date][i] for m in range(len(self.reports)) if m != agent) for i in self.kinds]
        return [None if i < len(self.stock) else total[i] for i in self.kinds]

    def before(self, agent: int, date: int) -> list[Any]:
        """B: what the agents with a higher index have."""
        return [sum(self.reports[m][date][i] for m in range(agent + 1, len(self.reports))) for i in self.kinds]

    def at(self, agent: int, date: int, report: Sequence[Any]) -> tuple[list[Fraction], list[Fraction], Any]:
        """Everybody's investment, the agent's own served projects and the price vertex if he reports this."""
        return self._at(agent, date, tuple(map(Fraction, report)))

    @lru_cache(maxsize=100_000)  # noqa: B019  # markets are small and die with their claim
    def _at(self, agent: int, date: int, report: Vector) -> tuple[list[Fraction], list[Fraction], Any]:
        supply = [None if m is None else m + x for m, x in zip(self.others(agent, date), report, strict=True)]
        alpha, vertex = invest(self.stock, self.types, supply)
        before = self.before(agent, date)
        own = [min(x, max(a - b, Fraction(0))) for x, a, b in zip(report, alpha, before, strict=True)]
        return alpha, own, vertex

    def left(self, agent: int, date: int, report: Sequence[Any]) -> Fraction:
        """w: what everybody else gets if he reports this."""
        alpha, own, _ = self.at(agent, date, report)
        return sum(alpha, Fraction(0)) - sum(own, Fraction(0))

    def unlinked(self, agent: int, reports: Sequence[Sequence[Any]] | None = None) -> Fraction:
        """uW^n, at these reports of his (by default his own)."""
        given = self.reports[agent] if reports is None else reports
        return sum((self.weight(t) * self.left(agent, t, x) for t, x in enumerate(given)), Fraction(0))

    def contribution(self, agent: int, reports: Sequence[Sequence[Any]] | None = None) -> Fraction:
        """S^n, date-1 value, at these reports of his."""
        given = self.reports[agent] if reports is None else reports
        return sum((self.beta**t * sum(self.at(agent, t, x)[1]) for t, x in enumerate(given)), Fraction(0))

    def box(self, agent: int) -> tuple[Vector, Vector]:
        """What he could report at one date: the other dates take up the slack."""
        most = tuple(self.dates * value for value in self.upper[agent])
        return (self.lower[agent] if self.dates == 1 else tuple(Fraction(0) for _ in most)), most

    def corners(self, agent: int) -> Iterator[Vector]:
        """The corners of that box."""
        yield from itertools.product(*(sorted({a, b}) for a, b in zip(*self.box(agent), strict=True)))

    def concentrated(self, agent: int) -> Iterator[tuple[Vector, ...]]:
        """Reports in his interval that put a type's least or largest total at a single date."""
        choices = []
        for low, high in zip(self.lower[agent], self.upper[agent], strict=True):
            totals = sorted({self.dates * low, self.dates * high})
            choices.append([(date, total) for total in totals for date in range(self.dates)])
        for choice in itertools.product(*choices):
            yield tuple(tuple(total if date == t else Fraction(0) for date, total in choice) for t in range(self.dates))

    def least(self, agent: int) -> tuple[Fraction, list[list[Fraction]]]:
        """min of uW^n over his reports, and a report that attains it: one linear program a choice of pieces."""
        pieces = [self._pieces(agent, date) for date in range(self.dates)]
        low, high = self.lower[agent], self.upper[agent]
        budget: list[certified.Row] = []
        for i in self.kinds:
            total = {f"x{t},{i}": 1 for t in range(self.dates)}
            budget += [
                (f"least {i}", total, ">=", self.dates * low[i]),
                (f"most {i}", total, "<=", self.dates * high[i]),
            ]
        best: tuple[Fraction, list[list[Fraction]]] | None = None
        for choice in itertools.product(*pieces):
            constant = sum(self.weight(t) * piece[0] for t, piece in enumerate(choice))
            gain = {f"x{t},{i}": -self.weight(t) * g for t, piece in enumerate(choice) for i, g in enumerate(piece[1])}
            rows = [row for piece in choice for row in piece[2]] + budget
            found = certified.maximise(certified.program(gain, rows))
            if found is not None and (best is None or constant - found[0] < best[0]):
                best = constant - found[0], [[found[1][f"x{t},{i}"] for i in self.kinds] for t in range(self.dates)]
        if best is None:
            raise ValueError("no report keeps the bounds")
        return best

    def linked(self, agent: int) -> Fraction:
        """lW^n at reports inside the bounds, exactly."""
        return self.unlinked(agent) - self.least(agent)[0]

    def _pieces(self, agent: int, date: int) -> list[tuple[Fraction, list[Fraction], list[certified.Row]]]:
        """Pieces on which w is linear: (constant, gradient, rows), those that some report in the box reaches."""
        others, before = self.others(agent, date), self.before(agent, date)
        bounds = {f"x{date},{i}": (low, high) for i, (low, high) in enumerate(zip(*self.box(agent), strict=True))}
        found = []
        for vertex in vertices(self.types):
            for states in itertools.product(("none", "part", "all"), repeat=len(vertex.partial)):
                piece = self._piece(vertex, states, others, before, date)
                if certified.maximise(certified.program({}, piece[2], bounds=bounds)) is not None:
                    found.append(piece)
        return found

    def _piece(
        self, vertex: Any, states: Sequence[str], others: list[Any], before: list[Any], date: int
    ) -> tuple[Fraction, list[Fraction], list[certified.Row]]:
        room = [q - sum(others[k] * self.types[k][r] for k in vertex.full) for r, q in enumerate(self.stock)]
        constant = sum((others[k] for k in vertex.full), Fraction(0))
        gradient = [Fraction(0) for _ in self.kinds]
        rows: list[certified.Row] = []
        for kind, state, row in zip(vertex.partial, states, vertex.inverse, strict=True):
            start, slope = dot(row, room), [Fraction(0) for _ in self.kinds]
            for k in vertex.full:
                slope[k] = -dot(row, self.types[k])
            amount = {f"x{date},{i}": slope[i] for i in self.kinds}
            rows.append((f"{kind} at least nothing", amount, ">=", -start))
            own = {**amount, f"x{date},{kind}": slope[kind] - 1}
            if others[kind] is not None:
                rows.append((f"{kind} at most all", own, "<=", others[kind] - start))
            if state == "none":
                rows.append((f"{kind} not reached", amount, "<=", before[kind] - start))
            else:
                rows.append((f"{kind} reached", amount, ">=", before[kind] - start))
                rows.append((f"{kind} in part", own, "<=" if state == "part" else ">=", before[kind] - start))
            if state == "part":
                constant += before[kind]  # amount less what is his
            else:
                constant += start
                gradient = [g + s for g, s in zip(gradient, slope, strict=True)]
                gradient[kind] -= state == "all"
        return constant, gradient, rows

    def price_invariant(self, agent: int) -> bool:
        """Property I: R types strictly partly invested in, the same ones at every corner of the box and so inside."""
        for date in range(self.dates):
            seen = set()
            for report in (*self.corners(agent), self.reports[agent][date]):
                alpha, _, vertex = self.at(agent, date, report)
                others = self.others(agent, date)
                for i in vertex.partial:
                    if not (alpha[i] > 0 and (others[i] is None or alpha[i] < others[i] + report[i])):
                        return False
                seen.add(vertex.partial)
            if len(seen) > 1:
                return False
        return True

    def served_invariant(self, agent: int) -> bool:
        """Property II as meant: each type is served entirely at every report, or not at all (given Property I)."""
        for date in range(self.dates):
            before, reach = self.before(agent, date), [self.at(agent, date, x)[0] for x in self.corners(agent)]
            for i in self.kinds:
                never = all(alpha[i] <= before[i] for alpha in reach)
                always = all(a[i] >= before[i] + x[i] for a, x in zip(reach, self.corners(agent), strict=True))
                if not (never or always or self.box(agent)[1][i] == 0):
                    return False
        return True

    def always_served(self, agent: int, date: int, kind: int) -> bool:
        """Whether his projects of a type are served at this date at his own report and at every corner."""
        before = self.before(agent, date)[kind]
        return all(self.at(agent, date, x)[0][kind] >= before + x[kind] for x in self.corners(agent))

    def with_report(self, agent: int, reports: Sequence[Sequence[Any]]) -> Market:
        """The same market with other reports of one agent."""
        rows = [freeze(reports) if m == agent else row for m, row in enumerate(self.reports)]
        return replace(self, reports=tuple(rows))


def in_bounds(instance: Instance) -> bool:
    """Nonnegative reports whose averages lie in [lower, upper]; stock and needs positive; 0 < discount <= 1."""
    market = Market.of(instance)
    if min(market.stock) <= 0 or not condition_1(market.types) or not 0 < market.beta <= 1:
        return False
    for agent, rows in enumerate(market.reports):
        for i in market.kinds:
            total = sum(row[i] for row in rows)
            low, high = market.lower[agent][i], market.upper[agent][i]
            if min(row[i] for row in rows) < 0 or not 0 <= market.dates * low <= total <= market.dates * high:
                return False
    return True


def is_generic(instance: Instance) -> bool:
    """Types are generic: no more than R of them on a price plane (condition 2)."""
    return bool(generic(Market.of(instance).types))


def takes_prices(instance: Instance) -> bool:
    """Property I: no report of the agent changes a price."""
    return Market.of(instance).price_invariant(instance["agent"] - 1)


def takes_service(instance: Instance) -> bool:
    """Property II: at no report is a type of the agent served at one report and not at another."""
    return Market.of(instance).served_invariant(instance["agent"] - 1)
