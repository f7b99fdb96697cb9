"""Theorem 2 where i and I are positive: another number of dates makes up for the v-bar that grows with k."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim, unchecked
from mechopt.evidence import Evidence, Instance, smt, symbolic


def positive(instance: Instance) -> bool:
    """0 < kappa <= 3/5; T, k, I >= 1; f, epsilon > 0; 0 <= b < 1; 0 <= s <= 1; d, pi-bar >= 0; 0 < v-low <= v-bar."""
    return (
        0 < instance["kappa"] <= Fraction(3, 5)
        and min(instance["agents"], instance["dates"], instance["types"]) >= 1
        and instance["tail"] > 0
        and 0 <= instance["bad"] < 1
        and 0 <= instance["share"] <= 1
        and min(instance["d"], instance["mean"]) >= 0
        and 0 < instance["v_low"] <= instance["v_bar"]
        and instance["epsilon"] > 0
    )


def example(**values: Any) -> Instance:
    """Numbers of a large market, for evidence that only speaks of some of them."""
    return {
        "kappa": Fraction(1, 2), "agents": 1000, "dates": 100, "tail": Fraction(1, 10**16), "bad": Fraction(1, 10),
        "share": Fraction(1, 2), "d": Fraction(1, 3), "mean": 2, "v_low": 1, "v_bar": 3, "types": 5, "epsilon": 1,
        **values,
    }  # fmt: skip


@claim(
    paper="zhu2021",
    label="Theorem 2",
    part="positive rates and kappa at most three fifths",
    statement="""Let Assumption 1 hold with i(d), I(d) > 0 for all d > 0 and kappa <= 3/5. Then Theorem 2 holds, with
        T[k] dates that grow nearly as fast as k in place of k^kappa. (All that is used of f and F is that z^5 f(z)
        and z F(z) tend to 0.)""",
    reading="""For all k, as (2) is printed, with v-bar[k] = k v-bar: there are T[k], d_k -> 0, bounds pi^n - d_k and
        pi^n + d_k, and c[k] -> 0 such that c[k] 1 is believable and the ratio tends to 0 under all reasonable
        strategies. As elsewhere here: one price near pi, and pi_i > 0 for the partly invested types.""",
    hypotheses=[positive],
    rests_on=[
        "linked_vcg.lemma_2_locally_constant",
        "linked_vcg.lemma_5",
        "linked_vcg.section_4_the_retraction",
        "linked_vcg.corollary_2",
        "linked_vcg.lemma_6_bound_in_the_same_money",
        "linked_vcg.theorem_2_property_ii_with_queues_that_fill_evenly",
    ],
    proof="""Fix d and m. (a) kappa <= 3/5 means 3/kappa >= 5, so z^5 f(z) -> 0. Let e_k be the supremum of z^5 f(z) /
        i^5 over z >= i k^(1/2), which tends to 0, h = max(e_k^(1/6), k^(-1/2)) and T = ceil(h k). Then T >= k^(1/2),
        T/k -> 0, and k^3 T^2 f(i T) = (k/T)^3 T^5 f(i T) <= e_k / h^3 <= e_k^(1/2) -> 0. (b) So E = epsilon / (T k
        v-bar) has E^2 >= 4 k f for large k, the smaller root c of c (E - c) = k f is at most 2 k f / E = 2 k^2 T f
        v-bar / epsilon, and tends to 0 (before that, c = 1). By Lemma 5 and the union over agents, some agent violates
        (2) with probability at most k f / (E - c) = c, under every P^ that Assumption 1 allows: c 1 is believable. (c)
        (4) holds for every k, so also for the first j = ceil(l k / m) agents of the k-model: all these averages are
        within d of pi, at all T <= 2 k dates, but with probability at most 2 k m F(I k / m) -> 0. (d) In that event and
        the truth, own reports are T (pi-bar + d) / k -> 0 a head, so that all have Property I with one price (Lemma 2)
        and a share s of them Property II, with each type served at all dates or at none, and s -> 1 as d -> 0 and m
        grows. These get at most T 2 d I each (Corollary 2). Everybody else, and everybody outside the event, whatever
        is reported, gets at most T (pi-bar + d) I: reports are retracted into the bounds, and the bound of Lemma 6
        needs no Property I. So no factor k multiplies b, the probability outside the event, and the ratio is at most
        [(b + 1 - s) (pi-bar + d) I + 2 d I] / ((1 - b) v-low). (e) Let d fall and m grow so slowly with k that all this
        holds along the way.""",
    expected="proved",
)
def dates() -> Iterator[Evidence]:
    """The exponents by SymPy; the root and the sum by Z3."""
    import sympy
    import z3

    k, horizon, tail, kappa = sympy.symbols("agents dates tail kappa", positive=True)

    def sides(case: str, power: int = 3) -> tuple[Any, Any]:
        return {
            "agents and dates": (k**3 * horizon**2 * tail, (k / horizon) ** power * horizon**5 * tail),
            "kappa": (3 / kappa - 5, (3 - 5 * kappa) / kappa),
        }[case]

    yield symbolic.identity(
        sides,
        cases=["agents and dates", "kappa"],
        control=("the square", lambda case: sides(case, 2)),
        range="every k, T, f and kappa",
        complete=False,
        lift=lambda case, value: example(),
    )
    root, gap, chance = z3.Reals("root gap chance")
    yield smt.prove(
        z3.And(root * gap <= 2 * chance, root >= 0),
        given=[gap > 0, chance > 0, root * (gap - root) == chance, 2 * root <= gap],
        control=("half of it", root * gap <= chance),
        range="every E and k f with a smaller root",
        complete=False,
        lift=lambda value: example(),
    )
    bad, share, d, mean, types, low = z3.Reals("bad share d mean types v_low")
    agents, periods, cost, surplus = z3.Reals("agents dates cost surplus")
    paid = share * 2 * d * types + (1 - share) * (mean + d) * types
    yield smt.prove(
        cost * (1 - bad) * low <= surplus * ((bad + 1 - share) * (mean + d) * types + 2 * d * types),
        given=[
            bad >= 0, bad < 1, share >= 0, share <= 1, d >= 0, mean >= 0, types >= 1, low > 0, agents >= 1,
            periods >= 1, cost >= 0, cost <= agents * periods * (paid + bad * (mean + d) * types),
            surplus >= (1 - bad) * agents * periods * low,
        ],
        control=("half of it", 2 * cost * (1 - bad) * low
                 <= surplus * ((bad + 1 - share) * (mean + d) * types + 2 * d * types)),
        range="every k, T, I, event and share",
        complete=True,
        nontrivial=[bad > 0, share > 0, share < 1, d > 0],
        lift=lambda value: example(),
        seconds=60.0,
    )  # fmt: skip


larger_kappa = unchecked(
    paper="zhu2021",
    label="Theorem 2",
    part="positive rates and a larger kappa",
    statement="""Theorem 2 where i(d) > 0 and I(d) > 0 for all d > 0, and kappa > 3/5.""",
    reading="""For every probability that meets Assumption 1 so read: some sequence of linked VCG mechanisms has
        believable c[k] -> 0 and a cost-to-surplus ratio that tends to 0.""",
    reason="""open: z^(3/kappa) f(z) -> 0 then lets f fall so slowly that the maximal inequality makes c believable
        only with T[k] of the order of k or more, where one agent's budget can fill a date alone and Property I is
        lost; neither a proof without it nor a counterexample is known here. With z^5 f(z) -> 0 it holds (Theorem 2,
        positive rates and kappa at most three fifths)""",
)
