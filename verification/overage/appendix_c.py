"""Appendix C: what the bound on claims is for, and what happens where it is below an entitlement."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def positive(instance: Instance) -> bool:
    """L_j > 0 and M > 0; entitlements may exceed M."""
    return min(instance["entitlement"]) > 0 and instance["bound"] > 0


def engine(instance: Instance) -> list[Any]:
    """The engine's payoffs where everybody claims M."""
    from mechopt.mechanisms.overage.incentives import payoffs

    return payoffs(instance["entitlement"], [instance["bound"]] * len(instance["entitlement"]))


def replay(instance: Instance) -> str | None:
    """Everybody claims M, by hand."""
    bound, held = Fraction(instance["bound"]), [Fraction(value) for value in instance["entitlement"]]
    slack, over = sum(e - bound for e in held if e > bound), sum(bound - e for e in held if e < bound)
    part = min(Fraction(1), slack / over) if over else Fraction(0)
    paid = [bound if e >= bound else e + part * (bound - e) for e in held]
    if slack == 0 and paid == held:
        return None
    shown = [", ".join(map(str, column)) for column in (held, paid)]
    return f"everybody claims {bound}, entitlements {shown[0]}\nI = {slack}, not 0; X = {over}; payoffs {shown[1]}"


@claim(
    paper="lengyel2025",
    label="Appendix C",
    part="bound below an entitlement",
    statement='Take M > max_j L_j; if this fails, replace "defection" with "maximal claim" in the statements without '
    "altering the analysis.",
    reading="""Proposition 2 with the words replaced, for every n, L_j > 0 and M > 0: if all make the maximal
        claim, then I = 0 and pi_j = L_j for all j.""",
    hypotheses=[positive],
    replay=replay,
    expected="refuted",
    repaired_by="overage.appendix_c_what_survives_a_small_bound",
)
def small_bound(run: Run) -> Evidence:
    """The engine on a grid."""
    return exhaustive.check(
        lambda instance: engine(instance) == instance["entitlement"],
        grid=exhaustive.Grid(agents=(1, 2), each={"entitlement": [1, 2, 3]}, scalars={"bound": [4, 2, 1]}),
        control=("everybody gets M", lambda instance: engine(instance) == [instance["bound"]] * len(engine(instance))),
        hypotheses=run.hypotheses,
    )


def situation(instance: Instance) -> bool:
    """Two profiles of a coalition: X_K no smaller and I_K no larger in the second; the others' X and I are >= 0."""
    return (
        0 <= instance["overage"] <= instance["overage_then"]
        and instance["slack"] >= instance["slack_then"] >= 0
        and min(instance["others_overage"], instance["others_slack"]) >= 0
    )


def coalition(instance: Instance, *, then: bool) -> Any:
    """The engine's total over entitlements of a coalition of one supplier and one claimant, against two others."""
    from mechopt.mechanisms.overage.coalitions import coalition_payoff

    over, under = (instance[name + "_then" * then] for name in ("overage", "slack"))
    held = [1 + under, 1, 1 + instance["others_slack"], 1]
    return coalition_payoff(held, [1, 1 + over, 1, 1 + instance["others_overage"]], [0, 1]) - held[0] - held[1]


