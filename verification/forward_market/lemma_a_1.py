"""Lemma A.1: what the others leave at the lowest type."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")

GRID = exhaustive.Grid(agents=(2, 3, 4), each={"demand": [Fraction(1, 4), Fraction(1, 2), Fraction(2, 3), 1]})


def left(instance: Instance, agent: int) -> Fraction:
    """1 less the others' q_j at the lowest type."""
    total = sum(instance["demand"])
    others = (k for j, k in enumerate(instance["demand"]) if j != agent)
    return Fraction(1 - sum(max(0, 1 - total + k) for k in others))


def replay(instance: Instance) -> str | None:
    """By hand, agent by agent."""
    demand = list(map(Fraction, instance["demand"]))
    for agent, own in enumerate(demand):
        served = []
        for j in range(len(demand)):
            if j != agent:
                supply = Fraction(1)
                for other in (k for agent_, k in enumerate(demand) if agent_ != j):
                    supply -= min(supply, other)
                served.append(min(supply, demand[j]))
        if 1 - sum(served) <= own:
            return (
                f"served last, the others of agent {agent + 1} get {', '.join(map(str, served))}: "
                f"{1 - sum(served)} is left, and that is not more than k = {own}"
            )
    return None


@claim(
    paper="liu2020",
    label="Lemma A.1",
    statement="For any i, 1 - sum_{j != i} q_j(low) > k_i.",
    reading="For every n >= 2 and all k in (0, 1] with scarcity; q_j(low) by equation (15).",
    hypotheses=[market.scarce],
    replay=replay,
    document=market.document,
    expected="refuted",
    repaired_by="forward_market.lemma_a_1_corrected",
)
def printed(run: Run) -> Evidence:
    """Every demand of the grid."""
    return exhaustive.check(
        lambda i: all(left(i, agent) > k for agent, k in enumerate(i["demand"])),
        grid=GRID,
        control=("by more than 1", lambda i: all(left(i, agent) > k + 1 for agent, k in enumerate(i["demand"]))),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="liu2020",
    label="Lemma A.1",
    part="corrected",
    statement="1 - sum_{j != i} q_j(low) >= k_i, with equality exactly where n = 2 or k_i = 1.",
    reading="For every n >= 2 and all k in (0, 1] with scarcity.",
    hypotheses=[market.scarce],
    proof="""If all q_j are 0, 1 >= k_i. Otherwise take q_j = 1 - (k_i + k_j + the rest) + k_j and the rest's q_l, below
        the rest's demand unless the rest is empty; k_i = 1 makes every q_j 0.""",
    rests_on=["forward_market.equation_15"],
    expected="proved",
)
def corrected(run: Run) -> Iterator[Evidence]:
    """One other agent and the rest by Z3; the grid."""
    import z3

    own, other, rest, rest_served, served = z3.Reals("own other rest rest_served served")
    remains = 1 - served - rest_served
    yield smt.prove(
        z3.And(
            remains >= own,
            (remains == own) == z3.Or(rest == 0, own == 1),
        ),
        given=[
            z3.And(own > 0, own <= 1, other > 0, other <= 1, rest >= 0, own + other + rest > 1),
            z3.And(rest_served >= 0, rest_served <= rest, z3.Implies(rest > 0, rest_served < rest)),
            z3.Or(
                z3.And(served == 1 - own - rest, served > 0),
                z3.And(served == 0, rest_served == 0, z3.Implies(rest == 0, own == 1)),
            ),
        ],
        control=("always with equality", remains == own),
        range="every number of agents, all demands: an agent, one of the others who gets something, and the rest",
        complete=True,
        lift=lambda value: {"demand": [Fraction(1, 2), Fraction(1, 4), Fraction(1, 3)]},
    )

    def holds(instance: Instance, pairs: int = 2) -> bool:
        demand = instance["demand"]
        return all(
            left(instance, i) >= k and (left(instance, i) == k) == (len(demand) == pairs or k == 1)
            for i, k in enumerate(demand)
        )

    yield exhaustive.check(
        holds,
        grid=GRID,
        control=("equality where n = 3", lambda i: holds(i, 3)),
        hypotheses=run.hypotheses,
    )
