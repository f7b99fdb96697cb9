"""Corollary 1, Proposition 5 and Section 5.1: identical agents under aggregate uncertainty."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


def symmetric(instance: Instance) -> bool:
    """n >= 2 agents with the same demand in (0, 1] and the same law F = u^p on [low, low + 1], low >= 0."""
    whole = all(Fraction(instance[name]).denominator == 1 for name in ("agents", "power"))
    return bool(
        whole and instance["agents"] >= 2 and 0 < instance["k"] <= 1 and instance["power"] >= 1 <= 1 + instance["low"]
    )


def surplus(instance: Instance, held: list[Fraction] | None = None) -> tuple[Fraction, Fraction]:
    """Pi at equal holdings (or others) in the state; also without scarcity."""
    n, k = int(instance["agents"]), Fraction(instance["k"])
    spot = market.spot((k,) * n, (int(instance["power"]),) * n, Fraction(instance["low"]))
    if n * k <= 1:  # everybody is served, the supply is no constraint: E W is n k E theta, rents and phi as always
        fixed = n * k * spot.mean(0) - n * spot.rent(0)
        phi = [spot.phi(i, r) for i, r in enumerate(held or [Fraction(1, n)] * n)]
        return fixed + sum(a for a, _ in phi), fixed + sum(b for _, b in phi)
    low, high = spot.surplus(held or [Fraction(1, n)] * n)
    return Fraction(low), Fraction(high)


STATES = [
    {"agents": n, "k": k, "power": p, "low": low}
    for n in (2, 3)
    for k in (Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), Fraction(1))
    for p in (1, 2)
    for low in (0, 1)
]
RANGE = "2 or 3 agents, k in {1/4, 1/3, 1/2, 2/3, 1}, F = u or u^2, low in {0, 1}"


@claim(
    paper="liu2020",
    label="Corollary 1",
    statement="If F_i = F and k_i = k(w), the holdings r* = (1/n, ..., 1/n) permit the spot market to operate in "
    "state w.",
    reading="For every n, k in (0, 1], F and low >= 0, with or without scarcity in the state.",
    hypotheses=[symmetric],
    proof="""By symmetry q_i(hat) = 1/n, so these holdings have a common worst-off type and Proposition 1 applies.
        Without scarcity everybody gets k; then 1/n >= k, every term of (2) cancels and the surplus is 0.""",
    rests_on=["forward_market.proposition_1", "forward_market.proposition_2"],
    expected="proved",
)
def equal_holdings(run: Run) -> Iterator[Evidence]:
    """The share, and (2) without scarcity, by Z3; the surplus of the exact market."""
    import z3

    agents, k, share, types, hats = z3.Reals("agents k share types hats")
    without = (agents - 1) * k * types + k * hats - (agents - 1) * k * types - k * hats  # each W is k times the types
    yield smt.prove(
        z3.And(
            z3.Implies(agents * share == 1, share == 1 / agents),
            z3.Implies(agents * k <= 1, 1 / agents >= k),
            without == 0,
        ),
        given=[agents >= 2, k > 0, k <= 1],
        control=("with scarcity too", 1 / agents >= k),
        range="every number of agents, all k and F: symmetric shares, sums of types",
        complete=True,
        nontrivial=[types > 0, hats > 0, agents == 3, k == Fraction(1, 2)],
        lift=lambda value: {"agents": 3, "k": Fraction(1, 2), "power": 2, "low": 1},
    )
    yield exhaustive.check(
        lambda i: surplus(i)[0] >= -TINY,
        grid=STATES,
        control=("above 1/50", lambda i: surplus(i)[0] >= Fraction(1, 50)),
        hypotheses=run.hypotheses,
        range=RANGE,
    )


TINY = Fraction(1, 2**30)


def replay(instance: Instance) -> str | None:
    """(2) by hand where everybody gets his demand whatever the types."""
    n, k = instance["agents"], Fraction(instance["k"])
    if n * k > 1:
        return None
    types = [Fraction(instance["low"]) + Fraction(i + 1, n + 1) for i in range(n)]
    hat = Fraction(instance["low"])  # everybody expects k = min(1/n, k) with any type
    first = sum(k * (sum(types) - t + hat) for t in types)
    second, third = (n - 1) * k * sum(types), n * k * hat
    if first - second - third > 0:
        return None
    return (
        f"{n} agents want {n * k} of the supply of 1: all are served whatever their types; "
        f"at types {', '.join(map(str, types))} Pi = {first} - {second} - {third} = {first - second - third}, not "
        f"positive"
    )


@claim(
    paper="liu2020",
    label="Section 5.1",
    part="a positive profit in all states",
    statement="Forward markets that result in the holdings r* induce a positive profit in the spot market for "
    "all states.",
    reading="For every n, every state's k in (0, 1] (a state may lack scarcity) and every F: Pi at 1/n is positive.",
    hypotheses=[symmetric],
    replay=replay,
    expected="refuted",
    repaired_by="forward_market.section_5_1_a_positive_profit_in_scarce_states",
)
def positive(run: Run) -> Evidence:
    """The surplus of the exact market."""
    return exhaustive.check(
        lambda i: surplus(i)[0] > TINY,
        grid=STATES,
        control=("above 1/10", lambda i: surplus(i)[0] > Fraction(1, 10)),
        hypotheses=run.hypotheses,
        range=RANGE,
    )


def scarce_state(instance: Instance) -> bool:
    """The state is scarce: n k > 1."""
    return bool(instance["agents"] * instance["k"] > 1)


@claim(
    paper="liu2020",
    label="Section 5.1",
    part="a positive profit in scarce states",
    statement="In every state with n k(w) > 1 the spot market earns a positive expected surplus at equal holdings.",
    reading="For every n, k in (1/n, 1] and F.",
    hypotheses=[symmetric, scarce_state],
    proof="Equal holdings are r* of the state, and Pi is positive there.",
    rests_on=["forward_market.section_4_2_a_positive_surplus_at_r", "forward_market.corollary_1"],
    expected="proved",
)
def positive_if_scarce(run: Run) -> Iterator[Evidence]:
    """The empty level of Proposition 1 by Z3; the exact market."""
    import z3

    agents, k, chance, rest = z3.Reals("agents k chance rest")
    yield smt.prove(
        chance * (agents * k - 1) + rest > 0,
        given=[agents >= 2, k > 0, k <= 1, agents * k > 1, chance > 0, rest >= 0],
        control=("more than the chance", chance * (agents * k - 1) + rest > chance),
        range="every number of agents, all k and F: the empty level against all others",
        complete=True,
        lift=lambda value: {"agents": 3, "k": Fraction(1, 2), "power": 2, "low": 1},
    )
    yield exhaustive.check(
        lambda i: surplus(i)[0] > 0,
        grid=STATES,
        control=("above 1/10", lambda i: surplus(i)[0] > Fraction(1, 10)),
        hypotheses=run.hypotheses,
        range=RANGE,
    )
