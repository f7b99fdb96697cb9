"""Theorem 2: the cost-to-surplus ratio of linked VCG with many small agents."""

from collections.abc import Iterator
from fractions import Fraction
from math import isqrt
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)


def known(instance: Instance) -> bool:
    """epsilon, v-bar > 0; i(d) = I(d) = rate >= 0 for all d; f(z) = F(z) = (1 + z)^-10, kappa = 1/2."""
    return instance["epsilon"] > 0 and instance["v_bar"] > 0 and instance["rate"] >= 0


SIZES = (10, 10**3, 10**6, 10**9, 10**12)


def replay(instance: Instance) -> str | None:
    """What Assumption 1 lets everybody know, and an endowment that it allows."""
    epsilon, v_bar = Fraction(instance["epsilon"]), Fraction(instance["v_bar"])
    if instance["rate"] != 0:
        return None
    size = next((k for k in SIZES if k * v_bar >= epsilon), None)
    if size is None:
        return None
    return (
        "f(i(d) T) = F(I(d) k) = f(0) = 1: (3) and (4) demand probabilities of at least 0, so every P is possible\n"
        "take any T, mu-upper, and P with all endowments above T mu-upper for sure: P^n(outside | mu^n|_1) = 1\n"
        f"k = {size}: (2) reads (1 + c) T k v-bar < epsilon, but T k v-bar >= {size * v_bar} >= epsilon = {epsilon}: "
        "violated, whatever c\nso nobody need tell the truth, with probability 1; c 1 is believable only for c = 1: "
        "c[k] does not tend to 0"
    )


@claim(
    paper="zhu2021",
    label="Theorem 2",
    statement="""There exists a sequence of linked VCG mechanisms and conjectures c[k], one for each k-model, such
        that c[k] 1 is believable in the k-model for all k, lim c[k] = 0, and the limit of the largest
        cost-to-surplus ratio over reasonable strategies given c[k] 1 is 0.""",
    reading="""For all epsilon, v-bar > 0 and all i, I, f, F that Assumption 1 allows as printed (weakly increasing
        i, I >= 0, here constant): the chance of leaving that they leave open keeps (2) at s = 1 for large k, so
        that some c < 1 can be believable.""",
    hypotheses=[known],
    replay=replay,
    expected="refuted",
    repaired_by="linked_vcg.theorem_2_positive_rates_and_kappa_at_most_three_fifths",
)
def theorem(run: Run) -> Evidence:
    """What is known where i = I = 0."""

    def believable(instance: Instance) -> bool:
        """Whether (2) holds at s = 1 for large k, with c = 0 and the largest chance of leaving that is allowed."""
        k = SIZES[-1]
        dates = isqrt(k)  # T = k^kappa
        outside = 1 / (1 + Fraction(instance["rate"]) * dates) ** 10
        return bool(outside * dates * k * instance["v_bar"] < instance["epsilon"])

    return exhaustive.check(
        believable,
        grid=exhaustive.Grid(
            scalars={"epsilon": [1, Fraction(1, 10)], "v_bar": [1, 5], "rate": [1, Fraction(1, 2), 0]}
        ),
        control=("never", lambda instance: not believable(instance)),
        hypotheses=run.hypotheses,
    )


def shares(instance: Instance) -> bool:
    """0 <= bad < 1; 0 <= share <= 1 with both properties; d, pi-bar >= 0; 0 < v-low <= v-bar; k, T, I >= 1."""
    return (
        0 <= instance["bad"] < 1
        and 0 <= instance["share"] <= 1
        and min(instance["d"], instance["mean"]) >= 0
        and 0 < instance["v_low"] <= instance["v_bar"]
        and min(instance["agents"], instance["dates"], instance["types"]) >= 1
    )


