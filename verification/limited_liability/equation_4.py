"""Equations (4) and (5): the target regrets, by the length of the vector of positive regrets; its sharp constant."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")
shared = catalog.beside(__file__, "_length")


def agents_given(instance: Instance) -> bool:
    """A whole number of agents, at least 1."""
    return bool(instance["agents"] == int(instance["agents"]) >= 1)


def bounded(run: Run) -> Iterator[Evidence]:
    """The length of the vector of positive regrets."""
    return shared.length(run)


TARGETS = [
    claim(
        paper="chassang2021",
        label=f"Equation ({number})",
        statement=statement,
        reading="""Under (8) and (9), for every n and T, on every path whatever is reported: the regret is at most
            sqrt(C T) y_max with C = n^3 + 1, which is at most the paper's (n + 1)^3.""",
        hypotheses=[books.path_given],
        proof="||R+_{T+1}||^2 <= ||R+_T||^2 + 2 <R+, dR> + ||dR||^2 <= (T + 1) C by (6).",
        rests_on=["limited_liability.equation_6", "limited_liability.beyond_the_paper_the_longest_step"],
        expected="proved",
    )(bounded)
    for number, statement in (
        (4, "(efficient allocation) R^I_T = sum Y_t(I) - Y_t(mu_t) <= o(T)."),
        (5, "(incentive alignment) for all i, R^tau_i,T = sum Y_-i,t(I\\i) - Y_-i,t(mu_t) - tau_i,t(mu_t) <= o(T)."),
    )
]


def corner(agents: int, large: int) -> Any:
    """||dR||^2 where agent 1 has a large regret and the others small ones, at outputs that make the step long."""
    ones, zeros = [1] * agents, [0] * agents
    instance = {
        "efficiency": 0,
        "regrets": [large, *[1] * (agents - 1)],
        "outputs": [zeros, ones, *[zeros] * (agents - 1)],
    }
    return books.squares(*books.step(instance))


@claim(
    paper="chassang2021",
    label="Beyond the paper: the longest step",
    statement="||R_{T+1} - R_T||^2 <= (n^3 + 1) y_max^2, and no smaller constant will do. (The paper: (n + 1)^3.)",
    reading="""For every n >= 1, all regrets and outputs in [0, 1]: the squared length of one step is at most n^3 +
        1; for n = 1 to 5 there are states with more than n^3 + 1 - 1/1000.""",
    hypotheses=[agents_given],
    proof="""Convex in mu, so largest where one group is certain. For I: R^I stays, |dR_i| <= n, in all n^3. For
        I\\k: |dR^I| <= n, |dR_k| <= 1 (no externality), |dR_i| <= n: n^2 + 1 + (n - 1) n^2. It is
        approached where all outputs are 1 if k is left out and 0 else, with R_k large and all in debt.""",
    expected="proved",
)
def longest(run: Run) -> Iterator[Evidence]:
    """Both kinds of corner and convexity by Z3; all corners for one and two agents; the states that come near."""
    import z3

    n, change, rest, alone, paid, chance, first, second = z3.Reals("n change rest alone paid chance first second")
    mix = chance * first + (1 - chance) * second
    yield smt.prove(
        z3.And(
            change * change <= n * n,  # dR_i, any group
            n * n * n <= n * n * n + 1,  # I is certain
            n * n + 1 + (n - 1) * n * n == n * n * n + 1,  # I without k is
            mix * mix <= chance * first * first + (1 - chance) * second * second,
        ),
        given=[
            n >= 1, chance >= 0, chance <= 1, paid >= 0, paid <= 1, rest >= 0, rest <= n - 1, alone >= 0,
            alone <= n - 1, change == alone - rest - paid,
        ],
        control=("(n - 1)^2", change * change <= (n - 1) * (n - 1)),
        range="every number of agents",
        complete=True,
        lift=lambda value: {"agents": 2},
    )  # fmt: skip
    yield exhaustive.check(
        lambda instance: vertices(instance["agents"]) == instance["agents"] ** 3 + 1,
        grid=exhaustive.Grid(scalars={"agents": [1, 2]}),
        control=("n^3", lambda instance: vertices(instance["agents"]) == instance["agents"] ** 3),
        hypotheses=run.hypotheses,
    )
    yield exhaustive.check(
        lambda i: i["agents"] ** 3 + 1 - Fraction(1, 1000) < corner(i["agents"], 10**9) <= i["agents"] ** 3 + 1,
        grid=exhaustive.Grid(scalars={"agents": [1, 2, 3, 4, 5]}),
        control=("n^3 or less", lambda instance: corner(instance["agents"], 10**9) <= instance["agents"] ** 3),
        hypotheses=run.hypotheses,
    )


def vertices(agents: int) -> Any:
    """The longest step over outputs 0 or 1, certain groups, and all payers or none."""
    longest_step = 0
    for outputs in books.rows(agents):
        for group in range(agents + 1):
            shares = [int(place == group) for place in range(agents + 1)]
            caused, lost = books.externalities(shares, outputs), books.loss(shares, outputs)
            changes = [max(x**2, (x - outputs[group][i]) ** 2) for i, x in enumerate(caused)]
            longest_step = max(longest_step, lost**2 + sum(changes))
    return longest_step
