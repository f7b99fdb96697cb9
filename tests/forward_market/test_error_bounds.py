"""The proven error of q against exact rationals, for every engine; few agents by both ends."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mechopt.distributions import Uniform
from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market import both_ends, leave_one_out, subsets, sums
from mechopt.mechanisms.forward_market.interim import Interim

BITS = 10  # of the probabilities: exact as floats, and as whole numbers


def exactly(units: list[int], lattice: int, chances: list[int], agent: int) -> Fraction:
    """q of one agent in whole numbers: chances F_j in units of 2^-BITS, one convolution for each other agent."""
    whole = 1 << BITS
    weight = [0] * lattice
    weight[0] = 1
    for other, (step, out) in enumerate(zip(units, chances, strict=True)):
        if other == agent:
            continue
        moved = [0] * min(step, lattice) + weight[: max(lattice - step, 0)]
        weight = [out * stay + (whole - out) * come for stay, come in zip(weight, moved, strict=True)]
    total = sum(chance * min(units[agent], lattice - place) for place, chance in enumerate(weight))
    return Fraction(total, lattice * whole ** (len(units) - 1))


def lattice_of(units: list[int], lattice: int) -> sums.Sums:
    found = sums.attainable([Fraction(step, lattice) for step in units], largest=20_000)
    assert found is not None
    return found


def engines() -> list[dict[str, bool]]:
    compiled = [{"compiled": True}] if importlib.util.find_spec("numba") else []
    return [{}, {"extended": True}, *compiled]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_error_is_within_its_bound(data: Any) -> None:
    """Few agents and many, chances of 0 and 1 among them, a fine lattice and a coarse one."""
    lattice = data.draw(st.sampled_from([6, 12, 48, 200]))
    agents = data.draw(st.integers(2, 45))
    units = [1, *data.draw(st.lists(st.integers(1, lattice), min_size=agents - 1, max_size=agents - 1))]
    chances = data.draw(st.lists(st.integers(0, 1 << BITS), min_size=agents, max_size=agents))
    agent = data.draw(st.integers(0, agents - 1))
    if sum(units) <= lattice:
        return
    exact = exactly(units, lattice, chances, agent)
    below = np.array([chances]) / (1 << BITS)
    for options in engines():
        value, error, _ = leave_one_out.allocations(lattice_of(units, lattice), below, np.array([agent]), **options)
        assert abs(Fraction(float(value[0, 0])) - exact) <= Fraction(float(error[0, 0])) + Fraction(1, 10**30)
        assert error[0, 0] <= 2e-13


@pytest.mark.parametrize("lattice", [200, 1000])
def test_a_thousand_agents_have_a_proven_error_of_1e_13(lattice: int) -> None:
    """On a lattice of 200 in plain floats; of 1,000 twice that, or some 1e-16 in the platform's longest floats."""
    rng = np.random.default_rng(lattice)
    units = [1, *rng.integers(1, lattice // 4, 999).tolist()]
    scale = min(1.0, lattice / (sum(units) * 0.5))
    chances = ((1.0 - scale * rng.random(1000)) * (1 << BITS)).astype(int).tolist()
    below, found = np.array([chances]) / (1 << BITS), lattice_of(units, lattice)
    exact = exactly(units, lattice, chances, 7) if lattice == 200 else None
    for options in engines():
        value, error, _ = leave_one_out.allocations(found, below, np.arange(1000), **options)
        longest = options.get("extended") and leave_one_out.EXTENDED < 1e-18
        assert error.max() <= (1e-15 if longest else 1e-13 if lattice == 200 else 2e-13)
        if exact is not None:
            assert abs(Fraction(float(value[0, 7])) - exact) <= Fraction(float(error[0, 7]))


@pytest.mark.parametrize("seed", range(6))
def test_few_agents_left_out_between_both_ends(seed: int) -> None:
    rng = np.random.default_rng(seed)
    agents, lattice = int(rng.integers(2, 12)), int(rng.integers(3, 60))
    units = [1, *rng.integers(1, lattice + 1, agents - 1).tolist()]
    found = lattice_of(units, lattice)
    if found.lattice != lattice:
        return
    below = rng.random((agents, 5))
    below[rng.random(below.shape) < 0.2] = 0.0
    wanted = rng.permutation(agents)[: max(1, agents // 2)]
    assert both_ends.suits(found, agents)
    value, idle = both_ends.allocations(found, below, wanted)
    for place in range(5):
        expected = subsets.allocations(below[:, place], np.array(units) / lattice)
        np.testing.assert_allclose(value[:, place], expected[wanted], atol=1e-14)
    everybody = leave_one_out.distribution(found, below, range(agents))
    np.testing.assert_allclose(idle, found.shortfall(everybody)[0], atol=1e-14)


def test_the_extended_engine_is_for_lattices() -> None:
    demand = [Fraction(f"0.{digits}") for digits in ("3141592", "2718281", "5772156", "1414213", "7320508")]
    with pytest.raises(InstanceError, match="engine"):
        Interim(demand, [Uniform()] * 5, method="halves", engine="extended")
    lattice = Interim(
        [Fraction(1, 2), Fraction(2, 3), Fraction(1, 3)], [Uniform()] * 3, method="sums", engine="extended"
    )
    plain = Interim([Fraction(1, 2), Fraction(2, 3), Fraction(1, 3)], [Uniform()] * 3, engine="numpy")
    types = np.linspace(0, 1, 9)
    np.testing.assert_allclose(lattice.at(types).value, plain.at(types).value, atol=1e-15)
    assert lattice.at(types).value.dtype == np.float64
