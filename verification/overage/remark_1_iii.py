"""Remark 1, (iii): proportional fairness on networks, and no-sucker-loss."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__, "_classic_rules")


@claim(
    paper="lengyel2025",
    label="Remark 1",
    part="iii, demands can hurt",
    statement="""Network proportional fairness: holding C_j fixed, increasing other users' demands can strictly
        decrease agent j's allocation.""",
    reading="""There are a network, weights and demands where it does: one link of capacity 2, equal weights, C_1 =
        3/2, and agent 2's demand rises from 1/2 to 2.""",
    hypotheses=[shared.cooperates],
    proof="With demand 1/2 both are met; with demand 2 each gets 1.",
    expected="proved",
)
def demands_hurt(run: Run) -> Evidence:
    """The maximiser of sum log x on one link (equal awards) at the example."""

    def hurt(instance: Instance, other: Any) -> bool:
        before, after = (
            shared.awards(2, [instance["claim"][0], demand])[0] for demand in (instance["claim"][1], other)
        )
        return after < before

    return exhaustive.check(
        lambda instance: hurt(instance, 2),
        grid=[{"entitlement": [Fraction(3, 2), Fraction(1, 2)], "claim": [Fraction(3, 2), Fraction(1, 2)]}],
        control=("also if the demand stays", lambda instance: hurt(instance, instance["claim"][1])),
        hypotheses=run.hypotheses,
        range="the example",
        complete=True,
    )


def replay_link(instance: Instance) -> str | None:
    """One link of capacity sum L with weights L_j, by hand."""
    held = [Fraction(value) for value in instance["entitlement"]]
    capacity = sum(held)
    lines = []
    for j, own in enumerate(held):
        # the others want everything: shares are in the ratio of the weights, and min(L_j, 1 * L_j) is L_j
        share = capacity * own / sum(held)
        if share < own:
            return None
        lines.append(f"agent {j + 1}: claims {own}, the others want all of {capacity}: weight {own} gives {share}")
    return "\n".join([*lines, "the common ratio is at least 1 whatever the demands: claims up to L_j are met"])


@claim(
    paper="lengyel2025",
    label="Remark 1",
    part="iii, no analogue",
    statement="... so there is no analogue of NLS. (These canonical families all fail NLS.)",
    reading="""For every n >= 2 and L_j > 0, every proportionally fair allocation (max sum w_j log x_j, x_j <= C_j, on a
        network) has claims at which an agent with C_j <= L_j gets less than C_j; also that of one link of
        capacity sum L with w_j = L_j.""",
    hypotheses=[shared.entitlements, shared.several],
    replay=replay_link,
    expected="refuted",
    repaired_by="overage.remark_1_iii_repaired",
)
def network(run: Run) -> Evidence:
    """The weighted rule at the worst claims of the others."""
    return exhaustive.check(
        lambda instance: not shared.keeps(instance, instance["entitlement"]),
        grid=exhaustive.Grid(agents=(2, 3), each={"entitlement": [1, 2]}),
        control=("equal weights never fail", shared.keeps),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Remark 1",
    part="iii, repaired",
    statement="Proportional fairness on one link of capacity sum L keeps NLS if the weights are the entitlements.",
    reading="""For every n, L_j > 0, C_j >= 0: the allocation min(C_j, lambda L_j) with lambda such that min(sum C,
        sum L) is used gives C_j to every agent with C_j <= L_j. (That is the maximiser of sum L_j log x_j.)""",
    hypotheses=[shared.cooperates],
    proof="lambda < 1 would use less than sum L, so lambda >= 1.",
    expected="proved",
)
def network_repaired(run: Run) -> Iterator[Evidence]:
    """Every n by Z3; the rule on a grid."""
    import z3

    own, held, ratio, total, used = z3.Reals("own entitlement ratio entitlement_total used")
    yield smt.prove(
        smt.minimum(own, ratio * held) == own,
        given=[own >= 0, own <= held, held > 0, total >= held, ratio >= 0, used == total, used <= ratio * total],
        control=("also with half of the capacity", smt.minimum(own, ratio * held / 2) == own),
        range="every number of agents (one claim, the common ratio, totals), scarce; else all claims are met",
        complete=True,
        nontrivial=[own > 0],
        lift=lambda value: {
            "entitlement": [value["entitlement"], value["entitlement_total"]],
            "claim": [value["own"], 3 * value["entitlement_total"]],
        },
    )

    def kept(instance: Instance, weights: list[Any] | None) -> bool:
        held, asked = instance["entitlement"], instance["claim"]
        paid = shared.awards(sum(held), asked, weights)
        return all(pay == c for e, c, pay in zip(held, asked, paid, strict=True) if c <= e)

    yield exhaustive.check(
        lambda instance: kept(instance, instance["entitlement"]),
        grid=exhaustive.Grid(agents=(1, 2, 3), each={"entitlement": [1, 2], "claim": [0, 1, 2, 5]}),
        control=("equal weights", lambda instance: kept(instance, None)),
        hypotheses=run.hypotheses,
    )
