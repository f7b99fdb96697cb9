"""Lemma 2: prices are generically unique and locally constant."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)
TYPES = [[[3, 0], [0, 4], [1, 1], [1, 3]], [[3, 0], [0, 4], [2, 1], [0, 1]], [[2], [1]], [[3], [1], [2]]]


def knapsack(instance: Instance) -> bool:
    """q > 0, mu >= 0, conditions 1 and 2."""
    types = instance["types"]
    positive = min(instance["stock"]) > 0 and min(instance["supply"]) >= 0
    return bool(positive and shared.condition_1(types) and shared.generic(types))


def grid(most: int) -> list[Instance]:
    """Knapsacks with one and two resources; among them many on the boundary between two prices."""
    found: list[Instance] = []
    for types in TYPES:
        resources = len(types[0])
        for supply in exhaustive.Grid(agents=(len(types) - resources,), each={"supply": list(range(most))}):
            for stock in ([1], [2], [3]) if resources == 1 else ([4, 6], [3, 4], [5, 3], [1, 3]):
                found.append({"stock": stock, "types": types, **supply})
    return found


def partly(instance: Instance) -> tuple[int, int]:
    """How many types are invested in strictly partly, and how many prices there are at vertices."""
    types = shared.freeze(instance["types"])
    supply = [*[None] * len(instance["stock"]), *instance["supply"]]
    alpha, _ = shared.invest(instance["stock"], types, supply)
    inside = sum(a > 0 and (m is None or a < m) for a, m in zip(alpha, supply, strict=True))
    prices = 0
    for vertex in shared.vertices(types):
        costs = [shared.dot(vertex.price, needs) for needs in types]
        rows = list(zip(costs, alpha, supply, strict=True))
        prices += all(not (c < 1 and a != m) and not (c > 1 and a != 0) for c, a, m in rows)
    return inside, prices


@claim(
    paper="zhu2021",
    label="Lemma 2",
    part="unique prices",
    statement="Given (q, mu) in QM, |p(q, mu)| = 1 if and only if |{i | alpha_i(q, mu) in (0, mu_i)}| = R.",
    reading="""For all R, I, q > 0, mu and theta under conditions 1 and 2: the price is unique iff exactly R types are
        invested in strictly partly (the first step of the proof).""",
    hypotheses=[knapsack],
    rests_on=["linked_vcg.lemma_1"],
    proof="""A partly invested type has p.theta_i = 1; R of them are independent and leave one p. With fewer, the
        types on the plane of p are independent, so some z has z.theta_i = 0 for the partly invested ones and, for
        any other type on the plane, z.theta_i = 1 if alpha_i = 0 and -1 otherwise: p + e z is associated for small
        e > 0.""",
    expected="proved",
)
def unique(run: Run) -> Iterator[Evidence]:
    """Both directions by Z3, the count of price vertices on a grid."""
    import z3

    one, two, p, q = (smt.vector(name, 2) for name in ("one", "two", "p", "q"))

    def value(price: list[Any], need: list[Any]) -> Any:
        return sum(a * b for a, b in zip(price, need, strict=True))

    yield smt.prove(
        z3.And(p[0] == q[0], p[1] == q[1]),
        given=[
            *(value(price, need) == 1 for price in (p, q) for need in (one, two)),
            one[0] * two[1] != one[1] * two[0],
        ],
        control=("in the first entry times two", p[0] == 2 * q[0]),
        range="R = 2: two independent types on the plane leave one price (for any R: an invertible matrix)",
        complete=False,
        lift=lambda value: {"stock": [4, 6], "types": TYPES[0], "supply": [1, 0]},
    )
    cost, slope, amount, most, step = z3.Reals("cost slope alpha supply step")

    def linear(c: Any) -> Any:
        return z3.And(z3.Implies(c < 1, amount == most), z3.Implies(c > 1, amount == 0))

    kept = z3.If(
        cost != 1, step * z3.If(slope > 0, slope, -slope) < z3.If(cost > 1, cost - 1, 1 - cost),
        z3.If(z3.And(amount > 0, amount < most), slope == 0, z3.If(amount == 0, slope == 1, slope == -1)),
    )  # fmt: skip
    yield smt.prove(
        linear(cost + step * slope),
        given=[cost > 0, step > 0, amount >= 0, amount <= most, linear(cost), kept],
        control=("for every direction", z3.Implies(slope != 0, linear(cost - step * slope))),
        range="every R and I (type by type): with fewer than R partly invested types p + step z is associated as well; "
        "R of them leave one p, as an invertible matrix does",
        complete=True,
        nontrivial=[slope != 0, amount > 0],
        lift=lambda value: {"stock": [4, 6], "types": TYPES[0], "supply": [1 + value["supply"], 1]},
    )

    def counts(instance: Instance, shift: int = 0) -> bool:
        inside, prices = partly(instance)
        return (inside + shift == len(instance["stock"])) == (prices == 1)

    yield exhaustive.check(
        counts,
        grid=grid(4 if run.full else 3),
        control=("R - 1 are enough", lambda instance: counts(instance, 1)),
        hypotheses=run.hypotheses,
        range="R = 1, 2 with up to 4 types, at and off the boundaries between prices",
    )


@claim(
    paper="zhu2021",
    label="Lemma 2",
    part="locally constant",
    statement="""If |p(q, mu)| = 1, then there exists a d > 0 such that for all (q~, mu~) in QM satisfying
        ||(q~, mu~) - (q, mu)|| < d, p(q~, mu~) = p(q, mu).""",
    reading="""For all R, I, theta under conditions 1 and 2 and (q, mu) with a unique price, with S the R partly
        invested types and C the norm of the linear map from (q, mu) to alpha_S: d = min(alpha_S, (mu - alpha)_S) /
        (C + 1) will do. So the set of unique prices is open.""",
    hypotheses=[knapsack],
    rests_on=["linked_vcg.lemma_2_unique_prices"],
    proof="""With the same p, alpha_S moves by less than C d and mu_S by less than d, so alpha_S stays inside; the
        others stay at their bounds; the result is linear and exhaustive, hence efficient (Lemma 1), with R types
        inside.""",
    expected="proved",
)
def constant(run: Run) -> Iterator[Evidence]:
    """One partly invested type at a time by Z3; perturbed instances by price vertices."""
    import z3

    amount, most, bound, move, grow, d = z3.Reals("alpha supply norm move grow d")
    inside = z3.And(amount + move > 0, amount + move < most + grow)
    near = [-bound * d <= move, move <= bound * d, -d <= grow, grow <= d]
    given = [amount > 0, most > amount, bound >= 0, d >= 0]
    yield smt.prove(
        inside,
        given=[*given, *near, d * (bound + 1) < amount, d * (bound + 1) < most - amount],
        control=("for twice that d", z3.Implies(d * (bound + 1) > amount / 2, z3.And(amount + 2 * move > 0))),
        range="every R and I (type by type), every norm C",
        complete=True,
        nontrivial=[d > 0, move != 0],
        lift=lambda value: {"stock": [4, 6], "types": TYPES[0], "supply": [1, 0]},
    )

    def stays(instance: Instance, step: Fraction = Fraction(1, 1000)) -> bool:
        plenty: list[Any] = [None] * len(instance["stock"])
        _, vertex = shared.invest(instance["stock"], instance["types"], [*plenty, *instance["supply"]])
        for sign in (1, -1):
            supply = [max(m - sign * step, 0) for m in instance["supply"]]
            _, moved = shared.invest(
                [q + sign * step for q in instance["stock"]], instance["types"], [*plenty, *supply]
            )
            if moved.price != vertex.price:
                return False
        return True

    yield exhaustive.check(
        stays,
        grid=[point for point in grid(4 if run.full else 3) if partly(point)[0] == len(point["stock"])],
        control=("moves by 1 as well", lambda instance: stays(instance, Fraction(1))),
        hypotheses=run.hypotheses,
        range="R = 1, 2 with up to 4 types and a unique price, everything moved by 1/1000 up and down",
    )


@claim(
    paper="zhu2021",
    label="Lemma 2",
    part="dense",
    statement="{(q, mu) in QM | |p(q, mu)| = 1} is a dense subset of (QM, ||.||).",
    reading="""For all R, I, theta under conditions 1 and 2, (q, mu) in QM and e > 0 there are q' and mu' within e
        of q and mu (up to a factor for theta) with a unique price. Where mu_i = 0, mu_i has to move as well, not
        only q.""",
    hypotheses=[knapsack],
    rests_on=["linked_vcg.lemma_2_unique_prices"],
    proof="""Take an associated p with R types on its plane (a vertex of the associated prices; they form a
        polytope, as p_r >= 1/theta_r(r)). For these let mu'_i = mu_i + e and alpha'_i = max(alpha_i, e/2), but no
        more than mu_i + e/2; leave the others, and let q' = sum alpha'_i theta_i. Then alpha' is linear and
        exhaustive at p, and R types are strictly inside.""",
    expected="proved",
)
def dense(run: Run) -> Iterator[Evidence]:
    """Type by type by Z3; the construction on the grid."""
    import z3

    amount, most, e = z3.Reals("alpha supply e")
    moved = smt.minimum(smt.maximum(amount, e / 2), most + e / 2)
    yield smt.prove(
        z3.And(moved > 0, moved < most + e, moved - amount <= e, amount - moved <= e),
        given=[amount >= 0, amount <= most, e > 0],
        control=("without moving the supply", z3.And(moved > 0, moved < most)),
        range="every R and I (type by type); q moves by at most e sum theta_i",
        complete=True,
        nontrivial=[amount > 0],
        lift=lambda value: {"stock": [4, 6], "types": TYPES[0], "supply": [value["supply"], 0]},
    )

    def near(instance: Instance, e: Fraction = Fraction(1, 100)) -> bool:
        plenty: list[Any] = [None] * len(instance["stock"])
        supply, types = [*plenty, *instance["supply"]], shared.freeze(instance["types"])
        alpha, vertex = shared.invest(instance["stock"], types, supply)
        for i in vertex.partial:
            alpha[i] = max(alpha[i], e / 2) if supply[i] is None else min(max(alpha[i], e / 2), supply[i] + e / 2)
            supply[i] = None if supply[i] is None else supply[i] + e
        stock = [sum(a * n[r] for a, n in zip(alpha, types, strict=True)) for r in range(len(plenty))]
        inside, prices = partly({"stock": stock, "types": types, "supply": supply[len(plenty) :]})
        return inside == len(plenty) and prices == 1

    yield exhaustive.check(
        near,
        grid=grid(4 if run.full else 3),
        control=("without moving anything", lambda instance: near(instance, Fraction(0))),
        hypotheses=run.hypotheses,
        range="R = 1, 2 with up to 4 types, at and off the boundaries between prices; e = 1/100",
    )
