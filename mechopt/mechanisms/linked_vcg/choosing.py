"""The best piece at each date within a budget: good choices by local search, a proof by a mixed-integer program.

The budget is priced at the shadow prices of the relaxation. At those prices the best pieces of all dates add up to a
bound that no choice beats, and a piece that loses more there than best known value minus bound is in no better choice:
the better the value known, the fewer pieces the program has to tell apart. Source: ours, for zhu2021, Section 4.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import LimitError, SolveError
from mechopt.mechanisms.linked_vcg.choice import Choice
from mechopt.mechanisms.linked_vcg.pieces import Date, Floats, Piece, least_on_piece
from mechopt.solver import InfeasibleError, Options, Sequence as Hot, solve

FIRST = 0.15  # of the time, for the first program; what it cannot settle needs a better value and fewer pieces
STARTS = 12  # of the local search then
ROUNDING = 1e-9  # relative, of values
HOT = 1e-7  # relative, of values after many hot starts
QUIET = Options(explain=False)  # choices that no report can reach are no news
Selection = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen:
    """What is known of the least over all choices.

    Attributes:
        low: proven lower bound.
        high: value at `reports`, or the one known before.
        reports: shape (dates, types); None where nothing better than what was known is there.
    """

    low: float
    high: float
    reports: Floats | None


def choose(
    dates: Sequence[Date],
    pieces: Sequence[Sequence[Piece]],
    charge: Floats,
    budget: tuple[Floats, Floats],
    *,
    known: float,
    seconds: float,
) -> Chosen:
    """The least of sum_f weight_f * w_f(x_f) + charge . x_f over reports within the budget, from the pieces of w.

    Args:
        dates: the agent's views.
        pieces: all pieces that his reports reach, date by date.
        charge: cost of a project reported at any date, payoff, shape (types,).
        budget: least and largest sum of the reports, shape (types,) each.
        known: value of some reports.
        seconds: when to stop.
    """
    search = _Search(dates, pieces, charge, budget, known, time.monotonic() + seconds)
    search.improve([search.heaviest()])
    search.prove(FIRST * seconds)
    if search.open:
        search.improve(search.drawn(STARTS))
        search.rule_out()
        search.prove(seconds)
    return Chosen(low=min(search.low, search.high), high=search.high, reports=search.reports)


class _Search:
    """A bracket [low, high] that shrinks, the reports of its upper end, and the pieces that could still matter."""

    def __init__(
        self,
        dates: Sequence[Date],
        pieces: Sequence[Sequence[Piece]],
        charge: Floats,
        budget: tuple[Floats, Floats],
        known: float,
        end: float,
    ) -> None:
        self.dates, self.pieces, self.charge, self.budget, self.end = dates, pieces, charge, budget, end
        self.high = known
        self.reports: Floats | None = None
        everything = Choice(dates, pieces, charge, budget)
        relaxed = solve(everything.relaxed(), options=Options(tolerance=1e-7))  # for prices, and any of them will do
        self.place = np.array([place for place, _ in everything.flat])
        self.first = np.searchsorted(self.place, np.arange(len(dates)))
        self.weight = np.clip(relaxed.point[everything.starts[:-1]], 0.0, 1.0)
        self.loss = self._price(relaxed.dual[-charge.size :])
        self.alive = np.ones(self.place.size, dtype=bool)
        self.tried: dict[Selection, float] = {}

    def _price(self, shadow: Floats) -> Floats:
        """How much each piece is worse than its date's best with the budget priced; sets the bound.

        Any prices of the right sign give a bound; those of the relaxation give the best one.
        """
        priced = self.charge - shadow
        values = np.array([
            np.inf if (one := least_on_piece(date, piece, priced)) is None else one[0]
            for date, options in zip(self.dates, self.pieces, strict=True) for piece in options
        ])  # fmt: skip
        best = np.minimum.reduceat(values, self.first)
        bound = float(best.sum() + np.where(shadow > 0, self.budget[0], self.budget[1]) @ shadow)
        self.low = bound - ROUNDING * (1 + abs(bound))
        return np.asarray(values - best[self.place], dtype=np.float64)

    @property
    def open(self) -> bool:
        """Whether there is something left to prove, and time."""
        return self.high - self.low > 2 * ROUNDING * (1 + abs(self.high)) and time.monotonic() < self.end

    def heaviest(self) -> Selection:
        """The piece of each date with the largest share in the relaxation."""
        return tuple(int(np.argmax(share)) for share in np.split(self.weight, self.first[1:]))

    def drawn(self, count: int) -> Iterable[Selection]:
        """Pieces drawn by their share in the relaxation, always the same ones."""
        rng = np.random.default_rng(0)
        for _ in range(count):
            shares = np.split(self.weight, self.first[1:])
            yield tuple(int(rng.choice(share.size, p=share / share.sum())) for share in shares)

    def improve(self, starts: Iterable[Selection]) -> None:
        """Exchange one piece for another as long as that helps, the most promising first."""
        for start in starts:
            current, value = start, self._value(start)
            while np.isfinite(value) and time.monotonic() < self.end:
                better = next((one for one in self._neighbours(current, value) if self._value(one) < value), None)
                if better is None:
                    break
                current, value = better, self._value(better)

    def _neighbours(self, selection: Selection, value: float) -> Iterable[Selection]:
        """Selections that differ at one date and could be better, by what they lose at the shadow prices."""
        numbers = self.first + selection
        others = self.loss[numbers].sum() - self.loss[numbers]
        loss = self.loss + others[self.place]
        for number in np.argsort(loss, kind="stable").tolist():
            if self.low + loss[number] >= value - ROUNDING * (1 + abs(value)) or time.monotonic() > self.end:
                return
            place = int(self.place[number])
            if self.alive[number] and number != numbers[place]:
                yield (*selection[:place], number - int(self.first[place]), *selection[place + 1 :])

    def _value(self, selection: Selection) -> float:
        """The least on the pieces selected, one linear program."""
        if selection not in self.tried:
            chosen = [[options[number]] for options, number in zip(self.pieces, selection, strict=True)]
            choice = Choice(self.dates, chosen, self.charge, self.budget)
            try:
                found = solve(choice.relaxed(), options=QUIET)
            except SolveError:
                self.tried[selection] = np.inf  # not reached, or the solver cannot tell: not a start then
            else:
                self.tried[selection] = found.objective
                self._accept(choice, found.point, found.objective)
        return self.tried[selection]

    def _accept(self, choice: Choice, point: Floats, value: float) -> None:
        if value < self.high:
            self.high, self.reports = value, choice.reports(point)

    def _kept(self) -> NDArray[np.intp]:
        """The pieces that a better choice can have."""
        margin = ROUNDING * (1 + abs(self.high))
        return np.flatnonzero(self.alive & (self.low + self.loss <= self.high + margin))

    def _choice(self, numbers: NDArray[np.intp]) -> Choice:
        kept = [
            [self.pieces[place][number - self.first[place]] for number in numbers[self.place[numbers] == place]]
            for place in range(len(self.dates))
        ]
        return Choice(self.dates, kept, self.charge, self.budget)

    def rule_out(self) -> None:
        """Drop pieces whose own relaxation, with the other dates free, is worse than the best known value."""
        numbers = self._kept()
        choice = self._choice(numbers)
        sequence, columns = Hot(choice.relaxed(), options=QUIET), choice.starts[:-1]
        zeros, place = np.zeros(columns.size), self.place[numbers]
        for position, number in enumerate(numbers.tolist()):
            if time.monotonic() > self.end:
                return
            allowed = np.where(place == place[position], 0.0, self.alive[numbers])
            allowed[position] = 1.0
            try:
                least = sequence.solve(columns=columns, lower=zeros, upper=allowed).objective
            except InfeasibleError:
                least = np.inf
            except SolveError:
                continue  # the solver cannot tell, so it stays
            self.alive[number] = least <= self.high + HOT * (1 + abs(self.high))

    def prove(self, seconds: float) -> None:
        """Solve with the pieces that are left, for so long at most; what was dropped is no better than `high`."""
        if not self.open:
            return
        beaten, numbers = self.high, self._kept()
        choice = self._choice(numbers)
        left = max(0.1, min(seconds, self.end - time.monotonic()))
        try:
            found = solve(choice.program, options=Options(time_limit=left, explain=False), accept_bound=True)
        except LimitError as error:
            bound = error.bound
        except InfeasibleError:
            bound = np.inf
        except SolveError:
            return  # nothing more is proven
        else:
            bound = found.bound
            self._accept(choice, found.point, found.objective)
        self.low = max(self.low, min(bound, beaten))
