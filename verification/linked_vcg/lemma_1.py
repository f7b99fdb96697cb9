"""Lemma 1: the efficient investment is the only one that is linear and exhaustive."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, certified, exhaustive, smt

shared = catalog.beside(__file__)

KINDS = [[3, 0], [0, 4]]
EXTRA = ([1, 1], [2, 1], [1, 3], [0, 1], [5, 1])


def knapsack(instance: Instance) -> bool:
    """q > 0, mu >= 0 with plenty of the first R types, and conditions 1 and 2."""
    return min(instance["stock"]) > 0 and min(instance["supply"], default=0) >= 0 and conditions(instance)


def conditions(instance: Instance) -> bool:
    """Conditions 1 and 2."""
    return bool(shared.condition_1(instance["types"]) and shared.generic(instance["types"]))


def supply(instance: Instance) -> list[Any]:
    """mu, with None for plenty."""
    return [*[None] * len(instance["stock"]), *instance["supply"]]


def two_resources(most: int) -> exhaustive.Grid:
    """Every pair of further types, a few stocks, supplies 0, 1, ..., most."""
    return exhaustive.Grid(
        scalars={
            "stock": [[4, 6], [5, 3]],
            "types": [[*KINDS, a, b] for n, a in enumerate(EXTRA) for b in EXTRA[n + 1 :]],
            "supply": [[a, b] for a in range(most) for b in range(most)],
        }
    )


def example(value: dict[str, Fraction]) -> Instance:
    """A generic knapsack in which the query's amounts occur."""
    return {"stock": [4, 6], "types": [*KINDS, [1, 1]], "supply": [1 + value.get("supply", Fraction(0))]}


def optimum(instance: Instance) -> Any:
    """v(q, mu) and one optimal alpha by a linear program with an exact certificate."""
    types, plenty = instance["types"], supply(instance)
    rows = [
        (f"stock {r}", {str(i): needs[r] for i, needs in enumerate(types)}, "<=", q)
        for r, q in enumerate(instance["stock"])
    ]
    found = certified.maximise(
        certified.program({str(i): 1 for i in range(len(types))}, rows,
                          bounds={str(i): (0, most) for i, most in enumerate(plenty)})
    )  # fmt: skip
    if found is None:
        raise ValueError("doing nothing is an investment")
    return found[0], [found[1][str(i)] for i in range(len(types))]


def candidates(instance: Instance) -> list[list[Fraction]]:
    """Every linear exhaustive investment at a price vertex: more than one where the types are not generic."""
    types, found = shared.freeze(instance["types"]), []
    for vertex in shared.vertices(types):
        room = [Fraction(q) - sum(supply(instance)[k] * types[k][r] for k in vertex.full)
                for r, q in enumerate(instance["stock"])]  # fmt: skip
        amounts = [shared.dot(row, room) for row in vertex.inverse]
        limits = [supply(instance)[kind] for kind in vertex.partial]
        if all(a >= 0 and (m is None or a <= m) for a, m in zip(amounts, limits, strict=True)):
            alpha = [Fraction(supply(instance)[k]) if k in vertex.full else Fraction(0) for k in range(len(types))]
            for kind, amount in zip(vertex.partial, amounts, strict=True):
                alpha[kind] = amount
            if alpha not in found:
                found.append(alpha)
    return found


@claim(
    paper="zhu2021",
    label="Lemma 1",
    statement="""Given q and mu >= mu_t^0, there exists a unique investment, alpha(q, mu), that is both exhaustive and
        linear. alpha(q, mu) is the unique efficient investment.""",
    reading="""For all R, I, q > 0, theta that meet conditions 1 and 2, and mu with plenty of the first R types:
        exactly one alpha in [0, mu] uses q entirely and has a p > 0 with alpha_i = mu_i where p.theta_i < 1 and
        alpha_i = 0 where p.theta_i > 1; and alpha is the only solution of (1).""",
    hypotheses=[knapsack],
    proof="""An optimum exists (a compact set). Its duals p >= 0 give linearity type by type (complementary
        slackness); p_r theta_r(r) >= 1, as type r is never exhausted, so p > 0 and every resource is used up.
        Conversely, let alpha be linear and exhaustive at p and let a be feasible: a_i - alpha_i <= p.theta_i (a_i -
        alpha_i) type by type, so sum a - sum alpha <= p.(q - q) = 0. If a is optimal too, all these are equalities:
        a_i = alpha_i off the plane, sum (a_i - alpha_i) theta_i = 0 on it, and the types on the plane are
        independent (condition 2).""",
    expected="proved",
)
def lemma(run: Run) -> Iterator[Evidence]:
    """The steps type by type by Z3; programs with certificates on a grid."""
    import z3

    cost, a, amount, most, slack = z3.Reals("cost a alpha supply slack")
    linear = z3.And(z3.Implies(cost < 1, amount == most), z3.Implies(cost > 1, amount == 0))
    feasible = [cost > 0, amount >= 0, amount <= most, a >= 0, a <= most]
    yield smt.prove(
        z3.Implies(
            linear,
            z3.And(
                a - amount <= cost * (a - amount),
                z3.Implies(z3.And(cost != 1, a - amount == cost * (a - amount)), a == amount),
            ),
        ),
        given=feasible,
        control=("also for investments that are not linear", a - amount <= cost * (a - amount)),
        range="every number of resources and types, all q, mu, theta and p (type by type): linear is optimal, and "
        "every optimum agrees with it off the plane",
        complete=True,
        nontrivial=[linear, most > 0, a != amount],
        lift=example,
    )
    # p.theta_i + slack_i >= 1, complementary to alpha_i; slack_i >= 0, complementary to mu_i - alpha_i.
    duals = [cost + slack >= 1, slack >= 0, amount * (cost + slack - 1) == 0, slack * (most - amount) == 0]
    own, price = z3.Reals("own_need price")
    yield smt.prove(
        z3.And(linear, z3.Implies(z3.And(slack == 0, cost == price * own), price > 0)),
        given=[cost >= 0, amount >= 0, amount <= most, *duals, own > 0],
        control=("idle projects below the plane", z3.Implies(cost < 1, amount < most)),
        range="every number of resources and types (type by type): an optimum is linear at its duals, and a type that "
        "is never exhausted makes its resource's price positive",
        complete=True,
        nontrivial=[amount > 0, most > amount],
        lift=example,
    )
    one, two = smt.vector("first", 2), smt.vector("second", 2)
    d, e = z3.Reals("d e")
    yield smt.prove(
        z3.Implies(z3.And(*(d * x + e * y == 0 for x, y in zip(one, two, strict=True))), z3.And(d == 0, e == 0)),
        given=[one[0] * two[1] - one[1] * two[0] != 0, *(value >= 0 for value in (*one, *two))],
        control=("one of them vanishes", z3.Implies(d * one[0] + e * two[0] == 0, d == 0)),
        range="independent types on the plane, R = 2 (for any R it is the definition)",
        complete=False,
        lift=example,
    )

    def agrees(instance: Instance, shift: int = 0) -> bool:
        value, alpha = optimum(instance)
        found = candidates(instance)
        used = [sum(a * n[r] for a, n in zip(alpha, instance["types"], strict=True)) for r in range(2)]
        return len(found) == 1 and found[0] == alpha and used == instance["stock"] and value + shift == sum(found[0])

    yield exhaustive.check(
        agrees,
        grid=two_resources(4 if run.full else 2),
        control=("one more unit", lambda instance: agrees(instance, 1)),
        hypotheses=run.hypotheses,
    )
