"""Beyond the paper: how far Theorem 5 reaches: to every Nash profile, to every balanced rule, not to every exponent."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, certified, exhaustive, smt


def nash_profile(instance: Instance) -> bool:
    """0 < L_j <= C_j <= M."""
    pairs = zip(instance["entitlement"], instance["claim"], strict=True)
    return all(0 < held <= asked <= instance["bound"] for held, asked in pairs)


def coalition_moves(instance: Instance) -> bool:
    """0 < L_j < M; the first agents leave M for claims in [0, M]; alpha > 0."""
    return (
        min(instance["entitlement"]) > 0
        and max(instance["entitlement"]) < instance["bound"]
        and 1 <= len(instance["deviation"]) <= len(instance["entitlement"])
        and all(0 <= own <= instance["bound"] for own in instance["deviation"])
        and instance["alpha"] > 0
    )


def gain(instance: Instance, tie: Any = "max", rule: Any = "power") -> Any:
    """By the engine: what the coalition gains in total by leaving (M, ..., M)."""
    from mechopt.mechanisms.overage.incentives import payoffs

    held, size = instance["entitlement"], len(instance["deviation"])
    asked = [*instance["deviation"], *[instance["bound"]] * (len(held) - size)]
    return sum(payoffs(held, asked, rule=rule, alpha=instance["alpha"], tie=tie)[:size]) - sum(held[:size])


def replay(instance: Instance) -> str | None:
    """Equation (3) by hand with the printed tie-break; fractions, and squares at most."""
    alpha, size = int(instance["alpha"]), len(instance["deviation"])
    if alpha not in (1, 2):
        return None
    held = [Fraction(value) for value in instance["entitlement"]]
    asked = [Fraction(v) for v in instance["deviation"]] + [Fraction(instance["bound"])] * (len(held) - size)
    gaps = [c - e for e, c in zip(held, asked, strict=True)]
    over, under = sum(g for g in gaps if g > 0), -sum(g for g in gaps if g < 0)
    weight = sum(g**alpha for g in gaps if g > 0)
    paid = []
    for own, gap in zip(held, gaps, strict=True):
        share = under * gap**alpha / weight if gap > 0 else Fraction(0)
        best = gap if over < under else max(gap, share) if over == under else share
        paid.append(own + (best if gap > 0 else gap))
    before, after = sum(held[:size]), sum(paid[:size])
    if after <= before:
        return None
    return (
        f"at claims {', '.join(map(str, asked))}: X = {over}, I = {under}, payoffs {', '.join(map(str, paid))}\n"
        f"the first {size} get {after} together; where all claim {instance['bound']} they get {before}"
    )


@claim(
    paper="lengyel2025",
    label="Beyond the paper: strengthened Theorem 5",
    statement="""Every Nash equilibrium of the linear rule with M >= max L, not only (M, ..., M), is a strong Nash
        equilibrium with side payments, and so without.""",
    reading="""For every n, 0 < L_j <= C_j <= M, coalition K and claims C'_K in [0, M], alpha = 1: K's total payoff at
        (C'_K, C_{-K}) is at most sum_K L, which is what it has at C.""",
    hypotheses=[nash_profile],
    proof="The others have no slack, so the coalition's coverage is at most the slack it gives up itself.",
    rests_on=["overage.beyond_the_paper_nash_set", "overage.appendix_b"],
    expected="proved",
)
def every_nash(run: Run) -> Iterator[Evidence]:
    """Aggregate for every n, K and C; the engine's best deviations with and without side payments."""
    import z3

    slack, own, rest = z3.Reals("slack own_overage other_overage")
    total = -slack + z3.If(own + rest <= slack, own, slack * own / (own + rest))
    yield smt.prove(
        total <= 0,
        given=[slack >= 0, own >= 0, rest >= 0],
        control=("a strict loss", total < 0),
        range="every number of agents, every coalition and every Nash profile (aggregate variables)",
        complete=True,
        nontrivial=[own > 0, slack > 0, rest > 0],
        lift=lambda value: {
            "entitlement": [1 + value["slack"], 1, 1],
            "claim": [1 + value["slack"], 1, 1 + value["other_overage"]],
            "bound": 1 + value["slack"] + value["own_overage"] + value["other_overage"],
        },
    )

    def strong(instance: Instance, side_payments: bool, shift: int = 0) -> bool:
        from mechopt.mechanisms.overage.coalitions import strong_equilibrium

        claims = [max(own - shift, 0) for own in instance["claim"]]
        finding = strong_equilibrium(instance["entitlement"], claims, instance["bound"], side_payments=side_payments)
        return finding.margin == 0

    yield exhaustive.check(
        lambda instance: strong(instance, True) and strong(instance, False),
        grid=exhaustive.Grid(
            agents=(1, 2, 3), each={"entitlement": [1, 2], "claim": [1, 2, 3]}, scalars={"bound": [3]}
        ),
        control=("also one unit below", lambda instance: strong(instance, True, 1)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Beyond the paper: Theorem 5 for every alpha",
    statement="At (M, ..., M) no coalition can gain in total by deviating, for every exponent of the family (3).",
    reading="""For every n, alpha > 0, 0 < L_j < M, coalition K and claims C'_K in [0, M], with equation (3) and
        its printed tie-break.""",
    hypotheses=[coalition_moves],
    replay=replay,
    expected="refuted",
    repaired_by="overage.beyond_the_paper_theorem_5_for_balanced_rules",
)
def every_alpha(run: Run) -> Evidence:
    """The engine on a grid."""
    return exhaustive.check(
        lambda instance: gain(instance) <= 0,
        grid=[
            {"entitlement": list(held), "deviation": [a, b, c][:size], "bound": 4, "alpha": alpha}
            for held in ((1, 1), (1, 1, 3), (2, 1, 3))
            for alpha in (1, 2)
            for a in (0, 2, 3)
            for b in (1, 3)
            for c in (0, 1)
            for size in range(1, len(held) + 1)
        ],
        control=("every deviation loses", lambda instance: gain(instance) < 0),
        hypotheses=run.hypotheses,
        range="up to 3 agents, claims 0, ..., 3, M = 4, alpha = 1, 2",
    )


@claim(
    paper="lengyel2025",
    label="Beyond the paper: Theorem 5 for balanced rules",
    statement="""For every rule that pays min(C, L) plus coverages with a sum of at most I, no coalition gains in
        total by leaving (M, ..., M): among them every alpha with the tie left or right, and the capped family.""",
    reading="""For every n, 0 < L_j < M, coalition K and claims C'_K, and every rule whose coverages are >= 0 and
        add up to at most I: K's total is at most sum_K L.""",
    hypotheses=[coalition_moves],
    proof="K's total is sum_K L - I_K + coverage(K), and coverage(K) <= I = I_K. Proportionality plays no part.",
    expected="proved",
)
def balanced(run: Run) -> Iterator[Evidence]:
    """As a linear program with an exact certificate; aggregate by Z3; the engine's balanced rules on a grid."""
    import z3

    size = ("size", {"slack": 1}, "<=", 9)
    enough = {"own_coverage": 1, "other_coverage": 1, "slack": -1}
    yield certified.bound(
        certified.program({"own_coverage": 1, "slack": -1}, [("coverages", enough, "<=", 0), size]),
        control=(
            "half as much again",
            certified.program(
                {"own_coverage": 1, "slack": -1}, [("coverages", {**enough, "slack": Fraction(-3, 2)}, "<=", 0), size]
            ),
        ),
        range="every number of agents, coalition and balanced rule (aggregate variables, slack scaled to at most 9)",
        lift=lambda point: {
            "entitlement": [1 + point["slack"], 1],
            "deviation": [1],
            "bound": 2 + point["slack"],
            "alpha": 1,
        },
    )
    slack, own, rest = z3.Reals("slack own_coverage other_coverage")
    yield smt.prove(
        own - slack <= 0,
        given=[slack >= 0, own >= 0, rest >= 0, own + rest <= slack],
        control=("a strict loss", own - slack < 0),
        range="every number of agents, coalition and balanced rule (aggregate variables)",
        complete=True,
        nontrivial=[own > 0, rest > 0],
        lift=lambda value: {
            "entitlement": [1 + value["slack"], 1],
            "deviation": [1],
            "bound": 2 + value["slack"],
            "alpha": 2,
        },
    )
    variants = [("power", "left"), ("power", "right"), ("capped_power", "max")]
    yield exhaustive.check(
        lambda instance: all(gain(instance, tie, rule) <= 0 for rule, tie in variants),
        grid=[
            {"entitlement": list(held), "deviation": [a, b, c][:size], "bound": 4, "alpha": alpha}
            for held in ((1, 1), (1, 1, 3), (2, 1, 3))
            for alpha in (1, 2, 3)
            for a in (0, 2, 3)
            for b in (1, 3)
            for c in (0, 1)
            for size in range(1, len(held) + 1)
        ],
        control=("with the printed tie-break", lambda instance: gain(instance) <= 0),
        hypotheses=run.hypotheses,
        range="up to 3 agents, claims 0, ..., 3, M = 4, alpha = 1, 2, 3; ties left and right, capped family",
    )