@claim(
    paper="lengyel2025",
    label="Appendix C",
    part="what survives a small bound",
    statement="For every M > 0, also below entitlements: M is a best reply to everything, and (M, ..., M) gives every "
    "coalition the largest total it can have against any claims of the others.",
    reading="""For every n, M > 0, coalition K and all claims of the others, alpha = 1: K's total payoff less sum_K
        L does not fall when its total overage rises and its total slack falls; claiming M makes the one as
        large and the other as small as they can be. So no coalition gains by leaving (M, ..., M): Theorem 5's
        conclusion holds for every M.""",
    hypotheses=[situation],
    proof="""The total is -I_K + X_K min(1, I / X). In X_K its slope is 1 or I X_-K / X^2 (at least 0), in I_K it
        is -1 or -X_-K / X (at most 0), and the two branches meet at X = I.""",
    expected="proved",
)
def survives(run: Run) -> Iterator[Evidence]:
    """Aggregate for every n, K and M; the engine on a grid."""
    import z3

    names = "overage overage_then slack slack_then others_overage others_slack"
    over, over_then, under, under_then, rest, given_up = z3.Reals(names)

    def total(own: Any, slack: Any) -> Any:
        everything, all_slack = own + rest, slack + given_up
        return -slack + z3.If(everything <= all_slack, own, all_slack * own / everything)

    now, then = total(over, under), total(over_then, under_then)
    ranges = [over >= 0, over_then >= over, under_then >= 0, under >= under_then, rest >= 0, given_up >= 0]
    yield smt.prove(
        then >= now,
        given=ranges,
        control=("strictly", z3.Implies(over_then > over, then > now)),
        range="every number of agents, every coalition, every M > 0 (aggregate variables)",
        complete=True,
        nontrivial=[over_then > over, under > under_then, rest > 0, given_up > 0],
    )
    yield exhaustive.check(
        lambda instance: coalition(instance, then=True) >= coalition(instance, then=False),
        grid=exhaustive.Grid(
            scalars={
                "overage": [0, 1],
                "overage_then": [0, 1, 3],
                "slack": [0, 1, 2],
                "slack_then": [0, 1],
                "others_overage": [0, 1, 2],
                "others_slack": [0, 1, 2],
            }
        ),
        control=("never below its entitlements", lambda instance: coalition(instance, then=False) >= 0),
        hypotheses=run.hypotheses,
    )


def contested(instance: Instance) -> bool:
    """The others have both overage and slack; two claims above the entitlement, the second larger."""
    return min(instance["others"], instance["slack"]) > 0 and 0 <= instance["own"] < instance["larger"]


@claim(
    paper="lengyel2025",
    label="Appendix C",
    part="no bound",
    statement="Without bounds, best replies may exist only in the limit (Section 1, referring to Appendix C).",
    reading="""For every n and all claims C_{-j} with V > 0 and I > 0, alpha = 1, C_j unbounded: every claim pays
        less than some larger one, and payoffs come as close to L_j + I as one likes. So no best reply exists.
        (With V = 0 or I = 0 one does.)""",
    hypotheses=[contested],
    proof="L + I y / (V + y) is strictly increasing, below L + I, and tends to it.",
    expected="proved",
)
def no_bound(run: Run) -> Iterator[Evidence]:
    """Strictly increasing, below the supremum, within any distance of it, by Z3; the engine on a grid."""
    import z3

    own, larger, others, slack, close = z3.Reals("own larger others slack close")

    def gain(overage: Any) -> Any:
        return z3.If(overage + others <= slack, overage, slack * overage / (overage + others))

    near = slack + slack * others / close  # from here on the payoff is within `close` of the supremum
    yield smt.prove(
        z3.And(gain(larger) > gain(own), gain(own) < slack, gain(near) > slack - close),
        given=[own >= 0, larger > own, others > 0, slack > 0, close > 0],
        control=("the supremum is attained", gain(near) >= slack),
        range="every number of agents (own overage, the others' overage and slack)",
        complete=True,
        nontrivial=[own > 0],
        lift=lambda value: {name: value[name] for name in ("own", "larger", "others", "slack")},
    )

    def engine(instance: Instance, own: Any) -> Any:
        from mechopt.mechanisms.overage.incentives import own_payoff

        held = [1, 1, 1 + instance["slack"]]
        return own_payoff(held, [0, 1 + instance["others"], 1], 0, 1 + own)

    yield exhaustive.check(
        lambda i: engine(i, i["own"]) < engine(i, i["larger"]) < 1 + i["slack"],
        grid=exhaustive.Grid(
            scalars={"own": [0, 1, 2], "larger": [1, 3, 1000], "others": [0, 1, 2], "slack": [0, 1, 3]}
        ),
        control=("never more than the slack less 1/2", lambda i: engine(i, i["larger"]) < Fraction(1, 2) + i["slack"]),
        hypotheses=run.hypotheses,
    )
