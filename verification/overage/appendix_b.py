"""Appendix B: what a coalition gets when all others defect, in the two cases and together."""

from collections.abc import Iterator
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, certified, exhaustive, smt

GRID = exhaustive.Grid(
    agents=(1, 2, 3),
    each={"entitlement": [1, 2], "claim": exhaustive.steps(0, 3)},
    scalars={"members": [1, 2, 3]},
)


def complement_defects(instance: Instance) -> bool:
    """L_j > 0, C_j >= 0; the coalition is the first so many agents, the others claim more than their entitlement."""
    pairs = list(zip(instance["entitlement"], instance["claim"], strict=True))
    members = instance["members"]
    return (
        1 <= members <= len(pairs)
        and all(held > 0 and asked >= 0 for held, asked in pairs)
        and all(asked > held for held, asked in pairs[int(members) :])
    )


def covered(instance: Instance) -> bool:
    """X <= I."""
    return sum(instance["claim"]) <= sum(instance["entitlement"])


def scarce(instance: Instance) -> bool:
    """X > I."""
    return not covered(instance)


def engine(instance: Instance) -> tuple[Any, Any]:
    """The coalition's payoff over its entitlement: from the payoffs, and from the closed form; by the engine."""
    from mechopt.mechanisms.overage.coalitions import coalition_payoff
    from mechopt.mechanisms.overage.incentives import payoffs

    held, asked, members = instance["entitlement"], instance["claim"], instance["members"]
    total = sum(held[:members])
    return sum(payoffs(held, asked)[:members]) - total, coalition_payoff(held, asked, range(members)) - total


def totals(instance: Instance) -> tuple[Any, Any, Any]:
    """X_K, X_-K and I_K, written out here."""
    gaps = [asked - held for held, asked in zip(instance["entitlement"], instance["claim"], strict=True)]
    own = gaps[: instance["members"]]
    over = sum(gap for gap in own if gap > 0)
    return over, sum(gap for gap in gaps if gap > 0) - over, -sum(gap for gap in own if gap < 0)


def lift(value: dict[str, Any]) -> Instance:
    """A coalition of one supplier and one claimant against one defector."""
    slack, own, rest = value["slack"], value["own_overage"], value["other_overage"]
    return {"entitlement": [1 + slack, 1, 1], "claim": [1, 1 + own, 1 + rest], "members": 2}


def reals() -> tuple[Any, Any, Any]:
    """I_K = I, X_K and X_-K as Z3 variables."""
    import z3

    slack, own, rest = z3.Reals("slack own_overage other_overage")
    return slack, own, rest


@claim(
    paper="lengyel2025",
    label="Appendix B",
    part="Case 1",
    statement="Case 1: X <= I. Then sum_{i in K} pi_i = sum_{i in K} L_i + (X_K - I_K) <= sum_{i in K} L_i.",
    reading="For every n, every coalition K, every C with defecting complement and X <= I, alpha = 1.",
    hypotheses=[complement_defects, covered],
    proof="X_K + X_-K <= I_K, so X_K - I_K <= -X_-K <= 0.",
    expected="proved",
)
def case_1(run: Run) -> Iterator[Evidence]:
    """Aggregate for every n and K; the engine on a grid."""
    import z3

    slack, own, rest = reals()
    coverage = z3.If(own + rest <= slack, own, slack * own / (own + rest))
    yield smt.prove(
        z3.And(coverage - slack == own - slack, own - slack <= -rest, own - slack <= 0),
        given=[slack >= 0, own >= 0, rest > 0, own + rest <= slack],
        control=("a strict loss of X_-K and more", own - slack < -rest),
        range="every number of agents and every coalition (aggregate variables)",
        complete=True,
        nontrivial=[own > 0],
        lift=lift,
    )

    def printed(instance: Instance) -> bool:
        own, _, slack = totals(instance)
        return engine(instance) == (own - slack,) * 2 and own <= slack

    yield exhaustive.check(
        printed,
        grid=GRID,
        control=("nothing is lost", lambda instance: engine(instance)[0] == 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Appendix B",
    part="Case 2",
    statement="Case 2: X > I. Then sum_{i in K} pi_i = sum_{i in K} L_i - I_K X_-K / X <= sum_{i in K} L_i.",
    reading="For every n, every coalition K, every C with defecting complement and X > I, alpha = 1.",
    hypotheses=[complement_defects, scarce],
    proof="The coalition's coverage is I_K X_K / X, so it loses I_K (1 - X_K / X).",
    expected="proved",
)
def case_2(run: Run) -> Iterator[Evidence]:
    """Aggregate for every n and K; the engine on a grid."""
    import z3

    slack, own, rest = reals()
    coverage = z3.If(own + rest <= slack, own, slack * own / (own + rest))
    loss = slack * rest / (own + rest)
    yield smt.prove(
        z3.And(coverage - slack == -loss, loss >= 0),
        given=[slack >= 0, own >= 0, rest >= 0, own + rest > slack],
        control=("all slack is lost", coverage - slack == -slack),
        range="every number of agents and every coalition (aggregate variables)",
        complete=True,
        nontrivial=[own > 0, slack > 0, rest > 0],
        lift=lift,
    )

    def printed(instance: Instance) -> bool:
        own, rest, slack = totals(instance)
        first, second = engine(instance)
        return bool(first == second and -first * (own + rest) == slack * rest)

    yield exhaustive.check(
        printed,
        grid=GRID,
        control=("nothing is lost", lambda instance: engine(instance)[0] == 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Appendix B",
    statement="Let K be any coalition and assume the complement defects. The coalition's aggregate payoff at any "
    "deviation C_K cannot exceed sum_{i in K} L_i. (It equals sum L_i - I_K + the coverage of its defectors.)",
    reading="For every n, every coalition K, every C >= 0 with defecting complement, alpha = 1.",
    hypotheses=[complement_defects],
    proof="""The coalition gives I_K and gets coverage; coverage is at most I = I_K. Both cases are needed. (The
        proof of Theorem 5 in the main text cites Case 2 only.)""",
    rests_on=["overage.appendix_b_case_1", "overage.appendix_b_case_2"],
    expected="proved",
)
def bound(run: Run) -> Iterator[Evidence]:
    """Aggregate for every n and K; the same as a linear program for every balanced rule; the engine on a grid."""
    import z3

    slack, own, rest = reals()
    coverage = z3.If(own + rest <= slack, own, slack * own / (own + rest))
    yield smt.prove(
        coverage - slack <= 0,
        given=[slack >= 0, own >= 0, rest >= 0],
        control=("a strict loss", coverage - slack < 0),
        range="every number of agents and every coalition (aggregate variables)",
        complete=True,
        nontrivial=[own > 0, slack > 0, rest > 0],
        lift=lift,
    )
    yield certified.bound(
        certified.program({"coverage": 1, "slack": -1}, [("covered by slack", {"coverage": 1, "slack": -1}, "<=", 0)]),
        control=(
            "slack counts twice",
            certified.program(
                {"coverage": 1, "slack": -1},
                [("covered by slack", {"coverage": 1, "slack": -2}, "<=", 0), ("size", {"slack": 1}, "<=", 9)],
            ),
        ),
        range="every rule whose coverages add up to at most I, every number of agents and coalition",
        lift=lambda point: {"entitlement": [1 + point["slack"], 1], "claim": [1, 3], "members": 1},
    )
    yield exhaustive.check(
        lambda instance: engine(instance)[0] == engine(instance)[1] <= 0,
        grid=GRID,
        control=("a strict loss", lambda instance: engine(instance)[0] < 0),
        hypotheses=run.hypotheses,
    )
