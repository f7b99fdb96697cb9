"""Theorem 4: within the power family only the linear rule is continuous on the boundary X = I."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

shared = catalog.beside(__file__, "_boundary")

GAP = Fraction(1, 1000)


def positive(instance: Instance) -> bool:
    """All overages positive, alpha > 0."""
    return min(instance["overage"]) > 0 and instance["alpha"] > 0


def two_agents(instance: Instance) -> bool:
    """A whole number of agents, at least 2; alpha > 0."""
    return instance["agents"] == int(instance["agents"]) >= 2 and instance["alpha"] > 0


def three_agents(instance: Instance) -> bool:
    """At least 3 agents, alpha > 0."""
    return two_agents(instance) and instance["agents"] >= 3


def jump(overage: list[Any], alpha: Any) -> Any:
    """The engine's largest jump: coverage just below X = I less coverage just above, shortage GAP on either side."""
    total = sum(overage)
    sides = (shared.coverage(overage, total + GAP, alpha), shared.coverage(overage, total - GAP, alpha))
    return max(abs(left - right) for left, right in zip(*sides, strict=True))


def vectors(defectors: int) -> Iterator[list[int]]:
    """Overages of some defectors."""
    for values in product((1, 2, 3), repeat=defectors):
        yield list(values)


def continuous(agents: int, alpha: Any) -> bool:
    """Whether the engine shows no jump at any profile of a grid; X = I > 0 needs somebody who is no defector."""
    return all(jump(v, alpha) <= GAP for defectors in range(1, agents) for v in vectors(defectors))


@claim(
    paper="lengyel2025",
    label="Theorem 4",
    statement="Within the alpha-power family for the slack allocation mechanism, continuity at X = I for all positive "
    "overage vectors holds iff alpha = 1.",
    reading="""For every alpha > 0: the rule with this exponent, one rule for every number of agents, is continuous
        at all profiles with X = I and any number k >= 1 of positive overages, if and only if alpha = 1.""",
    hypotheses=[positive],
    proof="""From X < I the coverage tends to v_j, from X > I to I v_j^alpha / sum v^alpha. For alpha = 1 and I = X both
        are v_j. For v = (1, 2) and I = 3 the second share is 6 t / (1 + 2 t) with t = 2^(alpha - 1), which is 2 only
        for t = 1, that is alpha = 1.""",
    expected="proved",
)
def theorem(run: Run) -> Iterator[Evidence]:
    """Both directions in one query; the exponents by SymPy; the engine near the boundary."""
    import z3

    own, others, power = z3.Reals("own others power")  # power = 2**(alpha - 1), which is 1 iff alpha is 1
    right_limit = (own + others) * own / (own + others)
    second = 3 * (2 * power) / (1 + 2 * power)  # the larger of the overages 1 and 2
    yield smt.prove(
        z3.And(right_limit == own, (second == 2) == (power == 1)),
        given=[own > 0, others >= 0, power > 0],
        control=("also for alpha = 2", (second == 2) == z3.Or(power == 1, power == 2)),
        range="every number of agents (if), the overages 1 and 2 (only if), every alpha > 0",
        complete=True,
        lift=lambda value: {"overage": [value["own"], 1 + value["others"]], "alpha": 2},
    )
    yield ratio()
    yield exhaustive.check(
        lambda instance: (
            (jump(instance["overage"], instance["alpha"]) <= GAP)
            == (instance["alpha"] == 1 or len(set(instance["overage"])) == 1)
        ),
        grid=exhaustive.Grid(agents=(1, 2, 3), each={"overage": [1, 2, 3]}, scalars={"alpha": [1, 2, 3]}),
        control=(
            "every alpha is continuous",
            lambda instance: jump(instance["overage"], instance["alpha"]) <= GAP,
        ),
        hypotheses=run.hypotheses,
    )


def ratio() -> Evidence:
    """The ratio of two shares against that of the overages is (v_1 / v_2)^(alpha - 1), for every real alpha."""
    import sympy

    one, two, alpha = symbolic.positive("v1 v2 alpha")
    logarithm = sympy.expand_log(sympy.log((one**alpha / two**alpha) / (one / two)), force=True)
    exponent = (alpha - 1) * (sympy.log(one) - sympy.log(two))
    return symbolic.identity(
        lambda case: (sympy.expand(logarithm), sympy.expand(exponent)),
        cases=["shares"],
        control=("without the -1", lambda case: (logarithm, alpha * (sympy.log(one) - sympy.log(two)))),
        range="two overages, every real alpha > 0: shares are as overages iff alpha = 1 or the overages are equal",
        complete=False,
        lift=lambda case, value: {"overage": [value["v1"], value["v2"]], "alpha": value["alpha"]},
    )


