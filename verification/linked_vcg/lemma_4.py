"""Lemma 4: what an efficient ex-post mechanism pays need not be the unlinked transfer plus a constant."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)


def two_reports(instance: Instance) -> bool:
    """R = N = T = 1: q > 0, different needs > 0, two endowments between 0 and upper; all are always run."""
    needs, most = instance["needs"], instance["upper"]
    fine = min(needs) > 0 and len(set(needs)) == len(needs) > 1 and instance["stock"] > 0
    rows = [instance["endowment"], instance["other"]]
    if not (fine and all(len(row) == len(needs) == len(most) for row in rows)):
        return False
    inside = all(0 <= x <= high for row in rows for x, high in zip(row, most, strict=True))
    return inside and bool(sum(x * n for x, n in zip(most, needs, strict=True)) <= instance["stock"])


def replay(instance: Instance) -> str | None:
    """W = 0 with the ordered allocation, and the unlinked transfer at the two endowments, by hand."""
    rows = [instance["endowment"], instance["other"]]
    paid = [shared.fill(instance["stock"], instance["needs"], [row])[1] for row in rows]
    if paid[0] == paid[1]:
        return None
    most = sum(x * n for x, n in zip(instance["upper"], instance["needs"], strict=True))
    return (
        f"at the upper bound his projects need {most} <= q = {instance['stock']}: all are always run, the truth gives "
        "him the payoff of all of them,\nso (uA, W = 0) is efficient and ex-post\n"
        f"uW at {', '.join(map(str, rows[0]))}: {paid[0]}; at {', '.join(map(str, rows[1]))}: {paid[1]}\n"
        f"so W - uW is {-paid[0]} at one and {-paid[1]} at the other, although nobody else is there"
    )


@claim(
    paper="zhu2021",
    label="Lemma 4",
    statement="""If an efficient ex-post (A, W) satisfies A(mu) = uA(mu) for all mu in Omega(T, mu-lower, mu-upper),
        then, for all n, W^n - uW^n depends on mu only up to mu^-n on Omega(T, mu-lower, mu-upper).""",
    reading="""For all markets, here R = N = T = 1 with lower = 0 and W = 0, which is ex-post where all of the
        agent's projects are always run: W - uW is the same at any two of his endowments.""",
    hypotheses=[two_reports],
    replay=replay,
    expected="refuted",
    repaired_by="linked_vcg.lemma_4_bounds",
)
def lemma(run: Run) -> Evidence:
    """Price vertices on small markets."""

    def same(instance: Instance) -> bool:
        market = shared.Market.of(
            {"stock": instance["stock"], "types": instance["needs"], "reports": [[instance["endowment"]]],
             "lower": [[0, 0]], "upper": [instance["upper"]]}
        )  # fmt: skip
        return bool(market.left(0, 0, instance["endowment"]) == market.left(0, 0, instance["other"]))

    return exhaustive.check(
        same,
        grid=exhaustive.Grid(
            scalars={
                "stock": [1, 3],
                "needs": [[1, Fraction(1, 2)], [2, 1]],
                "endowment": [[0, 0], [0, 1], [1, 0]],
                "other": [[0, 0], [0, 1], [0, 2]],
                "upper": [[0, 1], [0, 2], [1, 1]],
            }
        ),
        control=("never", lambda instance: not same(instance)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Lemma 4",
    part="bounds",
    statement="""If an efficient ex-post (A, W) satisfies A = uA, then for any two reports k, l of n (the others
        fixed) D_kl <= beta^(T-1) (W_k - W_l) <= -D_lk with D_kl = sum_t beta^(t-1) [v(A_t(l), k_t) - v(A_t(k),
        k_t)]; uW meets these bounds too, so W - uW varies by at most -D_kl - D_lk.""",
    reading="""For all markets, n, mu^-n, any two reports and every ex-post W, with V_kl = sum_t beta^(t-1)
        v(A_t(l), k_t) and payments in date-1 value.""",
    hypotheses=[two_reports],
    proof="Neither type gains by reporting as the other: V_kk + W_k >= V_kl + W_l and V_ll + W_l >= V_lk + W_k.",
    expected="proved",
)
def bounds(run: Run) -> Iterator[Evidence]:
    """By Z3; W = 0 and uW on small markets."""
    import z3

    kk, kl, ll, lk, w, u, x, y = z3.Reals("V_kk V_kl V_ll V_lk W_k W_l uW_k uW_l")
    gap = (w - x) - (u - y)
    spread = (kk - kl) + (ll - lk)
    yield smt.prove(
        z3.And(kl - kk <= w - u, w - u <= ll - lk, gap <= spread, -gap <= spread),
        given=[kk + w >= kl + u, ll + u >= lk + w, kk + x >= kl + y, ll + y >= lk + x],
        control=("no variation at all", gap == 0),
        range="every market, any two reports of an agent, every ex-post transfer",
        complete=True,
        nontrivial=[w > 0, u > 0, x > 0, y > 0],
        lift=lambda value: {
            **{"stock": 1, "needs": [1, Fraction(1, 2)], "endowment": [0, 1], "other": [0, 0]},
            "upper": [0, 1],
        },
    )

    def within(instance: Instance, factor: int = 1) -> bool:
        rows = [instance["endowment"], instance["other"]]
        served = [shared.fill(instance["stock"], instance["needs"], [row]) for row in rows]
        given = [sum(x * n for x, n in zip(part[0][0], instance["needs"], strict=True)) for part in served]
        types = [[need] for need in instance["needs"]]
        value = [[shared.worth([given[j]], types, rows[k]) for j in range(2)] for k in range(2)]
        spread = value[0][0] - value[0][1] + value[1][1] - value[1][0]
        return bool(factor * abs(served[0][1] - served[1][1]) <= spread)

    half = Fraction(1, 2)
    yield exhaustive.check(
        within,
        grid=exhaustive.Grid(
            scalars={
                **{"stock": [1, 3], "needs": [[1, half], [2, 1]], "endowment": [[0, 0], [0, 1], [1, 0]]},
                **{"other": [[0, half], [0, 1]], "upper": [[0, 1], [1, 1]]},
            }
        ),
        control=("three times as far", lambda instance: within(instance, 3)),
        hypotheses=run.hypotheses,
    )


def own_segment(instance: Instance) -> bool:
    """R = 1: resources A >= 0, different needs > 0, endowments >= 0; 0 <= lambda < lambda' <= 1."""
    needs = instance["needs"]
    fine = min(needs) > 0 and len(set(needs)) == len(needs) > 1 and instance["resources"] > 0
    ends = min(*instance["mu"], *instance["nu"]) >= 0 and 0 <= instance["first"] < instance["second"] <= 1
    return fine and ends and len(instance["mu"]) == len(instance["nu"]) == len(needs)


def at(instance: Instance, place: Any) -> Fraction:
    """v(A, (1 - lambda) mu + lambda nu) for one resource, by hand."""
    left, done = Fraction(instance["resources"]), Fraction(0)
    mixed = [(1 - place) * a + place * b for a, b in zip(instance["mu"], instance["nu"], strict=True)]
    for need, amount in sorted(zip(instance["needs"], mixed, strict=True)):
        used = min(Fraction(amount), left / need)
        left, done = left - used * need, done + used
    return done


def rate(instance: Instance) -> Fraction:
    """The difference quotient of the value between the two places."""
    first, second = instance["first"], instance["second"]
    return (at(instance, second) - at(instance, first)) / Fraction(second - first)


def lemma_3(instance: Instance) -> Any:
    """The bound of Lemma 3 with these resources as the stock."""
    rest = zip(instance["mu"][1:], instance["nu"][1:], strict=True)
    return Fraction(instance["resources"]) / instance["needs"][0] + sum(max(a, b) for a, b in rest)


def replay_rate(instance: Instance) -> str | None:
    """The value along the segment, by hand."""
    stock, needs, places = Fraction(instance["resources"]), instance["needs"], (instance["first"], instance["second"])
    values = []
    for place in places:  # by duality: the least over prices p of p A + sum (1 - p theta_i)^+ mu_i
        mixed = [a + place * (b - a) for a, b in zip(instance["mu"], instance["nu"], strict=True)]
        prices = [Fraction(0), *(1 / Fraction(need) for need in needs)]
        worth = [p * stock + sum(max(1 - p * n, 0) * x for n, x in zip(needs, mixed, strict=True)) for p in prices]
        values.append(min(worth))
    (first, second), (low, high) = places, values
    found = (high - low) / Fraction(second - first)
    bound = stock / needs[0] + sum(map(max, instance["mu"][1:], instance["nu"][1:]))
    if found <= bound:
        return None
    return (
        f"v(A, .) is {low} at lambda = {first} and {high} at {second}: slope {found}\n"
        f"the bound of Lemma 3 is A/theta_1 + sum_(i>1) max(mu_i, nu_i) = {bound} < {found}: Lemma 3 is about players "
        "with plenty of type 1, and the agent has little"
    )


SEGMENTS = exhaustive.Grid(
    scalars={
        "resources": [1, 2],
        "needs": [[1, Fraction(1, 2)], [2, 1]],
        "mu": [[0, 0], [1, 0], [0, 1]],
        "nu": [[0, 1], [10, 0], [4, 2]],
        "first": [0, Fraction(1, 20)],
        "second": [Fraction(1, 10), 1],
    }
)


@claim(
    paper="zhu2021",
    label="Lemma 4",
    part="a step of its proof",
    statement="""Lemma 3 implies V^n(mu^n, lambda) is absolutely continuous with respect to lambda with a partial
        derivative that is uniformly bounded above.""",
    reading="""The bound of Lemma 3 applies to the agent's own value: for all A > 0, mu and nu >= 0 (finite in all
        types), here R = 1, every difference quotient of v(A, (1 - lambda) mu + lambda nu) is at most A/theta_1 +
        sum_(i>1) max(mu_i, nu_i).""",
    hypotheses=[own_segment],
    replay=replay_rate,
    expected="refuted",
    repaired_by="linked_vcg.lemma_4_slope_of_an_agent_s_own_value",
)
def step(run: Run) -> Evidence:
    """Difference quotients by hand."""
    return exhaustive.check(
        lambda instance: rate(instance) <= lemma_3(instance),
        grid=SEGMENTS,
        control=("they are 0", lambda instance: rate(instance) <= 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Lemma 4",
    part="slope of an agent's own value",
    statement="""For all A >= 0 and finite mu, nu, the derivative of v(A, (1 - lambda) mu + lambda nu) in lambda is
        at most sum_i (nu_i - mu_i)^+, and along the reversed segment at least -sum_i (mu_i - nu_i)^+: absolutely
        continuous.""",
    reading="""For all R, I, theta, A, mu, nu >= 0 and lambda < lambda': the difference quotient lies between -sum_i
        (mu_i - nu_i)^+ and sum_i (nu_i - mu_i)^+, all types included. So Milgrom and Segal's theorem applies as far
        as this goes; where the paper goes wrong is that v(A(mu), .) has a kink at the truth.""",
    hypotheses=[own_segment],
    proof="From an efficient investment at one end min(alpha, mu) is an investment at the other.",
    expected="proved",
)
def own_slope(run: Run) -> Iterator[Evidence]:
    """Type by type by Z3; difference quotients by hand."""
    import z3

    amount, mu, nu, first, second, need = z3.Reals("alpha mu nu first second need")

    def place(value: Any) -> Any:
        return (1 - value) * mu + value * nu

    kept = smt.minimum(amount, place(first))
    yield smt.prove(
        z3.And(
            kept >= 0, kept <= place(first), kept * need <= amount * need,
            amount - kept <= (second - first) * smt.positive_part(nu - mu),
        ),
        given=[
            *(value >= 0 for value in (amount, mu, nu, need, first)), amount <= place(second),
            first < second, second <= 1,
        ],
        control=("half of it", amount - kept <= (second - first) * smt.positive_part(nu - mu) / 2),
        range="every number of resources and types (type by type); the lower bound: exchange mu and nu",
        complete=True,
        nontrivial=[amount > 0, nu > mu],
        lift=lambda value: {
            **{"resources": 1, "needs": [1, Fraction(1, 2)], "mu": [value["mu"], 0], "nu": [value["nu"], 1]},
            **{"first": 0, "second": 1},
        },
    )  # fmt: skip

    def within(instance: Instance, factor: Any = 1) -> bool:
        pairs = list(zip(instance["mu"], instance["nu"], strict=True))
        most, least = sum(max(b - a, 0) for a, b in pairs), -sum(max(a - b, 0) for a, b in pairs)
        return bool(least <= rate(instance) <= factor * most)

    yield exhaustive.check(
        within,
        grid=SEGMENTS,
        control=("half of it", lambda instance: within(instance, Fraction(1, 2))),
        hypotheses=run.hypotheses,
    )
