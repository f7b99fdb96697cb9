"""Theorem 8: the payoff map of the power family is continuous at X = I for all positive overages iff alpha = 1."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

STEP = Fraction(1, 1000)
SMALL = 10 * STEP  # a slope, as against a jump: those of the grid are at least 1/5


def on_the_boundary(instance: Instance) -> bool:
    """Entitlements and alpha positive, claims nonnegative, X = I > 0."""
    return (
        instance["alpha"] > 0
        and min(instance["entitlement"]) > 0
        and min(instance["claim"]) >= 0
        and sum(instance["entitlement"]) == sum(instance["claim"])
        and instance["entitlement"] != instance["claim"]
    )


def largest_change(instance: Instance) -> Any:
    """By the engine: how far payoffs move when one agent claims a little more or less."""
    from mechopt.mechanisms.overage.incentives import payoffs

    held, asked = instance["entitlement"], instance["claim"]
    at, change = payoffs(held, asked, rule="power", alpha=instance["alpha"]), Fraction(0)
    for j, own in enumerate(asked):
        for moved in (own + STEP, own - STEP):
            if moved < 0:
                continue
            near = payoffs(held, [*asked[:j], moved, *asked[j + 1 :]], rule="power", alpha=instance["alpha"])
            change = max(change, *(abs(a - b) for a, b in zip(at, near, strict=True)))
    return change


def equal_overages(instance: Instance) -> bool:
    """Whether all positive overages are the same."""
    return len({c - e for e, c in zip(instance["entitlement"], instance["claim"], strict=True) if c > e}) <= 1


@claim(
    paper="lengyel2025",
    label="Theorem 8",
    statement="For (3), the payoff map C -> pi^alpha(C) is continuous at profiles with X = I for all positive overage "
    "vectors if and only if alpha = 1.",
    reading="""For every alpha > 0: the payoff map is continuous at all profiles with X = I > 0, whatever the number of
        agents, iff alpha = 1. More exactly: at one such profile it is continuous iff alpha = 1 or all positive
        overages are equal. (For a fixed number of agents see Theorem 4: n >= 3 is needed.)""",
    hypotheses=[on_the_boundary],
    proof="""The limit from X < I is v_j, that from X > I is I v_j^alpha / sum v^alpha, and with I = X these agree
        for all j iff v_j^(alpha - 1) is the same for all. For alpha = 1 a claim that moves by d moves no payoff
        by more than d.""",
    rests_on=["overage.theorem_4"],
    expected="proved",
)
def theorem(run: Run) -> Iterator[Evidence]:
    """Limits from both sides by SymPy, the equivalence by Z3, the engine's payoffs around profiles with X = I."""
    import z3

    own, others, mine, theirs, d = z3.Reals("own others weight weight_of_others shortage")
    share = (own + others) * mine / (mine + theirs)
    near = (own + others - d) * own / (own + others)  # alpha = 1, slack short by d
    yield smt.prove(
        z3.And(
            (share == own) == (mine * others == theirs * own),
            own - near <= d,
            own - near >= 0,
        ),
        given=[own > 0, others > 0, mine > 0, theirs > 0, d >= 0, d <= own + others],
        control=("any shares are the overages", share == own),
        range="every number of agents and every alpha > 0 (one agent against the rest, any weights)",
        complete=True,
        nontrivial=[d > 0],
        lift=lambda value: {
            "entitlement": [value["own"] + value["others"], 1, 1],
            "claim": [0, 1 + value["own"], 1 + value["others"]],
            "alpha": 1,
        },
    )
    yield both_sides()

    yield exhaustive.check(
        lambda instance: (largest_change(instance) <= SMALL) == (instance["alpha"] == 1 or equal_overages(instance)),
        grid=exhaustive.Grid(
            agents=(2, 3), each={"entitlement": [1, 3], "claim": [0, 1, 2, 3]}, scalars={"alpha": [1, 2, 3]}
        ),
        control=("every alpha is continuous", lambda instance: largest_change(instance) <= SMALL),
        hypotheses=run.hypotheses,
    )


def both_sides() -> Evidence:
    """The limits of the linear rule at X = I, from either side, for one agent against any others."""
    import sympy

    own, others, shortage = symbolic.positive("v V e")
    total = own + others

    def sides(side: str) -> tuple[Any, Any]:
        slack = total + shortage if side == "X < I" else total - shortage
        coverage = own if side == "X < I" else slack * own / total
        return sympy.limit(coverage, shortage, 0, "+"), own

    return symbolic.identity(
        sides,
        cases=["X < I", "X > I"],
        control=("squares instead", lambda side: (total * own**2 / (own**2 + others**2), own)),
        range="every number of agents, alpha = 1, limits from X < I and from X > I",
        complete=False,
        lift=lambda case, value: {
            "entitlement": [value["v"] + value.get("V", Fraction(1)), 1, 1],
            "claim": [0, 1 + value["v"], 1 + value.get("V", Fraction(1))],
            "alpha": 1,
        },
    )
