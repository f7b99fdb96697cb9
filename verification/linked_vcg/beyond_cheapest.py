"""Beyond the paper: the cheapest transfer for a fixed allocation, which the linked transfer is not."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)


def single(instance: Instance) -> bool:
    """R = N = T = 1: q > 0, different needs > 0, 0 <= endowment <= upper."""
    needs, own, most = instance["needs"], instance["endowment"], instance["upper"]
    sizes = len(needs) == len(own) == len(most) > 1
    fine = sizes and min(needs) > 0 and len(set(needs)) == len(needs) and instance["stock"] > 0
    return fine and all(0 <= x <= high for x, high in zip(own, most, strict=True))


GRID = exhaustive.Grid(
    scalars={
        "stock": [4, 2],
        "needs": [[2, 1, 4], [3, 1, 4], [2, Fraction(1, 2), 3]],
        "endowment": [[0, 0, 1], [0, 0, 0]],
        "upper": [[0, 1, 1], [0, 2, 1]],
    }
)


def potential(values: list[Any], pairs: Any) -> list[Any]:
    """The least W >= 0 with W_k >= W_l + D_kl: longest paths, by relaxing until nothing changes."""
    found: list[Any] = [Fraction(0) for _ in values]
    for _ in values:
        for k in range(len(values)):
            found[k] = max([found[k], *(found[i] + pairs(k, i) for i in range(len(values)))])
    return found


@claim(
    paper="zhu2021",
    label="Beyond the paper: cheapest transfer for an allocation",
    statement="""For a fixed allocation on a finite set of reports there is one cheapest ex-post transfer at every
        report at once: the longest-path potential. The linked transfer is never below it, and can be above it.""",
    reading="""For every finite set of reports k and gains D_kl (of reporting l at k, before transfers): if some W
        >= 0 has W_k >= W_l + D_kl for all k and l, the pointwise least does so too; here D_kl = v(A(l), k) -
        v(A(k), k) for N = T = R = 1 on a grid of reports.""",
    hypotheses=[single],
    rests_on=["linked_vcg.theorem_1_efficient_ex_post"],
    proof="""The constraints are closed under taking the smaller of two transfers, entry by entry, and W >= 0 is
        bounded below.""",
    expected="proved",
)
def longest_path(run: Run) -> Iterator[Evidence]:
    """Closure by Z3; potentials on a grid of reports."""
    import z3

    w, u, v, x, gain = z3.Reals("w_k w_l v_k v_l gain")
    yield smt.prove(
        z3.And(smt.minimum(w, v) >= smt.minimum(u, x) + gain, smt.minimum(w, v) >= 0),
        given=[w >= u + gain, v >= x + gain, *(value >= 0 for value in (w, u, v, x))],
        control=("also the sum of two", w + v >= u + x + 3 * gain),
        range="every finite set of reports (constraint by constraint)",
        complete=True,
        nontrivial=[gain > 0, w < v],
        lift=lambda value: {"stock": 1, "needs": [1, Fraction(1, 2)], "endowment": [0, 0], "upper": [0, 1]},
    )

    yield exhaustive.check(
        cheaper,
        grid=GRID,
        control=("the linked transfer is the cheapest", lambda instance: cheaper(instance, True)),
        hypotheses=run.hypotheses,
        range=f"{GRID}; nine reports",
    )
    yield exhaustive.check(
        audited,
        grid=GRID,
        control=("twice that", lambda instance: audited(instance, 2)),
        hypotheses=run.hypotheses,
        range=f"{GRID}; the engine's audit on the same nine reports, to 1e-8",
    )


def reports_of(instance: Instance) -> list[list[Fraction]]:
    """The endowment, then every combination of nothing, half and all of the bounds of types 2 and 3."""
    steps = [[Fraction(part, 2) * high for part in range(3)] for high in instance["upper"][1:]]
    grid = [[Fraction(0), a, b] for a in steps[0] for b in steps[1]]
    own = [Fraction(x) for x in instance["endowment"]]
    return [own, *(row for row in grid if row != own)]


def gains(instance: Instance) -> list[list[Fraction]]:
    """D_kl: what reporting l gains where k is true, before transfers, by hand."""
    rows, needs = reports_of(instance), instance["needs"]

    def worth(true: list[Fraction], reported: list[Fraction]) -> Fraction:
        served, _ = shared.fill(instance["stock"], needs, [reported])
        left, done = sum(x * n for x, n in zip(served[0], needs, strict=True)), Fraction(0)
        for need, x in sorted(zip(needs, true, strict=True)):
            used = min(x, left / need)
            left, done = left - used * need, done + used
        return done

    return [[worth(k, i) - worth(k, k) for i in rows] for k in rows]


def cheaper(instance: Instance, equal: bool = False) -> bool:
    """Whether the potential is ex-post and the linked transfer never below it (or equal to it)."""
    rows, gain = reports_of(instance), gains(instance)
    least = potential(rows, lambda k, i: gain[k][i])
    left = [shared.fill(instance["stock"], instance["needs"], [row])[1] for row in rows]
    linked = [value - min(left) for value in left]
    ok = all(a >= b + gain[k][i] for k, a in enumerate(least) for i, b in enumerate(least))
    return ok and (linked == least if equal else all(a <= b for a, b in zip(least, linked, strict=True)))


def audited(instance: Instance, factor: int = 1) -> bool:
    """Whether the engine's longest path on these reports is the exact one."""
    import numpy as np

    from mechopt.mechanisms.linked_vcg import Environment
    from mechopt.mechanisms.linked_vcg.potential import cheapest_transfer

    rows, gain = reports_of(instance), gains(instance)
    least = potential(rows, lambda k, i: gain[k][i])
    floats = np.array([[[float(x) for x in row]] for row in rows])
    world = Environment(
        stock=np.array([float(instance["stock"])]),
        types=np.array([[float(need)] for need in instance["needs"]]),
        endowments=floats[:1],
        lower=np.zeros((1, 3)),
        upper=np.array([[float(x) for x in instance["upper"]]]),
    )
    found = cheapest_transfer(world, 0, floats[1:]).cheapest
    return all(abs(a - factor * float(b)) <= 1e-8 for a, b in zip(found, least, strict=True))
