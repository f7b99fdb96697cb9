"""Section 2: no-sucker-loss, scarcity budget balance, and which member of the family has both and is continuous."""

from collections.abc import Iterator
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

GRID = exhaustive.Grid(
    agents=(1, 2, 3),
    each={"entitlement": [1, 3], "claim": exhaustive.steps(0, 3)},
    scalars={"alpha": [1, 2], "tie": ["max", "left"]},
)


def positive(instance: Instance) -> bool:
    """Entitlements and alpha are positive, claims nonnegative."""
    return instance["alpha"] > 0 and min(instance["entitlement"]) > 0 and min(instance["claim"]) >= 0


def scarce(instance: Instance) -> bool:
    """X >= I, and alpha = 1."""
    return sum(instance["claim"]) >= sum(instance["entitlement"]) and instance["alpha"] == 1


def engine(instance: Instance, *, others: int = 0) -> list[Any]:
    """The engine's payoffs; `others` more units claimed by everybody but the first agent."""
    from mechopt.mechanisms.overage.incentives import payoffs

    asked = [own if j == 0 else own + others for j, own in enumerate(instance["claim"])]
    held = instance["entitlement"]
    return payoffs(held, asked, rule="power", alpha=instance["alpha"], tie=instance["tie"])


def lift(value: dict[str, Any]) -> Instance:
    """One agent with a claim, and one with all the others' overage, one with all their slack."""
    return {
        "entitlement": [value["entitlement"], 1, 1 + value["slack"]],
        "claim": [value["claim"], 1 + value["others"], 1],
        "alpha": 1,
        "tie": "max",
    }


@claim(
    paper="lengyel2025",
    label="Section 2",
    part="no-sucker-loss",
    statement="(i) No-Sucker-Loss: if C_j <= L_j then pi_j = C_j regardless of others.",
    reading="For every n >= 1, L_j > 0, C_j >= 0, every alpha > 0 and every tie-break: C_j <= L_j implies pi_j = C_j.",
    hypotheses=[positive],
    proof="The first branch of the payoff does not contain the others' claims.",
    expected="proved",
)
def no_sucker_loss(run: Run) -> Iterator[Evidence]:
    """One agent against the rest; the engine, with the others' claims moved."""
    import z3

    held, asked, others, slack, share = z3.Reals("entitlement claim others slack share")
    own = asked - held
    payoff = z3.If(own <= 0, asked, held + z3.If(own + others <= slack, own, share * own))
    yield smt.prove(
        z3.Implies(asked <= held, payoff == asked),
        given=[held > 0, asked >= 0, others >= 0, slack >= 0, share >= 0],
        control=("also up to twice the entitlement", z3.Implies(asked <= 2 * held, payoff == asked)),
        range="every number of agents, whatever share defectors get",
        complete=True,
        nontrivial=[asked < held],
        lift=lift,
    )

    def kept(instance: Instance) -> bool:
        pairs = list(zip(instance["entitlement"], instance["claim"], strict=True))
        paid = engine(instance)
        same = all(pay == c for (e, c), pay in zip(pairs, paid, strict=True) if c <= e)
        return same and (pairs[0][1] > pairs[0][0] or engine(instance, others=1)[0] == pairs[0][1])

    yield exhaustive.check(
        kept,
        grid=GRID,
        control=("everybody gets the claim", lambda instance: engine(instance) == instance["claim"]),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Section 2",
    part="scarcity budget balance",
    statement="(ii) Scarcity-Budget-Balance: if X >= I then sum_j pi_j = sum_j L_j. (Also the reminder in Appendix D.)",
    reading="For every n >= 1, L_j > 0, C_j >= 0, alpha = 1: X >= I implies that the payoffs add up to sum L.",
    hypotheses=[positive, scarce],
    proof="All slack is handed out: the coverages add up to I, and the cooperators gave up I.",
    rests_on=["overage.equation_2"],
    expected="proved",
)
def scarcity_balance(run: Run) -> Iterator[Evidence]:
    """Aggregate for every n; the engine on a grid."""
    import z3

    held, over, under = z3.Reals("entitlement_total overage_total slack_total")
    total = held - under + z3.If(over <= under, over, under / over * over)
    yield smt.prove(
        total == held,
        given=[over >= under, under >= 0, held >= under],
        control=("less what is short", total == held - (over - under)),
        range="every number of agents (aggregate variables)",
        complete=True,
        nontrivial=[over > under, under > 0],
        lift=lambda value: {
            "entitlement": [value["entitlement_total"] + 1, 1],
            "claim": [value["entitlement_total"] + 1 - value["slack_total"], 1 + value["overage_total"]],
            "alpha": 1,
            "tie": "max",
        },
    )
    yield exhaustive.check(
        lambda instance: sum(engine(instance)) == sum(instance["entitlement"]),
        grid=GRID,
        control=("claims are met", lambda instance: sum(engine(instance)) == sum(instance["claim"])),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Section 2",
    part="unique member",
    statement="""The slack-allocation rule is the unique linear proportional member that satisfies both (i) and
        (ii) while remaining boundary-continuous.""",
    reading="""Within the power family (one alpha > 0 for every number of agents, printed tie-break): (i) holds for
        every alpha; (ii) at X = I holds at all profiles iff alpha = 1; continuity at X = I holds at all
        profiles iff alpha = 1. So (i), (ii) and continuity together leave alpha = 1 only, and either of the
        last two suffices.""",
    hypotheses=[positive],
    proof="""At v = (1, 2), I = 3 the second share is 6 t / (1 + 2 t), t = 2^(alpha - 1). It equals 2 iff t = 1;
        otherwise the coverage jumps, and max(v, share) adds up to more than 3.""",
    rests_on=["overage.theorem_4", "overage.section_2_no_sucker_loss", "overage.section_2_scarcity_budget_balance"],
    expected="proved",
)
def unique(run: Run) -> Iterator[Evidence]:
    """Every alpha at the overages 1 and 2; the engine at this profile."""
    import z3

    power = z3.Real("power")  # 2**(alpha - 1)
    first, second = 3 / (1 + 2 * power), 6 * power / (1 + 2 * power)
    total = smt.maximum(1, first) + smt.maximum(2, second)
    profile = {"entitlement": [4, 1, 1], "claim": [1, 2, 3], "tie": "max"}
    yield smt.prove(
        z3.And((total == 3) == (power == 1), (second == 2) == (power == 1)),
        given=[power > 0],
        control=("(ii) holds for all", total == 3),
        range="every alpha > 0",
        complete=True,
        lift=lambda value: {**profile, "alpha": 2},
    )
    yield exhaustive.check(
        lambda instance: (sum(engine(instance)) == 6) == (instance["alpha"] == 1),
        grid=[{**profile, "alpha": alpha} for alpha in (1, 2, 3, 4, 5)],
        control=("(ii) holds for all", lambda instance: sum(engine(instance)) == 6),
        hypotheses=run.hypotheses,
        range="overages 1 and 2, slack 3, alpha = 1, ..., 5",
    )
