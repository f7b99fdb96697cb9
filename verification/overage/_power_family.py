"""What the claims of Appendix A share: the engine at an own claim, the others, and the independent checker."""

from fractions import Fraction
from typing import Any

from mechopt.evidence import Evidence, Instance, Run, exhaustive

GRID = exhaustive.Grid(
    agents=(1, 2, 3),
    each={"entitlement": [1, 5], "claim": [1, 4, 6]},
    scalars={"bound": [Fraction(13, 2), 8], "alpha": [1, 2]},
)


def bounded(instance: Instance) -> bool:
    """0 < L_j < M, all claims in [0, M], alpha > 0."""
    return (
        instance["alpha"] > 0
        and min(instance["entitlement"]) > 0
        and max(instance["entitlement"]) < instance["bound"]
        and all(0 <= own <= instance["bound"] for own in instance["claim"])
    )


def engine(instance: Instance, own: Any) -> Any:
    """Agent 1's payoff from a claim, by the engine with the printed tie-break."""
    from mechopt.mechanisms.overage.incentives import own_payoff

    held, asked = instance["entitlement"], instance["claim"]
    return own_payoff(held, asked, 0, own, rule="power", alpha=instance["alpha"])


def lift(value: dict[str, Any]) -> Instance:
    """Three agents with the own overage, the others' overage and slack; the weights are those of alpha = 2."""
    own, over = value.get("own", Fraction(1)), value.get("others", Fraction(1))
    under = value.get("boundary", Fraction(1)) + over
    return {
        "entitlement": [1, 1, 1 + under],
        "claim": [1 + own, 1 + over, 1],
        "bound": 2 + own + over + under,
        "alpha": 2,
    }


def replay(instance: Instance) -> str | None:
    """Equation (3) by hand at agent 1's claim and at M; fractions, and squares at most."""
    alpha, lines, paid = int(instance["alpha"]), [], []
    if alpha not in (1, 2):
        return None
    for own in (instance["claim"][0], instance["bound"]):
        asked = [Fraction(own), *map(Fraction, instance["claim"][1:])]
        gaps = [c - Fraction(e) for e, c in zip(instance["entitlement"], asked, strict=True)]
        over, under = sum(g for g in gaps if g > 0), -sum(g for g in gaps if g < 0)
        payoff = asked[0]
        if gaps[0] > 0 and over >= under:
            share = under * gaps[0] ** alpha / sum(g**alpha for g in gaps if g > 0)
            payoff = Fraction(instance["entitlement"][0]) + (max(gaps[0], share) if over == under else share)
        paid.append(payoff)
        lines.append(f"claim {own}: X = {over}, I = {under}, payoff {payoff}")
    return None if paid[1] >= paid[0] else "\n".join([*lines, "the larger claim pays less"])


def document(instance: Instance) -> dict[str, Any]:
    """The profile with the better, smaller claim, as a model document."""
    rows = enumerate(zip(instance["entitlement"], instance["claim"], strict=True), 1)
    return {
        "mechanism": "overage",
        "title": "A smaller claim than the bound pays agent 1 more",
        "arithmetic": "exact",
        "rule": "power",
        "alpha": instance["alpha"],
        "claim_bound": instance["bound"],
        "accounts": [{"account": f"agent {j}", "entitlement": e, "claim": c} for j, (e, c) in rows],
    }


def largest_is_best(run: Run) -> Evidence:
    """Agent 1's claim against M, by the engine on the grid; a claim that may stand anywhere in [0, M]."""
    return exhaustive.check(
        lambda instance: engine(instance, instance["bound"]) >= engine(instance, instance["claim"][0]),
        grid=GRID,
        control=(
            "the bound pays strictly more",
            lambda instance: engine(instance, instance["bound"]) > engine(instance, instance["claim"][0]),
        ),
        hypotheses=run.hypotheses,
    )
