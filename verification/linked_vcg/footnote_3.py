"""Footnote 3: the condition of the proof of Theorem 2 that c[k] is to satisfy."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def belief(instance: Instance) -> bool:
    """k-model: T, v-bar, epsilon > 0, 0 <= c <= 1, a conditional probability; beta = 1."""
    positive = min(instance["agents"], instance["dates"]) >= 1 and min(instance["v_bar"], instance["epsilon"]) > 0
    return positive and 0 <= instance["c"] <= 1 and 0 <= instance["probability"] <= 1


def violates(instance: Instance) -> bool:
    """(2) in the k-model, where the largest value at a date is v(k q-bar, infinite) = k v-bar."""
    largest = instance["agents"] * Fraction(instance["v_bar"])
    return bool(
        (instance["probability"] + Fraction(instance["c"])) * instance["dates"] * largest >= instance["epsilon"]
    )


def printed(instance: Instance) -> bool:
    """The footnote's condition, with v-bar of the 1-model."""
    level = Fraction(instance["epsilon"]) / (instance["dates"] * Fraction(instance["v_bar"])) - instance["c"]
    return bool(instance["probability"] >= level)


def replay(instance: Instance) -> str | None:
    """Both conditions in numbers."""
    k, dates, v, c = instance["agents"], instance["dates"], Fraction(instance["v_bar"]), Fraction(instance["c"])
    left = (instance["probability"] + c) * dates * k * v
    least = Fraction(instance["epsilon"]) / (dates * v) - c
    if (left >= instance["epsilon"]) == (instance["probability"] >= least):
        return None
    return (
        f"k = {k}: v(k q-bar, infinite) = k v-bar = {k * v} by Corollary 1\n"
        f"(2): ({instance['probability']} + {c}) * {dates} * {k * v} = {left} < {instance['epsilon']} is "
        f"{left < instance['epsilon']}\n"
        f"the footnote: {instance['probability']} >= {instance['epsilon']}/({dates} * {v}) - {c} = "
        f"{least} is {instance['probability'] >= least}"
    )


GRID = exhaustive.Grid(
    scalars={
        **{"agents": [1, 2, 4], "dates": [1, 2], "v_bar": [1], "epsilon": [1, 2], "c": [0, Fraction(1, 4)]},
        "probability": [0, Fraction(1, 4), Fraction(1, 2)],
    }
)


@claim(
    paper="zhu2021",
    label="Footnote 3",
    statement="""Mirroring the proof of Proposition 2, mu is outside Omega^n(T[k], mu-lower^n(d), mu-upper^n(d),
        P^^n, c(d)[k]) if and only if P^^n(mu^n not in Omega^n(T[k], ...) | mu^n|_s) >= epsilon/(T[k] v-bar) -
        c(d)[k] for some s <= T[k].""",
    reading="""For all k, T, epsilon, v-bar, c and conditional probabilities: condition (2) of the k-model fails iff
        the footnote's inequality holds, v-bar being v(q-bar, infinite) of the model with k = 1, as in the rest of
        the proof.""",
    hypotheses=[belief],
    replay=replay,
    expected="refuted",
    repaired_by="linked_vcg.footnote_3_with_the_k_model_s_value",
)
def threshold(run: Run) -> Evidence:
    """Both conditions on a grid."""
    return exhaustive.check(
        lambda instance: violates(instance) == printed(instance),
        grid=GRID,
        control=("never", lambda instance: violates(instance) != printed(instance)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Footnote 3",
    part="with the k-model's value",
    statement="""The threshold is e - c with e = epsilon/(T[k] k v-bar). With c(d)[k] the smaller root of c (e - c)
        = k f(i(d) T[k]) the bound P^(Omega - Omega(...)) <= c(d)[k] holds; k c(d)[k] -> 0 where z^(3/kappa + 1)
        f(z) -> 0, and c(d)[k] is real for large k where z^(3/kappa + 2) f(z) -> 0, which is more than Assumption 1
        demands.""",
    reading="""For all k, T, epsilon, v-bar, f: (2) fails iff P >= e - c; k f/(e - c) = c where c < e; k c epsilon
        <= 2 k^3 T f v-bar; and 4 k f <= e^2 iff 4 k^3 T^2 f v-bar^2 <= epsilon^2. With k <= T^(1/kappa) these are
        the powers of T said.""",
    hypotheses=[belief],
    rests_on=["linked_vcg.lemma_5"],
    proof="Lemma 5 bounds each agent's chance by f/(e - c); k agents; the root.",
    expected="proved",
)
def corrected(run: Run) -> Iterator[Evidence]:
    """By Z3; on the grid."""
    import z3

    c, e, f, k, v, epsilon, dates, chance = z3.Reals("c e f k v_bar epsilon T P")
    yield smt.prove(
        z3.And(
            ((chance + c) * dates * k * v >= epsilon) == (chance >= e - c),
            z3.Implies(2 * c <= e, k * c * epsilon <= 2 * k * k * k * dates * f * v),
        ),
        given=[
            k >= 1, dates >= 1, v > 0, epsilon > 0, e * dates * k * v == epsilon, c >= 0, c < e, f >= 0,
            c * (e - c) == k * f, chance >= 0, chance <= 1,
        ],
        control=("with the 1-model's value", ((chance + c) * dates * v >= epsilon) == (chance >= e - c)),
        range="every k, T, epsilon, v-bar, f and conditional probability",
        complete=True,
        nontrivial=[c > 0, k > 1],
        lift=lambda value: {
            **{"agents": 2, "dates": 2, "v_bar": 1, "epsilon": 1, "c": Fraction(1, 8)},
            "probability": Fraction(1, 8),
        },
        seconds=60.0,
    )  # fmt: skip

    def same(instance: Instance, factor: int = 1) -> bool:
        level = Fraction(instance["epsilon"]) / (instance["dates"] * instance["agents"] * Fraction(instance["v_bar"]))
        return violates(instance) == bool(instance["probability"] >= factor * level - instance["c"])

    yield exhaustive.check(
        same,
        grid=GRID,
        control=("twice the threshold", lambda instance: same(instance, 2)),
        hypotheses=run.hypotheses,
    )
