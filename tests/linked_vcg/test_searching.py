"""The searches of a settlement on other processes, and what Ctrl-C leaves of them."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
import pytest

from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.mechanism import knapsack, run, run_tasks

COLUMNS = ("unlinked_transfer", "linked_low", "linked_high")


@pytest.fixture
def environment(draw: Any) -> Environment:
    found = draw(5, agents=5, dates=3, types=5, resources=2)
    assert isinstance(found, Environment)
    return found


def columns(outcome: Any) -> dict[str, np.ndarray[Any, Any]]:
    return {name: np.asarray(outcome.tables["agents"][name]) for name in (*COLUMNS, "method")}


def test_two_processes_give_the_same_bits_as_one(environment: Environment) -> None:
    alone, together = columns(run(environment)), columns(run_tasks(environment, workers=2))
    assert (alone["method"] != "price_taking").sum() >= 2
    for name in alone:
        assert np.array_equal(alone[name], together[name]), name


def test_ctrl_c_keeps_what_was_searched_and_brackets_the_rest(environment: Environment) -> None:
    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    whole, cut = run(environment), run_tasks(environment, progress=stop)
    assert seen == [(0, seen[0][1]), (1, seen[0][1]), (2, seen[0][1])]
    assert cut.status == "interrupted"
    assert whole.status == "settled"
    assert "interrupted before everybody" in " ".join(cut.warnings)
    assert cut.guarantee.kind == "bounded"
    known, found = columns(whole), columns(cut)
    searched = np.flatnonzero(known["method"] != "price_taking")
    done = np.setdiff1d(np.arange(len(environment.endowments)), searched[2:])
    for name in known:
        assert np.array_equal(known[name][done], found[name][done]), name
    assert searched[2:].size
    assert np.all(found["linked_low"] <= known["linked_low"] + 1e-9)
    assert np.all(found["linked_high"] >= known["linked_high"] - 1e-9)
    assert np.all(found["linked_high"][searched[2:]] > found["linked_low"][searched[2:]])


def test_a_copied_knapsack_has_a_solver_of_its_own_and_the_same_answers(environment: Environment) -> None:
    first = knapsack(environment)
    total = environment.endowments[:, 0].sum(axis=0)
    found = first.invest(total)
    second = copy(first)
    assert second.type_names == first.type_names
    assert second.resource_names == first.resource_names
    again = second.invest(total)
    assert again.value == found.value
    assert np.array_equal(again.amount, found.amount)
    assert first.invest(2 * total).value > found.value  # the copy has not moved it
    assert second.invest(total).value == found.value
