"""Appendix D and Section 4: the scarcity factor, residual overage, and what the penalty does to the game."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def nonnegative(instance: Instance) -> bool:
    """L_j > 0, C_j >= 0."""
    return min(instance["entitlement"]) > 0 and min(instance["claim"]) >= 0


def penalised(instance: Instance) -> bool:
    """0 < L_j <= M, claims in [0, M], a penalty above 0."""
    return (
        nonnegative(instance)
        and instance["penalty"] > 0
        and max(*instance["entitlement"], *instance["claim"]) <= instance["bound"]
    )


def below_one(instance: Instance) -> bool:
    """The cost of a claim is below 1 per unit."""
    return bool(instance["penalty"] < 1)


def cleared(instance: Instance) -> Any:
    """The engine's clearing."""
    import numpy as np

    from mechopt.mechanisms.overage.clearing import as_exact, clear

    held, asked = (as_exact(np.array(instance[name], dtype=object)) for name in ("entitlement", "claim"))
    return clear(held, asked)


GRID = exhaustive.Grid(agents=(1, 2, 3), each={"entitlement": [1, 3], "claim": exhaustive.steps(0, 3)})


def lift(value: dict[str, Any]) -> Instance:
    """Three agents: the one in question, a defector, a cooperator."""
    return {
        "entitlement": [1, 1, 1 + value["slack"]],
        "claim": [1 + value["own"], 1 + value["others"], 1],
    }


