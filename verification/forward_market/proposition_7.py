"""Proposition 7 and Corollaries 2 and 3: stronger agents hold more."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")


def ordered(instance: Instance) -> bool:
    """Lower-indexed agents are stronger: larger demands and laws that dominate (larger powers)."""
    demand, power = instance["demand"], instance["power"]
    return all(a >= b for a, b in itertools.pairwise(demand)) and all(a >= b for a, b in itertools.pairwise(power))


def clipped(demand: Any, left: Any) -> Any:
    """What an agent gets of what others leave: min{k, max{0, left}}."""
    return smt.minimum(demand, smt.positive_part(left))


def terms(first: Any, second: Any, left: Any) -> tuple[Any, Any, Any, Any]:
    """B_i1, B_i2, B_j1, B_j2 for a set M whose complement leaves this much."""
    return clipped(first, left), clipped(first, left - second), clipped(second, left), clipped(second, left - first)


def holds_more(instance: Instance) -> bool:
    """r* does not rise with the index."""
    star = market.Spot.of(instance).star()
    return all(a[1] >= b[0] for a, b in itertools.pairwise(star))


@claim(
    paper="liu2020",
    label="Proposition 7",
    statement="With strength-ordered agents, for all i < j, r_i* >= r_j*.",
    reading="""For every n, all markets, and already for one pair with F_i <= F_j and k_i >= k_j, whatever the other
        agents are: q_i >= q_j at every type, so at hat theta.""",
    hypotheses=[market.scarce, market.laws, ordered],
    proof="""For every set M of the others below: F_j B_i1 + (1 - F_j) B_i2 is at least F_i B_j1 + (1 - F_i) B_j2,
        because B_i1 >= B_j1, B_i2 >= B_j2 and B_i1 - B_i2 = B_j1 - B_j2. Average over M.""",
    rests_on=["forward_market.proposition_2"],
    expected="proved",
)
def stronger_holds_more(run: Run) -> Iterator[Evidence]:
    """One set M by Z3; r* of the exact market."""
    import z3

    strong, weak, left, below_strong, below_weak = z3.Reals("strong weak left below_strong below_weak")
    b_i1, b_i2, b_j1, b_j2 = terms(strong, weak, left)
    first = below_weak * b_i1 + (1 - below_weak) * b_i2
    second = below_strong * b_j1 + (1 - below_strong) * b_j2
    yield smt.prove(
        first >= second,
        given=[
            z3.And(weak > 0, strong >= weak, strong <= 1, left <= 1),
            z3.And(below_strong >= 0, below_weak >= below_strong, below_weak <= 1),
        ],
        control=("the other way round", second >= first),
        range="every number of agents, all demands and distributions: a pair and any set of the others",
        complete=True,
        nontrivial=[left > 0, below_weak > below_strong, strong > weak],
        lift=lambda value: {**market.EXAMPLE, "demand": [1, Fraction(2, 3), Fraction(1, 2)], "power": [3, 2, 1]},
    )
    yield exhaustive.check(
        holds_more,
        grid=market.markets(held=False),
        control=("strictly", lambda i: len({a for a, _ in market.Spot.of(i).star()}) == len(i["demand"])),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )


def step(instance: Instance) -> bool:
    """k_i >= k_j in (0, 1], and the agents above outside the pair leave at most 1."""
    return bool(0 < instance["weak"] <= instance["strong"] <= 1 and instance["left"] <= 1)


GRID = exhaustive.Grid(
    scalars={
        "strong": [Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), 1],
        "weak": [Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), 1],
        "left": exhaustive.steps(-1, 1, 3),
    }
)


@claim(
    paper="liu2020",
    label="Proposition 7",
    part="a step of its proof: the same range",
    statement="The two numbers have the same range, that is, B_i1 - B_i2 = B_j1 - B_j2.",
    reading="For all k_i, k_j in (0, 1] and whatever the others leave.",
    hypotheses=[step],
    proof="Both are s - (s - k_i)^+ - (s - k_j)^+ + (s - k_i - k_j)^+ with s the positive part of what is left.",
    expected="proved",
)
def same_range(run: Run) -> Evidence:
    """By Z3."""
    import z3

    strong, weak, left = z3.Reals("strong weak left")
    b_i1, b_i2, b_j1, b_j2 = terms(strong, weak, left)
    return smt.prove(
        b_i1 - b_i2 == b_j1 - b_j2,
        given=[weak > 0, strong >= weak, strong <= 1, left <= 1],
        control=("the numbers themselves are the same", b_i1 == b_j1),
        range="every number of agents: all demands of the pair, everything that others may leave",
        complete=True,
        nontrivial=[left > 0],
    )


def printed_terms(instance: Instance) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """The four numbers of an instance, in fractions."""
    strong, weak, left = (Fraction(instance[name]) for name in ("strong", "weak", "left"))
    return tuple(
        min(k, max(Fraction(0), rest))
        for k, rest in ((strong, left), (strong, left - weak), (weak, left), (weak, left - strong))
    )  # type: ignore[return-value]  # four of them


def replay(instance: Instance) -> str | None:
    """The numbers by cases."""
    left = Fraction(instance["left"])
    shares = []
    for own, other in (("strong", "weak"), ("weak", "strong")):
        for rest in (left, left - instance[other]):
            shares.append(Fraction(0) if rest <= 0 else (rest if rest <= instance[own] else Fraction(instance[own])))
    if shares[0] > shares[2] and shares[1] > shares[3]:
        return None
    return (
        f"k_i = {instance['strong']}, k_j = {instance['weak']}, {left} left: B_i1 = {shares[0]}, B_j1 = {shares[2]}; "
        f"B_i2 = {shares[1]}, B_j2 = {shares[3]}: not both larger"
    )


@claim(
    paper="liu2020",
    label="Proposition 7",
    part="a step of its proof: strictly larger numbers",
    statement="... with B_i1 > B_j1 and B_i2 > B_j2.",
    reading="For all k_i >= k_j in (0, 1] (the stronger agent is i) and whatever the others leave.",
    hypotheses=[step],
    replay=replay,
    expected="refuted",
    repaired_by="forward_market.proposition_7_weakly_larger_numbers",
)
def strictly(run: Run) -> Evidence:
    """Demands and rests on a grid."""

    def larger(instance: Instance) -> bool:
        b_i1, b_i2, b_j1, b_j2 = printed_terms(instance)
        return b_i1 > b_j1 and b_i2 > b_j2

    return exhaustive.check(
        larger,
        grid=GRID,
        control=("twice as large", lambda i: printed_terms(i)[0] > 2 * printed_terms(i)[2]),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="liu2020",
    label="Proposition 7",
    part="weakly larger numbers",
    statement="B_i1 >= B_j1 and B_i2 >= B_j2, which is all that the proof needs.",
    reading="For all k_i >= k_j in (0, 1] and whatever the others leave.",
    hypotheses=[step],
    proof="min(k, .) rises with k, and what is left of the rest after the weaker agent is more.",
    expected="proved",
)
def weakly(run: Run) -> Iterator[Evidence]:
    """By Z3, and on a grid."""
    import z3

    strong, weak, left = z3.Reals("strong weak left")
    b_i1, b_i2, b_j1, b_j2 = terms(strong, weak, left)
    yield smt.prove(
        z3.And(b_i1 >= b_j1, b_i2 >= b_j2),
        given=[weak > 0, strong >= weak, strong <= 1, left <= 1],
        control=("strictly", b_i1 > b_j1),
        range="every number of agents: all demands of the pair, everything that others may leave",
        complete=True,
        nontrivial=[left > 0, strong > weak],
    )
    yield exhaustive.check(
        lambda i: printed_terms(i)[0] >= printed_terms(i)[2] and printed_terms(i)[1] >= printed_terms(i)[3],
        grid=GRID,
        control=("strictly", lambda i: printed_terms(i)[0] > printed_terms(i)[2]),
        hypotheses=run.hypotheses,
    )
