"""Proposition 11: the adjusted AGV mechanism of Appendix B."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

market = catalog.beside(__file__, "_market")

TINY = Fraction(1, 2**30)


def at_worst(instance: Instance, agent: int) -> tuple[Fraction, Fraction, Fraction]:
    """E W(hat_i, .), v_i(hat_i) and E v_i: from E W, rents and areas, hat to within 2^-40."""
    spot = market.Spot.of(instance)
    amount = min(Fraction(instance["holding"][agent]), spot.demand[agent])
    u = spot.worst(agent, amount)[1]
    q, p = market.interim(spot, agent), spot.power[agent]
    hat = spot.low + u
    welfare = spot.welfare() - spot.rent(agent) + market.at(market.integral(q), u)
    density = (*[Fraction(0)] * (p - 1), Fraction(p))
    own = market.at(market.integral(market.times(market.times(q, (spot.low, Fraction(1))), density)), Fraction(1))
    return welfare, welfare - market.at(q, u) * hat + amount * hat, spot.welfare() - own + amount * hat


def condition(instance: Instance, shift: int = 0) -> bool:
    """The two sides of (16) differ by Pi_r, so it says Pi_r >= 0."""
    agents = range(len(instance["demand"]))
    values = [at_worst(instance, i) for i in agents]
    difference = sum(welfare for welfare, _, _ in values) - sum(mean for _, _, mean in values)
    low, high = market.Spot.of(instance).surplus(instance["holding"])
    return bool(low - TINY <= difference + shift <= high + TINY)


@claim(
    paper="liu2020",
    label="Proposition 11",
    part="the condition",
    statement="(16): E sum_i W(hat_i, theta_-i) >= E sum_i v_i(theta_i).",
    reading="For every n, all markets and holdings: (16) holds exactly where Pi_r >= 0, so where the spot market "
    "operates.",
    hypotheses=[market.scarce, market.laws, market.holdings],
    proof="E v_i = E W - E q_i theta_i + min(r_i, k_i) hat_i, and the E q_i theta_i sum to E W.",
    rests_on=["forward_market.equation_11"],
    expected="proved",
)
def means_surplus(run: Run) -> Iterator[Evidence]:
    """The sums by Z3; the exact market."""
    import z3

    agents, welfare, at_hats, values, outside, mean_values = z3.Reals(
        "agents welfare at_hats values outside mean_values"
    )
    surplus = at_hats - (agents - 1) * welfare - outside
    yield smt.prove(
        (at_hats >= mean_values) == (surplus >= 0),
        given=[mean_values == agents * welfare - values + outside, values == welfare, agents >= 2],
        control=("with a strict surplus", (at_hats >= mean_values) == (surplus > 0)),
        range="every number of agents, all markets and holdings: sums over agents",
        complete=True,
        lift=market.example(),
    )
    yield exhaustive.check(
        condition,
        grid=market.markets(),
        control=("one unit of money off", lambda i: condition(i, 1)),
        hypotheses=run.hypotheses,
        range=f"{market.VALUES}; numbers to within 2^-30",
    )


@claim(
    paper="liu2020",
    label="Proposition 11",
    statement="""If (16) holds, the mechanism with payments h_i - v_i - d_i (for agent 1: h_1 - v_1 + sum of the other
        d_j) is ex post efficient, Bayesian incentive compatible, interim individually rational and ex post budget
        balanced.""",
    reading="""For every n, all markets and holdings with (16). At his worst-off type agent i != 1 gets exactly his
        outside option and agent 1 Pi_r more.""",
    hypotheses=[market.scarce, market.laws, market.holdings],
    proof="""v_i counts the others' welfare, so truth maximises E W; h_i and d_i do not depend on the own report. The
        h_i and v_i cancel in sum, so do the d_i. At hat the payoff net of the outside option is E W(hat, .) - E h_i +
        d_i, by Lemma 1 the least over types.""",
    rests_on=["forward_market.lemma_1", "forward_market.proposition_11_the_condition"],
    expected="proved",
)
def adjusted_mechanism(run: Run) -> Iterator[Evidence]:
    """The budget by SymPy for n = 2, ..., 5; incentives and rationality for any n by Z3."""
    import sympy
    import z3

    def budget(case: tuple[int, int]) -> tuple[Any, Any]:
        n, shift = case
        v, d = sympy.symbols(f"v1:{n + 1}", positive=True), sympy.symbols(f"d1:{n + 1}", positive=True)
        h = [(sum(v) - v[i]) / sympy.Integer(n - 1 + shift) for i in range(n)]
        payments = [h[i] - v[i] - d[i] for i in range(1, n)]
        return sum(payments), v[0] - h[0] - sum(d[1:])

    theta, q, others, held, hat, welfare, welfare_hat = z3.Reals("theta q others held hat welfare welfare_hat")
    mean_h, adjust, gain_hat, lie_q, lie_others = z3.Reals("mean_h adjust gain_hat lie_q lie_others")
    sum_hats, sum_values, rest_adjust, rest_hats, rest_h = z3.Reals("sum_hats sum_values rest_adjust rest_hats rest_h")
    truth = theta * q - (mean_h - (others + held * hat) - adjust)  # q theta - E T, v = others + r hat
    lied = theta * lie_q - (mean_h - (lie_others + held * hat) - adjust)
    first = welfare_hat - mean_h - rest_adjust  # agent 1 at his worst-off type, net
    yield smt.prove(
        z3.And(
            lied <= truth,
            z3.Implies(adjust == mean_h - welfare_hat, truth - held * theta >= 0),
            first >= 0,
        ),
        given=[
            welfare == theta * q + others,
            welfare >= theta * lie_q + lie_others,
            welfare - held * theta >= welfare_hat - held * hat,  # Lemma 1
            z3.And(sum_hats >= sum_values, sum_hats == welfare_hat + rest_hats),  # (16)
            z3.And(rest_adjust == rest_h - rest_hats, sum_values == mean_h + rest_h),
            gain_hat == 0,
        ],
        control=("without Lemma 1's bound for agent 1", first >= 1),
        range="every number of agents, all markets: one type of one agent, sums over the others",
        complete=True,
        nontrivial=[theta != hat],
        lift=market.example(),
    )
    yield symbolic.identity(
        budget,
        cases=[(n, 0) for n in (2, 3, 4, 5)],
        control=("h_i averaged over n agents", lambda case: budget((case[0], 1))),
        range="2 to 5 agents: the payments sum to 0",
        complete=False,
        lift=lambda case, value: market.EXAMPLE,
    )


def replay(instance: Instance) -> str | None:
    """By hand: an agent who gets more than he holds even with the lowest type; v counts his outside option at r."""
    demand, low = list(map(Fraction, instance["demand"])), Fraction(instance["low"])
    for agent, held in enumerate(map(Fraction, instance["holding"])):
        share = max(Fraction(0), 1 - sum(demand) + demand[agent])
        if share > held and low > 0:
            return (
                f"agent {agent + 1} holds {held} and gets {share} even with the lowest type {low}, his worst-off type\n"
                f"E W = (the others' value) + {share} {low}, v = (the others' value) + {held} {low}: they differ by "
                f"{(share - held) * low}"
            )
    return None


@claim(
    paper="liu2020",
    label="Appendix B",
    part="v at the worst-off type",
    statement="Note that v_i(hat theta_i) = E W(hat theta_i, theta_-i).",
    reading="For every market with low >= 0 and all holdings.",
    hypotheses=[market.scarce, market.laws, market.holdings],
    replay=replay,
    document=market.document,
    expected="refuted",
    repaired_by="forward_market.appendix_b_corrected",
)
def at_worst_off_type(run: Run) -> Evidence:
    """The exact market."""

    def equal(instance: Instance, more: int = 0) -> bool:
        values = [at_worst(instance, i) for i in range(len(instance["demand"]))]
        return all(abs(welfare - v) - more <= TINY for welfare, v, _ in values)

    return exhaustive.check(
        equal,
        grid=market.markets(),
        control=("by 1 less", lambda i: equal(i, -1)),
        hypotheses=run.hypotheses,
        range=f"{market.VALUES}; numbers to within 2^-30",
    )


@claim(
    paper="liu2020",
    label="Appendix B",
    part="corrected",
    statement="""E W(hat_i, .) - v_i(hat_i) = (q_i(hat_i) - min(r_i, k_i)) hat_i, which is 0 unless r_i < q_i(low) and
        low > 0; Proposition 11 does not need it.""",
    reading="For every market with low >= 0 and all holdings.",
    hypotheses=[market.scarce, market.laws, market.holdings],
    proof="v_i is the others' part of E W plus min(r_i, k_i) hat_i; E W has q_i(hat_i) hat_i instead. Then footnote 7.",
    rests_on=["forward_market.footnote_7_corrected"],
    expected="proved",
)
def corrected(run: Run) -> Iterator[Evidence]:
    """By Z3; the exact market."""
    import z3

    others, q, hat, held, q_low, low = z3.Reals("others q hat held q_low low")
    difference = (others + q * hat) - (others + held * hat)
    yield smt.prove(
        z3.And(
            difference == (q - held) * hat,
            z3.Implies(difference != 0, z3.And(held < q_low, low > 0)),
        ),
        given=[z3.Or(q == held, z3.And(hat == low, q == q_low, q > held)), low >= 0, hat >= low, held >= 0],
        control=("always 0", difference == 0),
        range="every number of agents, all markets: one agent",
        complete=True,
        nontrivial=[difference != 0],
        lift=market.example(),
    )

    def gap(instance: Instance, factor: int = 1) -> bool:
        spot = market.Spot.of(instance)
        for i, r in enumerate(instance["holding"]):
            amount, start = min(Fraction(r), spot.demand[i]), market.at(market.interim(spot, i), Fraction(0))
            welfare, v, _ = at_worst(instance, i)
            if abs(welfare - v - factor * max(Fraction(0), start - amount) * spot.low) > TINY:
                return False
        return True

    yield exhaustive.check(
        gap,
        grid=market.markets(),
        control=("twice that", lambda i: gap(i, 2)),
        hypotheses=run.hypotheses,
        range=f"{market.VALUES}; numbers to within 2^-30",
    )
