"""Remark 1, (iii): proportional fairness on networks, and no-sucker-loss."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def level(estate: Any, claims: list[Any], weights: list[Any]) -> Fraction:
    """The lambda with sum_j min(C_j, lambda w_j) = estate, or the smallest that meets all claims."""
    left, rest = Fraction(estate), sorted(range(len(claims)), key=lambda j: Fraction(claims[j]) / weights[j])
    found = Fraction(0)
    while rest:
        found = left / sum(weights[j] for j in rest)
        first = rest.pop(0)
        if Fraction(claims[first]) / weights[first] > found:
            return found
        left -= claims[first]
        found = Fraction(claims[first]) / weights[first]
    return found


def awards(estate: Any, claims: list[Any], weights: list[Any] | None = None) -> list[Fraction]:
    """Constrained equal awards, or with weights their weighted version (proportional fairness on one link)."""
    weights = weights or [1] * len(claims)
    common = level(estate, claims, weights)
    return [min(Fraction(c), common * w) for c, w in zip(claims, weights, strict=True)]


def entitlements(instance: Instance) -> bool:
    """Positive entitlements."""
    return min(instance["entitlement"]) > 0


def several(instance: Instance) -> bool:
    """At least two agents."""
    return len(instance["entitlement"]) >= 2


def cooperates(instance: Instance) -> bool:
    """Positive entitlements, claims >= 0, agent 1 claims at most its entitlement."""
    return entitlements(instance) and min(instance["claim"]) >= 0 and instance["claim"][0] <= instance["entitlement"][0]


def worst(instance: Instance, weights: list[Any] | None = None) -> list[Fraction]:
    """What each agent gets when it claims its entitlement and all others claim the whole estate, sum L."""
    held = [Fraction(value) for value in instance["entitlement"]]
    estate = sum(held)
    return [awards(estate, [e if j == i else estate for j, e in enumerate(held)], weights)[i] for i in range(len(held))]


def keeps(instance: Instance, weights: list[Any] | None = None) -> bool:
    """No agent with C_j <= L_j loses at the others' worst claims (awards fall as others claim more)."""
    return all(paid == held for paid, held in zip(worst(instance, weights), instance["entitlement"], strict=True))


@claim(
    paper="lengyel2025",
    label="Remark 1",
    part="iii, demands can hurt",
    statement="""Network proportional fairness: holding C_j fixed, increasing other users' demands can strictly
        decrease agent j's allocation.""",
    reading="""There are a network, weights and demands where it does: one link of capacity 2, equal weights, C_1 =
        3/2, and agent 2's demand rises from 1/2 to 2.""",
    hypotheses=[cooperates],
    proof="With demand 1/2 both are met; with demand 2 each gets 1.",
    expected="proved",
)
def demands_hurt(run: Run) -> Evidence:
    """The maximiser of sum log x on one link (equal awards) at the example."""

    def hurt(instance: Instance, other: Any) -> bool:
        before, after = (awards(2, [instance["claim"][0], demand])[0] for demand in (instance["claim"][1], other))
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
    hypotheses=[entitlements, several],
    replay=replay_link,
    expected="refuted",
    repaired_by="overage.remark_1_iii_repaired",
)
def network(run: Run) -> Evidence:
    """The weighted rule at the worst claims of the others."""
    return exhaustive.check(
        lambda instance: not keeps(instance, instance["entitlement"]),
        grid=exhaustive.Grid(agents=(2, 3), each={"entitlement": [1, 2]}),
        control=("equal weights never fail", keeps),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Remark 1",
    part="iii, repaired",
    statement="Proportional fairness on one link of capacity sum L keeps NLS if the weights are the entitlements.",
    reading="""For every n, L_j > 0, C_j >= 0: the allocation min(C_j, lambda L_j) with lambda such that min(sum C,
        sum L) is used gives C_j to every agent with C_j <= L_j. (That is the maximiser of sum L_j log x_j.)""",
    hypotheses=[cooperates],
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
        paid = awards(sum(held), asked, weights)
        return all(pay == c for e, c, pay in zip(held, asked, paid, strict=True) if c <= e)

    yield exhaustive.check(
        lambda instance: kept(instance, instance["entitlement"]),
        grid=exhaustive.Grid(agents=(1, 2, 3), each={"entitlement": [1, 2], "claim": [0, 1, 2, 5]}),
        control=("equal weights", lambda instance: kept(instance, None)),
        hypotheses=run.hypotheses,
    )
