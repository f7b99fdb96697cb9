"""Remark 1, (i) and (ii): what classic claims rules take from those who claim no more than their entitlement."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__, "_classic_rules")


def scarce(instance: Instance) -> bool:
    """Positive entitlements, claims >= 0 that add up to more than an estate >= 0; agent 1 claims at most L, not 0."""
    return (
        min(instance["entitlement"]) > 0
        and min(instance["claim"]) >= 0
        and sum(instance["claim"]) > instance["estate"] >= 0
        and 0 < instance["claim"][0] <= instance["entitlement"][0]
    )


@claim(
    paper="lengyel2025",
    label="Remark 1",
    part="i",
    statement="""Proportional rule on claims: when C_tot > I, each agent receives a fraction lambda = I / C_tot < 1
        of their claim. Thus a cooperative agent with C_j <= L_j receives lambda C_j < C_j, violating NLS.""",
    reading="""For every n, estate E >= 0 (printed I), claims with C_tot > E and an agent with 0 < C_j <= L_j: it
        receives less than C_j. (An agent that claims 0 has nothing to lose.)""",
    hypotheses=[scarce],
    proof="lambda < 1 and C_j > 0.",
    expected="proved",
)
def proportional(run: Run) -> Iterator[Evidence]:
    """One agent against the rest by Z3; the rule itself on a grid."""
    import z3

    own, held, others, estate = z3.Reals("own entitlement others estate")
    award = estate / (own + others) * own
    yield smt.prove(
        award < own,
        given=[own > 0, own <= held, others >= 0, estate >= 0, own + others > estate],
        control=("less than half", award < own / 2),
        range="every number of agents (one against the rest)",
        complete=True,
        lift=lambda value: {
            "entitlement": [value["entitlement"], 1],
            "claim": [value["own"], value["others"]],
            "estate": value["estate"],
        },
    )
    yield exhaustive.check(
        lambda i: Fraction(i["estate"]) / sum(i["claim"]) * i["claim"][0] < i["claim"][0],
        grid=exhaustive.Grid(
            agents=(1, 2, 3), each={"entitlement": [2], "claim": [0, 1, 2, 5]}, scalars={"estate": [0, 1, 4]}
        ),
        control=("nothing at all", lambda i: Fraction(i["estate"]) / sum(i["claim"]) * i["claim"][0] == 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Remark 1",
    part="ii, the example",
    statement="""CEA: awards are a_j = min{C_j, lambda} with lambda chosen to exhaust the estate. With C = (1, 100,
        100) and I = 2, lambda = 2/3 and the cooperative agent gets a_1 = 2/3 < 1, violating NLS.""",
    reading="The one example; agent 1's entitlement is any L_1 >= 1.",
    hypotheses=[scarce],
    proof="3 lambda = 2 and lambda <= 1.",
    expected="proved",
)
def example(run: Run) -> Evidence:
    """The rule at the example."""
    return exhaustive.check(
        lambda i: shared.awards(i["estate"], i["claim"]) == [Fraction(2, 3)] * 3,
        grid=[{"entitlement": [1, 1, 1], "claim": [1, 100, 100], "estate": 2}],
        control=("with an estate of 3", lambda i: shared.awards(i["estate"] + 1, i["claim"])[0] < 1),
        hypotheses=run.hypotheses,
        range="the example",
        complete=True,
    )


def replay_equal(instance: Instance) -> str | None:
    """Equal awards of an estate of sum L, by hand."""
    held = [Fraction(value) for value in instance["entitlement"]]
    estate, even = sum(held), sum(held) / len(held)
    if any(value > even for value in held):
        return None  # that agent loses if everybody else claims the estate: equal shares are below its claim
    return (
        f"estate {estate}, {len(held)} agents: the common award is at least {even}, whatever the claims\n"
        f"every L_j is {even}, so a claim of at most L_j is met in full: no claims violate NLS"
    )


@claim(
    paper="lengyel2025",
    label="Remark 1",
    part="ii, for every entitlement",
    statement="Constrained equal awards fail NLS. (These canonical families all fail NLS.)",
    reading="""With the estate that the paper's mechanism hands out, E = sum L: for every n >= 2 and L_j > 0 there
        are claims at which an agent with C_j <= L_j gets less than C_j.""",
    hypotheses=[shared.entitlements, shared.several],
    replay=replay_equal,
    expected="refuted",
    repaired_by="overage.remark_1_ii_repaired",
)
def equal_awards(run: Run) -> Evidence:
    """The rule at the worst claims of the others."""
    return exhaustive.check(
        lambda instance: not shared.keeps(instance),
        grid=exhaustive.Grid(agents=(2, 3), each={"entitlement": [1, 2]}),
        control=("it never fails", shared.keeps),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Remark 1",
    part="ii, repaired",
    statement="Constrained equal awards of the estate sum L keep NLS if and only if all entitlements are equal.",
    reading="""For every n >= 1 and L_j > 0: min(C_j, lambda) = C_j for all claims and all agents with C_j <= L_j, iff
        L_j <= sum L / n for all j.""",
    hypotheses=[shared.entitlements],
    proof="""lambda < sum L / n would hand out less than sum L, so lambda >= sum L / n, and C_j <= L_j is met if
        L_j is the mean. An agent above the mean that claims L_j while all others claim sum L gets the mean
        only.""",
    expected="proved",
)
def equal_repaired(run: Run) -> Iterator[Evidence]:
    """Every n by Z3 in the number of agents, the common award and the total; the rule on a grid."""
    import z3

    size, common, mean, own, paid = z3.Reals("agents common mean own paid")
    # `paid` is handed out in all, at most `common` to each; scarce, so that it is the whole estate
    holds = z3.Implies(own <= mean, smt.minimum(own, common) == own)
    alone = smt.minimum(own, common) + (size - 1) * common  # all others claim more than the common award
    fails = z3.Implies(z3.And(own > mean, alone == size * mean), smt.minimum(own, common) < own)
    yield smt.prove(
        z3.And(holds, fails),
        given=[size >= 1, mean > 0, own > 0, common >= 0, paid == size * mean, paid <= size * common],
        control=("also up to twice the mean", z3.Implies(own <= 2 * mean, smt.minimum(own, common) == own)),
        range="every number of agents (common award, mean entitlement, one claim)",
        complete=True,
        nontrivial=[size > 1],
        lift=lambda value: {"entitlement": [value["mean"], value["mean"]]},
    )
    yield exhaustive.check(
        lambda instance: shared.keeps(instance) == (len(set(instance["entitlement"])) == 1),
        grid=exhaustive.Grid(agents=(1, 2, 3), each={"entitlement": [1, 2, 4]}),
        control=("it never fails", shared.keeps),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Remark 1",
    part="in contrast",
    statement="""In contrast, overage-proportional rationing applies reductions only to overages. Any agent with
        C_j <= L_j receives exactly C_j regardless of others' claims.""",
    reading="""For every n, L_j > 0, C_j >= 0, alpha = 1: reductions C_j - pi_j are at most the overage, and 0 for
        cooperators.""",
    hypotheses=[shared.cooperates],
    proof="C_j - pi_j = v_j - coverage, which is between 0 and v_j.",
    rests_on=["overage.section_2_no_sucker_loss"],
    expected="proved",
)
def contrast(run: Run) -> Iterator[Evidence]:
    """One agent against the rest by Z3; the engine on a grid."""
    import z3

    held, asked, others, slack = z3.Reals("entitlement claim others slack")
    own = asked - held
    payoff = z3.If(own <= 0, asked, z3.If(own + others <= slack, asked, held + slack * own / (own + others)))
    yield smt.prove(
        z3.And(asked - payoff >= 0, asked - payoff <= smt.positive_part(own)),
        given=[held > 0, asked >= 0, others >= 0, slack >= 0],
        control=("nobody is reduced", payoff == asked),
        range="every number of agents (one against the rest)",
        complete=True,
        nontrivial=[own < 0, others > 0],
        lift=lambda value: {
            "entitlement": [value["entitlement"], 1, 1 + value["slack"]],
            "claim": [value["claim"], 1 + value["others"], 1],
        },
    )

    def reductions(instance: Instance) -> list[Any]:
        from mechopt.mechanisms.overage.incentives import payoffs

        paid = payoffs(instance["entitlement"], instance["claim"])
        return [c - pay for c, pay in zip(instance["claim"], paid, strict=True)]

    yield exhaustive.check(
        lambda i: all(
            0 <= cut <= max(c - e, 0) for cut, e, c in zip(reductions(i), i["entitlement"], i["claim"], strict=True)
        ),
        grid=exhaustive.Grid(agents=(1, 2, 3), each={"entitlement": [1, 2], "claim": [0, 1, 2, 4]}),
        control=("nobody is reduced", lambda i: not any(reductions(i))),
        hypotheses=run.hypotheses,
    )
