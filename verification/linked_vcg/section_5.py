"""Section 5: bounds on values and payoffs that the definition of a reasonable strategy uses."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)
ONE = {
    **{"stock": [3], "types": [[2], [1]], "discount": 1, "agent": 1},
    **{"reports": [[[0, 1]]], "lower": [[0, 0]], "upper": [[0, 2]]},
}


def largest(market: Any) -> Fraction:
    """A bound on v(q-bar, infinite): prices at which every type costs at least 1."""
    price = [max(1 / needs[r] for needs in market.types if needs[r] > 0) for r in range(len(market.stock))]
    return sum((p * q for p, q in zip(price, market.stock, strict=True)), Fraction(0))


@claim(
    paper="zhu2021",
    label="Section 5",
    part="v-bar is finite",
    statement="Let v-bar denote the finite value v(q-bar, infinite 1).",
    reading="""For all R, I, q and theta >= 0, theta_i != 0: with p_r = 1 / min{theta_i(r) > 0}, every investment
        has payoff at most p.q, whatever the supply.""",
    hypotheses=[shared.in_bounds],
    proof="""Every type uses some resource r, so p.theta_i >= p_r theta_i(r) >= 1, and sum alpha <= sum (p.theta_i)
        alpha_i <= p.q.""",
    expected="proved",
)
def finite(run: Run) -> Iterator[Evidence]:
    """Type by type by Z3; the largest value by a program on small markets."""
    import z3

    amount, cost, need, least, rest = z3.Reals("alpha cost need least rest")
    yield smt.prove(
        amount <= cost * amount,
        given=[amount >= 0, need > 0, least > 0, least <= need, rest >= 0, cost == need / least + rest],
        control=("strictly", amount < cost * amount),
        range="every number of resources and types (type by type), every supply",
        complete=True,
        nontrivial=[amount > 0, rest > 0],
        lift=lambda value: ONE,
    )

    def below(instance: Instance, factor: Any = 1) -> bool:
        market = shared.Market.of(instance)
        return bool(shared.worth(market.stock, market.types, [None] * len(market.types)) <= factor * largest(market))

    yield exhaustive.check(
        below,
        grid=shared.markets(False),
        control=("a tenth of it", lambda instance: below(instance, Fraction(1, 10))),
        hypotheses=run.hypotheses,
        range="one and two resources, with plenty of every type",
    )


@claim(
    paper="zhu2021",
    label="Section 5",
    part="payoffs",
    statement="""uU^n(sigma(mu)) in [0, T v-bar] for all (sigma, mu). lU^n(sigma(mu)) is uU^n at the retracted
        reports less something nonnegative, so it lies in [0, T v-bar] too.""",
    reading="""For all markets, n, true endowments and reports of everybody, inside the bounds or not, payoffs in
        date-1 value: 0 <= uU^n <= T v-bar, and lU^n is uU^n at the retracted reports less something nonnegative.""",
    hypotheses=[shared.in_bounds, shared.is_generic],
    rests_on=["linked_vcg.section_5_v_bar_is_finite"],
    proof="""At a date his projects on A^n and the others' reported ones on the rest are an investment: worth at most
        v-bar; and beta^(t-1) <= 1.""",
    expected="proved",
)
def payoffs(run: Run) -> Iterator[Evidence]:
    """One date by Z3; every corner report of small markets against v-bar."""
    import z3

    own, left, bound, discount, least = z3.Reals("own left v_bar discount least")
    yield smt.prove(
        z3.And(
            discount * (own + left) >= 0,
            discount * (own + left) <= bound,
            discount * (own + left) - least <= discount * (own + left),
            discount * (own + left) - least >= 0,
        ),
        given=[
            own >= 0,
            left >= 0,
            own + left <= bound,
            discount > 0,
            discount <= 1,
            least >= 0,
            least <= discount * left,
        ],
        control=("half of it", discount * (own + left) <= bound / 2),
        range="every market (date by date; T of them add up to T v-bar)",
        complete=True,
        nontrivial=[own > 0, left > 0, discount < 1, least > 0],
        lift=lambda value: ONE,
    )

    def bounded(instance: Instance, factor: Any = 1) -> bool:
        market, n = shared.Market.of(instance), instance["agent"] - 1
        v_bar = shared.worth(market.stock, market.types, [None] * len(market.types))
        total = Fraction(0)
        for t, truth in enumerate(market.reports[n]):
            report = list(market.corners(n))[-1]
            served = market.at(n, t, report)[1]
            given = [sum(x * k[r] for x, k in zip(served, market.types, strict=True)) for r in range(len(market.stock))]
            total += market.beta**t * (shared.worth(given, market.types, truth) + market.left(n, t, report))
        return bool(0 <= total <= factor * market.dates * v_bar)

    yield exhaustive.check(
        bounded,
        grid=shared.markets(run.full),
        control=("a quarter of it", lambda instance: bounded(instance, Fraction(1, 4))),
        hypotheses=run.hypotheses,
        range="small markets, the agent reporting all he can at every date",
    )


def single(instance: Instance) -> bool:
    """R = N = T = 1, lower = 0: q > 0, different needs > 0, an endowment within upper, any report."""
    needs, own, most, report = (instance[name] for name in ("needs", "endowment", "upper", "report"))
    sizes = len(needs) == len(own) == len(most) == len(report) > 1
    fine = sizes and min(needs) > 0 and len(set(needs)) == len(needs) and instance["stock"] > 0 and min(report) >= 0
    return fine and all(0 <= x <= high for x, high in zip(own, most, strict=True))


def produced(instance: Instance, report: Any) -> tuple[Fraction, Fraction]:
    """His own payoff on what the report is allocated, and the principal's, by hand."""
    needs = instance["needs"]
    served, plain = shared.fill(instance["stock"], needs, [report])
    left, done = sum(x * n for x, n in zip(served[0], needs, strict=True)), Fraction(0)
    for need, x in sorted(zip(needs, instance["endowment"], strict=True)):
        used = min(Fraction(x), left / need)
        left, done = left - used * need, done + used
    return done, Fraction(plain)


