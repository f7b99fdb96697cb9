"""Proposition 3 and Section 5: reported outputs. The target regrets hold, the equilibrium does not."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")
attack = catalog.beside(__file__, "_attack")
HALF, THIRD = Fraction(1, 2), Fraction(1, 3)


def long_horizon(instance: Instance) -> bool:
    """n >= 1 agents, epsilon > 0, and N periods with epsilon sqrt(N) >= 2 sqrt(n^3 + 1) + n (y_max = 1)."""
    whole = all(instance[name] == int(instance[name]) >= 1 for name in ("agents", "periods"))
    return whole and instance["epsilon"] > 0 and bool(books.long_enough(instance, 2, instance["agents"]))


def epsilon_given(instance: Instance) -> bool:
    """epsilon > 0."""
    return bool(instance["epsilon"] > 0)


@claim(
    paper="chassang2021",
    label="Section 5",
    part="what draw-dependent reports earn",
    statement="""Two agents, one resource, y = v, v_1 < v_2: agent 1 gets at least v_1 (1 - v_2) - v_1 (9/N)^(1/4) a
        period by reports that depend on the draw, and at most 3/sqrt(N) by the truth.""",
    reading="""For all 0 < v_1 < v_2 < 1 and N >= 1 (y_max = 1) in the mechanism of Section 5, agent 2 truthful:
        agent 1 states the value 1, reports output 0 where it was served and 1 where it was not. It never
        pays.""",
    hypotheses=[attack.two_values],
    proof="""With q = mu(I\\1): E dR^I = q (q - v_2), since Y(I) - Y(mu) is -v_2 q with probability 1 - q and (1
        - v_2) q with probability q. By (13) the sum of it is at most 3 sqrt(N), so with Q = E sum q, Q^2 <=
        N E sum q^2 <= N (v_2 Q + 3 sqrt(N)), hence Q <= v_2 N + 3^(1/2) N^(3/4). The payoff is v_1 (N - Q).
        Under truth it is the sum of Y(mu) - Y_2(I\\1) <= v_2 - v_2 plus R_1 <= 3 sqrt(N).""",
    rests_on=["limited_liability.equation_12", "limited_liability.equation_13"],
    expected="proved",
)
def earns(run: Run) -> Iterator[Evidence]:
    """The drift and the inequality by Z3, with N = 9 m^4; the tree of all histories for few periods."""
    import z3

    out, first, second, quarter, total, squared, drift = z3.Reals("q v1 v2 m Q S drift")
    values = lambda value: {"values": [value["v1"], value["v2"]]}  # noqa: E731
    inside = [first > 0, second > first, second < 1]
    yield smt.prove(
        (1 - out) * (-out * second) + out * (out * (1 - second)) == out * (out - second),
        given=[*inside, out >= 0, out <= 1],
        control=("reports that do not depend on the draw", (1 - out) * (-out * second) == out * (out - second)),
        range="the drift of R^I, every mu",
        complete=False,
        lift=values,
    )
    periods = 9 * quarter * quarter * quarter * quarter
    yield smt.prove(
        total * quarter <= (second * quarter + 1) * periods,
        given=[
            *inside, quarter > 0, total >= 0, total * total <= periods * squared, squared - second * total == drift,
            drift <= 9 * quarter * quarter,
        ],
        control=("without the second term", total <= second * periods),
        range="every N (= 9 m^4), 3 sqrt(N) = 9 m^2, 3^(1/2) N^(3/4) = N/m",
        complete=True,
        lift=values,
    )  # fmt: skip

    earned, honest, regret, taken, others = z3.Reals("earned honest R_1 taken others")
    yield smt.prove(
        z3.And(
            earned * quarter >= first * periods * ((1 - second) * quarter - 1),
            honest <= 9 * quarter * quarter,
            (earned - honest) * quarter * quarter
            >= periods * (first * (1 - second) * quarter * quarter - first * quarter - 1),
        ),
        given=[
            *inside, quarter > 0, total * quarter <= (second * quarter + 1) * periods,
            earned == first * (periods - total),
            honest == taken - others + regret, taken <= second * periods, others == second * periods,
            regret <= 9 * quarter * quarter,
        ],
        control=("a gain of v_1 (1 - v_2)", earned - honest >= periods * first * (1 - second)),
        range="payoffs of the attack and of the truth, every N (= 9 m^4)",
        complete=False,
        lift=values,
    )  # fmt: skip

    def drifts(instance: Instance, sealed: bool = False) -> bool:
        values, sums, served_mass = instance["values"], [Fraction(0)] * 5, [Fraction(0)] * 5
        for chance, period, efficiency, own, q, _, extra, _ in attack.tree(values, 5, sealed=sealed):
            if books.squares(books.positive(efficiency), [books.positive(r) for r in own]) > 9 * period:
                return False
            sums[period] += chance * extra
            served_mass[period] += chance * q * (q - values[1])
        return sums == served_mass

    yield exhaustive.check(
        drifts,
        grid=exhaustive.Grid(scalars={"values": [[THIRD, HALF], [Fraction(2, 5), Fraction(3, 5)]]}),
        control=("reports fixed before the draw", lambda instance: drifts(instance, True)),
        hypotheses=run.hypotheses,
        range="all histories of 5 periods at two pairs of values",
    )


def replay(instance: Instance) -> str | None:
    """By hand: the two regrets that matter, the drift in every history of 4 periods, and the horizon."""
    first, second = map(Fraction, instance["values"])
    epsilon = Fraction(instance["epsilon"])
    limit = first * (1 - second)
    if limit <= epsilon:
        return None
    states = [(Fraction(1), Fraction(0), Fraction(0), Fraction(0))]  # chance, R^I, R_1, R_2
    served, lines = Fraction(0), []
    for period in range(4):
        following = []
        for chance, efficiency, mine, other in states:
            weight = sum(max(regret, Fraction(0)) for regret in (efficiency, mine, other))
            q = max(mine, Fraction(0)) / weight if weight else Fraction(0)
            drift = Fraction(0)
            for probability, report in ((1 - q, Fraction(0)), (q, Fraction(1))):
                # Y(I) = Y(I without 2) = report, Y(I without 1) = v_2: expectations over mu
                change = q * (report - second)
                credited = (1 - q) * report if mine > 0 else 0
                paid_2 = q * second if other > 0 else 0
                moved = (efficiency + change, mine + second * (1 - q) - credited, other + q * report - paid_2)
                drift += probability * change
                if probability:
                    following.append((chance * probability, *moved))
            if drift != q * (q - second):
                return None
            served += chance * (1 - q)
        states = following
        lines.append(f"period {period + 1}: served with probability {float(served) / (period + 1):.3f} on average")
    quarter = 1
    while limit - first / quarter - Fraction(1, quarter**2) <= epsilon:
        quarter *= 2
    return "\n".join(
        [
            f"v = ({first}, {second}); agent 1 states 1, reports 0 if served and 1 if not, and never pays",
            *lines,
            f"R^I drifts by q (q - {second}) and stays below 3 sqrt(N): so q averages at most {second} + (9/N)^(1/4)",
            f"payoff a period at least {first} (1 - {second} - (9/N)^(1/4)), under truth at most 3/sqrt(N)",
            f"from N = {9 * quarter**4} on the gain exceeds {epsilon}; it tends to at least {limit}",
        ]
    )


@claim(
    paper="chassang2021",
    label="Proposition 3",
    statement="""For all epsilon > 0, there exists N_0 such that for all N > N_0, truthful revelation m_i,t = (v_i,t,
        y_i,t-1) is an epsilon-Nash equilibrium of Gamma.""",
    reading="""As printed: y_{t-1} is reported after a_{t-1} is known. At n = 2, one resource, y = v and any 0 <
        v_1 < v_2 < 1: for every epsilon > 0 the truth is within epsilon of the best reply for all long
        horizons. An instance counts as failed where the gain exceeds epsilon for every N from some N on.""",
    hypotheses=[attack.two_values, epsilon_given],
    replay=replay,
    rests_on=["limited_liability.section_5_what_draw_dependent_reports_earn"],
    expected="refuted",
    repaired_by="limited_liability.proposition_3_reports_independent_of_the_draw",
)
def printed(run: Run) -> Evidence:
    """Values and epsilons of a grid."""
    return exhaustive.check(
        lambda instance: attack.horizon(instance["values"], instance["epsilon"]) is None,
        grid=exhaustive.Grid(
            scalars={"values": [[THIRD, HALF], [Fraction(49, 100), HALF]], "epsilon": [Fraction(1, 4), Fraction(1, 7)]}
        ),
        control=("for no epsilon", lambda i: attack.horizon(i["values"], i["epsilon"]) is not None),
        hypotheses=run.hypotheses,
    )


def replay_consistent(instance: Instance) -> str | None:
    """The same drift, with R^I a running maximum, which is at least the sum."""
    first, second = map(Fraction, instance["values"])
    epsilon, limit = Fraction(instance["epsilon"]), first * (1 - second)
    if limit <= epsilon or any(
        (1 - q) * q * (0 - second) + q * q * (1 - second) != q * (q - second)
        for q in (Fraction(k, 7) for k in range(8))
    ):
        return None
    quarter = 1
    while limit - first / quarter - Fraction(4, 3 * quarter**2) <= epsilon:
        quarter *= 2
    return (
        f"v = ({first}, {second}); agent 1 states 1, reports 0 if served and 1 if not, and never pays\n"
        f"R^I is at least the sum of Y(I) - Y(mu), which drifts by q (q - {second}), and at most 3 sqrt(N)\n"
        f"payoff a period at least {first} (1 - {second} - (9/N)^(1/4)); under truth at most 4/sqrt(N),\n"
        f"by R_1 <= 3 sqrt(N) and R_2,1 <= sqrt(N)\n"
        f"from N = {9 * quarter**4} on the gain exceeds {epsilon}; it tends to at least {limit}"
    )


@claim(
    paper="chassang2021",
    label="Section 6",
    part="the adjustment of Section 5",
    statement="We assume that y_t is observed by the principal. The adjustment of Section 5 continues to apply.",
    reading="""The mechanism of Section 6 on reported outputs, as for Proposition 3: for every epsilon > 0 the truth is
        within epsilon of the best reply for all long horizons.""",
    hypotheses=[attack.two_values, epsilon_given],
    replay=replay_consistent,
    rests_on=["limited_liability.section_5_what_draw_dependent_reports_earn"],
    expected="refuted",
    repaired_by="limited_liability.proposition_3_reports_independent_of_the_draw",
)
def adjustment(run: Run) -> Evidence:
    """Values and epsilons of a grid."""
    factor = Fraction(4, 3)
    return exhaustive.check(
        lambda instance: attack.horizon(instance["values"], instance["epsilon"], factor) is None,
        grid=exhaustive.Grid(scalars={"values": [[THIRD, HALF]], "epsilon": [Fraction(1, 4), Fraction(1, 7)]}),
        control=("for no epsilon", lambda i: attack.horizon(i["values"], i["epsilon"], factor) is not None),
        hypotheses=run.hypotheses,
    )


def credited(values: Any, *, sealed: bool) -> bool:
    """Whether in every history of 4 periods agent 1 expects to pay what it is credited for."""
    sums: dict[Any, list[Any]] = {}
    for chance, period, efficiency, own, _, served, _, _ in attack.tree(values, 4, sealed=sealed):
        outputs = attack.reported(values, served, sealed=sealed)
        shares = books.lottery(efficiency, own)
        entry = sums.setdefault((period, efficiency, *own), [Fraction(0), Fraction(0)])
        entry[0] += chance * books.payments(own, shares, outputs)[0]
        entry[1] += chance * (outputs[0][0] if served and own[0] > 0 else 0)
    return all(expected == paid for expected, paid in sums.values())


@claim(
    paper="chassang2021",
    label="Proposition 3",
    part="reports independent of the draw",
    statement="""Where outputs are reported independently of the draw given history (sealed before it, say) and what is
        reported can be paid, truth is an epsilon-Nash equilibrium for all long horizons.""",
    reading="""For every n, epsilon > 0 and N >= ((2 sqrt(n^3 + 1) + n) y_max / epsilon)^2: no strategy of one
        agent with such reports gains more than epsilon a period over the truth.""",
    hypotheses=[long_horizon],
    proof="""Given history the expected payment is then sum_G mu(G) tau(G), with which the regret is charged; the
        rest is the proof of Proposition 2, with true outputs of i and the reported payments.""",
    rests_on=["limited_liability.equation_12", "limited_liability.equation_13", "limited_liability.equation_10"],
    expected="proved",
)
def repaired(run: Run) -> Iterator[Evidence]:
    """Both sides added up by Z3; the expected payments in a tree."""
    import z3

    names = "pivot own paid charged rest owed truth lost credit n c root epsilon"
    pivot, own, paid, charged, rest, owed, truth, lost, credit, n, c, root, epsilon = z3.Reals(names)
    yield smt.prove(
        (own - paid) - truth <= epsilon * root * root,
        given=[
            n >= 1, c >= 0, c * c == n * n * n + 1, root > 0, epsilon > 0, epsilon * root >= 2 * c + n,
            paid == charged, owed == rest - charged,  # rest is Y_-i(I\i) - Y_-i(mu)
            own - rest <= pivot, owed <= c * root,
            truth == pivot - lost + credit, lost <= c * root, credit >= -n * root,
        ],
        control=("a third of it", (own - paid) - truth <= epsilon * root * root / 3),
        range="every n, N and epsilon (N = root^2)",
        complete=True,
        lift=lambda value: {"agents": 2, "periods": 25_600, "epsilon": Fraction(1, 20)},
    )  # fmt: skip
    yield exhaustive.check(
        lambda instance: credited(VALUES[instance["agents"] % 2], sealed=True),
        grid=[{"agents": 2, "periods": 25_600, "epsilon": Fraction(1, 20)}],
        control=("reports that depend on the draw", lambda instance: credited(VALUES[0], sealed=False)),
        hypotheses=run.hypotheses,
        range="all histories of 4 periods with two agents and one resource",
    )


VALUES = [[THIRD, HALF], [Fraction(2, 5), Fraction(3, 5)]]
