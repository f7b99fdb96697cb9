"""Proposition C: with bounded claims best replies exist, and the largest claim is one."""

from collections.abc import Iterator
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic


def situation(instance: Instance) -> bool:
    """M > L > 0, the others' overage V and slack I nonnegative, a claim in [0, M]."""
    return (
        0 < instance["entitlement"] < instance["bound"]
        and 0 <= instance["claim"] <= instance["bound"]
        and min(instance["others"], instance["slack"]) >= 0
    )


def engine(instance: Instance) -> Any:
    """The engine's best replies, where the others are one defector and one cooperator."""
    from mechopt.mechanisms.overage.incentives import best_replies, facing

    held = [instance["entitlement"], 1, 1 + instance["slack"]]
    return best_replies(facing(held, [0, 1 + instance["others"], 1], 0), instance["bound"])


def cleared(instance: Instance, own: Any) -> Any:
    """The engine's payoff from a claim."""
    from mechopt.mechanisms.overage.incentives import own_payoff

    held = [instance["entitlement"], 1, 1 + instance["slack"]]
    return own_payoff(held, [0, 1 + instance["others"], 1], 0, own)


GRID = exhaustive.Grid(
    scalars={
        "entitlement": [1, 2],
        "claim": exhaustive.steps(0, 5, 2),
        "others": [0, 1, 2],
        "slack": [0, 1, 2, 3],
        "bound": [3, 5],
    }
)


def payoff(held: Any, asked: Any, others: Any, slack: Any) -> Any:
    """The payoff as a Z3 term."""
    import z3

    own = asked - held
    return z3.If(own <= 0, asked, z3.If(own + others <= slack, asked, held + slack * own / (own + others)))


