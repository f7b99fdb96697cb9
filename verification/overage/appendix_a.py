"""Appendix A: monotonicity in the own claim and best replies, for every exponent of the power family."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

shared = catalog.beside(__file__, "_power_family")


def others(instance: Instance) -> tuple[Any, Any, Any, Any]:
    """V, S, I of the others, and y* = (I - V)_+; written out here, not taken from the engine."""
    gaps = [own - held for held, own in zip(instance["entitlement"][1:], instance["claim"][1:], strict=True)]
    over, under = sum(max(gap, 0) for gap in gaps), sum(max(-gap, 0) for gap in gaps)
    return over, sum(Fraction(max(gap, 0)) ** instance["alpha"] for gap in gaps), under, max(under - over, 0)


@claim(
    paper="lengyel2025",
    label="Appendix A",
    part="monotonicity in own claim",
    statement="""By the tie-break at the boundary and the two regional conclusions, pi_j^alpha(., C_{-j}) is
        nondecreasing on [0, M], for every alpha > 0.""",
    reading="""For every n, alpha > 0 and all claims in [0, M], with equation (3) and its tie-break: a larger own
        claim (it is called M) never pays less.""",
    hypotheses=[shared.bounded],
    replay=shared.replay,
    document=shared.document,
    expected="refuted",
    repaired_by="overage.appendix_a_where_the_payoff_drops",
)
def monotone(run: Run) -> Evidence:
    """The engine on the grid."""
    return shared.largest_is_best(run)


@claim(
    paper="lengyel2025",
    label="Appendix A",
    part="where the payoff drops",
    statement="The payoff is nondecreasing up to the boundary claim L + y* and beyond it. At the boundary it drops "
    "exactly where y* sum v^alpha > V y*^alpha (sums over the others, y* = I - V > 0).",
    reading="""For every n, alpha > 0 and C_{-j}, tie "max": payoffs rise on [0, L + y*] and on (L + y*, M]; the
        limit just above the boundary is below the value at it iff y* S > V y*^alpha. For alpha = 1, and for n
        <= 2, this never holds, so the payoff is nondecreasing on [0, M].""",
    hypotheses=[shared.bounded],
    proof="""Beyond the boundary the payoff is L + I w / (S + w) with w = y^alpha, which rises in w. Its limit at the
        boundary is below y* iff (y* + V) w < y* (S + w). With one or no other agent V or I is 0; for alpha = 1 both
        sides are y* V.""",
    expected="proved",
)
def drops(run: Run) -> Iterator[Evidence]:
    """Any weights by Z3; the engine just above the boundary."""
    import z3

    boundary, over, rivals, at, above = z3.Reals("boundary others rival_weight weight_at weight_above")
    slack = boundary + over
    limit, beyond = slack * at / (rivals + at), slack * above / (rivals + above)
    given = [boundary > 0, over >= 0, rivals >= 0, at > 0, above >= at, (over == 0) == (rivals == 0)]
    yield smt.prove(
        z3.And(
            beyond >= limit,
            (limit < boundary) == (boundary * rivals > over * at),
            z3.Implies(z3.And(rivals == over, at == boundary), limit == boundary),  # alpha = 1
            z3.Implies(over == 0, limit == boundary),  # nobody else claims: n <= 2
        ),
        given=given,
        control=("it never drops", limit >= boundary),
        range="every number of agents and every alpha > 0 (any weights)",
        complete=True,
        nontrivial=[over > 0],
        lift=shared.lift,
    )

    def just_above(instance: Instance) -> bool:
        over, rivals, _, boundary = others(instance)
        peak = instance["entitlement"][0] + boundary
        dropped = shared.engine(instance, peak + Fraction(1, 10**6)) < shared.engine(instance, peak)
        return bool(dropped == (boundary * rivals > over * boundary ** instance["alpha"]))

    grid = exhaustive.Grid(
        agents=(1, 2, 3, 4) if run.full else (1, 2, 3),
        each={"entitlement": [1, 5], "claim": [1, 3, 4]},
        scalars={"bound": [8], "alpha": [1, 2, 3]},
    )
    yield exhaustive.check(
        just_above,
        grid=[instance for instance in grid if others(instance)[3] > 0],
        range=f"{grid}; y* > 0",
        control=(
            "it never drops",
            lambda instance: (
                shared.engine(instance, instance["entitlement"][0] + others(instance)[3] + Fraction(1, 10**6))
                >= shared.engine(instance, instance["entitlement"][0] + others(instance)[3])
            ),
        ),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Appendix A",
    part="derivative",
    statement="phi(y) := L_j + I y^alpha / (S + y^alpha), phi'(y) = alpha I S y^(alpha - 1) / (S + y^alpha)^2 >= 0",
    reading="For all real alpha, y, S, I > 0 the derivative is as printed, and it is positive.",
    hypotheses=[shared.bounded],
    proof="The quotient rule.",
    expected="proved",
)
def derivative() -> Evidence:
    """By SymPy, for a symbol alpha."""
    import sympy

    y, rivals, slack, alpha = symbolic.positive("own rivals slack alpha")
    payoff = slack * y**alpha / (rivals + y**alpha)
    printed = alpha * slack * rivals * y ** (alpha - 1) / (rivals + y**alpha) ** 2
    return symbolic.identity(
        lambda case: (sympy.diff(payoff, y), printed),
        cases=["X > I"],
        control=("without alpha", lambda case: (sympy.diff(payoff, y), printed / alpha)),
        range="every alpha > 0, every number of agents; a product of positive factors is positive",
        complete=True,
        lift=lambda case, value: shared.lift({"own": value["own"], "others": Fraction(2)}),
    )


@claim(
    paper="lengyel2025",
    label="Appendix A",
    part="M is a best reply",
    statement="In particular a best reply is attained at C_j* = M for every alpha > 0.",
    reading="""For every n, alpha > 0, M > max L and claims C_{-j} in [0, M], with equation (3) and its tie-break:
        no claim in [0, M] pays more than M.""",
    hypotheses=[shared.bounded],
    replay=shared.replay,
    document=shared.document,
    expected="refuted",
    repaired_by="overage.appendix_a_when_m_is_a_best_reply",
)
def best_reply(run: Run) -> Evidence:
    """The engine on the grid."""
    return shared.largest_is_best(run)


@claim(
    paper="lengyel2025",
    label="Appendix A",
    part="when M is a best reply",
    statement="M is a best reply unless 0 < y* < m and y* sum v^alpha > V m^alpha, with m = M - L_j; then the boundary "
    "claim L_j + y* is the only one. For alpha >= 1, M is a best reply wherever no rival's overage exceeds m.",
    reading="""For every n, alpha > 0, M > max L and claims C_{-j} in [0, M], tie "max": M pays less than the
        boundary claim iff 0 < y* < m and y* S > V m^alpha; if it does, that claim pays more than all others. If
        S <= V m^(alpha - 1), which holds where alpha >= 1 and every rival's v <= m, it does not.""",
    hypotheses=[shared.bounded],
    proof="""(y* + V) w / (S + w) < y* iff V w < y* S, with w = m^alpha. If v <= m for all rivals and alpha >= 1, then
        v^alpha <= v m^(alpha - 1), so S <= V m^(alpha - 1), and y* S <= V y* m^(alpha - 1) <= V m^alpha.""",
    rests_on=["overage.appendix_a_where_the_payoff_drops"],
    expected="proved",
)
def criterion(run: Run) -> Iterator[Evidence]:
    """Any weights by Z3; the engine's payoffs and its closed form of the best replies."""
    import z3

    boundary, room, over, rivals, weight, power = z3.Reals("boundary room others rival_weight weight power")
    top = (boundary + over) * weight / (rivals + weight)
    given = [boundary > 0, boundary < room, over > 0, rivals > 0, power > 0, weight == power * room]
    yield smt.prove(
        z3.And(
            (top < boundary) == (boundary * rivals > over * weight),
            z3.Implies(rivals <= over * power, top >= boundary),  # power = m^(alpha - 1)
        ),
        given=given,
        control=("M always pays as much", top >= boundary),
        range="every number of agents and every alpha > 0 (any weights)",
        complete=True,
        lift=lambda value: shared.lift({"own": value["boundary"], **value}),
    )

    def agrees(instance: Instance) -> bool:
        from mechopt.mechanisms.overage.incentives import best_replies, facing

        over, rivals, _, boundary = others(instance)
        held, bound = instance["entitlement"][0], instance["bound"]
        loses = 0 < boundary < bound - held and boundary * rivals > over * (bound - held) ** instance["alpha"]
        replies = best_replies(facing(instance["entitlement"], instance["claim"], 0, alpha=instance["alpha"]), bound)
        top, peak = shared.engine(instance, bound), shared.engine(instance, min(held + boundary, bound))
        here = shared.engine(instance, instance["claim"][0])
        as_said = loses == (bound not in replies) and (replies.intervals == ((held + boundary,) * 2,) or not loses)
        values = here <= replies.payoff and (here == replies.payoff) == (instance["claim"][0] in replies)
        return bool(as_said and values and (top < peak) == loses and replies.payoff == (peak if loses else top))

    yield exhaustive.check(
        agrees,
        grid=shared.GRID if not run.full else exhaustive.Grid(**{**_parts(shared.GRID), "agents": (1, 2, 3, 4)}),
        control=(
            "M always pays as much as the boundary claim",
            lambda instance: (
                shared.engine(instance, instance["bound"])
                >= shared.engine(instance, min(instance["entitlement"][0] + others(instance)[3], instance["bound"]))
            ),
        ),
        hypotheses=run.hypotheses,
    )


def _parts(grid: exhaustive.Grid) -> dict[str, Any]:
    return {"agents": grid.agents, "each": grid.each, "scalars": grid.scalars}
