"""Beyond the paper: reallocation between accounts, netting, and whole units."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def accounts(instance: Instance) -> bool:
    """Overages > 0, the first to be split at a part of it; a slack below their sum; alpha > 0."""
    return (
        min(instance["overage"]) > 0
        and 0 < instance["part"] < instance["overage"][0]
        and 0 <= instance["slack"] < sum(instance["overage"])
        and instance["alpha"] > 0
    )


def nonnegative(instance: Instance) -> bool:
    """The owner's slack and overage, and the others', are nonnegative."""
    return bool(min(instance.values()) >= 0)


def whole(instance: Instance) -> bool:
    """Whole L_j >= 0 and C_j >= 0."""
    return all(value == int(value) >= 0 for value in (*instance["entitlement"], *instance["claim"]))


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
    hypotheses=[nonnegative],
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

    def settle(instance: Instance, method: Any, more: int = 0, rule: Any = "linear") -> list[Any]:
        import numpy as np

        from mechopt.mechanisms.overage.environment import Environment
        from mechopt.mechanisms.overage.mechanism import run as settle_period

        held, asked = instance["entitlement"], [instance["claim"][0] + more, *instance["claim"][1:]]
        environment = Environment(
            account=[f"agent {j}" for j in range(len(held))],
            entitlement=np.array(held),
            claim=np.array(asked),
            rule=rule,
            rounding=method,
        )
        return [int(pay) for pay in settle_period(environment).tables["accounts"]["payoff"]]

    def kept(instance: Instance, method: Any) -> bool:
        held, asked = instance["entitlement"], instance["claim"]
        pay = settle(instance, method)
        bounded = all(min(e, c) <= p <= c for e, c, p in zip(held, asked, pay, strict=True))
        balanced = sum(pay) == sum(held) - max(sum(held) - sum(asked), 0)
        # in scarcity nothing is handed back, so the rebate rule, which has a path of its own, pays the same
        same = sum(held) > sum(asked) or settle(instance, method, rule="rebate") == pay
        return bounded and balanced and same and settle(instance, method, 1)[0] >= pay[0]

    values = exhaustive.steps(0, 6) if run.full else [0, 1, 3, 4]
    return exhaustive.check(
        lambda instance: all(kept(instance, method) for method in METHODS),
        grid=exhaustive.Grid(agents=(1, 2, 3), each={"entitlement": [2], "claim": values}),
        control=("everybody gets the claim", lambda instance: settle(instance, METHODS[0]) == instance["claim"]),
        hypotheses=run.hypotheses,
    )
