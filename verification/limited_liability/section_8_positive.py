"""Section 8: off the equilibrium path an agent may have a positive externality on the others."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def misreport(instance: Instance) -> bool:
    """Values in [0, 1] for a and b; agent 2 prefers b and states the reverse; agent 1 prefers b by more."""
    (first_a, first_b), (true_a, true_b), (stated_a, stated_b) = instance["first"], instance["true"], instance["stated"]
    inside = all(0 <= v <= 1 for v in (first_a, first_b, true_a, true_b, stated_a, stated_b))
    return bool(inside and true_a < true_b and stated_a > stated_b and first_b - first_a > stated_a - stated_b)


def effect(instance: Instance) -> Any:
    """E[Y_2(I without 1) - Y_2(I)]: what agent 2 expects without agent 1, less what it expects with it."""
    first, true, stated = (instance[name] for name in ("first", "true", "stated"))
    alone = stated.index(max(stated))
    totals = [a + b for a, b in zip(first, stated, strict=True)]
    return true[alone] - true[totals.index(max(totals))]


@claim(
    paper="chassang2021",
    label="Section 8",
    part="positive externalities off the path",
    statement="""Even under a restriction to Markov strategies, the pivot mechanism may exhibit common value aspects
        out-of-equilibrium: one player may have a positive externality on others.""",
    reading="""Two agents, two decisions: wherever agent 2 states its preference the wrong way round and agent 1's
        truth overrules it, agent 1's expected externality is negative (it helps agent 2), though it is
        charged a transfer >= 0. So E[Y_-i(I\\i) - Y_-i(mu)] >= 0 needs the others' truth.""",
    hypotheses=[misreport],
    proof="Without agent 1 the decision is a, with it b; agent 2 expects more from b.",
    expected="proved",
)
def off_path(run: Run) -> Iterator[Evidence]:
    """By Z3; values of a grid."""
    import z3

    names = "first_a first_b true_a true_b stated_a stated_b taken alone"
    first_a, first_b, true_a, true_b, stated_a, stated_b, taken, alone = z3.Reals(names)
    yield smt.prove(
        z3.And(alone - taken < 0, stated_a - stated_b > 0),
        given=[
            *(z3.And(v >= 0, v <= 1) for v in (first_a, first_b, true_a, true_b, stated_a, stated_b)),
            true_a < true_b, stated_a > stated_b, first_b - first_a > stated_a - stated_b,
            alone == z3.If(stated_a > stated_b, true_a, true_b),
            taken == z3.If(first_a + stated_a > first_b + stated_b, true_a, true_b),
        ],
        control=("by at least 1/2", alone - taken <= -z3.Q(1, 2)),
        range="two agents, two decisions, all values",
        complete=True,
        lift=lambda value: {
            name: [value[f"{name}_a"], value[f"{name}_b"]] for name in ("first", "true", "stated")
        },
    )  # fmt: skip
    half = Fraction(1, 2)
    pairs = [[a, b] for a in (0, half, 1) for b in (0, half, 1)]
    yield exhaustive.check(
        lambda instance: effect(instance) < 0,
        grid=exhaustive.Grid(scalars={"first": pairs, "true": pairs, "stated": pairs}),
        control=("by at least 1", lambda instance: effect(instance) <= -1),
        hypotheses=run.hypotheses,
    )