@claim(
    paper="zhu2021",
    label="Theorem 2",
    part="the ratio for each k",
    statement="""beta = 1, N = k. Let an event of probability at least 1 - b have everybody tell the truth, upper =
        pi^n + d, lower >= pi^n - d, Property I for all, Property II for a share s of the agents with each type
        served at all dates or at none. Then cost / surplus <= [b k v-bar + s 2 d I + (1 - s) (pi-bar + d) I] / ((1
        - b) v-low), with v-low = v(q-bar, mu^0).""",
    reading="""For all k, T, I, b, s, d and pi-bar, by expected values: in the event agents of the share get at most
        T 2 d I together over types (Corollary 2), the others T sum_i upper_i (Lemma 6, beta = 1); outside it each
        gets at most T k v-bar; the surplus is at least T k v-low in the event. So the ratio tends to 0 where b k ->
        0, d -> 0 and s -> 1. That b k -> 0 is possible needs i, I > 0 and z^(3/kappa + 2) f(z) -> 0 (Footnote 3),
        that s -> 1 the condition on queues below.""",
    hypotheses=[shares],
    rests_on=["linked_vcg.corollary_2", "linked_vcg.lemma_6_bound_in_the_same_money", "linked_vcg.section_5_payoffs"],
    proof="Add up and divide by T k.",
    expected="proved",
)
def ratio(run: Run) -> Iterator[Evidence]:
    """The sum by Z3; numbers on a grid."""
    import z3

    bad, share, d, mean, types = z3.Reals("bad share d mean types")
    low, bar, agents, dates, cost, surplus = z3.Reals("v_low v_bar agents dates cost surplus")
    inside = share * agents * dates * 2 * d * types + (1 - share) * agents * dates * (mean + d) * types
    outside = agents * dates * agents * bar
    bound = bad * agents * bar + share * 2 * d * types + (1 - share) * (mean + d) * types
    yield smt.prove(
        cost * (1 - bad) * low <= surplus * bound,
        given=[
            bad >= 0, bad < 1, share >= 0, share <= 1, d >= 0, mean >= 0, types >= 1, low > 0, bar >= low,
            agents >= 1, dates >= 1, cost >= 0, cost <= inside + bad * outside,
            surplus >= (1 - bad) * agents * dates * low,
        ],
        control=("half of it", 2 * cost * (1 - bad) * low <= surplus * bound),
        range="every k, T, I, event and share",
        complete=True,
        nontrivial=[bad > 0, share > 0, share < 1, d > 0],
        lift=lambda value: {
            **{"bad": Fraction(1, 10), "share": Fraction(1, 2), "d": Fraction(1, 3), "mean": 2, "v_low": 1, "v_bar": 3},
            **{"agents": 10, "dates": 4, "types": 5},
        },
        seconds=60.0,
    )  # fmt: skip
    yield limit()


def limit() -> Evidence:
    """Three small terms make a small ratio."""
    import z3

    e, first, d, rest, mean, types, low, bar, bad = z3.Reals("e bad_k d rest mean types v_low v_bar bad")
    return smt.prove(
        first * bar + (1 - rest) * 2 * d * types + rest * (mean + d) * types <= 6 * e * (1 - bad) * low,
        given=[
            e > 0, low > 0, bar > 0, types >= 1, mean >= 0, bad >= 0, 2 * bad <= 1, rest >= 0, rest <= 1, d >= 0,
            first >= 0, first * bar <= e * low, d * types <= e * low / 2, rest * (mean + d) * types <= e * low,
        ],
        control=("a tenth", first * bar + (1 - rest) * 2 * d * types <= e * (1 - bad) * low / 10),
        range="the limit: each of the three terms at most e v-low, b at most 1/2",
        complete=False,
        lift=lambda value: {
            **{"bad": Fraction(1, 10), "share": Fraction(1, 2), "d": Fraction(1, 3), "mean": 2, "v_low": 1, "v_bar": 3},
            **{"agents": 10, "dates": 4, "types": 5},
        },
    )  # fmt: skip


def block(instance: Instance) -> bool:
    """k is a multiple of 4, at least 8."""
    return instance["agents"] == int(instance["agents"]) >= 8 and instance["agents"] % 4 == 0


