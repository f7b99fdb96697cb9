"""Beyond the paper: the variant with a rebate, and the capped family."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def profile(instance: Instance) -> bool:
    """L_j > 0, C_j >= 0, and another, larger claim of agent 1."""
    return (
        min(instance["entitlement"]) > 0
        and min(instance["claim"]) >= 0
        and instance["larger"] > instance["claim"][0]
        and instance.get("alpha", 1) > 0
    )


def paid(instance: Instance, own: Any, **options: Any) -> list[Any]:
    """The engine's payoffs with this claim of agent 1."""
    from mechopt.mechanisms.overage.incentives import payoffs

    return payoffs(instance["entitlement"], [own, *instance["claim"][1:]], **options)


def lift(value: dict[str, Any]) -> Instance:
    """Three agents: the one in question, a defector and a cooperator."""
    own, larger = value.get("own", 0), value.get("larger", 1)
    held = 1 + max(-own, 0)
    return {
        "entitlement": [held, 1, 1 + value.get("slack", 1)],
        "claim": [held + own, 1 + value.get("others", 1), 1],
        "larger": held + max(larger, own + 1),
    }


@claim(
    paper="lengyel2025",
    label="Beyond the paper: rebate variant",
    statement="""If unused slack is handed back to those who supplied it (pi_j = L_j - X s_j / I for cooperators
        while X < I), nothing is wasted, nobody with C_j <= L_j gets less than C_j, and M is still weakly
        dominant: the waste that Section 2 calls an incentive is not needed for it.""",
    reading="""For every n, L_j > 0, C_j >= 0, alpha = 1, with the rebate: payoffs add up to sum L; C_j <= L_j implies
        pi_j >= C_j; the own payoff is nondecreasing in the own claim.""",
    hypotheses=[profile],
    proof="""The cooperators give up X in total while X < I. As an own slack s grows, X s / (s + I) grows, so the
        payoff falls; at X = I it is L - s, as without the rebate.""",
    expected="proved",
)
def rebate(run: Run) -> Iterator[Evidence]:
    """Aggregate and own payoff for every n; the engine's rule "rebate" on a grid."""
    import z3

    own, larger, others, slack = z3.Reals("own larger others slack")

    def gain(claimed: Any) -> Any:
        supplied = -claimed
        back = z3.If(others < supplied + slack, -others * supplied / (supplied + slack), -supplied)
        covered = z3.If(claimed + others <= slack, claimed, slack * claimed / (claimed + others))
        return z3.If(claimed < 0, back, z3.If(claimed == 0, 0, covered))

    over, under = z3.Reals("overage_total slack_total")
    total = -z3.If(over < under, over / under * under, under) + z3.If(over <= under, over, under / over * over)
    yield smt.prove(
        z3.And(gain(larger) >= gain(own), gain(own) >= smt.minimum(own, 0), total == 0),
        given=[own < larger, others >= 0, slack >= 0, over >= 0, under >= 0],
        control=("the payoff rises with the claim", gain(larger) > gain(own)),
        range="every number of agents (own overage or slack, the others' overage and slack; totals)",
        complete=True,
        nontrivial=[own < 0, larger > 0, others > 0, slack > 0],
        lift=lift,
    )

    def variant(instance: Instance, rule: Any) -> bool:
        held, asked = instance["entitlement"], instance["claim"]
        low, high = (paid(instance, own, rule=rule) for own in (asked[0], instance["larger"]))
        kept = all(pay >= c for e, c, pay in zip(held, asked, low, strict=True) if c <= e)
        return sum(low) == sum(held) and kept and low[0] <= high[0]

    yield exhaustive.check(
        lambda instance: variant(instance, "rebate"),
        grid=exhaustive.Grid(
            agents=(1, 2, 3),
            each={"entitlement": [1, 2], "claim": exhaustive.steps(0, 3)},
            scalars={"larger": [1, 2, 4]},
        ),
        control=("also without the rebate", lambda instance: variant(instance, "linear")),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Beyond the paper: capped family",
    statement="""Coverages min(v_j, lambda v_j^alpha) that add up to min(X, I) are at most the overages, satisfy
        equation (4), are continuous at X = I and nondecreasing in the own claim, for every alpha > 0:
        continuity does not single out alpha = 1 once nobody is paid more than the claim.""",
    reading="""For every n, L_j > 0, C_j >= 0 and alpha > 0: 0 <= coverage_j <= v_j; the payoffs add up as in (4);
        where X >= I, v_j - coverage_j <= X - I, so both limits at X = I are v_j; a larger own claim never
        lowers the own payoff.""",
    hypotheses=[profile],
    proof="""The shortfalls are >= 0 and add up to X - I. If an own overage grew and its coverage fell, the others
        would get more in total, so lambda would not have fallen, and min(v, lambda v^alpha) would not have
        fallen either.""",
    expected="proved",
)
def capped(run: Run) -> Iterator[Evidence]:
    """Own coverage with any weights, for every n; the engine's rule "capped_power" on a grid."""
    import z3

    names = "own larger weight heavier others slack ratio ratio_then rest rest_then"
    own, larger, weight, heavier, others, slack, ratio, ratio_then, rest, rest_then = z3.Reals(names)
    before, after = smt.minimum(own, ratio * weight), smt.minimum(larger, ratio_then * heavier)
    given = [
        *(own >= 0, larger > own, weight >= 0, heavier >= weight, others >= 0, slack >= 0),
        *(ratio >= 0, ratio_then >= 0, rest >= 0, rest <= others, rest_then >= 0, rest_then <= others),
        # the others' coverage is nondecreasing in the ratio
        *(z3.Implies(ratio_then >= ratio, rest_then >= rest), z3.Implies(ratio >= ratio_then, rest >= rest_then)),
        before + rest == smt.minimum(own + others, slack),
        after + rest_then == smt.minimum(larger + others, slack),
    ]
    short = z3.Implies(own + others >= slack, own - before <= own + others - slack)
    yield smt.prove(
        z3.And(after >= before, before >= 0, before <= own, short),
        given=given,
        control=("the coverage rises strictly", after > before),
        range="every number of agents and every alpha > 0 (any increasing weights, any others)",
        complete=True,
        nontrivial=[own > 0, own + others > slack, slack > 0, others > 0],
        lift=lambda value: {**lift(value), "alpha": 2},
    )

    def kept(instance: Instance, rule: Any) -> bool:
        held, asked = instance["entitlement"], instance["claim"]
        options = {"rule": rule, "alpha": instance["alpha"]}
        low, high = (paid(instance, own, **options) for own in (asked[0], instance["larger"]))
        unused = max(sum(held) - sum(asked), 0)
        short = max(sum(asked) - sum(held), 0)
        bounded = all(0 <= c - pay <= max(c - e, 0) for e, c, pay in zip(held, asked, low, strict=True))
        near = all(c - pay <= short for c, pay in zip(asked, low, strict=True))
        return sum(low) == sum(held) - unused and bounded and near and low[0] <= high[0]

    yield exhaustive.check(
        lambda instance: kept(instance, "capped_power"),
        grid=exhaustive.Grid(
            agents=(1, 2, 3),
            each={"entitlement": [1, 4], "claim": exhaustive.steps(0, 3)},
            scalars={"larger": [2, 4], "alpha": [1, 2, 3] if run.full else [1, 2]},
        ),
        control=("also without the cap", lambda instance: kept(instance, "power")),
        hypotheses=run.hypotheses,
    )
    yield exhaustive.check(
        lambda instance: kept(instance, "capped_power"),
        grid=[
            {"entitlement": [1, 1, 1 + slack], "claim": [1 + own, 1 + other, 1], "larger": 1 + own + 3, "alpha": alpha}
            for own in (1, 4, 9)
            for other in (Fraction(1, own), own, 4 * own)
            for slack in (0, 1, other, own + other - Fraction(1, 4), own + other, own + other + 1)
            for alpha in (2, 3)
        ],
        control=("also without the cap", lambda instance: kept(instance, "power")),
        hypotheses=run.hypotheses,
        range="two defectors with overages of very different size",
    )
