"""The best choice of pieces: against every choice one by one, and as a bracket where it is cut off."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from mechopt.errors import LimitError
from mechopt.mechanisms.linked_vcg import choosing
from mechopt.mechanisms.linked_vcg.choice import Choice
from mechopt.mechanisms.linked_vcg.choosing import Chosen, choose
from mechopt.mechanisms.linked_vcg.inner import Limits, displacement
from mechopt.mechanisms.linked_vcg.linked import linked_transfer, view
from mechopt.mechanisms.linked_vcg.mechanism import knapsack
from mechopt.mechanisms.linked_vcg.pieces import Date, Piece, find_pieces
from mechopt.mechanisms.linked_vcg.position import positions
from mechopt.program import to_float
from mechopt.solver import InfeasibleError, Options, solve


def searches(environment: Any, agent: int) -> tuple[list[Date], list[list[Piece]], Any, Any]:
    """All dates of one agent, every one searched, with his pieces and budget."""
    solver = knapsack(environment)
    dates = [view(solver, position) for position in positions(environment, agent)]
    charge = np.zeros(environment.upper.shape[1])
    pieces = [[one.piece for one in find_pieces(solver, date, charge, largest=5000)] for date in dates]
    least, most = (len(dates) * to_float(bound[agent]) for bound in (environment.lower, environment.upper))
    return dates, pieces, charge, (least, most)


def one_by_one(dates: Any, pieces: Any, charge: Any, budget: Any) -> float:
    """The least over every choice of one piece a date, one linear program each."""
    best = np.inf
    for chosen in product(*pieces):
        program = Choice(dates, [[piece] for piece in chosen], charge, budget).relaxed()
        try:
            best = min(best, solve(program, options=Options(explain=False)).objective)
        except InfeasibleError:
            continue
    return best


def value(environment: Any, dates: Any, reports: Any) -> float:
    solver = knapsack(environment)
    return sum(date.weight * displacement(solver, date, report) for date, report in zip(dates, reports, strict=True))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("lower", "charged"), [(0.0, 0.0), (0.95, 0.0), (0.95, 0.3)])
def test_the_choice_is_the_best_of_all_choices(
    draw: Any, seed: int, lower: float, charged: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without a least budget, which idle projects may fill or which costs something; the reports keep it and
    have the value said. The bound of the relaxation is one, and the program finds the best choice without the local
    search too, from a known value that leaves few pieces."""
    environment = draw(seed, dates=2, types=4, lower=lower)
    for agent in range(2):
        dates, pieces, charge, budget = searches(environment, agent)
        charge = charge + charged
        case = (dates, pieces, charge, budget)
        found = choose(*case, known=np.inf, seconds=60.0)
        assert found.reports is not None
        assert found.low <= found.high
        assert found.high - found.low <= 1e-7 * (1 + found.high)
        best = one_by_one(*case)
        assert found.high == pytest.approx(best, abs=1e-7)
        root = choose(*case, known=np.inf, seconds=0.0).low
        assert root <= best + 1e-9
        with monkeypatch.context() as patch:
            patch.setattr(choosing._Search, "improve", lambda self, starts: None)
            alone = choose(*case, known=best + (best - root) / 4 + 1e-6, seconds=60.0)
        assert alone.high == pytest.approx(best, abs=1e-7)
        assert alone.low == pytest.approx(best, abs=1e-7)
        total = found.reports.sum(axis=0)
        assert np.all(total >= budget[0] - 1e-7)
        assert np.all(total <= budget[1] + 1e-7)
        worth = value(environment, dates, found.reports) + float(charge @ total)
        assert worth == pytest.approx(found.high, abs=1e-6)


