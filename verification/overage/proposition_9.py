"""Proposition 9: what one more unit of overage costs at clearing."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

shared = catalog.beside(__file__, "_penalty")

STEP = Fraction(1, 10**6)


def defects(instance: Instance) -> bool:
    """The agent has overage, v > 0."""
    return bool(instance["own"] > 0)


def scenarios(instance: Instance) -> bool:
    """Two scenarios with positive probabilities and nonnegative overage, slack and penalty; an own overage."""
    return (
        0 < instance["probability"] < 1
        and instance["own"] >= 0
        and all(value >= 0 for name in ("others", "slack", "penalty") for value in instance[name])
    )


def marginal(own: Any, others: Any, slack: Any) -> Any:
    """The right derivative of r as a Z3 term: at X = I it is that of X > I."""
    import z3

    total = own + others
    return z3.If(total < slack, 0, z3.If(total == 0, 1, 1 - slack * others / (total * total)))


@claim(
    paper="lengyel2025",
    label="Proposition 9",
    statement="""For any defector j with overage v_j at time t, the expected unit cost of creating one additional
        unit by waiting for clearing is at least E[kappa_t Lambda_t | F_tau].""",
    reading="""For every n, v >= 0, V, I >= 0 and kappa >= 0: the right derivative of kappa r(v), with V and I held
        fixed, is at least kappa Lambda. Taking expectations over any joint distribution of (V, I, kappa) keeps
        the inequality. Created units are counted one small unit at a time.""",
    hypotheses=[shared.situation],
    proof="""For X < I both are 0. For X >= I > 0 the derivative is 1 - I V / X^2 = Lambda + I v / X^2. At X = I
        Lambda is 0. An expectation of nonnegative differences is nonnegative.""",
    expected="proved",
)
def marginal_cost(run: Run) -> Iterator[Evidence]:
    """Pointwise for every n; two scenarios as a check of the expectation; the engine's marginals."""
    import z3

    own, others, slack, kappa = z3.Reals("own others slack penalty")
    below = shared.scarcity(own, others, slack)
    yield smt.prove(
        kappa * marginal(own, others, slack) >= kappa * below,
        given=[own >= 0, others >= 0, slack >= 0, kappa >= 0],
        control=("at least twice that", kappa * marginal(own, others, slack) >= 2 * kappa * below),
        range="every number of agents, pointwise in every state (own overage, the others' overage and slack, kappa)",
        complete=True,
        nontrivial=[own + others > slack, own > 0, others > 0, slack > 0, kappa > 0],
    )

    def engine(instance: Instance, factor: int = 1) -> bool:
        from mechopt.mechanisms.overage.penalty import marginal_residual, residual, total_scarcity

        own, others, slack = (instance[name] for name in ("own", "others", "slack"))
        slope = marginal_residual(own, others, slack)
        quotient = (residual(own + STEP, others, slack) - residual(own, others, slack)) / STEP
        bound = factor * total_scarcity(own + others, slack)
        return bool(abs(slope - quotient) <= 3 * STEP and slope >= bound)

    yield exhaustive.check(
        engine,
        grid=shared.GRID,
        control=("at least twice the scarcity", lambda instance: engine(instance, 2)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Proposition 9",
    part="expectation",
    statement="Taking conditional expectations yields E[dP_j / dv_j | F_tau] >= E[kappa_t Lambda_t | F_tau].",
    reading="""For every distribution of the state on two scenarios, all reals; with Proposition 9 in each state
        the same holds for every distribution, as an expectation is monotone.""",
    hypotheses=[scenarios],
    proof="A weighted sum of nonnegative differences.",
    rests_on=["overage.proposition_9"],
    expected="proved",
)
def expectation(run: Run) -> Iterator[Evidence]:
    """The inequality in each state implies it for the mean; two explicit scenarios; the engine's expectation."""
    import z3

    weight, own = z3.Reals("probability own")
    others, slack, kappa = (smt.vector(name, 2) for name in ("others", "slack", "penalty"))
    first, second, low, high = z3.Reals("first second low high")
    yield smt.prove(
        weight * first + (1 - weight) * second >= weight * low + (1 - weight) * high,
        given=[weight > 0, weight < 1, first >= low, second >= high],
        control=("strictly", weight * first + (1 - weight) * second > weight * low + (1 - weight) * high),
        range="every distribution: one scenario against the mean of the rest, by induction",
        complete=True,
        lift=lambda value: {
            "probability": value["probability"],
            "own": 1,
            "others": [1, 2],
            "slack": [1, 3],
            "penalty": [1, 2],
        },
    )
    cells = list(zip(others, slack, kappa, (weight, 1 - weight), strict=True))
    left = sum(p * k * marginal(own, v, i) for v, i, k, p in cells)
    right = sum(p * k * shared.scarcity(own, v, i) for v, i, k, p in cells)
    yield smt.prove(
        left >= right,
        given=[
            weight > 0,
            weight < 1,
            own > 0,
            *(z3.And(v >= 0, i >= 0, k >= 0, own + v > i) for v, i, k, _ in cells),
        ],
        control=("by more than 1", left > right + 1),
        range="2 explicit scenarios, scarce in both, all reals",
        complete=False,
    )

    def engine(instance: Instance, strict: bool = False) -> bool:
        from mechopt.mechanisms.overage.penalty import Scenario, expected, marginal_residual, total_scarcity

        odds = (instance["probability"], 1 - instance["probability"])
        columns = (instance[name] for name in ("others", "slack", "penalty"))
        world = [
            Scenario(probability=p, others=v, slack=i, penalty=k) for p, v, i, k in zip(odds, *columns, strict=True)
        ]
        own = instance["own"]
        slope = expected([s.penalty * marginal_residual(own, s.others, s.slack) for s in world], world)
        bound = expected([s.penalty * total_scarcity(own + s.others, s.slack) for s in world], world)
        return bool(slope > bound if strict else slope >= bound)

    yield exhaustive.check(
        engine,
        grid=exhaustive.Grid(
            agents=(2,),
            each={"others": [0, 1], "slack": [0, 1, 2], "penalty": [1, 2]},
            scalars={"probability": [Fraction(1, 3)], "own": [0, 1]},
        ),
        control=("strictly", lambda instance: engine(instance, True)),
        hypotheses=run.hypotheses,
    )


def replay(instance: Instance) -> str | None:
    """The scarcity factor at v and a little above, by hand."""
    own, others, slack = (Fraction(instance[name]) for name in ("own", "others", "slack"))
    if own + others > slack:
        return None
    for step in (Fraction(1), Fraction(1, 1000), Fraction(1, 10**9)):
        total = own + others + step
        if total <= slack:
            return None
    factors = [1 - slack / (own + others + step) for step in (Fraction(1), Fraction(1, 1000), Fraction(1, 10**9))]
    return (
        f"X = {own + others} <= I = {slack}, so Lambda = 0 here\n"
        f"with 1, 1/1000, 1/10^9 more overage Lambda is {', '.join(map(str, factors))}: positive however near"
    )


@claim(
    paper="lengyel2025",
    label="Proposition 9",
    part="a step of its proof",
    statement="If X^t <= I^t, then Lambda_t = 0 in a neighborhood and r_j = 0 identically, so dr_j / dv_j = 0.",
    reading="""For all v > 0, V, I >= 0 with v + V <= I: Lambda is 0 for all own overages in some neighbourhood of v
        (the engine is asked 1/10^6 above).""",
    hypotheses=[shared.situation, defects],
    replay=replay,
    expected="refuted",
    repaired_by="overage.proposition_9_step_corrected",
)
def step_printed(run: Run) -> Evidence:
    """The engine's scarcity just above."""

    def flat(instance: Instance) -> bool:
        from mechopt.mechanisms.overage.penalty import total_scarcity

        total, slack = instance["own"] + instance["others"], instance["slack"]
        return total > slack or total_scarcity(total + STEP, slack) == 0

    return exhaustive.check(
        flat,
        grid=shared.GRID,
        control=("nobody ever has slack", lambda instance: flat(instance) and instance["slack"] == 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Proposition 9",
    part="step corrected",
    statement="""If X < I, Lambda and r are 0 in a neighbourhood. At X = I > 0, Lambda is 0 but the right
        derivative of r is v / X; at X = I = 0 it is 1. In each case it is at least kappa Lambda, so the
        proposition stands.""",
    reading="""For all v, V, I >= 0: v + V < I leaves room above; at v + V = I > 0 the difference quotient of r
        tends to v / X; at v = V = I = 0 it is 1.""",
    hypotheses=[shared.situation],
    proof="At X = I: r(v + h) = h (v + h) / (X + h), so the quotient is (v + h) / (X + h).",
    expected="proved",
)
def step_corrected(run: Run) -> Iterator[Evidence]:
    """The quotient for every step h by Z3, its limit by SymPy, the engine's marginal at the boundary."""
    import sympy
    import z3

    own, others, slack, h = z3.Reals("own others slack step")
    quotient = shared.residual(own + h, others, slack) / h
    total = own + others
    yield smt.prove(
        z3.And(
            z3.Implies(total + h < slack, quotient == 0),
            z3.Implies(z3.And(total == slack, total > 0), quotient == (own + h) / (total + h)),
            z3.Implies(z3.And(total == 0, slack == 0), quotient == 1),
        ),
        given=[own >= 0, others >= 0, slack >= 0, h > 0, total <= slack],
        control=("the quotient is 0 at the boundary too", z3.Implies(total == slack, quotient == 0)),
        range="every number of agents (own overage, the others' overage and slack, every step h > 0)",
        complete=True,
        nontrivial=[own > 0, others > 0, total == slack],
        lift=lambda value: {**{name: value[name] for name in ("own", "others", "slack")}, "penalty": 1},
    )
    v, over, step = symbolic.positive("own others step")
    yield symbolic.identity(
        lambda case: (sympy.limit((v + step) / (v + over + step), step, 0, "+"), v / (v + over)),
        cases=["X = I"],
        control=("half of it", lambda case: (v / (v + over), v / (2 * (v + over)))),
        range="the limit of the quotient at X = I",
        complete=False,
        lift=lambda case, value: {
            "own": value["own"],
            "others": value["others"],
            "slack": value["own"] + value["others"],
            "penalty": 1,
        },
    )

    def engine(instance: Instance) -> Any:
        from mechopt.mechanisms.overage.penalty import marginal_residual

        return marginal_residual(instance["own"], instance["others"], instance["slack"])

    def as_said(instance: Instance) -> bool:
        total = instance["own"] + instance["others"]
        share = Fraction(instance["own"], total) if total else 1
        return bool(engine(instance) == (share if total == instance["slack"] else 0))

    yield exhaustive.check(
        as_said,
        grid=[i for i in shared.GRID if i["own"] + i["others"] <= i["slack"]],
        control=("0 up to the boundary", lambda i: engine(i) == 0),
        hypotheses=run.hypotheses,
        range=f"{shared.GRID}; X <= I",
    )


@claim(
    paper="lengyel2025",
    label="Proposition 9",
    part="derivative of the scarcity factor",
    statement="""dLambda_t / dv_j = I^t / (X^t)^2 >= 0 and dr_j / dv_j = Lambda_t + v_j dLambda_t / dv_j, where X^t
        > I^t.""",
    reading="For all v, V, I > 0 with X = v + V > I.",
    hypotheses=[shared.situation],
    proof="Lambda = 1 - I / (v + V); the product rule for r = Lambda v.",
    expected="proved",
)
def derivative() -> Evidence:
    """By SymPy."""
    import sympy

    own, others, slack = symbolic.positive("own others slack")
    factor = 1 - slack / (own + others)

    def sides(case: str) -> tuple[Any, Any]:
        if case == "Lambda":
            return sympy.diff(factor, own), slack / (own + others) ** 2
        return sympy.diff(factor * own, own), factor + own * slack / (own + others) ** 2

    return symbolic.identity(
        sides,
        cases=["Lambda", "r"],
        control=("without the product rule", lambda case: (sides(case)[0], factor if case == "r" else sides(case)[1])),
        range="every number of agents (own overage, the others' overage and slack); positive in its symbols",
        complete=True,
        given=lambda case: [own + others > slack],
        lift=lambda case, value: {**value, "penalty": 1},
    )