def endowments(agents: int) -> list[list[Fraction]]:
    """Type-2 endowments by date, agent by agent: the middle half has none at date 1 and more later."""
    rows = []
    for n in range(1, agents + 1):
        middle = agents // 4 < n <= 3 * agents // 4
        first = Fraction(0) if middle else Fraction(2) - (Fraction(2, agents) if n > 3 * agents // 4 else 0)
        rows.append([first, *[Fraction(4 if middle else 2, 3)] * 3])
    return rows


def unsteady(agents: int) -> int:
    """How many agents are served in part at date 1 at some report within their budget (and in full at a small one)."""
    rows, stock, found = endowments(agents), Fraction(agents, 4), 0
    upper = 1 + Fraction(1, 2 * agents)
    for n in range(agents):
        ahead = sum((row[0] for row in rows[n + 1 :]), Fraction(0))
        reached = max(stock / Fraction(1, 2) - ahead, Fraction(0))  # alpha_2 = q / theta_2, less what is ahead
        found += 0 < reached < 4 * upper
    return found


def replay_block(instance: Instance) -> str | None:
    """Averages, the amount invested in, and the queue at date 1."""
    agents = int(instance["agents"])
    quarter, d = agents // 4, Fraction(1, 2 * agents)
    early, late = [Fraction(2, 3)] * 3, [Fraction(4, 3)] * 3
    rows = [[Fraction(2), *early] for _ in range(quarter)]
    rows += [[Fraction(0), *late] for _ in range(2 * quarter)]
    rows += [[2 - Fraction(2, agents), *early] for _ in range(quarter)]
    if any(abs(sum(row, Fraction(0)) / 4 - 1) > d for row in rows):
        return None
    if any(abs(sum((row[t] for row in rows), Fraction(0)) / agents - 1) > d for t in range(4)):
        return None
    top, bad = Fraction(0), 0  # what those ahead have at date 1, the last agent first; alpha_2 = (k/4) / (1/2)
    for row in reversed(rows):
        bad += top < Fraction(agents, 2) < top + 4 * (1 + d)
        top += row[0]
    if 4 * bad < agents:
        return None
    top = quarter * rows[-1][0]
    return (
        f"R = 1, theta = (3, 1/2), q = k/4, T = 4, pi = 1: everybody's averages, and each date's, are within {d} of 1\n"
        f"date 1: alpha_2 = q/(1/2) = {agents // 2}; the {agents // 4} agents served first have {top}, the next "
        f"{agents // 2} have none, so each of these finds {Fraction(agents, 2) - top} left\n"
        "any of them is served entirely at a report of 1/2, in part at his bound of T upper > 4: Property II fails\n"
        f"{bad} of {agents} agents fail it, at least half of them for every k, and d = 1/(2 k) tends to 0"
    )


@claim(
    paper="zhu2021",
    label="Theorem 2",
    part="a step of its proof: N*[k]",
    statement="""Let N*[k] be a lower bound on the number of agents n <= k for whom Property II. is satisfied across
        all mu in Omega*[k]. A similar argument implies N*[k] can be chosen so that lim N*[k]/k = 1.""",
    reading="""For every multiple k of 4 from 8 on: more than 3/4 of the agents satisfy Property II at every mu
        whose averages over dates (each agent's) and over agents (each date's) lie within 1/(2k) of pi. Asked of one
        mu for each k.""",
    hypotheses=[block],
    replay=replay_block,
    expected="refuted",
    repaired_by="linked_vcg.theorem_2_property_ii_with_queues_that_fill_evenly",
)
def step(run: Run) -> Evidence:
    """A block of agents without projects at date 1, whose place in the queue is where service ends."""
    return exhaustive.check(
        lambda instance: 4 * unsteady(int(instance["agents"])) < instance["agents"],
        grid=exhaustive.Grid(scalars={"agents": [8, 12, 40, 200]}),
        control=("nobody fails it", lambda instance: unsteady(int(instance["agents"])) == 0),
        hypotheses=run.hypotheses,
    )


def window(instance: Instance) -> bool:
    """Per head: pi > 0, d, report and move >= 0, m >= 1 breakpoints."""
    return instance["mean"] > 0 and min(instance["d"], instance["report"], instance["move"]) >= 0 and instance["m"] >= 1


@claim(
    paper="zhu2021",
    label="Theorem 2",
    part="Property II with queues that fill evenly",
    statement="""Let Omega*[k] also demand that at each date the averages of the agents above each of m evenly
        spaced indices are within d of what pi says. Then the share of agents who fail Property II at any date, or
        whose projects of a type are served at one date and not at another, is at most R [(2 d + 2 move + report) /
        pi_i + 2 / m], with pi_i the least of the partly invested types: as report, move, d -> 0 and m -> infinity,
        N*[k]/k -> 1.""",
    reading="""For all k and a partly invested type with pi_i > 0, per head: y the share of agents ahead of n, S(y)
        their projects with pi (y - 1/m) - d <= S <= pi (y + 1/m) + d at each date; alpha within move of its limit;
        own reports at most `report`. An agent is unsettled where at some date and report not all is served (alpha <
        S + x), and at some date, this or another, something (S < alpha). Two such agents have y at most (2 d + 2
        move + report) / pi + 2 / m apart. (4) for prefixes costs m k^kappa F(I(d) k / m), which still vanishes.""",
    hypotheses=[window],
    proof="""S is at least alpha - move - report at the one date and at most alpha + move at the other, and S pins y to
        within d / pi + 1 / m at either.""",
    expected="proved",
)
def windows() -> Evidence:
    """By Z3."""
    import z3

    mean, d, report, move, step, alpha = z3.Reals("mean d report move step alpha")
    one, two = z3.Reals("y_1 y_2")
    left_out, served = z3.Reals("S_1 S_2"), z3.Reals("S_1_then S_2_then")

    def near(y: Any, not_all: Any, some: Any) -> list[Any]:
        even = [z3.And(mean * (y - step) - d <= s, s <= mean * (y + step) + d) for s in (not_all, some)]
        return [*even, alpha - move - report <= not_all, some <= alpha + move]

    apart = (2 * d + 2 * move + report) + 2 * step * mean
    return smt.prove(
        mean * (one - two) <= apart,
        given=[
            mean > 0, d >= 0, report >= 0, move >= 0, step > 0, alpha > 0,
            *near(one, left_out[0], served[0]), *near(two, left_out[1], served[1]),
        ],
        control=("half of it", 2 * mean * (one - two) <= apart),
        range="every k, m, pair of dates and partly invested type (two unsettled agents)",
        complete=True,
        nontrivial=[one > two, d > 0, report > 0, left_out[0] != served[0]],
        lift=lambda value: {
            "mean": value["mean"], "d": value["d"], "report": value["report"], "move": value["move"], "m": 4,
        },
    )  # fmt: skip
