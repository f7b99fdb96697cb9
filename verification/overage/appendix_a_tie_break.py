"""Appendix A: what the tie-break at X = I does for monotonicity, and what it does not."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

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


@claim(
    paper="lengyel2025",
    label="Appendix A",
    part="tie-break",
    statement="The tie-break ensures global monotonicity in own claim for every alpha > 0.",
    reading="""For every n, alpha > 0 and claims in [0, M]: with the value at X = I set to the larger of the two
        branches, the payoff is nondecreasing in the own claim (the larger one is called M).""",
    hypotheses=[bounded],
    replay=replay,
    document=document,
    expected="refuted",
    repaired_by="overage.appendix_a_what_the_tie_break_gives",
)
def tie_break(run: Run) -> Evidence:
    """The engine on the grid."""
    return largest_is_best(run)


@claim(
    paper="lengyel2025",
    label="Appendix A",
    part="what the tie-break gives",
    statement="The tie-break makes the own payoff upper semicontinuous in the own claim, so that best replies exist on "
    "[0, M] for every alpha > 0.",
    reading="""For every n, alpha > 0, M > max L and C_{-j}: the value at the boundary claim is the larger of the limits
        from below (y*) and from above (the share), and elsewhere the payoff is continuous; an upper semicontinuous
        function on a compact interval attains its maximum. With the tie "right" it need not.""",
    hypotheses=[bounded],
    proof="""max(y*, share) is at least either limit. The maximum over [0, M] is attained at L + y* or at M, as the
        payoff rises on both sides of the boundary.""",
    expected="proved",
)
def semicontinuous(run: Run) -> Iterator[Evidence]:
    """Any weights by Z3; the engine's best replies, attained under every profile of the grid."""
    import z3

    boundary, over, rivals, weight, top = z3.Reals("boundary others rival_weight weight weight_of_bound")
    limit = (boundary + over) * weight / (rivals + weight)
    highest = (boundary + over) * top / (rivals + top)
    value = smt.maximum(boundary, limit)
    given = [boundary > 0, over > 0, rivals > 0, weight > 0, top >= weight]
    best = smt.maximum(value, highest)
    yield smt.prove(
        z3.And(
            value >= boundary, value >= limit, best >= limit, best >= highest, z3.Or(best == value, best == highest)
        ),
        given=given,
        control=("the share is enough (tie right)", limit >= boundary),
        range="every number of agents and every alpha > 0 (any weights)",
        complete=True,
        lift=lift,
    )

    def attained(instance: Instance, tie: Any = "max") -> bool:
        from mechopt.mechanisms.overage.incentives import best_replies, facing

        situation = facing(instance["entitlement"], instance["claim"], 0, alpha=instance["alpha"])
        replies = best_replies(situation, instance["bound"], tie=tie)
        return bool(replies.intervals) and all(
            engine(instance, end) == replies.payoff for interval in replies.intervals for end in interval
        )

    yield exhaustive.check(
        attained,
        grid=GRID,
        control=("also with the tie right", lambda instance: attained(instance, "right")),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Appendix A",
    part="alpha = 1 needs no tie-break",
    statement="For alpha = 1 the two branches coincide at X = I, so the rule is continuous without tie-break.",
    reading="For every n and every profile with X = I > 0: v_j = I v_j / X for all j.",
    hypotheses=[bounded],
    proof="I / X = 1.",
    expected="proved",
)
def coincide(run: Run) -> Iterator[Evidence]:
    """SymPy for any n; the engine under the three ties."""
    own, rest = symbolic.positive("own others")
    yield symbolic.identity(
        lambda case: ((own + rest) * own / (own + rest), own),
        cases=["X = I"],
        control=("squares", lambda case: ((own + rest) * own**2 / (own**2 + rest**2), own)),
        range="every number of agents (one against the rest)",
        complete=True,
        lift=lambda case, value: lift({**value, "others": value.get("others", Fraction(1)), "boundary": value["own"]}),
    )

    def same(instance: Instance, alpha: int = 1) -> bool:
        from mechopt.mechanisms.overage.incentives import payoffs

        held, asked = instance["entitlement"], instance["claim"]
        found = [payoffs(held, asked, rule="power", alpha=alpha, tie=tie) for tie in ("max", "left", "right")]
        return all(found[0] == other for other in found[1:]) and (alpha != 1 or found[0] == payoffs(held, asked))

    yield exhaustive.check(
        same,
        grid=GRID,
        control=("also for alpha = 2", lambda instance: same(instance, 2)),
        hypotheses=run.hypotheses,
    )
