"""Equation (7.3): what the printed constant is, and that the engine's two constants are what they say."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

belief = catalog.beside(__file__, "_belief")
moments = catalog.beside(__file__, "_moments")
computed = catalog.beside(__file__, "_engine")


@claim(
    paper="zheng2023",
    label="Equation (7.3)",
    statement="""h := -1/2 (sum over (v_1, v_2) of eta(v_1, v_2) times the integral of (v_1(t_1) + v_2(t_1 + t_2)) 1_A
        + (v_2(t_2) + v_1(t_1 + t_2)) 1_B d mu).""",
    reading="""A definition; it is finite: |h| <= 1, as W* is in [-2, 2] and weights are at most 1 (the v have to be
        measurable, which is not said). Checked besides: the engine's printed and balancing constants are -E[W*; A or
        B]/2 and -E[W*]/2, for affine v, discrete times and uniform ones.""",
    hypotheses=[belief.beliefs],
    proof="A probability-weighted sum of welfares in [-2, 2], halved.",
    expected="proved",
)
def constant(run: Run) -> Iterator[Evidence]:
    """The bound by Z3; the engine against sums over realisations and integrals over polygons."""
    import z3

    a, b, on_a, on_b = z3.Reals("a b on_a on_b")  # probabilities of A and B, mean welfare there
    h = -(a * on_a + b * on_b) / 2
    yield smt.prove(
        z3.And(h >= -1, h <= 1),
        given=[a >= 0, b >= 0, a + b <= 1, on_a >= -2, on_a <= 2, on_b >= -2, on_b <= 2],
        control=("1/2", h >= -Fraction(1, 2)),
        range="all beliefs: probabilities and means of A and B",
        complete=True,
        nontrivial=[a > 0, b > 0, a + b < 1],
        lift=lambda value: belief.EXAMPLE,
    )

    def same(instance: Instance, ties: bool = False) -> bool:
        found = computed.discrete(dict(instance))
        best = -belief.mean(instance, belief.welfare) / 2
        printed = best if ties else belief.printed(instance)
        return bool(found.printed_constant.value == printed and found.balancing_constant.value == best)

    yield exhaustive.check(
        same,
        grid=belief.discrete(),
        control=("the ties counted in (7.3)", lambda i: same(i, True)),
        hypotheses=run.hypotheses,
        range=f"the engine: {belief.RANGE}",
    )

    def uniform(instance: Instance, shift: int = 0) -> bool:
        lines: list[tuple[Any, Any]] = list(zip(instance["value"], instance["slope"], strict=True))
        found = computed.uniform(lines)
        return bool(found.balancing_constant.value == shift - moments.budget(lines, 1) / 2)

    chances = [Fraction(1, 2)] * 2
    pairs = [[(1, 1), (Fraction(1, 2), b)] for b in (Fraction(3, 4), Fraction(1, 3), 0, -Fraction(1, 4))]
    yield exhaustive.check(
        uniform,
        grid=[
            {
                "value": [a for a, _ in v],
                "slope": [b for _, b in v],
                "chance": chances,
                "time": [0, 1],
                "weight": chances,
            }
            for v in pairs
        ],
        control=("1 more", lambda i: uniform(i, 1)),
        hypotheses=run.hypotheses,
        range="the engine, uniform times: V = {1 - t, 1/2 - slope t}, slope in {3/4, 1/3, 0, -1/4}",
    )
