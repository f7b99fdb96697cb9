"""Plain reference, lockstep kernels, fractions and integers tell the same story."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mechopt.mechanisms.limited_liability import groups
from mechopt.mechanisms.limited_liability.arithmetic import GRID, Floats, Fractions, Ledger, grid_rate, integer_root
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.online import Online
from mechopt.mechanisms.limited_liability.paths import Paths, pick
from mechopt.mechanisms.limited_liability.period import decide
from mechopt.mechanisms.limited_liability.record import VECTORS, trace

Draw = Callable[..., Environment]
SEEDS = 26  # times twelve variants: 312 trajectories


def test_lockstep_paths_are_the_reference_to_the_last_bit(draw: Draw, options: dict[str, Any]) -> None:
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        environment = draw(
            seed, periods=20, agents=int(rng.integers(1, 5)), decisions=int(rng.integers(1, 5)),
            coarse=bool(seed % 2), options=options,
        )  # fmt: skip
        online, paths = Online(environment.rules), Paths(environment.rules, 1)
        for period, number in enumerate(np.asarray(environment.draws).tolist()):
            proposal = online.propose(environment.values[period].tolist())
            group = online.draw(proposal, number)
            table = environment.outputs[period]
            rows = [[table[agent, decision] for agent in range(len(table))] for decision in proposal.decisions]
            settled = online.settle(proposal, group, rows[group] if environment.rules.realised_only else rows)
            open_ = paths.propose(environment.values[period][None])
            chosen = pick(open_.shares, np.array([number]))
            step = paths.settle(open_, groups.taken(environment.outputs[period][None], open_.decisions), chosen)
            assert step.group.tolist() == [group]
            assert step.decisions[0].tolist() == list(proposal.decisions)
            assert step.decision[0] == proposal.decisions[group]
            assert step.shares[0].tolist() == list(proposal.shares)
            assert open_.weights[0].tolist() == list(proposal.weights)
            assert step.paid[0].tolist() == list(settled.paid)
            assert step.expected[0].tolist() == list(settled.expected)
            assert paths.allocation[0] == online.allocation
            for name in VECTORS:
                assert getattr(paths, name)[0].tolist() == getattr(online, name), name


@pytest.mark.parametrize("seed", range(6))
def test_many_paths_are_the_single_ones_side_by_side(draw: Draw, options: dict[str, Any], seed: int) -> None:
    environments = [draw(seed * 10 + path, periods=15, options=options) for path in range(5)]
    rules = environments[0].rules
    together, alone = Paths(rules, 5), [Paths(rules, 1) for _ in range(5)]
    for period in range(15):
        values = np.stack([environment.values[period] for environment in environments])
        outputs = np.stack([environment.outputs[period] for environment in environments])
        numbers = np.array([float(np.asarray(environment.draws)[period]) for environment in environments])
        open_ = together.propose(values)
        together.settle(open_, groups.taken(outputs, open_.decisions), pick(open_.shares, numbers))
        for path, single in enumerate(alone):
            one = slice(path, path + 1)
            proposal = single.propose(values[one])
            single.settle(proposal, groups.taken(outputs[one], proposal.decisions), pick(proposal.shares, numbers[one]))
            assert np.array_equal(single.transfer[0], together.transfer[path])
            assert single.allocation[0] == together.allocation[path]


def test_fractions_agree_with_floats_where_nothing_is_chaotic_yet(draw: Draw, options: dict[str, Any]) -> None:
    for seed in range(3):
        floats = draw(seed, periods=7, options=options)
        rounded = {name: np.round(getattr(floats, name), 2) for name in ("values", "outputs")}
        float_path = trace(Environment(rules=floats.rules, draws=floats.draws, **rounded))
        exact_path = trace(Environment(rules=floats.rules, draws=floats.draws, arithmetic="exact", **rounded))
        assert float_path.group.tolist() == exact_path.group.tolist()
        for name, rows in float_path.vectors.items():
            np.testing.assert_allclose(rows, exact_path.vectors[name].astype(np.float64), atol=1e-6, rtol=1e-7)
        np.testing.assert_allclose(float_path.shares, exact_path.shares.astype(np.float64), atol=1e-7)


def test_sections_four_and_nine_by_a_transcript_of_the_equations(draw: Draw) -> None:
    """Eqs. (4), (5), (8), (9) written down as they stand, in fractions."""
    base = draw(5, periods=8, agents=3, decisions=3)
    environment = Environment(
        rules=base.rules, values=np.round(base.values, 2), outputs=np.round(base.outputs, 2), arithmetic="exact"
    )
    record = trace(environment)
    values, outputs = environment.values, environment.outputs
    allocation, debts = Fraction(0), [Fraction(0)] * 3
    for period in range(8):
        plus = [max(debt, Fraction(0)) for debt in debts]
        whole = max(allocation, Fraction(0)) + sum(plus)
        mu = [1 - sum(debt / whole for debt in plus), *(debt / whole for debt in plus)] if whole else [1, 0, 0, 0]
        best = []
        for group in ([0, 1, 2], [1, 2], [0, 2], [0, 1]):
            worth = [sum(values[period, i, a] for i in group) for a in range(3)]
            best.append(worth.index(max(worth)))
        y = [[outputs[period, i, a] for i in range(3)] for a in best]
        tau = [[y[g][i] if debts[i] > 0 else 0 for i in range(3)] for g in range(4)]
        assert [Fraction(share) for share in record.shares[period]] == [Fraction(share) for share in mu]
        allocation += sum(y[0]) - sum(mu[g] * sum(y[g]) for g in range(4))
        for i in range(3):
            others = [sum(y[g]) - y[g][i] for g in range(4)]
            debts[i] += others[i + 1] - sum(mu[g] * (others[g] + tau[g][i]) for g in range(4))
        assert record.allocation[period] == allocation
        assert record.vectors["transfer"][period].tolist() == debts


def test_the_integer_ledger_follows_the_fractions_within_its_grid(draw: Draw, options: dict[str, Any]) -> None:
    base = draw(3, periods=6, options=options)
    data = {
        name: np.round(np.maximum(getattr(base, name), 0.1) * 16).astype(float) / 16 for name in ("values", "outputs")
    }
    exact_path = trace(Environment(rules=base.rules, arithmetic="exact", seed=3, **data))
    ledger = trace(Environment(rules=base.rules, ledger="integer", output_unit="1/16", seed=3, **data))
    assert ledger.grid
    assert ledger.group.tolist() == exact_path.group.tolist()
    assert all(isinstance(value, int) for value in ledger.allocation.tolist())
    assert (ledger.shares.sum(axis=1) == GRID).all()
    if options.get("payment") != "debt":  # a debt is paid in whole units, rounded up
        for name, rows in ledger.vectors.items():
            told = np.array([[value / GRID / 16 for value in row] for row in rows.tolist()])
            np.testing.assert_allclose(told, exact_path.vectors[name].astype(float), atol=1e-6)


def test_the_integer_ledger_keeps_approachability_up_to_its_grid(draw: Draw) -> None:
    """<R+, dR> is at most n^2 S / 2^32 above 0: the floors move mu by less than a grid point a group."""
    environment = draw(8, periods=400, coarse=True, ledger="integer")
    record = trace(environment)
    before_allocation = np.concatenate([[0], record.allocation[:-1]])
    before = np.concatenate([np.zeros((1, 3), dtype=object), record.vectors["transfer"][:-1]])
    steps = np.column_stack([record.allocation - before_allocation, record.vectors["transfer"] - before])
    plus = np.maximum(np.column_stack([before_allocation, before]), 0)
    inner = (plus * steps).sum(axis=1)
    allowed = 9 * plus.sum(axis=1)  # both factors count 2^-32
    assert (inner <= allowed).all()


def test_the_ledger_never_overflows_and_never_uses_a_float(draw: Draw, options: dict[str, Any]) -> None:
    base = draw(4, periods=30, options=options, coarse=True)
    huge = 10**30
    environment = Environment(
        rules=base.rules, values=base.values * 2, outputs=base.outputs, ledger="integer",
        output_unit=Fraction(1, huge), output_bound=2,
    )  # fmt: skip
    record = trace(environment)
    kinds = {type(value) for array in (record.allocation, record.shares, record.paid) for value in array.ravel()}
    assert kinds == {int}
    assert any(abs(value) > 2**64 for value in record.vectors["transfer"].ravel().tolist()) or options["variant"] in (
        "pivot",
    )


def test_ties_empty_groups_and_zero_weights_pick_the_first_decision() -> None:
    assert decide([[1.0, 1.0], [0.0, 0.0]], [1, 1], 0.0) == [0, 0, 0]
    assert decide([[0.0, 0.5]], [1], 0.0) == [1, 0]  # the only agent left out: nobody is left
    assert decide([[0.0, 0.5]], [0], 0.0) == [0, 0]
    assert groups.decisions(np.array([[0.0, 0.5]])).tolist() == [1, 0]


def test_a_draw_picks_the_first_group_whose_cumulated_probability_exceeds_it() -> None:
    for numbers in (Floats(), Fractions()):
        shares = [numbers.zero, numbers.one / 2, numbers.zero, numbers.one / 2]
        assert [numbers.pick(shares, draw) for draw in (0, Fraction(49, 100), Fraction(1, 2), Fraction(99, 100))] == [
            1, 1, 3, 3,
        ]  # fmt: skip
    assert Floats().pick([0.1] * 10, 1 - 2.0**-53) == 9  # ten tenths stay below 1
    assert pick(np.full((1, 10), 0.1), np.array([1 - 2.0**-53])).tolist() == [9]
    assert Ledger().pick([0, GRID], GRID - 1) == 1


def test_small_regrets_are_snapped_to_zero() -> None:
    assert [Floats().settle(value) for value in (1e-12, -1e-12, 2e-12)] == [0.0, 0.0, 2e-12]
    assert Fractions().settle(Fraction(1, 10**13)) == Fraction(1, 10**13)


@pytest.mark.parametrize("exponent", [Fraction(1, 3), Fraction(1, 4), Fraction(9, 20), Fraction(2, 7)])
def test_the_exploration_rate_is_rounded_down_in_integers(exponent: Fraction) -> None:
    for period in (1, 2, 7, 1000, 10**6, 10**12):
        rate = grid_rate(period, exponent)
        p, q = exponent.numerator, exponent.denominator
        assert rate**q * period**p <= GRID**q < (rate + 1) ** q * period**p


def test_integer_roots() -> None:
    for value in (0, 1, 2, 26, 27, 28, 10**40):
        for degree in (1, 2, 3, 7):
            root = integer_root(value, degree)
            assert root**degree <= value < (root + 1) ** degree


def test_a_proposal_is_settled_once(draw: Draw) -> None:
    environment = draw(1)
    online = Online(environment.rules)
    proposal = online.propose(environment.values[0].tolist())
    rows = [[0.5] * 3] * 4
    online.settle(proposal, 0, rows)
    with pytest.raises(ValueError, match="period 2 is open"):
        online.settle(proposal, 0, rows)
