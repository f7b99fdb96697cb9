"""Section 5.1: the spot market's profit in every state."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

states = catalog.beside(__file__, "_states")
forward = catalog.beside(__file__, "_pair")


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
    hypotheses=[states.symmetric],
    replay=replay,
    expected="refuted",
    repaired_by="forward_market.section_5_1_a_positive_profit_in_scarce_states",
)
def positive(run: Run) -> Evidence:
    """The surplus of the exact market."""
    return exhaustive.check(
        lambda i: states.surplus(i)[0] > states.TINY,
        grid=states.STATES,
        control=("above 1/10", lambda i: states.surplus(i)[0] > Fraction(1, 10)),
        hypotheses=run.hypotheses,
        range=states.RANGE,
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
    hypotheses=[states.symmetric, scarce_state],
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
        lambda i: states.surplus(i)[0] > 0,
        grid=states.STATES,
        control=("above 1/10", lambda i: states.surplus(i)[0] > Fraction(1, 10)),
        hypotheses=run.hypotheses,
        range=states.RANGE,
    )
