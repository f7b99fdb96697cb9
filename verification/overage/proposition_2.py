"""Proposition 2: when all defect, or all cooperate, who gets what."""

from collections.abc import Iterator
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

GRID = exhaustive.Grid(
    agents=(1, 2, 3), each={"entitlement": [1, 2], "claim": exhaustive.steps(0, 3)}, scalars={"alpha": [1, 2]}
)


def all_defect(instance: Instance) -> bool:
    """Everybody claims more than a positive entitlement."""
    pairs = zip(instance["entitlement"], instance["claim"], strict=True)
    return all(0 < held < asked for held, asked in pairs)


def all_cooperate(instance: Instance) -> bool:
    """Nobody claims more than a positive entitlement."""
    pairs = zip(instance["entitlement"], instance["claim"], strict=True)
    return all(0 <= asked <= held > 0 for held, asked in pairs)


def engine(instance: Instance) -> tuple[list[Any], list[Any]]:
    """Payoffs and coverages by the engine."""
    import numpy as np

    from mechopt.mechanisms.overage.clearing import as_exact, clear

    held, asked = (as_exact(np.array(instance[name], dtype=object)) for name in ("entitlement", "claim"))
    cleared = clear(held, asked, rule="power", alpha=instance["alpha"])
    return cleared.payoff.tolist(), cleared.coverage.tolist()


@claim(
    paper="lengyel2025",
    label="Proposition 2",
    part="all defect",
    statement="If all defect, then I = 0, v̂_j = 0, and pi_j = L_j for all j.",
    reading="For every n >= 1 and all C_j > L_j > 0, with equation (1): nobody has slack, nothing is covered, and "
    "everybody gets the entitlement. (The engine is asked for alpha = 2 as well.)",
    hypotheses=[all_defect],
    proof="No slack, so the covered share I / X is 0.",
    expected="proved",
)
def defect(run: Run) -> Iterator[Evidence]:
    """One agent against the rest for every n; the engine on a grid."""
    import z3

    held, own, others = z3.Reals("entitlement own others")
    slack = smt.positive_part(-own)  # of the agent; the rest have none either
    coverage = z3.If(own + others <= slack, own, slack / (own + others) * own)
    yield smt.prove(
        z3.And(slack == 0, coverage == 0, held + coverage == held),
        given=[held > 0, own > 0, others >= 0],
        control=("overage is paid out", held + own == held),
        range="every number of agents (one against the rest)",
        complete=True,
        nontrivial=[others > 0],
        lift=lambda value: {"entitlement": [value["entitlement"], 1], "claim": _claims(value), "alpha": 1},
    )
    yield exhaustive.check(
        lambda instance: engine(instance) == (instance["entitlement"], [0] * len(instance["claim"])),
        grid=GRID,
        control=("claims are met", lambda instance: engine(instance)[0] == instance["claim"]),
        hypotheses=run.hypotheses,
    )


def _claims(value: dict[str, Any]) -> list[Any]:
    return [value["entitlement"] + value["own"], 1 + value["others"]]


@claim(
    paper="lengyel2025",
    label="Proposition 2",
    part="all cooperate",
    statement="If all cooperate, then X = 0, pi_j = C_j, and at C = L the payoff vector is (L_j)_j.",
    reading="For every n >= 1 and all 0 <= C_j <= L_j with L_j > 0, with equation (1): nobody has overage and "
    "everybody gets the claim, which is L_j where C_j = L_j.",
    hypotheses=[all_cooperate],
    proof="No overage, so the first branch of equation (1) applies to everybody.",
    expected="proved",
)
def cooperate(run: Run) -> Iterator[Evidence]:
    """One agent against the rest for every n; the engine on a grid."""
    import z3

    held, asked, slack = z3.Reals("entitlement claim slack_of_others")
    own = smt.positive_part(asked - held)
    payoff = z3.If(asked <= held, asked, held + own)
    yield smt.prove(
        z3.And(own == 0, payoff == asked, z3.Implies(asked == held, payoff == held)),
        given=[held > 0, asked >= 0, asked <= held, slack >= 0],
        control=("everybody gets the entitlement", payoff == held),
        range="every number of agents (one against the rest)",
        complete=True,
        lift=lambda value: {
            "entitlement": [value["entitlement"], 1 + value["slack_of_others"]],
            "claim": [value["claim"], 1],
            "alpha": 1,
        },
    )
    yield exhaustive.check(
        lambda instance: engine(instance)[0] == instance["claim"] and not any(engine(instance)[1]),
        grid=GRID,
        control=("everybody gets the entitlement", lambda instance: engine(instance)[0] == instance["entitlement"]),
        hypotheses=run.hypotheses,
    )