def both(instance: Instance) -> tuple[Fraction, Fraction]:
    """lU and uU at the report; the least that can be left to the principal is left at the upper bound (R = 1)."""
    kept = [min(x, high) for x, high in zip(instance["report"], instance["upper"], strict=True)]
    linked = sum(produced(instance, kept)) - produced(instance, instance["upper"])[1]
    return Fraction(linked), Fraction(sum(produced(instance, instance["report"])))


def replay_payoffs(instance: Instance) -> str | None:
    """Both payoffs at the report, by hand."""
    linked, unlinked = both(instance)
    if linked <= unlinked:
        return None
    kept = [min(x, high) for x, high in zip(instance["report"], instance["upper"], strict=True)]
    own, plain = produced(instance, instance["report"])
    mine, hers = produced(instance, kept)
    return (
        f"unlinked, at the report {', '.join(map(str, instance['report']))}: own {own}, transfer {plain}: {unlinked}\n"
        f"linked, the report is retracted to {', '.join(map(str, kept))}: own {mine}, transfer {hers} - "
        f"{produced(instance, instance['upper'])[1]} (the least, at the upper bound): {linked}, which is more"
    )


@claim(
    paper="zhu2021",
    label="Section 5",
    part="linked payoffs are below unlinked ones",
    statement="lU^n(sigma(mu)) <= uU^n(sigma(mu)) for all (sigma, mu).",
    reading="""For all markets, here R = N = T = 1 with lower = 0, and all reports, inside the bounds or not.
        (Outside, the linked mechanism takes the retracted report, the unlinked one the report itself.)""",
    hypotheses=[single],
    replay=replay_payoffs,
    expected="refuted",
    repaired_by="linked_vcg.section_5_payoffs",
)
def below(run: Run) -> Evidence:
    """Reports beyond the bounds, by price vertices."""

    def smaller(instance: Instance) -> bool:
        market = shared.Market.of(
            {"stock": instance["stock"], "types": instance["needs"], "reports": [[instance["endowment"]]],
             "lower": [[0] * len(instance["needs"])], "upper": [instance["upper"]]}
        )  # fmt: skip

        def payoff(report: Any) -> Any:
            served = market.at(0, 0, report)[1]
            given = sum(x * n[0] for x, n in zip(served, market.types, strict=True))
            return shared.worth([given], market.types, instance["endowment"]) + market.left(0, 0, report)

        kept = [min(x, high) for x, high in zip(instance["report"], instance["upper"], strict=True)]
        least = min(market.left(0, 0, corner) for corner in market.corners(0))
        return bool(payoff(kept) - least <= payoff(instance["report"]))

    return exhaustive.check(
        smaller,
        grid=exhaustive.Grid(
            scalars={
                "stock": [1, 2],
                "needs": [[2, 1, Fraction(1, 2)], [1, 2, Fraction(1, 4)]],
                "endowment": [[0, 0, 0], [0, 1, 0]],
                "upper": [[0, 1, 0], [1, 1, 0]],
                "report": [[0, 1, 0], [0, 0, 9]],
            }
        ),
        control=("never", lambda instance: not smaller(instance)),
        hypotheses=run.hypotheses,
    )


