"""Beyond the paper: the rebate variant, the capped family, reallocation between accounts, and whole units."""

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


def accounts(instance: Instance) -> bool:
    """Overages > 0, the first to be split at a part of it; a slack below their sum; alpha > 0."""
    return (
        min(instance["overage"]) > 0
        and 0 < instance["part"] < instance["overage"][0]
        and 0 <= instance["slack"] < sum(instance["overage"])
        and instance["alpha"] > 0
    )


def whole(instance: Instance) -> bool:
    """Whole L_j >= 0 and C_j >= 0."""
    return all(value == int(value) >= 0 for value in (*instance["entitlement"], *instance["claim"]))


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


@claim(
    paper="lengyel2025",
    label="Beyond the paper: no advantageous reallocation",
    statement="""Splitting an overage between two accounts, or merging two, changes nothing under the linear rule;
        within the power family it is the only one. That, and not continuity, is what singles it out.""",
    reading="""For every alpha > 0 with X > I: an overage a + b in two accounts is covered as in one, for all
        overages and slack and any others, iff alpha = 1.""",
    hypotheses=[accounts],
    proof="""Linear coverage is v I / X, and X does not change. With 2 = 1 + 1 against another overage of 1 and I =
        1 the shares are 2 t / (2 t + 1) together and 2 / 3 apart, with t = 2^(alpha - 1): equal iff t = 1.""",
    expected="proved",
)
def reallocation(run: Run) -> Iterator[Evidence]:
    """Both directions by Z3; the engine on a grid: neutral for alpha = 1, split pays for alpha < 1, merge above."""
    import z3

    one, two, others, slack, power = z3.Reals("one two others slack power")
    total = one + two + others
    apart, together = slack * one / total + slack * two / total, slack * (one + two) / total
    yield smt.prove(
        z3.And(apart == together, (2 * power / (2 * power + 1) == z3.RealVal(2) / 3) == (power == 1)),
        given=[one > 0, two > 0, others >= 0, slack >= 0, total > slack, power > 0],
        control=(
            "also for alpha = 2",
            (2 * power / (2 * power + 1) == z3.RealVal(2) / 3) == z3.Or(power == 1, power == 2),
        ),
        range="every number of agents (if), overages 1, 1, 1 (only if), every alpha > 0",
        complete=True,
        nontrivial=[others > 0, slack > 0],
        lift=lambda value: {
            "overage": [value["one"] + value["two"], 1 + value["others"]],
            "part": value["one"],
            "slack": value["slack"],
            "alpha": 1,
        },
    )

    def gain(instance: Instance) -> Any:
        from mechopt.mechanisms.overage.incentives import payoffs

        first, *rest = instance["overage"]
        split = [instance["part"], first - instance["part"], *rest]
        totals = []
        for own, size in (([first, *rest], 1), (split, 2)):
            held = [*[1] * len(own), 1 + instance["slack"]]
            asked = [*(1 + v for v in own), 1]
            paid = payoffs(held, asked, rule="power", alpha=instance["alpha"])
            totals.append(sum(paid[:size]) - size)
        return totals[1] - totals[0]

    def neutral(instance: Instance) -> bool:
        found = gain(instance)
        if instance["alpha"] == 1 or len(instance["overage"]) == 1 or instance["slack"] == 0:
            return bool(found == 0)
        return bool(found < 0)  # alpha > 1: merging pays

    yield exhaustive.check(
        neutral,
        grid=exhaustive.Grid(
            agents=(1, 2, 3),
            each={"overage": [1, 2, 4]},
            scalars={"part": [1, Fraction(1, 2)], "slack": [0, 1, 3], "alpha": [1, 2, 3]},
        ),
        control=("always neutral", lambda instance: gain(instance) == 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Beyond the paper: netting",
    statement="""An owner of one account with slack and one with overage never loses by netting them, under the
        linear rule; in scarcity it gains.""",
    reading="""For every n, slack s and overage v of one owner, V and I of the others, alpha = 1: the net account's
        payoff over entitlements is at least that of the two; strictly more if s, v > 0, V > 0 and X > I.""",
    hypotheses=[lambda instance: min(instance.values()) >= 0],
    proof="""Netting takes min(s, v) off both X and I; what the owner's own slack covered of others' overage stays
        with it.""",
    expected="proved",
)
def netting(run: Run) -> Iterator[Evidence]:
    """Every n by Z3; the engine on a grid."""
    import z3

    s, v, others, slack = z3.Reals("own_slack own_overage others slack")

    def covered(own: Any, over: Any, under: Any) -> Any:
        return z3.If(over <= under, own, under * own / over)

    apart = -s + covered(v, v + others, s + slack)
    net = z3.If(v <= s, v - s, covered(v - s, v - s + others, slack))
    gains = z3.Implies(z3.And(s > 0, v > 0, others > 0, v + others > s + slack), net > apart)
    yield smt.prove(
        z3.And(net >= apart, gains),
        given=[s >= 0, v >= 0, others >= 0, slack >= 0],
        control=("always strictly", net > apart),
        range="every number of agents (the owner's slack and overage, the others' overage and slack)",
        complete=True,
        nontrivial=[s > 0, v > s, others > 0, slack > 0],
    )

    def engine(instance: Instance, strict: bool = False) -> bool:
        from mechopt.mechanisms.overage.incentives import payoffs

        s, v, others, slack = (instance[name] for name in ("own_slack", "own_overage", "others", "slack"))
        two = payoffs([5, 5, 5, 5], [5 - s, 5 + v, 5 + others, 5 - slack])
        one = payoffs([10, 5, 5], [10 + v - s, 5 + others, 5 - slack])
        scarce = min(s, v, others) > 0 and v + others > s + slack
        return bool(one[0] > two[0] + two[1] if strict or scarce else one[0] >= two[0] + two[1])

    yield exhaustive.check(
        engine,
        grid=exhaustive.Grid(
            scalars={name: exhaustive.steps(0, 3) for name in ("own_slack", "own_overage", "others", "slack")}
        ),
        control=("always strictly", lambda instance: engine(instance, True)),
        hypotheses=run.hypotheses,
    )


METHODS = ("largest_remainder", "cumulative", "jefferson", "webster", "adams")


@claim(
    paper="lengyel2025",
    label="Beyond the paper: whole units",
    statement="""Dealt out in whole units by any of the balanced roundings, the linear rule keeps equation (2),
        no-sucker-loss, coverage of at most the overage, and payoffs that never fall as the own claim rises.""",
    reading="""For all whole entitlements and claims of the range, under largest remainder, cumulative, Jefferson,
        Webster and Adams rounding.""",
    hypotheses=[whole],
    proof="""Cooperators are not touched, and the units dealt out add up to min(X, I). (The engine settles, so this
        is about its integers.)""",
    expected="proved_in_range",
)
def whole_units(run: Run) -> Evidence:
    """The engine's settlement on a grid of whole numbers."""

    def settle(instance: Instance, method: Any, more: int = 0) -> list[Any]:
        import numpy as np

        from mechopt.mechanisms.overage.environment import Environment
        from mechopt.mechanisms.overage.mechanism import run as settle_period

        held, asked = instance["entitlement"], [instance["claim"][0] + more, *instance["claim"][1:]]
        environment = Environment(
            account=[f"agent {j}" for j in range(len(held))],
            entitlement=np.array(held),
            claim=np.array(asked),
            rounding=method,
        )
        return [int(pay) for pay in settle_period(environment).tables["accounts"]["payoff"]]

    def kept(instance: Instance, method: Any) -> bool:
        held, asked = instance["entitlement"], instance["claim"]
        pay = settle(instance, method)
        bounded = all(min(e, c) <= p <= c for e, c, p in zip(held, asked, pay, strict=True))
        balanced = sum(pay) == sum(held) - max(sum(held) - sum(asked), 0)
        return bounded and balanced and settle(instance, method, 1)[0] >= pay[0]

    values = exhaustive.steps(0, 6 if run.full else 4)
    return exhaustive.check(
        lambda instance: all(kept(instance, method) for method in METHODS),
        grid=exhaustive.Grid(agents=(1, 2, 3), each={"entitlement": [2], "claim": values}),
        control=("everybody gets the claim", lambda instance: settle(instance, METHODS[0]) == instance["claim"]),
        hypotheses=run.hypotheses,
    )
