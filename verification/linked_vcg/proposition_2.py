"""Proposition 2: how likely it is that all agents have almost ex-post incentives."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

conjectures = catalog.beside(__file__, "_conjectures")


@claim(
    paper="zhu2021",
    label="Proposition 2",
    statement="""Let P^ be any probability on (Omega, F) satisfying P^(Omega(T, mu-lower, mu-upper)) >= 1 -
        delta(z). Then P^(Omega - Omega(T, mu-lower, mu-upper, P^, c(z) 1)) <= c(z). Thus, c(z) 1 is believable for
        any z satisfying delta(z) >= delta.""",
    reading="""For all N >= 2, T, beta, v-bar, epsilon > 0, z in (0, 1) and every probability with P^(inside) >= 1 -
        delta(z): each agent's conditional probability of leaving his interval is a martingale that starts at most
        at delta(z); the chance that it ever reaches epsilon / (beta^(1-s) T v-bar) - c(z) at some s is at most
        c(z)/N, and that of any agent's c(z).""",
    hypotheses=[conjectures.parameters],
    rests_on=["linked_vcg.lemma_5"],
    proof="""Thresholds are lowest at s = T: ratio - c. By Lemma 5 the chance is at most delta / (ratio - c) where c
        < 1, with ratio - c = (1 - z) ratio; so N delta <= z (1 - z) ratio^2 = c (ratio - c). Where c = 1 there is
        nothing to show.""",
    expected="proved",
)
def proposition(run: Run) -> Iterator[Evidence]:
    """The bound by Z3; two agents on a tree, event by event."""
    import z3

    z, ratio, agents, growth = z3.Reals("z ratio agents growth")
    c = smt.minimum(z * ratio, 1)
    chance = smt.minimum(z * (1 - z) * ratio * ratio / agents, 1)
    yield smt.prove(
        z3.And(
            z3.Implies(c < 1, z3.And(ratio - c > 0, agents * chance <= c * (ratio - c))),
            growth * ratio - c >= ratio - c,  # the threshold at s, beta^(s-T) times that at T
        ),
        given=[z > 0, z < 1, ratio > 0, agents >= 1, growth >= 1],
        control=("with half the conjecture", z3.Implies(c < 1, 2 * agents * chance <= c * (ratio - c))),
        range="every N, T, beta, v-bar, epsilon and z; every probability by Lemma 5 and the union of N events",
        complete=True,
        nontrivial=[c < 1, agents > 1],
        lift=lambda value: {"z": value["z"], "ratio": value["ratio"], "agents": 2},
    )

    def outside(instance: Instance) -> Fraction:
        """P^(not inside); two dates: at date 1 an agent learns his chance of leaving his interval at date 2."""
        return 1 - prod(1 - first * risky for first, risky in zip(instance["news"], instance["risk"], strict=True))

    def played(instance: Instance, factor: Any = 1) -> bool:
        c, threshold = conjectures.conjecture(instance), Fraction(instance["ratio"]) - conjectures.conjecture(instance)
        bad = Fraction(1)
        for first, risky in zip(instance["news"], instance["risk"], strict=True):
            early = first if risky >= threshold else (first * risky if threshold <= 1 else Fraction(0))
            bad *= 1 - early
        return 1 - bad <= factor * c

    tenth = Fraction(1, 10)
    yield exhaustive.check(
        played,
        grid=[
            point
            for z in (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))
            for ratio in (Fraction(1, 2), 1)
            for news in product((0, tenth, Fraction(1, 20)), repeat=2)
            for risk in product((tenth, Fraction(1, 4), Fraction(1, 2)), repeat=2)
            for point in [{"z": z, "ratio": ratio, "agents": 2, "news": list(news), "risk": list(risk)}]
            if outside(point) <= conjectures.delta(point)
        ],
        control=("a tenth of it", lambda instance: played(instance, tenth)),
        hypotheses=run.hypotheses,
        range="two independent agents, two dates: news at date 1, a chance of leaving at date 2; inside with 1 - delta",
    )


@claim(
    paper="zhu2021",
    label="Proposition 2",
    part="one agent",
    statement="""N = 1: for any c in (0, 1], if P^(Omega(T, mu-lower, mu-upper)) >= 1 - delta(c), where delta(c) := c
        epsilon / (beta^(1-T) T v-bar) ^ 1, then P^(Omega - Omega(T, mu-lower, mu-upper, P)) <= c.""",
    reading="""For all T, beta, v-bar, epsilon > 0 and c in (0, 1], every probability (P in the event is P^): the
        agent's chance of leaving ever reaches epsilon / (beta^(1-s) T v-bar) with probability at most c. Here z
        stands for c.""",
    hypotheses=[conjectures.parameters],
    rests_on=["linked_vcg.lemma_5"],
    proof="Lemma 5 with the level ratio: delta(c) / ratio <= c.",
    expected="proved",
)
def one_agent() -> Evidence:
    """By Z3."""
    import z3

    c, ratio, growth = z3.Reals("c ratio growth")
    chance = smt.minimum(c * ratio, 1)
    return smt.prove(
        z3.And(chance <= c * ratio, growth * ratio >= ratio),
        given=[c > 0, c <= 1, ratio > 0, growth >= 1],
        control=("with half of c", chance <= c * ratio / 2),
        range="every T, beta, v-bar, epsilon and c",
        complete=True,
        nontrivial=[c < 1, c * ratio < 1],
        lift=lambda value: {"z": value["c"], "ratio": value["ratio"], "agents": 1},
    )