def beliefs(instance: Instance) -> bool:
    """beta^(s-1) in (0, 1], T v-bar and epsilon > 0, chances P^n and c in [0, 1]."""
    chances = 0 <= instance["outside"] <= 1 and 0 <= instance["c"] <= 1
    return chances and 0 < instance["discount"] <= 1 and min(instance["total"], instance["epsilon"]) > 0


@claim(
    paper="zhu2021",
    label="Section 5",
    part="the truth is within epsilon",
    statement="""Suppose (2) is satisfied. Since lU^n <= uU^n in [0, T v-bar], agent n believes employing the
        truth-telling strategy is within epsilon of the payoff he would receive if he could make the ex-post optimal
        report.""",
    reading="""For all s, beta, T, v-bar, epsilon, c and P^n with (2) at s, and every distribution: where the others
        tell the truth and n is in his interval the truth is optimal; elsewhere, with probability at most P^n + c,
        no report gains more than T v-bar in date-1 value. So the expected gain, in date-s value, is less than
        epsilon.""",
    hypotheses=[beliefs],
    rests_on=["linked_vcg.section_5_payoffs", "linked_vcg.theorem_1_efficient_ex_post"],
    proof="Expected gain in date-1 value <= (P^n + c) T v-bar; date-s value is beta^(1-s) times that.",
    expected="proved",
)
def within_epsilon(run: Run) -> Iterator[Evidence]:
    """By Z3; a grid."""
    import z3

    chance, outside, c, total, discount, epsilon, gain = z3.Reals("chance outside c total discount epsilon gain")
    yield smt.prove(
        chance * gain < epsilon * discount,
        given=[
            chance >= 0, chance <= outside + c, outside >= 0, c >= 0, total > 0, discount > 0, discount <= 1,
            gain >= 0, gain <= total, (outside + c) * total < epsilon * discount,
        ],
        control=("half of epsilon", 2 * chance * gain < epsilon * discount),
        range="every s, beta, T, v-bar, epsilon, c and distribution",
        complete=True,
        nontrivial=[chance > 0, gain > 0, discount < 1],
        lift=lambda value: {
            "discount": value["discount"], "total": value["total"], "epsilon": value["epsilon"],
            "outside": min(value["outside"], 1), "c": min(value["c"], 1),
        },
        seconds=60.0,
    )  # fmt: skip

    def believed(instance: Instance, share: int = 1) -> bool:
        worst = (Fraction(instance["outside"]) + instance["c"]) * instance["total"]
        allowed = instance["epsilon"] * Fraction(instance["discount"])
        return not worst < allowed or share * min(worst, Fraction(instance["total"])) < allowed

    yield exhaustive.check(
        believed,
        grid=exhaustive.Grid(
            scalars={
                **{"discount": [1, Fraction(1, 2)], "total": [1, 4], "epsilon": [1, 3]},
                **{"outside": [0, Fraction(1, 4)], "c": [0, Fraction(1, 8), Fraction(1, 2)]},
            }
        ),
        control=("a quarter of epsilon", lambda instance: believed(instance, 4)),
        hypotheses=run.hypotheses,
    )
