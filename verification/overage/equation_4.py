"""Equation (4): the budget identity of the power family. It fails on the boundary X = I, where the tie-break mints."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

WHOLE = exhaustive.Grid(
    agents=(1, 2, 3),
    each={"entitlement": [1, 3], "claim": exhaustive.steps(0, 3)},
    scalars={"alpha": [1, 2]},
)


def positive(instance: Instance) -> bool:
    """Entitlements and alpha are positive, claims nonnegative."""
    return instance["alpha"] > 0 and min(instance["entitlement"]) > 0 and min(instance["claim"]) >= 0


def well_posed(instance: Instance) -> bool:
    """X is not I, or alpha is 1, or the tie-break takes one branch for all agents."""
    balanced = sum(instance["claim"]) == sum(instance["entitlement"])
    return not balanced or instance["alpha"] == 1 or instance["tie"] in ("left", "right")


def engine(instance: Instance) -> tuple[Any, Any]:
    """Total payoff by the engine, and what equation (4) says it is."""
    from mechopt.mechanisms.overage.incentives import payoffs

    held, asked = instance["entitlement"], instance["claim"]
    paid = payoffs(held, asked, rule="power", alpha=instance["alpha"], tie=instance.get("tie", "max"))
    return sum(paid), sum(held) - max(sum(held) - sum(asked), 0)


def replay(instance: Instance) -> str | None:
    """Equation (3) by hand: the printed tie-break, fractions, a whole alpha."""
    pairs = [(Fraction(e), Fraction(c)) for e, c in zip(instance["entitlement"], instance["claim"], strict=True)]
    overage = [c - e if c > e else Fraction(0) for e, c in pairs]
    slack = sum(e - c for e, c in pairs if c < e)
    over, power = sum(overage), [v ** int(instance["alpha"]) for v in overage]
    if over == 0 or over < slack:
        coverage = overage
    else:
        shares = [slack * w / sum(power) for w in power]
        coverage = [max(v, x) for v, x in zip(overage, shares, strict=True)] if over == slack else shares
    paid = [c if c <= e else e + x for (e, c), x in zip(pairs, coverage, strict=True)]
    right = sum(e for e, _ in pairs) - max(slack - over, Fraction(0))
    if sum(paid) == right:
        return None
    return (
        f"overages {', '.join(map(str, overage))}: X = {over} = I = {slack}\n"
        f"coverage {', '.join(map(str, coverage))}, each the larger of overage and share\n"
        f"payoffs {', '.join(map(str, paid))}: total {sum(paid)}, not {right}"
    )


def document(instance: Instance) -> dict[str, Any]:
    """The counterexample as a model document."""
    rows = enumerate(zip(instance["entitlement"], instance["claim"], strict=True), 1)
    return {
        "mechanism": "overage",
        "title": "Equation (4) fails on the boundary",
        "arithmetic": "exact",
        "rule": "power",
        "alpha": instance["alpha"],
        "accounts": [{"account": f"agent {j}", "entitlement": e, "claim": c} for j, (e, c) in rows],
    }


@claim(
    paper="lengyel2025",
    label="Equation (4)",
    statement="Pi^alpha(C) = sum_j L_j - max{I - X, 0}",
    reading="""For every n >= 1, alpha > 0, L_j > 0 and C_j >= 0, with payoffs by equation (3) and its tie-break: the
        payoffs add up to sum_j L_j - max(I - X, 0).""",
    hypotheses=[positive],
    replay=replay,
    document=document,
    expected="refuted",
    repaired_by="overage.equation_4_away_from_the_boundary",
)
def printed(run: Run) -> Evidence:
    """The engine with the printed tie-break, on a grid."""
    return exhaustive.check(
        lambda instance: engine(instance)[0] == engine(instance)[1],
        grid=WHOLE,
        control=("one unit is lost", lambda instance: engine(instance)[0] == engine(instance)[1] - 1),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Equation (4)",
    part="away from the boundary",
    statement="Equation (4) holds for every alpha > 0 where X is not I; with a tie-break that takes the same branch "
    "for all agents it holds everywhere, and for alpha = 1 under any.",
    reading="""For every n >= 1, alpha > 0, L_j > 0 and C_j >= 0: if X != I, or alpha = 1, or at X = I all agents get
        the branch of X < I (tie "left") or all get that of X > I ("right"), the payoffs add up as in (4).""",
    hypotheses=[positive, well_posed],
    proof="""The shares I v^alpha / sum v^alpha add up to I whatever the weights, the overages to X; a payoff is
        min(C, L) plus coverage, and the min(C, L) add up to sum L - I.""",
    expected="proved",
)
def repaired(run: Run) -> Iterator[Evidence]:
    """Aggregate for every n and every weight, and the engine under all ties."""
    import z3

    held, over, under, weight = z3.Reals("entitlement_total overage_total slack_total weight_total")
    shares = under * weight / weight  # sum of I w_j / W with sum w_j = W
    right = held - smt.positive_part(under - over)
    yield smt.prove(
        z3.And(
            held - under + z3.If(over <= under, over, shares) == right,  # tie "left"
            held - under + z3.If(over < under, over, shares) == right,  # tie "right"
        ),
        given=[over > 0, under >= 0, held >= under, weight > 0],
        control=("the shares count twice", held - under + z3.If(over <= under, over, 2 * shares) == right),
        range="every number of agents and every alpha > 0 (aggregate variables; X = 0 is immediate)",
        complete=True,
        nontrivial=[under > 0, held > under, over < under],
        lift=lambda value: {
            "entitlement": [value["entitlement_total"], Fraction(1)],
            "claim": [value["entitlement_total"] - value["slack_total"], 1 + value["overage_total"]],
            "alpha": 2,
            "tie": "left",
        },
    )
    yield exhaustive.check(
        lambda instance: engine(instance)[0] == engine(instance)[1],
        grid=exhaustive.Grid(
            agents=(1, 2, 3),
            each={"entitlement": [1, 3], "claim": exhaustive.steps(0, 4, 2) if run.full else [0, 2, 3]},
            scalars={"alpha": [1, 2, 3], "tie": ["max", "left", "right"]},
        ),
        control=("unused slack is handed back", lambda instance: engine(instance)[0] == sum(instance["entitlement"])),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Equation (4)",
    part="how far it fails",
    statement="On the boundary X = I the total is never below that of (4), and equal to it only if every share "
    "equals the overage: alpha = 1, or all positive overages are equal.",
    reading="""For every n, every alpha > 0 and every profile with X = I > 0 and tie "max": the payoffs add up to
        sum L + sum_j (I v_j^alpha / sum v^alpha - v_j)_+, which is sum L iff v_j^(alpha - 1) is the same for all
        j with v_j > 0.""",
    proof="""Overages and shares both add up to I, so max(v, share) adds up to I plus the positive parts of their
        differences; these vanish together. Equal shares mean v_j^(alpha - 1) = sum v^alpha / sum v for all j.""",
    hypotheses=[positive],
    expected="proved",
)
def how_far(run: Run) -> Iterator[Evidence]:
    """One agent against the rest, all weights; the engine on the boundary."""
    import z3

    own, others, mine, theirs = z3.Reals("own others weight weight_of_others")
    share = (own + others) * mine / (mine + theirs)
    above = smt.positive_part(share - own)
    yield smt.prove(
        z3.And(
            smt.maximum(own, share) == own + above,
            above >= 0,
            (share == own) == (mine * others == theirs * own),
        ),
        given=[own > 0, others > 0, mine > 0, theirs > 0],
        control=("a share never exceeds the overage", above == 0),
        range="every number of agents and every alpha > 0 (one agent against the rest, any weights)",
        complete=True,
        lift=lambda value: {
            "entitlement": [value["own"] + value["others"], 1, 1],
            "claim": [0, 1 + value["own"], 1 + value["others"]],
            "alpha": 2,
        },
    )

    def equal_only(instance: Instance) -> bool:
        paid, right = engine(instance)
        overages = {c - e for e, c in zip(instance["entitlement"], instance["claim"], strict=True) if c > e}
        balanced = sum(instance["claim"]) == sum(instance["entitlement"])
        minted = balanced and instance["alpha"] != 1 and len(overages) > 1
        return bool(paid > right) if minted else bool(paid == right)

    yield exhaustive.check(
        equal_only,
        grid=exhaustive.Grid(
            agents=(1, 2, 3), each={"entitlement": [1, 4], "claim": [0, 1, 2, 3]}, scalars={"alpha": [1, 2, 3]}
        ),
        control=("it never fails", lambda instance: engine(instance)[0] == engine(instance)[1]),
        hypotheses=run.hypotheses,
    )


def first_step(instance: Instance) -> tuple[Any, Any]:
    """Both sides of the first step of the derivation."""
    pairs = list(zip(instance["entitlement"], instance["claim"], strict=True))
    return sum(c for e, c in pairs if c <= e), sum(min(e, c) for e, c in pairs)


def replay_first_step(instance: Instance) -> str | None:
    """Who is in which sum, by hand."""
    left = right = Fraction(0)
    lines = []
    for held, asked in zip(instance["entitlement"], instance["claim"], strict=True):
        smaller = Fraction(held) if held < asked else Fraction(asked)
        right += smaller
        if not held < asked:
            left += Fraction(asked)
        lines.append(f"L = {held}, C = {asked}: min {smaller}, {'defector' if held < asked else 'cooperator'}")
    return None if left == right else "\n".join([*lines, f"left {left}, right {right}"])


@claim(
    paper="lengyel2025",
    label="Equation (4)",
    part="first step of its derivation",
    statement="sum_{j: C_j <= L_j} C_j = sum_j min{C_j, L_j}",
    reading="For every n >= 1, L_j > 0 and C_j >= 0; the left sum is over cooperators, the right one over all agents.",
    hypotheses=[positive],
    replay=replay_first_step,
    expected="refuted",
    repaired_by="overage.equation_4_first_step_corrected",
)
def step_printed(run: Run) -> Evidence:
    """On the grid."""
    return exhaustive.check(
        lambda instance: first_step(instance)[0] == first_step(instance)[1],
        grid=WHOLE,
        control=("the sums differ by one", lambda instance: first_step(instance)[0] == first_step(instance)[1] - 1),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Equation (4)",
    part="first step corrected",
    statement="sum_{j: C_j <= L_j} C_j + sum_{j: C_j > L_j} L_j = sum_j min{C_j, L_j} = sum_j L_j - I",
    reading="For every n >= 1, L_j > 0 and C_j >= 0: the defectors' entitlements belong to the left side.",
    hypotheses=[positive],
    proof="Agent by agent: a cooperator has min(C, L) = C = L - s, a defector has min(C, L) = L with s = 0.",
    expected="proved",
)
def step_corrected() -> Evidence:
    """The sums have one term per agent, so it is enough that the terms agree for either kind of agent."""
    held, gap = symbolic.positive("L d")

    def sides(cooperator: bool) -> tuple[Any, Any]:
        claimed = held - gap if cooperator else held + gap
        return (claimed if cooperator else held), held - (gap if cooperator else 0)

    return symbolic.identity(
        sides,
        cases=[True, False],
        control=("defectors are left out", lambda kind: (sides(kind)[0] if kind else 0, sides(kind)[1])),
        range="every number of agents (term by term)",
        complete=True,
        given=lambda cooperator: [gap <= held],
        lift=lambda kind, value: {
            "entitlement": [value["L"]],
            "claim": [value["L"] - value["d"] if kind else value["L"] + value["d"]],
            "alpha": 1,
        },
    )
