"""Proposition 3: with bounded claims, the largest claim is a best reply to everything."""

from collections.abc import Iterator
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def in_bounds(instance: Instance) -> bool:
    """0 <= C_j < a larger claim <= M, all others' claims in [0, M], entitlements positive."""
    return (
        min(instance["entitlement"]) > 0
        and all(0 <= value <= instance["bound"] for value in instance["claim"])
        and instance["claim"][0] < instance["larger"] <= instance["bound"]
    )


def engine(instance: Instance) -> tuple[Any, Any, Any]:
    """Agent 1's payoff from its claim, from the larger one, and from the bound, by the engine."""
    from mechopt.mechanisms.overage.incentives import own_payoff

    held, asked = instance["entitlement"], instance["claim"]
    tries = (asked[0], instance["larger"], instance["bound"])
    low, high, top = (own_payoff(held, asked, 0, own) for own in tries)
    return low, high, top


def gain(own: Any, others: Any, slack: Any) -> Any:
    """Agent's payoff over its entitlement: own = C - L, V and I of the others; as Z3 terms."""
    import z3

    return z3.If(own <= 0, own, z3.If(own + others <= slack, own, slack * own / (own + others)))


def lift(value: dict[str, Any]) -> Instance:
    """Three agents that make up the aggregate situation."""
    shift = max(-value["own"], 0) + 1
    rest = [1 + value["others"], 1]
    return {
        "entitlement": [shift, 1, 1 + value["slack"]],
        "claim": [shift + value["own"], *rest],
        "larger": shift + value["larger"],
        "bound": max(shift + value["larger"], *rest),
    }


def grid(run: Run) -> exhaustive.Grid:
    """Agent 1 and one, two or three others."""
    return exhaustive.Grid(
        agents=(1, 2, 3),
        each={"entitlement": [1, 2] if run.full else [2], "claim": exhaustive.steps(0, 4)},
        scalars={"larger": exhaustive.steps(1, 4, 2 if run.full else 1), "bound": [4]},
    )


