"""Aircraft landing: the published optima, and small instances against the textbook program and every order."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from mechopt import api, catalog
from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing import landing, runway
from mechopt.mechanisms.borrowing.landing import Landing, Plane
from mechopt.mechanisms.borrowing.landing_program import solve_big_m
from mechopt.solver import InfeasibleError

F = Fraction
PUBLISHED = {1: 700, 2: 1480, 3: 820, 4: 2520, 5: 3100}


@pytest.mark.parametrize("number", PUBLISHED)
def test_the_published_optimum_is_proven(number: int) -> None:
    """OR-Library, one runway."""
    found = runway.solve(landing.read(catalog.root("models") / "borrowing" / f"airland{number}.txt"))
    assert found.total == PUBLISHED[number]
    assert found.guarantee.kind == "exact"
    assert found.method == "landing_sets"


def test_the_shipped_runway_settles_with_pivot_transfers() -> None:
    outcome = api.solve("borrowing/runway_slots")
    assert outcome.summary["cost"] == 3100
    assert max(outcome.tables["order"]["transfer"]) <= 0
    assert outcome.summary["deficit"] == sum(outcome.tables["order"]["transfer"])


@st.composite
def instances(draw: st.DrawFn) -> Landing:
    count = draw(st.integers(1, 5))
    planes = []
    alike = draw(st.booleans())
    for _ in range(count):
        first = draw(st.integers(0, 8))
        target = first + draw(st.integers(0, 4))
        costs = (F(2), F(3)) if alike else (F(draw(st.integers(0, 3))), F(draw(st.integers(0, 3)), 2))
        planes.append(
            Plane(
                appearance=F(0), earliest=F(first), target=F(target), latest=F(target + draw(st.integers(0, 9))),
                early_cost=costs[0], late_cost=costs[1],
            )
        )  # fmt: skip
    gap = st.just(2) if alike else st.integers(draw(st.sampled_from([0, 1])), 4)
    separation = tuple(tuple(F(draw(gap)) for _ in range(count)) for _ in range(count))
    return Landing(planes=tuple(planes), separation=separation)


def brute(instance: Landing) -> Fraction | None:
    """Every order with its best whole times, by dynamic programming over time for that order alone."""
    best: Fraction | None = None
    planes = instance.planes
    for order in permutations(range(len(planes))):
        partial: list[tuple[tuple[Fraction, ...], Fraction]] = [((), F(0))]
        for i in order:
            grown = []
            for times, cost in partial:
                ready = max([planes[i].earliest,
                             *(t + instance.separation[j][i] for t, j in zip(times, order, strict=False))])  # fmt: skip
                t = ready
                while t <= planes[i].latest:
                    grown.append(((*times, t), cost + planes[i].cost(t)))
                    t += 1
            # Only what can be better: the cheapest for each tuple of times is kept as it is (instances are small).
            grown.sort(key=lambda state: state[1])
            partial = [state for state in grown if best is None or state[1] < best][:4000]
        if partial:
            best = partial[0][1]
    return best


@settings(max_examples=60, deadline=None)
@given(instances())
def test_sets_equal_the_textbook_program(instance: Landing) -> None:
    try:
        reference: Any = solve_big_m(instance).total
    except InfeasibleError:
        reference = None
    try:
        found: Any = runway.solve(instance).total
    except InfeasibleError:
        found = None
    assert found == reference


@settings(max_examples=15, deadline=None)
@given(instances().filter(lambda instance: len(instance.planes) <= 3))
def test_small_instances_equal_every_order(instance: Landing) -> None:
    best = brute(instance)
    if best is None:
        with pytest.raises(InfeasibleError):
            runway.solve(instance)
    else:
        assert runway.solve(instance).total == best


def test_planes_that_land_together_land_in_an_order_that_allows_it() -> None:
    """All on their targets, at 2: the third first, then the first and the second; no other order costs nothing."""
    plane = Plane(appearance=F(0), earliest=F(6, 5), target=F(2), latest=F(23, 10), early_cost=F(5), late_cost=F(1))
    separation = ((F(0), F(0), F(11, 10)), (F(2, 5), F(0), F(0)), (F(0), F(0), F(0)))
    found = solve_big_m(Landing(planes=(plane,) * 3, separation=separation))
    assert found.sequence == (2, 0, 1)
    assert found.total == 0


def test_the_bound_of_the_textbook_program_is_held_against_the_schedule_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the order read from the program is not the best one, the error says by how much it may be off."""
    from mechopt.mechanisms.borrowing import landing_program

    plane = Plane(appearance=F(0), earliest=F(0), target=F(2), latest=F(9), early_cost=F(1), late_cost=F(1))
    instance = Landing(planes=(plane,) * 2, separation=((F(0), F(4)), (F(1), F(0))))
    assert solve_big_m(instance).total == 1
    monkeypatch.setattr(landing_program, "_sequence", lambda landing, times: [0, 1])
    wrong = solve_big_m(instance)
    assert wrong.total == 4
    assert wrong.guarantee.error == pytest.approx(3)


def test_two_planes_that_cannot_both_land_are_infeasible() -> None:
    plane = Plane(appearance=F(0), earliest=F(5), target=F(5), latest=F(6), early_cost=F(1), late_cost=F(1))
    with pytest.raises(InfeasibleError):
        runway.solve(Landing(planes=(plane, plane), separation=((F(0), F(3)), (F(3), F(0)))))


def test_numbers_of_too_many_digits_are_refused_not_wrapped(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("1 0\n0 1 1 99999999999999999999 1 1 9\n", encoding="ascii")
    with pytest.raises(InstanceError, match="too many digits"):
        api.solve({"mechanism": "borrowing", "sequence": {"aircraft_landing": str(path)}})
