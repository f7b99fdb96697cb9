"""Figure 1: revenue at r* and at (1, 0, 0) for three uniform agents with demands k_1, 2/3, 2/3; k_1 from 0 to 2/3."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

figure = catalog.beside(__file__, "_figure_1")
TWO, ONE, POINTS, RANGE, drawn = figure.TWO, figure.ONE, figure.POINTS, figure.RANGE, figure.drawn
spot_at, interior, boundary = figure.spot_at, figure.interior, figure.boundary
total, value, slope, symbols = figure.total, figure.value, figure.slope, figure.symbols


@claim(
    paper="liu2020",
    label="Figure 1",
    part="the boundary solution",
    statement="""The dashed line has a kink at k_1 = 1/3. An increase in k_1 increases the outside option of agent 1
        and, when k_1 > 1/3, reduces the spot market revenue.""",
    reading="Pi at (1, 0, 0) is 1/9 + k/6 for k <= 1/3 and 1/3 - k/2 for 1/3 <= k <= 2/3.",
    hypotheses=[drawn],
    proof="The integrals of the interim allocations, which are polynomials on either side of 1/3.",
    expected="proved",
)
def dashed(run: Run) -> Iterator[Evidence]:
    """The integrals by SymPy; brute force at sixteen points."""
    terms = symbols()
    k = terms["k"]
    yield symbolic.identity(
        lambda scarce: (terms[f"boundary {scarce}"], (2 + 3 * k) / 18 if scarce else (2 - 3 * k) / 6),
        cases=[True, False],
        control=("one line", lambda scarce: (terms[f"boundary {scarce}"], (2 + 3 * k) / 18)),
        range="k_1 in (0, 1/3] and [1/3, 2/3]",
        complete=True,
        lift=lambda scarce, value: {"k": Fraction(1, 4)},
    )

    def as_said(instance: Instance, kink: bool = True) -> bool:
        k1 = Fraction(instance["k"])
        return boundary(k1) == (Fraction(1, 9) + k1 / 6 if k1 <= ONE or not kink else ONE - k1 / 2)

    yield exhaustive.check(
        as_said,
        grid=POINTS,
        control=("one line", lambda i: as_said(i, False)),
        hypotheses=run.hypotheses,
        range=RANGE,
    )


@claim(
    paper="liu2020",
    label="Figure 1",
    part="the interior solution",
    statement="The ex ante revenue of the interior solution increases in k_1 but the rate of increase drops once "
    "k_1 > 1/3.",
    reading="""The derivative of Pi at r* exceeds 1/10 for all k_1 < 1/3 and is between 0 and 1/10 for all k_1 in (1/3,
        2/3]; at 1/3 it falls from 1/54 + sqrt(7)/27 = 0.1165 to 167/54 - 31 sqrt(7)/27 = 0.0549.""",
    hypotheses=[drawn],
    proof="""Pi at r* is the least over t of a function whose derivative in k_1 is a cubic in t; at hat the sum of the
        q_i is 1, which puts hat between 2/5 and 3/5.""",
    expected="proved",
)
def solid(run: Run) -> Iterator[Evidence]:
    """The cubics by SymPy, their signs at hat by Z3, differences by brute force."""
    import sympy
    import z3

    k, t = z3.Reals("k t")
    yield smt.prove(
        z3.And(
            z3.Implies(z3.And(k <= ONE, total(k, t, True) == 1), slope(t, True) > Fraction(1, 10)),
            z3.Implies(
                z3.And(k >= ONE, total(k, t, False) == 1),
                z3.And(slope(t, False) > 0, slope(t, False) < Fraction(1, 10)),
            ),
        ),
        given=[k > 0, k <= TWO, t > 0, t < 1],
        control=("above 1/10 after 1/3 too", z3.Implies(total(k, t, False) == 1, slope(t, False) > Fraction(1, 10))),
        range="every k_1 in (0, 2/3]",
        complete=True,
        nontrivial=[k == Fraction(1, 2)],
        lift=lambda value: {"k": value["k"]},
    )
    terms = symbols()
    hat = (4 - sympy.sqrt(7)) / 3  # at k = 1/3

    def sides(case: str) -> tuple[Any, Any]:
        side, scarce = case.split(), case.endswith("before")
        if side[0] == "slope":
            return sympy.diff(terms[f"interior {scarce}"], terms["k"]), slope(terms["t"], scarce)
        if side[0] == "sum":
            return terms[f"sum {scarce}"], total(terms["k"], terms["t"], scarce)
        if side[0] == "value":
            return terms[f"interior {scarce}"], value(terms["k"], terms["t"], scarce)
        root = sympy.sqrt(7)
        number = (1 + 2 * root) / 54 if scarce else (167 - 62 * root) / 54
        return sympy.expand(slope(hat, scarce)), number

    yield symbolic.identity(
        sides,
        cases=[f"{what} {side}" for what in ("value", "slope", "sum", "kink") for side in ("before", "after")],
        control=("the same slope on both sides", lambda case: (sides(case)[0], slope(terms["t"], True))),
        range="both sides of 1/3",
        complete=False,
        lift=lambda case, value: {"k": Fraction(1, 4)},
    )

    def rises(instance: Instance, swap: bool = False) -> bool:
        k1, step = Fraction(instance["k"]), Fraction(1, 1000)
        quotient = (interior(k1)[0] - interior(k1 - step)[0]) / step
        return bool(quotient > 0 and (quotient > Fraction(1, 10)) == ((k1 <= ONE) != swap))

    yield exhaustive.check(
        rises,
        grid=POINTS,
        control=("the other way round", lambda i: rises(i, True)),
        hypotheses=run.hypotheses,
        range=f"difference quotients to the left, {RANGE}",
    )


@claim(
    paper="liu2020",
    label="Figure 1",
    part="the crossing",
    statement="""For sufficiently small k_1, the boundary solution generates higher ex ante revenue. When k_1 is
        sufficiently large, the interior solution does.""",
    reading="""There is exactly one crossing in (0, 2/3], between 0.5135503 and 0.5135504: a root of 2268 k^4 - 4428 k^3
        + 3780 k^2 - 1176 k + 49.""",
    hypotheses=[drawn],
    proof="""Up to 1/3 the interior is below the boundary. Afterwards the slopes are positive and -1/2, and at 2/3 the
        boundary is at 0.""",
    rests_on=["forward_market.figure_1_the_boundary_solution", "forward_market.figure_1_the_interior_solution"],
    expected="proved",
)
def crossing(run: Run) -> Iterator[Evidence]:
    """Slopes by Z3; the values next to the root by brute force."""
    import z3

    k, t = z3.Reals("k t")
    quartic = 2268 * k**4 - 4428 * k**3 + 3780 * k**2 - 1176 * k + 49
    low, high = Fraction(5135503, 10**7), Fraction(5135504, 10**7)
    yield smt.prove(
        z3.And(
            z3.Implies(z3.And(k <= ONE, total(k, t, True) == 1), value(k, t, True) < (2 + 3 * k) / 18),
            z3.Implies(z3.And(k >= ONE, total(k, t, False) == 1), slope(t, False) > Fraction(-1, 2)),
            z3.Implies(
                z3.And(k > ONE, k < TWO, total(k, t, False) == 1, value(k, t, False) == (2 - 3 * k) / 6),
                quartic == 0,
            ),
            z3.Implies(z3.And(quartic == 0, k > ONE, k < Fraction(3, 5)), z3.And(k > low, k < high)),
        ),
        given=[k > 0, k <= TWO, t > 0, t < 1],
        control=("at every k_1", z3.Implies(total(k, t, False) == 1, value(k, t, False) < (2 - 3 * k) / 6)),
        range="every k_1 in (0, 2/3]",
        complete=True,
        nontrivial=[k == Fraction(1, 2)],
        lift=lambda value: {"k": value["k"]},
    )

    def sides(instance: Instance, at: Fraction = low) -> bool:
        k1 = Fraction(instance["k"])
        return interior(k1)[1] < boundary(k1) if k1 <= at else interior(k1)[0] > boundary(k1)

    yield exhaustive.check(
        sides,
        grid=[*POINTS, {"k": low}, {"k": high}],
        control=("the crossing at 1/3", lambda i: sides(i, ONE)),
        hypotheses=run.hypotheses,
        range=f"{RANGE}, and 0.5135503, 0.5135504",
    )


def further(instance: Instance) -> bool:
    """Two demands k < next <= 2/3 of agent 1."""
    return bool(0 < instance["k"] < instance["next"] <= TWO)


def replay(instance: Instance) -> str | None:
    """The sums of the q_i on either side of a type in between, from the closed forms."""
    k, after = Fraction(instance["k"]), Fraction(instance["next"])
    for part in range(400, 600):
        t = Fraction(part, 1000)
        before, now = (total(x, t, x <= ONE) for x in (k, after))
        if before > 1 > now:
            return (
                f"at the type {t} the q_i sum to {before} > 1 with k_1 = {k} and to {now} < 1 with k_1 = {after}: "
                f"the common worst-off type rises from below {t} to above it"
            )
    return None


@claim(
    paper="liu2020",
    label="Figure 1",
    part="the explanation",
    statement="""When k_1 increases, the expected spot market allocations to other agents decrease, which implies a
        lower common worst-off type and a higher revenue.""",
    reading="For all k < next in (0, 2/3] the common worst-off type at next is at most that at k.",
    hypotheses=[further],
    replay=replay,
    expected="refuted",
    repaired_by="forward_market.figure_1_the_worst_off_type",
)
def explanation(run: Run) -> Evidence:
    """Pairs of demands by brute force."""

    def falls(instance: Instance, strictly: Fraction = Fraction(0)) -> bool:
        return bool(spot_at(instance["next"]).common()[0] <= spot_at(instance["k"]).common()[1] - strictly)

    return exhaustive.check(
        falls,
        grid=[{"k": one["k"], "next": two["k"]} for one in POINTS[3::4] for two in POINTS[3::4]],
        control=("by more than 1/10", lambda i: falls(i, Fraction(1, 10))),
        hypotheses=run.hypotheses,
        range="k_1 in sixths",
    )


@claim(
    paper="liu2020",
    label="Figure 1",
    part="the worst-off type",
    statement="The common worst-off type falls in k_1 up to 1/3, from 1/2 to (4 - sqrt 7)/3 = 0.4514, and rises "
    "again to 1/2.",
    reading="For every k_1: the sum of the q_i at hat rises in k_1 below 1/3 and falls above it.",
    hypotheses=[drawn],
    proof="""Its derivative is -3 t^2 + 6 t - 2 before 1/3, positive at t > 1 - 1/sqrt 3 = 0.423, and t (3 t - 2) after,
        negative at t < 2/3. Where the sum is 1, t is in between.""",
    expected="proved",
)
def worst_off_type(run: Run) -> Iterator[Evidence]:
    """The derivatives at hat by Z3; neighbours by brute force."""
    import z3

    k, t = z3.Reals("k t")
    before, after = 6 * t - 2 - 3 * t * t, t * (3 * t - 2)
    yield smt.prove(
        z3.And(
            z3.Implies(z3.And(k <= ONE, total(k, t, True) == 1), before > 0),
            z3.Implies(z3.And(k >= ONE, total(k, t, False) == 1), after < 0),
        ),
        given=[k > 0, k <= TWO, t > 0, t < 1],
        control=("it keeps falling", z3.Implies(z3.And(k >= ONE, total(k, t, False) == 1), after > 0)),
        range="every k_1 in (0, 2/3]",
        complete=True,
        nontrivial=[k == Fraction(1, 2)],
        lift=lambda value: {"k": value["k"]},
    )

    def turns(instance: Instance, place: Fraction = ONE) -> bool:
        k1 = Fraction(instance["k"])
        here, left = spot_at(k1).common()[0], spot_at(k1 - Fraction(1, 1000)).common()[0]
        return bool(here < left if k1 <= place else here > left)

    yield exhaustive.check(
        turns,
        grid=POINTS,
        control=("it turns at 1/2", lambda i: turns(i, Fraction(1, 2))),
        hypotheses=run.hypotheses,
        range=RANGE,
    )