@claim(
    paper="lengyel2025",
    label="Appendix D",
    part="residual overage",
    statement="Residual overage is r_i := (v_i - v̂_i)_+. Note that r_i = Lambda_t v_i when X^t > I^t and 0 otherwise; "
    "Lambda_t is in [0, 1]. If X^t <= I^t, residual overage is fully covered (zero penalty) (Section 4).",
    reading="For every n, L_j > 0, C_j >= 0, alpha = 1. Besides, the residuals add up to (X - I)_+.",
    hypotheses=[nonnegative],
    proof="v - (I / X) v = (1 - I / X) v.",
    expected="proved",
)
def residual(run: Run) -> Iterator[Evidence]:
    """One agent against the rest for every n; the engine's residuals and scarcity."""
    import z3

    own, others, slack = z3.Reals("own others slack")
    total = own + others
    coverage = z3.If(total <= slack, own, slack / total * own)
    factor = z3.If(total == 0, 0, smt.positive_part((total - slack) / total))
    yield smt.prove(
        z3.And(
            smt.positive_part(own - coverage) == z3.If(total > slack, factor * own, 0),
            factor >= 0,
            factor <= 1,
            z3.If(total == 0, 0, factor * total) == smt.positive_part(total - slack),
        ),
        given=[own >= 0, others >= 0, slack >= 0],
        control=("all overage is left", smt.positive_part(own - coverage) == z3.If(total > slack, own, 0)),
        range="every number of agents (own overage, the others' overage and slack)",
        complete=True,
        nontrivial=[own > 0, others > 0, slack > 0, total > slack],
        lift=lift,
    )

    def engine(instance: Instance) -> bool:
        from mechopt.mechanisms.overage import penalty
        from mechopt.mechanisms.overage.clearing import scarcity

        period = cleared(instance)
        over, under = period.overage_total, period.slack_total
        factor, left = scarcity(over, under, period.sign), period.residual.tolist()
        short = max(over - under, 0)
        own = period.overage[0]
        return bool(
            0 <= factor <= 1
            and factor * over == short == sum(left)
            and left == [factor * v for v in period.overage]
            and penalty.total_scarcity(over, under) == factor
            and penalty.residual(own, over - own, under) == left[0]
        )

    yield exhaustive.check(
        engine,
        grid=GRID,
        control=("nothing is left", lambda instance: not any(cleared(instance).residual)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Beyond the paper: the game with a penalty",
    statement="""With any penalty kappa > 0 on residual overage and M >= max L, the cooperative profile C = L is
        the only Nash equilibrium of payoffs net of penalties; M is a best reply to it only if kappa = 0.""",
    reading="""For every n, 0 < L_j <= M, kappa > 0, alpha = 1, utility pi_j - kappa r_j: a profile in [0, M]^n is an
        equilibrium iff C = L. (Proposition 3 is about kappa = 0.)""",
    hypotheses=[penalised],
    proof="""Below L the slope in the own claim is 1, so C >= L in equilibrium, hence I = 0; then overage y is
        uncovered and costs kappa y, so C = L. At C = L every other claim is worse.""",
    expected="proved",
)
def penalty_game(run: Run) -> Iterator[Evidence]:
    """The three steps for every n by Z3; the engine's equilibria on a grid."""
    import z3

    own, others, slack, kappa = z3.Reals("own others slack penalty")
    total = own + others
    coverage = z3.If(total <= slack, own, slack * own / total)
    utility = z3.If(own <= 0, own, coverage - kappa * (own - coverage))
    yield smt.prove(
        z3.And(
            z3.Implies(own < 0, utility < 0),  # claiming L instead gives 0, whatever the others do
            z3.Implies(z3.And(own > 0, slack == 0), utility < 0),  # with nobody below L, so does claiming L
            z3.Implies(slack == 0, utility <= 0),  # and at C = L nothing gives more
        ),
        given=[others >= 0, slack >= 0, kappa > 0],
        control=("also where there is slack", z3.Implies(own > 0, utility < 0)),
        range="every number of agents (own claim less L, the others' overage and slack, kappa)",
        complete=True,
        nontrivial=[own > 0, others > 0, slack == 0],
        lift=lambda value: {
            **lift(value),
            "penalty": value["penalty"],
            "bound": 2 + value["own"] + value["others"] + value["slack"],
        },
    )

    def only(instance: Instance, kappa: Any) -> bool:
        from mechopt.mechanisms.overage.penalty import net_equilibrium

        held, asked = instance["entitlement"], instance["claim"]
        return net_equilibrium(held, asked, instance["bound"], kappa).holds == (held == asked)

    yield exhaustive.check(
        lambda instance: only(instance, instance["penalty"]),
        grid=exhaustive.Grid(
            agents=(1, 2, 3) if run.full else (1, 2),
            each={"entitlement": [1, 2], "claim": exhaustive.steps(0, 3, 2)},
            scalars={"penalty": [Fraction(1, 10), 2], "bound": [3]},
        ),
        control=("also without a penalty", lambda instance: only(instance, 0)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Beyond the paper: the game with a penalty",
    part="net payoff is concave",
    statement="The payoff net of the penalty is concave in the own claim, so one-sided slopes decide best replies.",
    reading="""For every n, kappa >= 0, alpha = 1: the mean of the net payoffs of two claims is at most that of
        their middle.""",
    hypotheses=[nonnegative],
    proof="Slope 1 up to the boundary, then (1 + kappa) I V / X^2 - kappa, which is at most 1 there and falls.",
    expected="proved",
)
def concave(run: Run) -> Iterator[Evidence]:
    """By Z3 for every n; the engine's slopes against its net payoffs."""
    import z3

    own, gap, others, slack, kappa = z3.Reals("own gap others slack penalty")

    def utility(claimed: Any) -> Any:
        coverage = z3.If(claimed + others <= slack, claimed, slack * claimed / (claimed + others))
        return z3.If(claimed <= 0, claimed, coverage - kappa * (claimed - coverage))

    yield smt.prove(
        utility(own) + utility(own + 2 * gap) <= 2 * utility(own + gap),
        given=[gap >= 0, others >= 0, slack >= 0, kappa >= 0],
        control=("it is linear", utility(own) + utility(own + 2 * gap) == 2 * utility(own + gap)),
        range="every number of agents (two claims, the others' overage and slack, kappa)",
        complete=True,
        nontrivial=[own > 0, gap > 0, others > 0, slack > 0],
        lift=lift,
    )

    def slopes(instance: Instance, kappa: Any = 2) -> bool:
        from mechopt.mechanisms.overage.penalty import net_marginals, net_payoff

        period, held, asked = cleared(instance), instance["entitlement"][0], instance["claim"][0]
        rest = (period.overage_total - period.overage[0], period.slack_total - period.slack[0])
        here, step = net_payoff(held, asked, *rest, kappa), Fraction(1, 10**6)
        below, above = (net_payoff(held, asked + side * step, *rest, kappa) - here for side in (-1, 1))
        left, right = net_marginals(held, asked, *rest, kappa)
        paid = period.payoff[0] - kappa * period.residual[0]
        return bool(
            here == paid and left >= right and abs(above / step - right) < 100 * step > abs(-below / step - left)
        )

    yield exhaustive.check(
        slopes,
        grid=GRID,
        control=("the net payoff is the payoff", lambda instance: not any(cleared(instance).residual)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Beyond the paper: costly claims",
    statement="If a claim costs 0 < eps < 1 per unit and M >= max L, C = L is the only Nash equilibrium.",
    reading="""For every n, 0 < L_j <= M, 0 < eps < 1, utility pi_j - eps C_j, alpha = 1. (Here the penalty stands
        for eps.)""",
    hypotheses=[penalised, below_one],
    proof="Below L the slope is 1 - eps > 0; with all at or above L there is no slack and the slope above L is -eps.",
    expected="proved",
)
def costly_claims(run: Run) -> Iterator[Evidence]:
    """The three steps for every n by Z3; the engine's payoffs against all claims of a grid."""
    import z3

    own, others, slack, cost = z3.Reals("own others slack penalty")
    total = own + others
    utility = z3.If(own <= 0, own, z3.If(total <= slack, own, slack * own / total)) - cost * own
    yield smt.prove(
        z3.And(z3.Implies(own < 0, utility < 0), z3.Implies(z3.And(own > 0, slack == 0), utility < 0)),
        given=[others >= 0, slack >= 0, cost > 0, cost < 1],
        control=("also where there is slack", z3.Implies(own > 0, utility < 0)),
        range="every number of agents (own claim less L, the others' overage and slack, eps)",
        complete=True,
        nontrivial=[own > 0, others > 0, slack == 0],
        lift=lambda value: {
            **lift(value),
            "penalty": value["penalty"],
            "bound": 2 + value["own"] + value["others"] + value["slack"],
        },
    )

    def only(instance: Instance, cost: Any) -> bool:
        from mechopt.mechanisms.overage.incentives import own_payoff, payoffs

        held, asked = instance["entitlement"], instance["claim"]
        now = [pay - cost * own for pay, own in zip(payoffs(held, asked), asked, strict=True)]
        tries = sorted({*held, 0, instance["bound"], 1, 2})
        stable = all(
            own_payoff(held, asked, j, other) - cost * other <= now[j] for j in range(len(held)) for other in tries
        )
        return stable == (held == asked)

    yield exhaustive.check(
        lambda instance: only(instance, instance["penalty"]),
        grid=exhaustive.Grid(
            agents=(1, 2),
            each={"entitlement": [1, 2], "claim": [0, 1, 2, 3]},
            scalars={"penalty": [Fraction(1, 10), Fraction(1, 2)], "bound": [3]},
        ),
        control=("also where claims are free", lambda instance: only(instance, 0)),
        hypotheses=run.hypotheses,
    )
