"""Appendix A: what the tie-break at X = I does for monotonicity, and what it does not."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

shared = catalog.beside(__file__, "_power_family")


@claim(
    paper="lengyel2025",
    label="Appendix A",
    part="tie-break",
    statement="The tie-break ensures global monotonicity in own claim for every alpha > 0.",
    reading="""For every n, alpha > 0 and claims in [0, M]: with the value at X = I set to the larger of the two
        branches, the payoff is nondecreasing in the own claim (the larger one is called M).""",
    hypotheses=[shared.bounded],
    replay=shared.replay,
    document=shared.document,
    expected="refuted",
    repaired_by="overage.appendix_a_what_the_tie_break_gives",
)
def tie_break(run: Run) -> Evidence:
    """The engine on the grid."""
    return shared.largest_is_best(run)


@claim(
    paper="lengyel2025",
    label="Appendix A",
    part="what the tie-break gives",
    statement="The tie-break makes the own payoff upper semicontinuous in the own claim, so that best replies exist on "
    "[0, M] for every alpha > 0.",
    reading="""For every n, alpha > 0, M > max L and C_{-j}: the value at the boundary claim is the larger of the limits
        from below (y*) and from above (the share), and elsewhere the payoff is continuous; an upper semicontinuous
        function on a compact interval attains its maximum. With the tie "right" it need not.""",
    hypotheses=[shared.bounded],
    proof="""max(y*, share) is at least either limit. The maximum over [0, M] is attained at L + y* or at M, as the
        payoff rises on both sides of the boundary.""",
    expected="proved",
)
def semicontinuous(run: Run) -> Iterator[Evidence]:
    """Any weights by Z3; the engine's best replies, attained under every profile of the grid."""
    import z3

    boundary, over, rivals, weight, top = z3.Reals("boundary others rival_weight weight weight_of_bound")
    own, its_weight = z3.Reals("own weight_of_own")

    def share(some: Any) -> Any:
        return (boundary + over) * some / (rivals + some)

    at_boundary, limit = smt.maximum(boundary, share(weight)), share(weight)
    paid = z3.If(own < boundary, own, z3.If(own == boundary, at_boundary, share(its_weight)))
    yield smt.prove(
        paid <= smt.maximum(at_boundary, share(top)),
        given=[
            boundary > 0, over > 0, rivals > 0, weight > 0, top >= weight, own >= 0,
            z3.Implies(own > boundary, z3.And(its_weight >= weight, its_weight <= top)),  # v^alpha rises in v
        ],
        control=("with the share alone at the boundary (tie right)",
                 z3.Implies(own < boundary, paid <= smt.maximum(limit, share(top)))),
        range="every number of agents and every alpha > 0 (any weights): no overage pays more than the larger of the "
        "boundary's value and M's",
        complete=True,
        nontrivial=[own > boundary, top > its_weight],
        lift=shared.lift,
    )  # fmt: skip

    def attained(instance: Instance, tie: Any = "max") -> bool:
        from mechopt.mechanisms.overage.incentives import best_replies, facing

        situation = facing(instance["entitlement"], instance["claim"], 0, alpha=instance["alpha"])
        replies = best_replies(situation, instance["bound"], tie=tie)
        return bool(replies.intervals) and all(
            shared.engine(instance, end) == replies.payoff for interval in replies.intervals for end in interval
        )

    yield exhaustive.check(
        attained,
        grid=shared.GRID,
        control=("also with the tie right", lambda instance: attained(instance, "right")),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Appendix A",
    part="alpha = 1 needs no tie-break",
    statement="For alpha = 1 the two branches coincide at X = I, so the rule is continuous without tie-break.",
    reading="For every n and every profile with X = I > 0: v_j = I v_j / X for all j.",
    hypotheses=[shared.bounded],
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
        lift=lambda case, value: shared.lift(
            {**value, "others": value.get("others", Fraction(1)), "boundary": value["own"]}
        ),
    )

    def same(instance: Instance, alpha: int = 1) -> bool:
        from mechopt.mechanisms.overage.incentives import payoffs

        held, asked = instance["entitlement"], instance["claim"]
        found = [payoffs(held, asked, rule="power", alpha=alpha, tie=tie) for tie in ("max", "left", "right")]
        return all(found[0] == other for other in found[1:]) and (alpha != 1 or found[0] == payoffs(held, asked))

    yield exhaustive.check(
        same,
        grid=shared.GRID,
        control=("also for alpha = 2", lambda instance: same(instance, 2)),
        hypotheses=run.hypotheses,
    )
