"""Simulations: the attack on Proposition 3, what blocks and what notices it, forgiveness, strategies of one's own."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mechopt import api, instance
from mechopt.errors import InstanceError
from mechopt.mechanisms import limited_liability as package
from mechopt.mechanisms.limited_liability import rounds
from mechopt.mechanisms.limited_liability.attack import dependence
from mechopt.mechanisms.limited_liability.comparison import BLOCK
from mechopt.mechanisms.limited_liability.curves import simulate_pictures
from mechopt.mechanisms.limited_liability.paths import Array
from mechopt.mechanisms.limited_liability.play import Model, Play
from mechopt.mechanisms.limited_liability.strategies import Strategy, View, shipped
from mechopt.outcome import Outcome

CONSTANT = [[[0.4, 0.0], [0.0, 0.6]]]  # one resource, two agents: v = y = (0.4, 0.6) for ever


def document(**table: Any) -> dict[str, Any]:
    return {
        "mechanism": "limited_liability", "variant": "strategic", "values": CONSTANT, "outputs": CONSTANT,
        "simulate": {"success": "recorded", "order": "recorded", "replications": 2, **table},
    }  # fmt: skip


def row(outcome: Outcome, variant: str, strategy: str) -> dict[str, Any]:
    table = outcome.tables["strategies"]
    place = list(zip(table["variant"], table["strategy"], strict=True)).index((variant, strategy))
    return {name: column[place] for name, column in table.items()}


def test_proposition_3_is_false_as_printed() -> None:
    """v0 (1 - v1) = 0.16 a period in the limit, against nothing under the truth; regrets stay below their bounds."""
    table = {"periods": 4000, "strategies": ["draw_dependent"], "variants": ["strategic", "consistent"]}
    outcome = api.simulate(document(**table), seed=3)
    for variant in ("strategic", "consistent"):
        found = row(outcome, variant, "draw_dependent")
        assert 0.15 < found["payoff"] < 0.17
        assert found["gain"] > 0.15
        assert row(outcome, variant, "truth")["payoff"] < 0.001
        assert found["largest_regret"] < found["regret_bound"]
        assert found["draw_score"] < -50
    assert any("unsafe" in line for line in outcome.warnings)


def test_seals_and_verification_block_the_attack() -> None:
    for remedy in ("sealed", "verified"):
        outcome = api.simulate(
            document(periods=2000, strategies=["draw_dependent"], counterfactuals=remedy, variants=["strategic"])
        )
        found = row(outcome, "strategic", "draw_dependent")
        assert found["gain"] < 0.02
        assert found["epsilon_certified"] == pytest.approx((2 * 3 + 2) / np.sqrt(2000))
        assert not any("unsafe" in line for line in outcome.warnings)
        assert found["draw_score"] is None or abs(found["draw_score"]) < 5


def test_a_seal_alone_is_not_enough() -> None:
    """Sealed reports that nobody can honour are credited: the attack on guesses still pays."""
    table = {"periods": 2000, "strategies": ["draw_dependent"], "counterfactuals": "sealed", "honoured": False}
    found = row(api.simulate(document(**table)), "strategic", "draw_dependent")
    assert found["gain"] > 0.05
    assert found["epsilon_certified"] is None


def test_realised_outputs_only_survive_the_attack() -> None:
    table = {"periods": 3000, "strategies": ["draw_dependent"], "variants": ["exploration"]}
    assert row(api.simulate(document(**table)), "exploration", "draw_dependent")["gain"] < 0.05


def test_the_alarm_notices_the_attack_in_recorded_reports() -> None:
    """A path of the attack, written down as a document, is found out; the same path told truly is not."""
    rng = np.random.default_rng(7)
    periods = 1500
    stated = np.array([[[1.0, 0.0], [0.0, 0.6]]] * periods)
    true = np.array(CONSTANT * periods)
    draws = rng.random(periods)
    reports = true.copy()
    online = package.Online(package.Rules(variant="strategic", agents=2))
    for period in range(periods):  # the agent reports once it knows the draw
        proposal = online.propose(stated[period].tolist())
        group = online.draw(proposal, draws[period])
        taken = proposal.decisions[group]
        reports[period, 0, 0] = 0.0 if taken == 0 else 1.0
        rows = [[reports[period, agent, decision] for agent in range(2)] for decision in proposal.decisions]
        online.settle(proposal, group, rows)
    base = {"mechanism": "limited_liability", "variant": "strategic", "values": stated, "draws": draws}
    attacked = api.check({**base, "outputs": reports, "true_outputs": true})
    assert any("depend on the draw" in line and "agent 1" in line for line in attacked.warnings)
    assert [f.property for f in attacked.checks if not f.holds] == ["reports_independent_of_the_draw"]
    boastful = api.check({**base, "values": true, "outputs": np.where(true > 0, 1.0, 0.0), "true_outputs": true})
    assert any("could not pay" in line for line in boastful.warnings)
    assert "reports_honoured" in [f.property for f in boastful.checks if not f.holds]
    assert attacked.tables["agents"]["payoff"][0] / periods > 0.14
    honest = api.check({**base, "values": true, "outputs": true})
    assert not any("depend on the draw" in line for line in honest.warnings)
    assert all(finding.holds for finding in honest.checks)


def test_the_score_is_standard_normal_where_reports_do_not_depend_on_the_draw() -> None:
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(300):
        shares = rng.dirichlet(np.ones(3), size=60)
        reported = rng.random((60, 3, 2))
        drawn = np.array([rng.choice(3, p=row) for row in shares])
        scores += [found.score for found in dependence(reported, shares, drawn)]
        assert all(found.chance > 0.001 or abs(found.score) > 3 for found in dependence(reported, shares, drawn))
    assert abs(np.mean(scores)) < 0.15
    assert 0.85 < np.std(scores) < 1.15


def test_forgiveness_is_as_the_paper_says() -> None:
    """The loss after an error grows with its length in Section 4, with its square root in Section 6, hardly in 7."""
    rng = np.random.default_rng(0)
    values = np.zeros((300, 2, 2))
    values[:, 0, 0], values[:, 1, 1] = rng.random(300), rng.random(300)
    losses: dict[str, list[float]] = {"baseline": [], "consistent": [], "discounted": []}
    for errors in (400, 1600):
        outcome = api.simulate({
            "mechanism": "limited_liability", "variant": "baseline", "values": values, "outputs": values,
            "simulate": {"periods": 3 * errors, "replications": 3, "error_periods": errors, "success": "recorded",
                         "strategies": ["error_then_truth"], "variants": list(losses), "discount": "0.99"},
        })  # fmt: skip
        for variant, kept in losses.items():
            kept.append(row(outcome, variant, "error_then_truth")["loss_after_error"])
            if variant != "discounted":  # which forgets so fast that the truth itself changes decisions often
                heard = row(outcome, variant, "error_then_truth")["periods_until_heard"]
                assert (heard is None) == (variant == "baseline")
    assert losses["baseline"][1] > 3 * losses["baseline"][0] > 30
    assert losses["consistent"][1] < 3 * losses["consistent"][0]
    assert losses["consistent"][1] < losses["baseline"][1] / 10
    assert losses["discounted"][1] < losses["consistent"][1]


def test_every_shipped_strategy_runs_and_pays_for_itself() -> None:
    """No unilateral misreport of values gains more than the certified epsilon; a ring may."""
    rng = np.random.default_rng(2)
    values = np.round(rng.random((40, 3, 4)), 2)
    names = list(shipped(50))
    for variant in ("baseline", "consistent", "bounded_values", "exploration", "pivot"):
        outcome = api.simulate({
            "mechanism": "limited_liability", "variant": variant, "values": values, "outputs": values,
            "simulate": {"periods": 80, "replications": 8, "strategies": names},
        })  # fmt: skip
        table = outcome.tables["strategies"]
        assert sorted(table["strategy"]) == sorted(set(names) | {"truth"})
        for place, name in enumerate(table["strategy"]):
            if name not in ("truth", "bid_rotation") and table["epsilon_certified"][place] is not None:
                slack = 3 * table["gain_error"][place]
                assert table["gain"][place] <= table["epsilon_certified"][place] + slack
        pictures = simulate_pictures(api.load(document()).environment, outcome)
        assert len(pictures) == 4
        assert all(picture.svg.startswith("<?xml") for picture in pictures)


class Patient(Strategy):
    """Claims the most only while the group as a whole has no regret."""

    name = "patient"

    def values(self, view: View, values: Array) -> Array:
        """Adaptive: looks at the public history."""
        stated = values.copy()
        calm = view.paths.allocation <= 0
        stated[:, view.agent] = np.where(calm[:, None], view.bound, values[:, view.agent])
        view.memory["seen"] = view.memory.get("seen", 0) + 1
        return stated


def test_a_strategy_of_ones_own_is_compared_with_the_truth() -> None:
    model = instance.read_document(document(periods=300))
    environment = package.from_document(model)
    setting = rounds.read(environment, model)
    outcome = package.compare(replace(setting, strategies=[Strategy(), Patient()]), seed=1)
    assert outcome.tables["strategies"]["strategy"] == ["truth", "patient"]
    assert outcome.tables["strategies"]["gain"][1] is not None


def test_results_repeat_and_do_not_depend_on_workers() -> None:
    table = {"periods": 20, "replications": BLOCK + 76, "strategies": ["overclaim", "random"]}  # two blocks each
    first = api.simulate(document(**table), seed=5)
    again = api.simulate(document(**table), seed=5, workers=2)
    other = api.simulate(document(**table), seed=6)
    assert first.tables["strategies"] == again.tables["strategies"]
    assert first.tables["strategies"] != other.tables["strategies"]


def test_progress_is_told_and_an_interruption_keeps_what_is_finished() -> None:
    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 210:  # within the third block
            raise KeyboardInterrupt

    outcome = api.simulate(document(periods=20, strategies=["overclaim", "shade"]), progress=stop)
    assert outcome.status == "interrupted"
    assert seen[-1] == (210, 300)
    assert len(seen) > 20  # the bar moves within a block
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert outcome.tables["strategies"]["strategy"] == ["truth", "overclaim"]


@pytest.mark.parametrize(("finished", "titles"), [(1, ["Regrets"]), (2, ["What", "Regrets"])])
def test_what_an_interrupted_run_has_is_drawn(finished: int, titles: list[str]) -> None:
    def stop(done: int, total: int) -> None:
        if done == 100 * finished + 10:
            raise KeyboardInterrupt

    outcome = api.simulate(document(periods=20, strategies=["overclaim", "shade"]), progress=stop)
    assert [picture.title.split()[0] for picture in outcome.pictures()] == titles
    assert all(picture.svg for picture in outcome.pictures())


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"agent": "nobody"}, "simulate.agent: 'nobody' is none of 1, 2"),
        ({"strategies": ["overclam"]}, "simulate.strategies: there is no strategy 'overclam'.*overclaim"),
        ({"periods": 0}, "simulate.periods"),
        ({"variants": ["vcg"]}, "simulate.variants"),
        ({"variants": ["discounted"]}, "simulate.discount: is missing"),
        ({"turns": 3}, "simulate"),
    ],
)
def test_a_wrong_table_is_refused_by_key(table: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        api.simulate(document(**table))


def test_memory_does_not_grow_with_the_horizon() -> None:
    """Four times the periods, the same peak: nothing but totals and sixty checkpoints is kept."""
    rng = np.random.default_rng(0)
    values = rng.random((50, 3, 4))
    model = Model(values=values, outputs=values, bound=1.0, order="independent", success="drawn")
    peaks = []
    for periods in (150, 150, 600):  # the first warms caches up
        tracemalloc.start()
        Play(
            package.Rules(variant="consistent", agents=3), model, Strategy(), agent=0, periods=periods, paths=64,
            seed=np.random.SeedSequence(1),
        ).run()  # fmt: skip
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.3 * peaks[1]


def test_a_block_keeps_a_few_numbers_a_path_and_no_curves() -> None:
    """Ten replications or ten million: what comes back from a task must not hold the periods of each path."""
    values = np.array(CONSTANT)

    def numbers(paths: int) -> int:
        model = Model(values=values, outputs=values, bound=1.0, order="recorded", success="drawn")
        rules = package.Rules(agents=2, variant="strategic")
        tally = Play(
            rules, model, shipped(5)["truth"], agent=0, periods=50, paths=paths, seed=np.random.SeedSequence(1)
        ).run()
        found = [getattr(tally, name) for name in tally.__dataclass_fields__]
        return sum(array.size for item in found for array in (item if isinstance(item, tuple) else (item,)))

    assert numbers(11) - numbers(10) == 5 * 2 + 5


def test_an_epsilon_above_every_payoff_is_said_to_promise_nothing() -> None:
    """As `solve` says it: over a short horizon the proof bounds a gain by more than an agent can have at all."""
    table = {"periods": 40, "strategies": ["truth"], "discount": "0.9"}
    short = api.simulate(document(**table, variants=["consistent", "discounted", "pivot"]))
    for variant in ("consistent", "discounted"):
        assert any(line.startswith(f"{variant}: epsilon_certified is") for line in short.warnings)
    assert not any(line.startswith("pivot") for line in short.warnings)
    patient = api.simulate(document(**table | {"variants": ["discounted"], "discount": "0.99999999"}))
    assert not any("epsilon" in line for line in patient.warnings)
