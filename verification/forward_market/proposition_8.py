"""Proposition 8: an agent who becomes stronger holds no less, with two groups and beyond."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")


def two_groups(instance: Instance) -> bool:
    """n agents with n k_2 > 1, m < n of them strong; groups have demands in (0, 1], F = u^p, k_1 > k_2, p_1 > p_2."""
    strong, weak = instance["strong"], instance["weak"]
    sizes = 2 <= instance["agents"] <= 6 and 0 <= instance["m"] < instance["agents"]
    whole = all(Fraction(v).denominator == 1 for v in (instance["agents"], instance["m"], strong[1], weak[1]))
    ordered = 1 >= strong[0] > weak[0] > 0 and strong[1] > weak[1] >= 1
    return bool(len(strong) == len(weak) == 2 and sizes and whole and ordered and instance["agents"] * weak[0] > 1)


def star(instance: Instance, strong: int, group: str) -> tuple[Fraction, Fraction]:
    """r* of a group with so many strong agents."""
    kinds = [instance["strong"]] * strong + [instance["weak"]] * (int(instance["agents"]) - strong)
    spot = market.spot(tuple(Fraction(k) for k, _ in kinds), tuple(int(p) for _, p in kinds), Fraction(0))
    low, high = spot.star()[0 if group == "strong" else -1]
    return Fraction(low), Fraction(high)


GROUPS = [
    {"agents": n, "m": m, "strong": [k, p], "weak": [w, 1]}
    for n in (2, 3)
    for m in range(n)
    for k, w in ((Fraction(1), Fraction(2, 3)), (Fraction(3, 4), Fraction(3, 5)))
    for p in (2, 3)
]
RANGE = "2 or 3 agents, all m, two pairs of demands, F = u^2 or u^3 against u"


@claim(
    paper="liu2020",
    label="Proposition 8",
    statement="With two strength-ordered groups, r_G1*(m + 1) >= r_G2*(m) for any m in {0, ..., n - 1}.",
    reading="For every n with n k_2 > 1 (scarcity for every m), all such groups.",
    hypotheses=[two_groups],
    proof="One agent changes from (F_2, k_2) to the stronger (F_1, k_1): the claim beyond two groups applies.",
    rests_on=["forward_market.beyond_the_paper_own_strength"],
    expected="proved",
)
def changing_groups(run: Run) -> Iterator[Evidence]:
    """The printed route by Z3, with Proposition 7 in each composition; r* of the exact market."""
    import z3

    agents, count, strong, weak, strong_next, weak_next = z3.Reals("agents count strong weak strong_next weak_next")
    yield smt.prove(
        strong_next >= weak,
        given=[
            z3.And(agents >= 2, count >= 0, count + 1 <= agents),
            count * strong + (agents - count) * weak == 1,
            (count + 1) * strong_next + (agents - count - 1) * weak_next == 1,
            z3.And(strong >= weak, strong_next >= weak_next),
        ],
        control=("strictly", strong_next > weak),
        range="every number of agents, all groups: holdings in both compositions",
        complete=True,
        nontrivial=[count >= 1, strong > weak],
        lift=lambda value: GROUPS[-1],
    )
    yield exhaustive.check(
        lambda i: star(i, i["m"] + 1, "strong")[1] >= star(i, i["m"], "weak")[0],
        grid=GROUPS,
        control=("the other way round", lambda i: star(i, i["m"] + 1, "strong")[0] <= star(i, i["m"], "weak")[1]),
        hypotheses=run.hypotheses,
        range=RANGE,
    )


def mixed(instance: Instance) -> bool:
    """Both groups have members: 1 <= m."""
    return bool(instance["m"] >= 1)


def replay(instance: Instance) -> str | None:
    """Two agents, by hand at two types: q_1 = 1 - k_2 + (k_1 + k_2 - 1) F_2(u), likewise q_2; sum 1 in between."""
    if instance["agents"] != 2 or instance["m"] != 1:
        return None
    (k1, p1), (k2, p2) = (tuple(map(Fraction, instance[name])) for name in ("strong", "weak"))
    b = k1 + k2 - 1
    low, high = Fraction(0), Fraction(1)
    for _ in range(30):
        u = (low + high) / 2
        low, high = (u, high) if u ** int(p1) + u ** int(p2) < 1 else (low, u)  # b (F_1 + F_2) = b, the sum is 1
    strong_least, weak_most = 1 - k2 + b * low ** int(p2), 1 - k1 + b * high ** int(p1)
    if strong_least <= weak_most:
        return None
    near = [float(round(x, 6)) for x in (strong_least, weak_most)]
    return (
        f"k = ({k1}, {k2}), F = (u^{p1}, u^{p2}): hat is between {float(low):.9f} and {float(high):.9f}\n"
        f"the strong agent holds at least {near[0]}, the weak one at most {near[1]}: r_G2* > r_G1* is false"
    )


@claim(
    paper="liu2020",
    label="Proposition 8",
    part="a step of its proof: the weak hold more",
    statement="r_G2*(m) > r_G1*(m) for all m >= 1.",
    reading="For all strength-ordered groups with 1 <= m < n. (The printed proof also writes r_G1*(0) for r_G2*(0).)",
    hypotheses=[two_groups, mixed],
    replay=replay,
    expected="refuted",
    repaired_by="forward_market.corollary_3",
)
def reversed_order(run: Run) -> Evidence:
    """r* of the exact market."""
    return exhaustive.check(
        lambda i: star(i, i["m"], "weak")[1] > star(i, i["m"], "strong")[0],
        grid=GROUPS,
        control=("twice as much", lambda i: star(i, i["m"], "weak")[1] > 2 * star(i, i["m"], "strong")[0]),
        hypotheses=run.hypotheses,
        range=RANGE,
    )


def stronger(instance: Instance) -> bool:
    """Agent 1 gets a demand in [k_1, 1] and a whole power of at least p_1."""
    k, p = instance["better"]
    return bool(instance["demand"][0] <= k <= 1 and p >= instance["power"][0] and Fraction(p).denominator == 1)


def improved(instance: Instance, worse: bool = False) -> bool:
    """r_1* does not fall."""
    before = market.Spot.of(instance)
    k, p = instance["better"]
    after = market.spot((Fraction(k), *before.demand[1:]), (int(p), *before.power[1:]), before.low)
    if worse:
        return bool(after.star()[0][0] <= before.star()[0][1])
    return bool(after.star()[0][1] >= before.star()[0][0])


@claim(
    paper="liu2020",
    label="Beyond the paper: own strength",
    statement="If one agent's law or demand improves, his r_i* does not fall, whatever the groups of all other agents.",
    reading="""For every n and all markets: F_i falls at every type and k_i rises. Section 5.2 says that beyond two
        groups this depends on distributions, demands and groups; it does not.""",
    hypotheses=[market.scarce, market.laws, stronger],
    proof="""At each type the others' q_j fall and q_i does not. If hat rises, q_i(hat) rises too; if it falls, the
        others' q_j fall twice, and r_i* is what they leave.""",
    rests_on=["forward_market.proposition_2"],
    expected="proved",
)
def own_strength(run: Run) -> Iterator[Evidence]:
    """Shares against one set of the others, and the two cases of hat, by Z3; r_1* of the exact market."""
    import z3

    k, better, below, below_better, left, other = z3.Reals("k better below below_better left other")
    own, own_new, own_moved, rest, rest_new, rest_moved = z3.Reals("own own_new own_moved rest rest_new rest_moved")

    def others(demand: Any, chance: Any) -> Any:
        with_him = smt.minimum(other, smt.positive_part(left - demand))
        return chance * smt.minimum(other, smt.positive_part(left)) + (1 - chance) * with_him

    shares = z3.And(
        others(better, below_better) <= others(k, below),
        smt.minimum(better, smt.positive_part(left)) >= smt.minimum(k, smt.positive_part(left)),
    )
    risen = z3.And(own_moved >= own_new, own_new >= own)
    fallen = z3.And(rest_moved <= rest_new, rest_new <= rest)
    yield smt.prove(
        z3.And(shares, own_moved >= own),
        given=[
            z3.And(k > 0, better >= k, better <= 1, other > 0, other <= 1, left <= 1),
            z3.And(below_better >= 0, below >= below_better, below <= 1),
            z3.And(own + rest == 1, own_moved + rest_moved == 1, z3.Or(risen, fallen)),
        ],
        control=("the others keep theirs", others(better, below_better) == others(k, below)),
        range="every number of agents, all markets: any set of the others, the others' shares as a sum",
        complete=True,
        nontrivial=[left > 0, better > k],
        lift=lambda value: {**market.EXAMPLE, "better": [1, 2]},
    )
    yield exhaustive.check(
        improved,
        grid=[
            {**one, "better": [k, p]} for one in market.markets(held=False) for k in (Fraction(1, 2), 1) for p in (2, 3)
        ],
        control=("it does not rise either", lambda i: improved(i, True)),
        hypotheses=run.hypotheses,
        range=f"better demand in {{1/2, 1}}, better power in {{2, 3}}: {market.VALUES}",
    )