def test_a_choice_cut_off_is_a_bracket(draw: Any) -> None:
    """Without time only what was known and the relaxation's bound are left, and both are right."""
    environment = draw(3, dates=3, types=6)
    case = searches(environment, 0)
    truth = value(environment, case[0], [date.report for date in case[0]])
    best = choose(*case, known=truth, seconds=60.0)
    for seconds in (0.0, 0.01):
        cut: Chosen = choose(*case, known=truth, seconds=seconds)
        assert cut.low <= best.high + 1e-9
        assert best.low <= cut.high + 1e-9
        assert cut.high <= truth
    assert choose(*case, known=best.high, seconds=60.0).low == pytest.approx(best.high)
    assert choose(*case, known=best.low - 1e-3, seconds=60.0).reports is None


def test_what_the_first_program_leaves_open_is_settled_after_more_starts(
    draw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both programs of the search, the pieces ruled out between them, and nothing that a better choice needs lost."""
    environment = draw(1, dates=3, types=6)
    case = searches(environment, 0)
    known = choose(*case, known=np.inf, seconds=60.0)
    proofs: list[float] = []
    prove = choosing._Search.prove

    def second_only(search: Any, seconds: float) -> None:
        proofs.append(search.high - search.low)
        if len(proofs) > 1:
            prove(search, seconds)

    monkeypatch.setattr(choosing._Search, "prove", second_only)
    again = choose(*case, known=np.inf, seconds=60.0)
    assert len(proofs) == 2
    assert proofs[0] > 1e-6
    assert again.high == pytest.approx(known.high, abs=1e-7)
    assert again.low == pytest.approx(known.low, abs=1e-7)


def test_pieces_that_lose_something_are_kept_while_a_better_choice_can_have_them(
    draw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a value just above the least, with few pieces left and no local search, the program still finds it."""
    lossy = 0
    for seed in range(8):
        case = searches(draw(seed, dates=3, types=6), 0)
        best, root = choose(*case, known=np.inf, seconds=60.0).high, choose(*case, known=np.inf, seconds=0.0).low
        lossy += best - root > 1e-3
        with monkeypatch.context() as patch:
            patch.setattr(choosing._Search, "improve", lambda self, starts: None)
            found = choose(*case, known=best + 1e-6, seconds=60.0)
        assert found.reports is not None
        assert found.high == pytest.approx(best, abs=1e-7)
    assert lossy >= 3


def test_only_what_a_program_proves_counts(draw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program cut off with a bound below its best point, or with no point at all, leaves that bracket."""
    environment = draw(3, dates=3, types=6)
    case = searches(environment, 0)
    best, root = choose(*case, known=np.inf, seconds=60.0).high, choose(*case, known=np.inf, seconds=0.0).low
    assert best - root > 1e-3
    quarter, half = best - (best - root) / 4, best - (best - root) / 2

    def cut(program: Any, *, options: Any = None, accept_bound: bool = False) -> Any:
        found = solve(program, options=options, accept_bound=accept_bound)
        return replace(found, bound=quarter) if accept_bound else found

    def nothing(program: Any, *, options: Any = None, accept_bound: bool = False) -> Any:
        if accept_bound:
            raise LimitError("no point", half)
        return solve(program, options=options)

    monkeypatch.setattr(choosing._Search, "improve", lambda self, starts: None)
    truth = value(environment, case[0], [date.report for date in case[0]])
    for double, low in ((cut, quarter), (nothing, half)):
        monkeypatch.setattr(choosing, "solve", double)
        found = choose(*case, known=truth, seconds=60.0)
        assert found.low == pytest.approx(low, abs=1e-9)
        assert found.high == pytest.approx(best if double is cut else truth, abs=1e-7)


@pytest.mark.slow
def test_an_agent_with_four_hundred_pieces_is_settled_within_one_percent(draw: Any) -> None:
    environment = draw(0, agents=4, dates=6, types=12, resources=2)
    found = linked_transfer(environment, 3, limits=Limits(seconds=300.0))
    assert found.method == "milp"
    assert 0 < found.low <= found.high <= 1.01 * found.low
