"""Clearing on networks: against the quadratic program, against eq. (1), and against what must not hold."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import mechopt
from mechopt import api, catalog
from mechopt.errors import InstanceError, SolveError
from mechopt.mechanisms.overage.network import Edge, Network, clear_network

MODELS = catalog.root("models") / "overage"


def draw(seed: int) -> dict[str, Any]:
    """Three pools, seven accounts, random rights with and without limits; whole amounts."""
    rng = np.random.default_rng(seed)
    names = [f"a{k}" for k in range(7)]
    accounts = [
        {"account": name, "entitlement": int(rng.integers(0, 30)), "claim": int(rng.integers(0, 40))} for name in names
    ]
    pools = [{"account": name, "pool": f"p{rng.integers(3)}"} for name in names]
    pools[0]["pool"], pools[1]["pool"], pools[2]["pool"] = "p0", "p1", "p2"
    edges = [
        {"pool": f"p{p}", "account": name, "most": int(rng.integers(0, 20))}
        for p in range(3)
        for name in names
        if rng.random() < 0.5
    ] or [{"pool": "p0", "account": "a0", "most": 5}]
    return {"mechanism": "overage", "arithmetic": "exact", "accounts": accounts, "pools": pools, "edges": edges}


@pytest.mark.parametrize("seed", range(60))
def test_coverage_is_that_of_the_quadratic_program_and_passes_the_checks(seed: int) -> None:
    pytest.importorskip("cvxpy")
    program: Any = catalog.load(MODELS / "network_program.py")
    model = mechopt.load(draw(seed))
    outcome = mechopt.check(model)
    assert all(finding.holds for finding in outcome.checks), outcome.checks
    assert outcome.summary["identity_gap"] == 0
    try:
        coverage, price = program.solve(model.environment)
    except InstanceError:
        assert sum(outcome.tables["accounts"]["coverage"]) == 0
        return
    assert np.allclose([float(x) for x in outcome.tables["accounts"]["coverage"]], coverage, atol=2e-5)
    assert (price >= -1e-7).all()


@pytest.mark.parametrize("seed", range(20))
def test_one_pool_for_all_is_the_linear_rule(seed: int) -> None:
    one = draw(seed)
    names = [row["account"] for row in one["accounts"]]
    one["pools"] = [{"account": name, "pool": "all"} for name in names]
    one["edges"] = [{"pool": "all", "account": name} for name in names]
    plain = {key: value for key, value in one.items() if key not in ("pools", "edges")}
    networked, settled = mechopt.solve(one), mechopt.solve(plain)
    assert networked.tables["accounts"]["payoff"] == list(settled.tables["accounts"]["payoff"])
    for name in ("scarcity", "unused", "region", "payoff_total", "residual_total"):
        assert networked.summary[name] == settled.summary[name], name


def test_a_small_network_by_hand() -> None:
    """Pool p has 6 for a (9) and b (3), pool q has 5 for b only: b lives on q, so a gets all 6 of p."""
    network = Network(
        pool=("p", "q"), home=(0, 0, 0, 1),
        edges=(Edge(pool=0, account=0), Edge(pool=0, account=1), Edge(pool=1, account=1)),
    )  # fmt: skip
    found = clear_network(network, [9, 3, 0, 0], [0, 0, 6, 5], ["a", "b", "c", "d"])
    assert found.coverage.tolist() == [6, 3, 0, 0]
    assert found.levels == [Fraction(2, 3), 1]
    assert found.stage.tolist() == [1, 2, 0, 0]


def tamper(outcome: Any, change: Callable[[dict[str, Any]], None]) -> Any:
    from dataclasses import replace

    tables = {name: {key: list(column) for key, column in table.items()} for name, table in outcome.tables.items()}
    change(tables)
    return replace(outcome, tables=tables)


@pytest.mark.parametrize(
    ("place", "failing"),
    [
        (("flows", "flow", 0, 100), {"flows_within_pools", "flows_add_up"}),
        (("accounts", "coverage", 3, -1), {"claims_boundedness"}),
        (("accounts", "payoff", 0, 0), {"no_sucker_loss"}),
    ],
)
def test_a_settlement_that_was_tampered_with_fails(place: tuple[str, str, int, int], failing: set[str]) -> None:
    from mechopt.mechanisms.overage import check

    model = mechopt.load("overage/vintages_network")
    outcome = mechopt.solve(model)

    def change(tables: dict[str, Any]) -> None:
        tables[place[0]][place[1]][place[2]] = place[3]

    found = check(model.environment, tamper(outcome, change))
    assert failing <= {finding.property for finding in found if not finding.holds}


def test_an_unfair_division_fails_the_max_min_check() -> None:
    """All of the pool to one of two equal accounts: feasible, and not max-min."""
    from mechopt.mechanisms.overage import check

    accounts = [
        {"account": "a", "entitlement": 0, "claim": 4},
        {"account": "b", "entitlement": 0, "claim": 4},
        {"account": "c", "entitlement": 4, "claim": 0},
    ]
    model = mechopt.load(
        {"mechanism": "overage", "accounts": accounts, "arithmetic": "exact",
         "pools": [{"account": name, "pool": "p"} for name in "abc"],
         "edges": [{"pool": "p", "account": name} for name in "ab"]}
    )  # fmt: skip

    def change(tables: dict[str, Any]) -> None:
        tables["flows"]["flow"] = [4, 0]
        tables["accounts"]["coverage"][:2] = [4, 0]
        tables["accounts"]["payoff"][:2] = [4, 0]
        tables["accounts"]["residual"][:2] = [0, 4]

    found = check(model.environment, tamper(mechopt.solve(model), change))
    failed = [finding for finding in found if not finding.holds]
    assert [finding.property for finding in failed] == ["lexicographic_max_min"]
    assert failed[0].witness == {"account": "b", "could_get_from": "a"}
    assert failed[0].margin == -1


def document(**change: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "mechanism": "overage",
        "accounts": [
            {"account": "a", "entitlement": 0, "claim": 4},
            {"account": "b", "entitlement": 0, "claim": 4},
            {"account": "c", "entitlement": 4, "claim": 0},
        ],
        "pools": [{"account": name, "pool": "p"} for name in "abc"],
        "edges": [{"pool": "p", "account": name} for name in "ab"],
    }
    return base | change


def test_flows_that_must_be_and_cannot_are_named() -> None:
    edges = [{"pool": "p", "account": "a", "least": 3}, {"pool": "p", "account": "b", "least": 2}]
    with pytest.raises(SolveError, match="slack in p"):
        mechopt.solve(document(edges=edges))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pools": None}, ["belong together"]),
        ({"pools": [{"account": "a", "pool": "p"}]}, ["'b' has no pool"]),
        ({"pools": [{"account": "z", "pool": "p"}]}, ["no account 'z'"]),
        ({"pools": [{"account": "a", "pool": "p"}] * 2}, ["twice"]),
        ({"edges": [{"pool": "q", "account": "a"}]}, ["no pool 'q'"]),
        ({"edges": [{"pool": "p", "account": "z"}]}, ["no account 'z'"]),
        ({"edges": [{"pool": "p", "account": "a"}] * 2}, ["twice"]),
        ({"edges": [{"pool": "p", "account": "a", "least": 3, "most": 2}]}, ["at least least = 3"]),
        ({"edges": [{"pool": "p", "account": "c", "least": 1}]}, ["no overage"]),
        ({"rule": "talmud"}, ["linear"]),
        ({"rounding": "cumulative"}, ["none"]),
    ],
)
def test_bad_networks_are_named(change: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InstanceError) as caught:
        mechopt.solve({key: value for key, value in document(**change).items() if value is not None})
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("seed", range(12))
def test_the_coalition_program_finds_the_closed_form(seed: int) -> None:
    pytest.importorskip("pyomo.environ")
    rng = np.random.default_rng(seed)
    accounts = [
        {"account": str(k), "entitlement": int(rng.integers(0, 7)), "claim": int(rng.integers(0, 9))} for k in range(4)
    ]
    outcome = api.compare(
        {"mechanism": "overage", "accounts": accounts, "claim_bound": 9}, program="coalition", members=1 + seed % 4
    )
    (finding,) = outcome.checks
    assert finding.holds, finding