def replay(instance: Instance) -> str | None:
    """Whether a jump exists, by hand: the exponent cancels where there is only one defector."""
    agents, alpha = int(instance["agents"]), int(instance["alpha"])
    lines, near = [], Fraction(1, 1000)
    for overage in [[Fraction(value)] for value in (1, 2, 7)] + [[Fraction(1), Fraction(2)]] * (agents > 2):
        slack, weight = sum(overage) - near, sum(v**alpha for v in overage)
        shares = [slack * v**alpha / weight for v in overage]
        if any(abs(v - share) > near for v, share in zip(overage, shares, strict=True)):
            return None if alpha != 1 else f"a jump at overages {overage}, although alpha = 1"
        lines.append(f"overage {overage[0]}, slack {slack}: the share is {shares[0]}; in general I v^a / v^a = I")
    if alpha == 1:
        return None
    head = (
        f"alpha = {alpha}: with {agents} agents and X = I > 0 there is one defector, with v = I; from X < I it gets v"
    )
    return "\n".join([head, *lines, "so the limit from X > I is v as well: continuous, although alpha is not 1"])


@claim(
    paper="lengyel2025",
    label="Theorem 4",
    part="for each number of agents",
    statement="Within the alpha-power family for the slack allocation mechanism, continuity at X = I for all positive "
    "overage vectors holds iff alpha = 1.",
    reading="""For every fixed n >= 2 and every alpha > 0: the n-player rule is continuous at all profiles with X =
        I > 0 if and only if alpha = 1.""",
    hypotheses=[two_agents],
    replay=replay,
    expected="refuted",
    repaired_by="overage.theorem_4_three_or_more_agents",
)
def fixed(run: Run) -> Evidence:
    """The engine near the boundary, for few agents."""
    return exhaustive.check(
        lambda instance: continuous(instance["agents"], instance["alpha"]) == (instance["alpha"] == 1),
        grid=exhaustive.Grid(scalars={"agents": [2, 3], "alpha": [1, 2, 3]}),
        control=("never continuous", lambda instance: not continuous(instance["agents"], instance["alpha"])),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Theorem 4",
    part="three or more agents",
    statement="For every number of agents n >= 3, continuity at X = I for all positive overage vectors holds iff "
    "alpha = 1. For n <= 2 all exponents give the same rule, coverage min(v, I), which is continuous.",
    reading="""For every fixed n >= 3 and alpha > 0: the n-player rule is continuous at all profiles with X = I > 0 iff
        alpha = 1.""",
    hypotheses=[three_agents],
    proof="""Two defectors with overages 1 and 2 and one cooperator with slack 3 are three agents; more agents may claim
        exactly their entitlement. With one defector the share is I w / w = I.""",
    expected="proved",
)
def repaired(run: Run) -> Iterator[Evidence]:
    """As in the theorem, with the number of agents fixed; the engine for few agents."""
    import z3

    own, others, power, agents, single = z3.Reals("own others power agents weight")
    right_limit = (own + others) * own / (own + others)
    second = 3 * (2 * power) / (1 + 2 * power)
    yield smt.prove(
        z3.And(right_limit == own, (second == 2) == (power == 1), own * single / single == own),
        given=[own > 0, others >= 0, power > 0, single > 0, agents >= 3],
        control=("with any shares", (second == 2) == (power > 0)),
        range="every number of agents from 3 on, every alpha > 0",
        complete=True,
        lift=lambda value: {"agents": 3, "alpha": 2},
    )
    yield exhaustive.check(
        lambda instance: continuous(instance["agents"], instance["alpha"]) == (instance["alpha"] == 1),
        grid=exhaustive.Grid(scalars={"agents": [3, 4] if run.full else [3], "alpha": [1, 2, 3]}),
        control=("never continuous", lambda instance: not continuous(instance["agents"], instance["alpha"])),
        hypotheses=run.hypotheses,
    )
