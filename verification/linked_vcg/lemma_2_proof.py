"""Lemma 2: two steps of its proof that are wrong."""

from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive

shared = catalog.beside(__file__)


def one_resource(instance: Instance) -> bool:
    """q > 0, needs > 0 that differ, mu >= 0; p is associated with the efficient investment."""
    needs, supply = instance["needs"], instance["supply"]
    positive = min(needs) > 0 and min(supply) >= 0 and instance["stock"] > 0 and instance["price"] > 0
    if not (positive and len(set(needs)) == len(needs) == len(supply) + 1 > 1):
        return False
    return supports(instance, instance["price"])


def amounts(instance: Instance) -> list[Fraction]:
    """alpha, for one resource, by filling the stock in the order of need."""
    served, plenty = shared.fill(instance["stock"], instance["needs"], [[0, *instance["supply"]]])
    return [served[0][0] + plenty, *served[0][1:]]


def supports(instance: Instance, price: Any) -> bool:
    """Whether p is associated with alpha: all below the plane and none above."""
    limits = [None, *instance["supply"]]
    for need, amount, most in zip(instance["needs"], amounts(instance), limits, strict=True):
        if (price * need < 1 and amount != most) or (price * need > 1 and amount != 0):
            return False
    return True


def replay_neighbour(instance: Instance) -> str | None:
    """By hand: alpha in the order of need, then a price a little above and a little below."""
    alpha, price = amounts(instance), Fraction(instance["price"])
    inside = [i for i, (a, m) in enumerate(zip(alpha, [None, *instance["supply"]], strict=True))
              if a > 0 and (m is None or a < m)]  # fmt: skip
    if inside:
        return None
    for sign, word in ((1, "above"), (-1, "below")):
        near = price * (1 + Fraction(sign, 10**9))
        for i, need in enumerate(instance["needs"]):
            most = None if i == 0 else instance["supply"][i - 1]
            if (near * need > 1 and alpha[i] > 0) or (near * need < 1 and alpha[i] != most):
                return (
                    f"alpha = {', '.join(map(str, alpha))} uses all of {instance['stock']}; no type is invested in "
                    f"partly, so fewer than R = 1; p = {price} is associated\n"
                    f"just {word}, at p (1 {'+' if sign > 0 else '-'} 1/10^9), type {i + 1} "
                    f"{'costs more than 1 and has projects invested in' if sign > 0 else 'costs less than 1'}"
                    f"{'' if sign > 0 else ', but not all of its projects are invested in'}: not associated"
                )
    return None


@claim(
    paper="zhu2021",
    label="Lemma 2",
    part="a step of its proof: neighbours",
    statement="""Suppose |Theta^o| < R and p is an associated price. Then any sufficiently close neighbor of p with
        hyperplane containing Theta^o will also be an associated price.""",
    reading="""R = 1: for all q, mu and theta with no type partly invested in, and every associated p, all prices
        within a factor of 1/10^9 are associated.""",
    hypotheses=[one_resource],
    replay=replay_neighbour,
    expected="refuted",
    repaired_by="linked_vcg.lemma_2_unique_prices",
)
def neighbours(run: Run) -> Evidence:
    """Prices at and between the kinks."""

    def kept(instance: Instance) -> bool:
        limits = [None, *instance["supply"]]
        if any(a > 0 and (m is None or a < m) for a, m in zip(amounts(instance), limits, strict=True)):
            return True
        near = [instance["price"] * (1 + Fraction(sign, 10**9)) for sign in (1, -1)]
        return all(supports(instance, price) for price in near)

    return exhaustive.check(
        kept,
        grid=exhaustive.Grid(
            scalars={
                "stock": [1, 2],
                "needs": [[1, Fraction(1, 2)], [2, 1]],
                "supply": [[1], [2], [4]],
                "price": [Fraction(1, 2), 1, Fraction(3, 2), 2],
            }
        ),
        control=("at none", lambda instance: not kept(instance)),
        hypotheses=run.hypotheses,
    )


def replay_perturb(instance: Instance) -> str | None:
    """By hand: the type on the plane that nobody has."""
    price = Fraction(instance["price"])
    for i, need in enumerate(instance["needs"]):
        if i > 0 and price * need == 1 and instance["supply"][i - 1] == 0:
            return (
                f"alpha = {', '.join(map(str, amounts(instance)))}; p = {price} is associated, with type {i + 1} "
                f"on its plane ({price} * {need} = 1), R = 1 of them\n"
                f"mu_{i + 1} = 0: there is no alpha in (0, 0) to move it to"
            )
    return None


@claim(
    paper="zhu2021",
    label="Lemma 2",
    part="a step of its proof: density",
    statement="For each theta_i in H_p, perturb alpha(q, mu)_i slightly to some alpha~_i in (0, mu_i).",
    reading="""R = 1: for all q, mu and theta and each associated p with R types on its plane, (0, mu_i) is not empty
        for the types on it.""",
    hypotheses=[one_resource],
    replay=replay_perturb,
    expected="refuted",
    repaired_by="linked_vcg.lemma_2_dense",
)
def perturb(run: Run) -> Evidence:
    """Types on the plane that nobody has."""

    def inside(instance: Instance) -> bool:
        limits = [None, *instance["supply"]]
        on_plane = [m for m, need in zip(limits, instance["needs"], strict=True) if instance["price"] * need == 1]
        return len(on_plane) != 1 or on_plane[0] is None or on_plane[0] > 0

    return exhaustive.check(
        inside,
        grid=exhaustive.Grid(
            scalars={
                "stock": [1, 2],
                "needs": [[1, Fraction(1, 2), Fraction(1, 4)]],
                "supply": [[0, 4], [1, 4], [0, 8], [2, 4]],
                "price": [1, 2, 3, 4],
            }
        ),
        control=("never", lambda instance: not inside(instance)),
        hypotheses=run.hypotheses,
    )
