"""Beyond the paper: waiting for the clearing with whole units, and how much of it there is in equilibrium."""

from collections.abc import Iterator

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__, "_penalty")


@claim(
    paper="lengyel2025",
    label="Beyond the paper: whole units of waiting",
    statement="""Proposition 9 also holds for units of any size, and at the scarcity that follows: raising the own
        overage from v to w costs at least kappa Lambda(w) (w - v) >= kappa Lambda(v) (w - v). The cost is convex.""",
    reading="""For every n, 0 <= v <= w, V, I, kappa >= 0: kappa (r(w) - r(v)) >= kappa Lambda(w) (w - v), Lambda(w) >=
        Lambda(v), and r is convex.""",
    hypotheses=[shared.situation],
    proof="""r(w) - r(v) = Lambda(w) (w - v) + (Lambda(w) - Lambda(v)) v, and Lambda rises in the own overage. The
        slope of r is 0, then 1 - I V / X^2, which rises.""",
    expected="proved",
)
def whole_units(run: Run) -> Iterator[Evidence]:
    """Both by Z3 for every n; the engine's residuals."""
    import z3

    own, more, others, slack, kappa = z3.Reals("own more others slack penalty")
    rise = shared.residual(own + more, others, slack) - shared.residual(own, others, slack)
    middle = 2 * shared.residual(own + more / 2, others, slack)
    given = [own >= 0, more >= 0, others >= 0, slack >= 0, kappa >= 0]
    yield smt.prove(
        z3.And(
            kappa * rise >= kappa * shared.scarcity(own + more, others, slack) * more,
            shared.scarcity(own + more, others, slack) >= shared.scarcity(own, others, slack),
            middle <= shared.residual(own, others, slack) + shared.residual(own + more, others, slack),
        ),
        given=given,
        control=("at the scarcity of two steps", rise >= shared.scarcity(own + 2 * more, others, slack) * more),
        range="every number of agents (own overage, a step of any size, the others' overage and slack, kappa)",
        complete=True,
        nontrivial=[more > 0, own > 0, others > 0, slack > 0, kappa > 0],
        lift=lambda value: {name: value[name] for name in ("own", "others", "slack", "penalty")},
    )

    def engine(instance: Instance, offset: int) -> bool:
        from mechopt.mechanisms.overage.penalty import residual, total_scarcity

        own, others, slack = (instance[name] for name in ("own", "others", "slack"))
        rises = [residual(own + step, others, slack) - residual(own, others, slack) for step in (1, 2)]
        factors = [total_scarcity(own + step + offset + others, slack) for step in (1, 2)]
        return bool(rises[0] >= factors[0] and rises[1] >= 2 * factors[1] and rises[1] >= 2 * rises[0])

    yield exhaustive.check(
        lambda instance: engine(instance, 0),
        grid=shared.GRID,
        control=("at the scarcity of one step more", lambda instance: engine(instance, 1)),
        hypotheses=run.hypotheses,
    )


def market(instance: Instance) -> bool:
    """0 < p < kappa, expected slack I > 0, other overage xi >= 0."""
    return 0 < instance["price"] < instance["penalty"] and instance["slack"] > 0 and instance["fixed"] >= 0


@claim(
    paper="lengyel2025",
    label="Beyond the paper: waiting in equilibrium",
    statement="""With many small agents, waiting goes on until it costs the forward price: w + xi = I / (1 - p / kappa).
        It is positive whenever I > xi (1 - p / kappa): no penalty, however large, drives waiting to zero while free
        slack is expected, so E[Lambda] >= lambda cannot be published independently of the collar.""",
    reading="""For all 0 < p < kappa, I > 0 and xi >= 0, one state: kappa Lambda = p with X = w + xi and w >= 0 has
        exactly one solution if I > xi (1 - p / kappa), the one printed; else kappa Lambda >= p already at w =
        0.""",
    hypotheses=[market],
    proof="kappa (1 - I / X) = p is X = I / (1 - p / kappa) > I, and Lambda rises with X.",
    expected="proved",
)
def equilibrium(run: Run) -> Iterator[Evidence]:
    """By Z3; the engine's solution on a grid."""
    import z3

    price, kappa, slack, fixed, waiting = z3.Reals("price penalty slack fixed waiting")
    total = waiting + fixed
    solution = slack * kappa / (kappa - price) - fixed
    here = kappa * z3.If(total <= slack, 0, 1 - slack / total)
    at_zero = kappa * z3.If(fixed <= slack, 0, 1 - slack / fixed)
    yield smt.prove(
        z3.And(
            z3.Implies(solution >= 0, (here == price) == (waiting == solution)),
            z3.Implies(solution <= 0, at_zero >= price),
            z3.Implies(slack > fixed * (1 - price / kappa), solution > 0),
        ),
        given=[price > 0, price < kappa, slack > 0, fixed >= 0, waiting >= 0],
        control=("waiting stops at the slack", z3.Implies(here == price, total <= slack)),
        range="all prices, penalties, slacks and other overage",
        complete=True,
        nontrivial=[fixed > 0, waiting > 0],
        lift=lambda value: {name: value[name] for name in ("price", "penalty", "slack", "fixed")},
    )

    def engine(instance: Instance, factor: int = 1) -> bool:
        from mechopt.mechanisms.overage.penalty import total_scarcity, waiting_equilibrium

        names = ("price", "penalty", "slack", "fixed")
        price, kappa, slack, fixed = (instance[name] for name in names)
        found = waiting_equilibrium(price, kappa, slack, fixed)
        cost = kappa * total_scarcity(found + fixed, slack)
        return bool(cost == factor * price or (found == 0 and cost >= price))

    yield exhaustive.check(
        engine,
        grid=exhaustive.Grid(
            scalars={"price": [1, 2], "penalty": [2, 3, 100], "slack": [1, 5], "fixed": exhaustive.steps(0, 6)}
        ),
        control=("until it costs twice the price", lambda instance: engine(instance, 2)),
        hypotheses=run.hypotheses,
    )