@claim(
    paper="lengyel2025",
    label="Proposition C",
    part="i",
    statement="Best replies exist.",
    reading="""For every n, M > L_j > 0 and claims C_{-j}, alpha = 1: some claim in [0, M] attains the supremum of the
        payoff over [0, M].""",
    hypotheses=[situation],
    proof="M attains it: nothing in [0, M] pays more. (The paper: continuous on a compact interval.)",
    expected="proved",
)
def exist(run: Run) -> Iterator[Evidence]:
    """M attains the supremum, for every n; the engine's interval of best replies on a grid."""
    import z3

    held, asked, bound, others, slack = z3.Reals("entitlement claim bound others slack")
    yield smt.prove(
        payoff(held, asked, others, slack) <= payoff(held, bound, others, slack),
        given=[held > 0, held < bound, asked >= 0, asked <= bound, others >= 0, slack >= 0],
        control=(
            "L + 1 attains it",
            payoff(held, asked, others, slack) <= payoff(held, held + 1, others, slack),
        ),
        range="every number of agents (own claim, the others' overage and slack)",
        complete=True,
        nontrivial=[asked > held, others > 0, slack > 0],
    )

    def attained(instance: Instance) -> bool:
        replies = engine(instance)
        inside = instance["claim"] in replies
        reached = all(cleared(instance, end) == replies.payoff for pair in replies.intervals for end in pair)
        here = cleared(instance, instance["claim"])
        return bool(replies.intervals) and reached and here <= replies.payoff and inside == (here == replies.payoff)

    yield exhaustive.check(
        attained,
        grid=GRID,
        control=("every claim is a best reply", lambda instance: instance["claim"] in engine(instance)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Proposition C",
    part="ii",
    statement="For any fixed C_{-j}, pi_j(C_j, C_{-j}) is nondecreasing on [0, M], hence a best reply is C_j* = M. On "
    "(y*, M - L_j] its derivative is I_{-j} X_{-j} / (X_{-j} + y)^2.",
    reading="""For every n, M > L_j > 0 and C_{-j}, alpha = 1: the derivative is as printed, positive in its symbols;
        the payoff is nondecreasing and M is a best reply.""",
    hypotheses=[situation],
    proof="Slope 1 below y*, the printed derivative above, and the branches agree at y*.",
    rests_on=["overage.proposition_3_nondecreasing", "overage.proposition_c_continuity"],
    expected="proved",
)
def monotone(run: Run) -> Iterator[Evidence]:
    """The printed derivative by SymPy, the rest by Z3, the engine on a grid."""
    import sympy
    import z3

    y, over, under = symbolic.positive("y V I")
    slope = under * over / (over + y) ** 2
    yield symbolic.identity(
        lambda case: (sympy.diff(under * y / (over + y), y), slope),
        cases=["X > I"],
        control=("without the square", lambda case: (sympy.diff(under * y / (over + y), y), slope * (over + y))),
        range="every number of agents: the derivative where X > I",
        complete=False,
        lift=lambda case, value: {
            "entitlement": 1,
            "claim": 1 + value["y"],
            "others": value["V"],
            "slack": value["I"],
            "bound": 2 + value["y"],
        },
    )
    held, asked, bound, others, slack = z3.Reals("entitlement claim bound others slack")
    yield smt.prove(
        payoff(held, asked, others, slack) <= payoff(held, bound, others, slack),
        given=[held > 0, held < bound, asked >= 0, asked <= bound, others >= 0, slack >= 0],
        control=("by more than 1", payoff(held, asked, others, slack) + 1 <= payoff(held, bound, others, slack)),
        range="every number of agents (any pair of claims, the larger one called M)",
        complete=True,
        nontrivial=[asked > held, others > 0, slack > 0],
    )
    yield exhaustive.check(
        lambda instance: cleared(instance, instance["claim"]) <= cleared(instance, instance["bound"]),
        grid=GRID,
        control=(
            "strictly",
            lambda instance: cleared(instance, instance["claim"]) < cleared(instance, instance["bound"]),
        ),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Proposition C",
    part="continuity",
    statement="At the switching point y* = (I_{-j} - X_{-j})_+ the branches agree; thus pi_j(., C_{-j}) is continuous "
    "on [0, M].",
    reading="""For every n and all V, I >= 0, alpha = 1: where V + y* > 0 the two branches have the same value at y*;
        where V + y* = 0 (so I = 0) the upper branch is constant; two claims that differ by d give payoffs that differ
        by at most d.""",
    hypotheses=[situation],
    proof="If I >= V then y* = I - V and I y* / I = y*; else y* = 0 and both sides are 0. The slopes are in [0, 1].",
    expected="proved",
)
def continuous(run: Run) -> Iterator[Evidence]:
    """The branches at y* and a Lipschitz bound by Z3; the engine on a grid."""
    import z3

    held, asked, bound, others, slack = z3.Reals("entitlement claim bound others slack")
    switch = smt.positive_part(slack - others)
    agree = z3.Implies(others + switch > 0, held + switch == held + slack * switch / (others + switch))
    change = payoff(held, bound, others, slack) - payoff(held, asked, others, slack)
    yield smt.prove(
        z3.And(agree, change <= bound - asked, change >= 0),
        given=[held > 0, held < bound, asked >= 0, asked <= bound, others >= 0, slack >= 0],
        control=("half as steep", change <= (bound - asked) / 2),
        range="every number of agents (any pair of claims, the larger one called M)",
        complete=True,
        nontrivial=[asked > held, others > 0, slack > 0],
    )

    def no_jump(instance: Instance) -> bool:
        peak = instance["entitlement"] + max(instance["slack"] - instance["others"], 0)
        at = [cleared(instance, own) for own in (peak, instance["claim"], instance["bound"])]
        wide = abs(peak - instance["claim"])
        return at[0] == peak and abs(at[1] - at[0]) <= wide and at[1] <= at[2]

    yield exhaustive.check(
        no_jump,
        grid=GRID,
        control=(
            "the claim itself is always paid",
            lambda instance: cleared(instance, instance["claim"]) == instance["claim"],
        ),
        hypotheses=run.hypotheses,
    )
