"""Theorem 2: a step of its proof that takes T[k] for k^kappa."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def horizon(instance: Instance) -> bool:
    """kappa = 1/2: T is the least whole number with T^2 >= k; k >= 1; a bound pi + d > 0 on the average."""
    k, dates = instance["agents"], instance["dates"]
    whole = k == int(k) >= 1 and dates == int(dates) >= 1
    return whole and (dates - 1) ** 2 < k <= dates**2 and instance["bound"] > 0


def replay(instance: Instance) -> str | None:
    """All of the budget at one date, against k^kappa times the bound, squared so as to stay rational."""
    k, dates, bound = instance["agents"], instance["dates"], Fraction(instance["bound"])
    if (dates * bound) ** 2 <= k * bound**2:
        return None
    return (
        f"k = {k}, kappa = 1/2: T[k] = {dates}, the least whole number that is at least k^kappa\n"
        f"everything at one date: ||mu_t|| = {dates} * {bound} = {dates * bound}, an average of {bound}\n"
        f"k^kappa (pi + d) has the square {k * bound**2}, which is below {(dates * bound) ** 2}"
    )


@claim(
    paper="zhu2021",
    label="Theorem 2",
    part="a step of its proof: k^kappa dates",
    statement="""For any k, n <= k, t <= T[k], and mu^^n in Omega^n(T[k], mu-lower[k], mu-upper[k]), we have
        ||mu^_t^n|| <= ||mu^^n 1|| <= k^kappa (||pi^n|| + d_k).""",
    reading="""For all k, here kappa = 1/2, with T[k] the least whole number that is at least k^kappa: T (pi + d) <=
        k^kappa (pi + d).""",
    hypotheses=[horizon],
    replay=replay,
    expected="refuted",
    repaired_by="linked_vcg.theorem_2_at_most_twice_k_kappa_dates",
)
def printed(run: Run) -> Evidence:
    """Squares of both sides."""
    return exhaustive.check(
        lambda instance: (instance["dates"] * instance["bound"]) ** 2 <= instance["agents"] * instance["bound"] ** 2,
        grid=exhaustive.Grid(scalars={"agents": [1, 4, 5, 10], "dates": [1, 2, 3, 4], "bound": [1, 2]}),
        control=("never", lambda instance: instance["dates"] ** 2 > instance["agents"]),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Theorem 2",
    part="at most twice k^kappa dates",
    statement="""||mu^_t^n|| <= 2 k^kappa (||pi^n|| + d_k), so that the distance in the proof is at most d_k + 4
        (pi-bar + d_k) / k^(1 - kappa), which vanishes as well.""",
    reading="For all k >= 1 and kappa in (0, 1), with r = k^kappa >= 1 and T < r + 1: T (pi + d) <= 2 r (pi + d).",
    hypotheses=[horizon],
    proof="T < r + 1 <= 2 r.",
    expected="proved",
)
def twice(run: Run) -> Iterator[Evidence]:
    """By Z3; squares on a grid."""
    import z3

    dates, power, bound = z3.Reals("dates power bound")
    yield smt.prove(
        dates * bound <= 2 * power * bound,
        given=[power >= 1, dates < power + 1, dates >= power, bound > 0],
        control=("once", dates * bound <= power * bound),
        range="every k and kappa",
        complete=True,
        lift=lambda value: {"agents": 5, "dates": 3, "bound": value["bound"]},
    )
    yield exhaustive.check(
        lambda instance: instance["dates"] ** 2 <= 4 * instance["agents"],
        grid=exhaustive.Grid(scalars={"agents": list(range(1, 40)), "dates": list(range(1, 8)), "bound": [1]}),
        control=("one and a quarter", lambda instance: 4 * instance["dates"] ** 2 <= 5 * instance["agents"]),
        hypotheses=run.hypotheses,
    )
