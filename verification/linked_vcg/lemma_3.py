"""Lemma 3: v(q, .) is concave, and its slope is bounded."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)
TYPES = [[[3, 0], [0, 4], [1, 1], [1, 3]], [[3, 0], [0, 4], [2, 1], [0, 1]]]


def segment(instance: Instance) -> bool:
    """q > 0, mu and nu >= 0, 0 <= lambda < lambda' <= 1, conditions 1 and 2."""
    types = instance["types"]
    enough = min(instance["stock"]) > 0 and min(*instance["mu"], *instance["nu"]) >= 0
    ordered = 0 <= instance["first"] < instance["second"] <= 1
    return bool(enough and ordered and shared.condition_1(types) and shared.generic(types))


def value(instance: Instance, place: Any) -> Any:
    """v(q, (1 - lambda) mu + lambda nu) by price vertices."""
    mixed = [(1 - place) * a + place * b for a, b in zip(instance["mu"], instance["nu"], strict=True)]
    return sum(shared.invest(instance["stock"], instance["types"], [None, None, *mixed])[0])


def slope(instance: Instance) -> Any:
    """The difference quotient between the two places."""
    first, second = instance["first"], instance["second"]
    return (value(instance, second) - value(instance, first)) / Fraction(second - first)


def grid(full: bool) -> exhaustive.Grid:
    """Segments between small supplies, with several pieces of them."""
    half = Fraction(1, 2)
    return exhaustive.Grid(
        agents=(2,),
        each={"mu": [0, 1, 4] if full else [0, 3], "nu": [0, 2, 3] if full else [0, 2]},
        scalars={"stock": [[4, 6], [5, 3]], "types": TYPES, "first": [0, half], "second": [half, 1]},
    )


def example(found: dict[str, Fraction]) -> Instance:
    """A segment with the query's supplies."""
    return {
        **{"stock": [4, 6], "types": TYPES[0], "mu": [found["mu"], 1], "nu": [found["nu"], 2]},
        **{"first": 0, "second": 1},
    }


@claim(
    paper="zhu2021",
    label="Lemma 3",
    part="concave",
    statement="v(q, .) is concave.",
    reading="""For all R, I, theta, q > 0, mu, nu and lambda in [0, 1]: v at the mixture is at least the mixture of
        the v.""",
    hypotheses=[segment],
    proof="""The mixture of the two efficient investments is an investment for the mixture, and its payoff is the
        mixture.""",
    expected="proved",
)
def concave(run: Run) -> Iterator[Evidence]:
    """Feasibility type by type and resource by resource by Z3; midpoints on a grid."""
    import z3

    a, b, mu, nu, weight, used, also, stock = z3.Reals("a b mu nu lambda used also stock")
    mixed = (1 - weight) * a + weight * b
    yield smt.prove(
        z3.And(
            mixed >= 0,
            mixed <= (1 - weight) * mu + weight * nu,
            (1 - weight) * used + weight * also <= stock,
        ),
        given=[a >= 0, a <= mu, b >= 0, b <= nu, weight >= 0, weight <= 1, used <= stock, also <= stock],
        control=("even for the smaller supply", mixed <= smt.minimum(mu, nu)),
        range="every number of resources and types (one at a time), all q, mu, nu and lambda",
        complete=True,
        nontrivial=[a > 0, b > 0, weight > 0, weight < 1],
        lift=example,
    )

    def midpoint(instance: Instance, factor: int = 1) -> bool:
        first, second = instance["first"], instance["second"]
        middle = value(instance, Fraction(first + second, 2))
        return bool(2 * middle >= factor * (value(instance, first) + value(instance, second)))

    yield exhaustive.check(
        midpoint,
        grid=grid(run.full),
        control=("twice that", lambda instance: midpoint(instance, 2)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Lemma 3",
    statement="""For all mu, nu >= mu_t^0 and lambda* in (0, 1], the left derivative of v(q, (1 - lambda) mu +
        lambda nu) at lambda* is < sum_{i<=R} q-bar(i)/theta_i(i) + sum_{i>R} mu_i v nu_i.""",
    reading="""For all R, I, theta, q > 0 (also above q-bar), mu, nu with plenty of the first R types and
        lambda < lambda' in [0, 1]: every difference quotient, and with it every one-sided derivative, is at most
        sum_{i>R} (nu_i - mu_i)^+, which is below the printed bound, as q-bar > 0.""",
    hypotheses=[segment],
    proof="""From an efficient investment for nu take min(alpha, mu): it is an investment for mu and loses at most
        (nu_i - mu_i)^+ of type i. Along the segment the loss is (lambda' - lambda) times that. The printed proof gives
        <= and uses q <= q-bar.""",
    expected="proved",
)
def bounded(run: Run) -> Iterator[Evidence]:
    """Type by type by Z3; difference quotients on a grid."""
    import z3

    amount, mu, nu, first, second, stock, need = z3.Reals("alpha mu nu first second stock need")

    def at(place: Any) -> Any:
        return (1 - place) * mu + place * nu

    kept = smt.minimum(amount, at(first))
    bound = smt.positive_part(nu - mu)
    yield smt.prove(
        z3.And(
            kept >= 0, kept <= at(first), kept * need <= amount * need,
            amount - kept <= (second - first) * bound,
            bound < stock / need + smt.maximum(mu, nu),
        ),
        given=[amount >= 0, amount <= at(second), mu >= 0, nu >= 0, need > 0, stock > 0, first >= 0, first < second,
               second <= 1],
        control=("half of it", amount - kept <= (second - first) * bound / 2),
        range="every number of resources and types (type by type), all q, mu, nu, lambda < lambda'",
        complete=True,
        nontrivial=[amount > 0, nu > mu],
        lift=example,
    )  # fmt: skip

    def quotient(instance: Instance, factor: Any = 1) -> bool:
        pairs = list(zip(instance["mu"], instance["nu"], strict=True))
        most = sum(max(b - a, 0) for a, b in pairs)
        own = sum(Fraction(q) / instance["types"][r][r] for r, q in enumerate(instance["stock"]))
        return bool(slope(instance) <= factor * most < own + sum(max(a, b) for a, b in pairs))

    yield exhaustive.check(
        quotient,
        grid=grid(run.full),
        control=("half of it", lambda instance: quotient(instance, Fraction(1, 2))),
        hypotheses=run.hypotheses,
    )