@claim(
    paper="lengyel2025",
    label="Proposition 3",
    part="nondecreasing",
    statement="With C_j in [0, M], for any fixed C_{-j} the map C_j -> pi_j(C_j, C_{-j}) is nondecreasing.",
    reading="""For every n >= 1, every M > 0 (also below entitlements), all claims in [0, M], alpha = 1: a larger own
        claim never lowers the own payoff. Neither does it raise the payoff by more than the claim.""",
    hypotheses=[in_bounds],
    proof="""Slope 1 up to the boundary y* = (I - V)_+, then I V / (V + y)^2, between 0 and 1; the branches meet.""",
    expected="proved",
)
def nondecreasing(run: Run) -> Iterator[Evidence]:
    """The agent against the rest for every n; the engine on a grid."""
    import z3

    own, larger, others, slack = z3.Reals("own larger others slack")
    rise = gain(larger, others, slack) - gain(own, others, slack)
    yield smt.prove(
        z3.And(rise >= 0, rise <= larger - own),
        given=[own < larger, others >= 0, slack >= 0],
        control=("strictly increasing", rise > 0),
        range="every number of agents (own overage, the others' overage and slack)",
        complete=True,
        nontrivial=[others > 0, slack > 0, larger + others > slack, own > 0],
        lift=lift,
    )

    def lipschitz(instance: Instance) -> bool:
        low, high, _ = engine(instance)
        return bool(0 <= high - low <= instance["larger"] - instance["claim"][0])

    yield exhaustive.check(
        lipschitz,
        grid=grid(run),
        control=("strictly increasing", lambda instance: engine(instance)[1] > engine(instance)[0]),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Proposition 3",
    part="M is a best reply",
    statement="Thus C_j* = M is a best reply independent of C_{-j}: defection is weakly dominant.",
    reading="""For every n >= 1, every M > 0, all claims in [0, M], alpha = 1: no claim in [0, M] gives the agent more
        than M does.""",
    hypotheses=[in_bounds],
    proof="The payoff is nondecreasing on [0, M].",
    rests_on=["overage.proposition_3_nondecreasing"],
    expected="proved",
)
def best_reply(run: Run) -> Iterator[Evidence]:
    """The agent against the rest for every n; the engine's payoffs and its closed form of the best replies."""
    import z3

    own, larger, others, slack = z3.Reals("own larger others slack")
    yield smt.prove(
        gain(own, others, slack) <= gain(larger, others, slack),
        given=[own <= larger, others >= 0, slack >= 0],
        control=("any other claim is worse", gain(own, others, slack) < gain(larger, others, slack)),
        range="every number of agents (own overage, the others' overage and slack; larger = M - L)",
        complete=True,
        nontrivial=[others > 0, slack > 0, own > 0, own < larger, larger + others > slack],
        lift=lift,
    )

    def top_is_best(instance: Instance) -> bool:
        from mechopt.mechanisms.overage.incentives import best_replies, facing

        low, high, top = engine(instance)
        replies = best_replies(facing(instance["entitlement"], instance["claim"], 0), instance["bound"])
        agrees = replies.payoff == top and instance["bound"] in replies
        return agrees and max(low, high) <= top and (high == top) == (instance["larger"] in replies)

    yield exhaustive.check(
        top_is_best,
        grid=grid(run),
        control=("any other claim is worse", lambda instance: engine(instance)[1] < engine(instance)[2]),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Beyond the paper: unique weak dominance",
    statement="With three or more agents the largest claim is the only weakly dominant one; with two agents all claims "
    "of at least L_1 + L_2 are payoff-equivalent, and alone all claims of at least L_1.",
    reading="""For n >= 3 and every claim C < M of an agent with M > L, there are claims of the others (one with
        overage, one with at most as much slack) at which M pays strictly more. For n = 2 the claims from L_1 + L_2 on
        give the same payoff whatever the other claims; for n = 1 all claims from L_1 on do.""",
    hypotheses=[in_bounds],
    proof="""With V >= I > 0 the payoff L + I y / (V + y) is strictly increasing for y >= 0, and 1-to-1 below. With two
        agents V and I are not both positive, and I <= L_2, so from y = L_2 on the payoff is L + I.""",
    expected="proved",
)
def unique(run: Run) -> Iterator[Evidence]:
    """Strict for n >= 3 at a constructed profile; equal for n = 2 from L_1 + L_2 on."""
    import z3

    own, larger, others, slack, other = z3.Reals("own larger others slack other_entitlement")
    two_agents = z3.Or(
        z3.And(others == 0, slack >= 0, slack <= other),
        z3.And(others >= 0, slack == 0),
    )
    strict = z3.Implies(z3.And(others >= slack, slack > 0), gain(own, others, slack) < gain(larger, others, slack))
    alone = z3.Implies(
        z3.And(others == 0, slack == 0, own >= 0), gain(own, others, slack) == gain(larger, others, slack)
    )
    equal = z3.Implies(z3.And(two_agents, own >= other), gain(own, others, slack) == gain(larger, others, slack))
    yield smt.prove(
        z3.And(strict, equal, alone),
        given=[own < larger, others >= 0, slack >= 0, other > 0],
        control=("strict wherever there is slack", z3.Implies(slack > 0, strict.arg(1))),
        range="every number of agents (own overage, the others' overage and slack)",
        complete=True,
        nontrivial=[others >= slack, slack > 0, own > 0],
        lift=lift,
    )

    def constructed(instance: Instance) -> bool:
        from mechopt.mechanisms.overage.incentives import own_payoff

        held = instance["entitlement"]
        claims = [instance["claim"][0], held[1] + 1, held[2] - 1, *held[3:]]
        top, low = (own_payoff(held, claims, 0, own) for own in (instance["bound"], claims[0]))
        return bool(top > low)

    yield exhaustive.check(
        constructed,
        grid=[instance for instance in grid(run) if len(instance["entitlement"]) >= 3],
        control=("also at the profile of the grid", lambda instance: engine(instance)[2] > engine(instance)[0]),
        hypotheses=run.hypotheses,
        range=f"{grid(run)}; three agents or more",
    )
