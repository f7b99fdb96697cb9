"""Corollary 3: with constant values, reporting 1 throughout is an equilibrium - where 1 can be reported."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")
STATEMENT = """If agents' value functions are constant, then reporting truthful times and value functions v_i(t) = 1 for
    all t and i in the first stage and both agents reporting a payoff utility of 1 in the second stage is an ex-post
    Nash equilibrium in the direct mechanism."""


def constants(instance: Instance) -> bool:
    """V is a set of constant functions with values in [-1, 1]; the agents' are in it."""
    possible = instance["possible"]
    return all(-1 <= c <= 1 for c in possible) and all(c in possible for c in instance["constant"])


def has_one(instance: Instance) -> bool:
    """The function 1 is in V."""
    return 1 in instance["possible"]


def replay(instance: Instance) -> str | None:
    """The report that the profile needs is looked up in V."""
    if any(Fraction(c) == 1 for c in instance["possible"]):
        return None
    return f"V = {{{', '.join(map(str, instance['possible']))}}} has no function 1: v_i^r = 1 is no report (v_i^r in V)"


def equilibrium(instance: Instance, paid: int = 1) -> bool:
    """The profile can be reported, and no reported function or second-stage report of one agent gains (h = 0)."""
    if 1 not in instance["possible"]:
        return False
    for agent, own in enumerate(instance["constant"]):
        for lie in instance["possible"]:
            told = [lie if i == agent else 1 for i in (0, 1)]
            share = pair.chance(told, told)
            utility = sum(pair.worth(share, instance["constant"], instance["constant"])[agent : agent + 1]) + paid
            if utility > own + 1 or share != pair.HALF:
                return False
    return True


GRID = [
    {"possible": possible, "constant": [a, b]}
    for possible in ([0, Fraction(1, 2)], [Fraction(1, 2)], [-1, 1], [1, 0, Fraction(1, 2)], [1])
    for a in possible
    for b in possible
]


@claim(
    paper="zheng2023",
    label="Corollary 3",
    part="as printed",
    statement=STATEMENT,
    reading="""For every finite V of constant functions and all of their values. Definition 4 takes reports in V, so
        the function 1 has to be in it.""",
    hypotheses=[constants],
    replay=replay,
    expected="refuted",
    repaired_by="borrowing.corollary_3_where_1_is_in_v",
)
def printed(run: Run) -> Evidence:
    """Small sets of constants."""
    return exhaustive.check(
        equilibrium,
        grid=GRID,
        control=("somebody is never 1", lambda i: 1 not in i["constant"]),
        hypotheses=run.hypotheses,
        range="V of one to three constants",
    )


@claim(
    paper="zheng2023",
    label="Corollary 3",
    part="where 1 is in V",
    statement=STATEMENT + " (Ours: if every function in V is constant, and 1 is one of them.)",
    reading="""For every V of constants with 1 in it, all values c_i, times and h: no deviation of one agent gains.
        With a function in V that is not constant it can fail, as Definition 6 is for all v in V.""",
    hypotheses=[constants, has_one],
    proof="Every allocation is worth c_i to agent i, and he is paid 1 + h whatever he reports.",
    expected="proved",
)
def repaired(run: Run) -> Iterator[Evidence]:
    """By Z3; small sets of constants."""
    import z3

    own, h, reported = z3.Reals("own constant reported")

    def utility(share: Fraction) -> Any:
        return share * own + (1 - share) * own + 1 + h

    def example(value: dict[str, Any]) -> Instance:
        return {"possible": [1, value["own"]], "constant": [value["own"], 1]}

    yield smt.prove(
        pair.every(lambda q: pair.every(lambda r: utility(q) >= utility(r))),
        given=[own >= -1, own <= 1, reported >= -1, reported <= 1],
        control=("he is paid what he reports", pair.every(lambda q: utility(q) >= utility(q) - 1 + reported + own)),
        range="all constants, times, constants h and deviations",
        complete=True,
        lift=example,
    )
    yield exhaustive.check(
        equilibrium,
        grid=GRID,
        control=("paid 2", lambda i: equilibrium(i, 2)),
        hypotheses=run.hypotheses,
        range="V of one to three constants",
    )


def constant_values(instance: Instance) -> bool:
    """Two constants in [-1, 1]."""
    return len(instance["constant"]) == 2 and all(-1 <= c <= 1 for c in instance["constant"])


def replay_proof(instance: Instance) -> str | None:
    """Proposition 4's formula at constants."""
    reports = [-Fraction(c) for c in instance["constant"]]
    if all(report == 1 for report in reports):
        return None
    values, told = (", ".join(map(str, numbers)) for numbers in (instance["constant"], reports))
    return f"with v = {values} the reports of Proposition 4 are {told}, not 1"


@claim(
    paper="zheng2023",
    label="Corollary 3",
    part="its proof",
    statement="Proof. This is simply a variation of proposition 4.",
    reading="""For all constants c_i: the second-stage reports of Proposition 4 are those of Corollary 3, namely 1.
        (Both are shifts of the truth, by -2c_i and by 1 - c_i.)""",
    hypotheses=[constant_values],
    replay=replay_proof,
    expected="refuted",
    repaired_by="borrowing.beyond_the_paper_shift_equilibria",
)
def variation(run: Run) -> Evidence:
    """Constants on a grid."""
    return exhaustive.check(
        lambda i: all(-c == 1 for c in i["constant"]),
        grid=exhaustive.Grid(agents=(2,), each={"constant": [0, Fraction(1, 2), -1]}),
        control=("-c is 0", lambda i: all(-c == 0 for c in i["constant"])),
        hypotheses=run.hypotheses,
    )
