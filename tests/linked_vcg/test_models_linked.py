"""The shipped models: their tables come from their scripts, and what they print is what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mechopt
from mechopt import catalog
from mechopt.cli import main
from mechopt.mechanisms import linked_vcg

FOLDER = catalog.root("models") / "linked_vcg"


@pytest.mark.parametrize("name", ["talent_marketplace", "gpu_cluster", "four_seasons"])
def test_the_tables_are_what_their_script_draws(name: str, tmp_path: Path) -> None:
    script: Any = catalog.load(FOLDER / f"{name}.py")
    script.main(tmp_path)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert len(written) == 2
    for file in written:
        assert (tmp_path / file).read_bytes() == (FOLDER / file).read_bytes()


def test_the_talent_marketplace_prints_certified_transfers_and_prices(capsys: pytest.CaptureFixture[str]) -> None:
    """Issue: "`mechopt solve linked_vcg/talent_marketplace` prints certified transfers and prices"."""
    assert main(["solve", "linked_vcg/talent_marketplace"]) == 0
    shown = capsys.readouterr().out
    assert "guarantee certified" in shown
    for word in ("price", "linked_transfer", "unlinked_transfer", "research", "cost_to_surplus"):
        assert word in shown
    assert "bracket" not in shown


def test_the_talent_marketplace_has_prices_that_follow_the_seasons() -> None:
    """Each skill is short at some date, at a price above what its own list of chores brings, and no two quarters
    of the year look alike."""
    dates = mechopt.solve("linked_vcg/talent_marketplace").tables["dates"]
    prices = np.array([[float(price) for price in row] for row in dates["price"]])
    chores = 1 / np.diag(mechopt.load("linked_vcg/talent_marketplace").environment.types[:3])
    assert (prices.max(axis=0) > 1.1 * chores).all()
    assert len({tuple(row) for row in prices.round(9).tolist()}) >= 4


@pytest.mark.slow
def test_the_gpu_cluster_has_agents_of_every_kind() -> None:
    outcome = mechopt.solve("linked_vcg/gpu_cluster")
    table = outcome.tables["agents"]
    assert outcome.guarantee.kind == "certified"
    assert set(table["method"]) == {"price_taking", "pieces", "milp"}
    assert list(table["linked_low"]) == list(table["linked_high"])
    assert len({tuple(price) for price in outcome.tables["dates"]["price"]}) >= 2  # weekends differ
    assert "retracted" in outcome.tables
    assert sum(table["linked_transfer"]) < sum(table["contribution"])


def test_the_four_seasons_draw_the_geometric_algorithm() -> None:
    """Three price lines, each met first by some ray, and a type whose ray meets two of them together."""
    model = mechopt.load("linked_vcg/four_seasons")
    outcome = mechopt.solve(model)
    last = linked_vcg.pictures(model.environment, outcome)[-1]
    met = last.numbers["met first at date"]
    assert {"spring", "summer", "autumn, winter", "spring, summer"} <= set(met)
    agent = last.title.split("agent ")[1].split(" displaces")[0]
    place = model.environment.agent_names.index(agent)
    found = linked_vcg.linked_by_geometry(model.environment, agent)
    assert float(found.transfer) == pytest.approx(outcome.tables["agents"]["linked_transfer"][place], abs=1e-10)
