"""Sections 1 and 8: under no conditions is the truth the only equilibrium of the two-stage mechanism."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

pair = catalog.beside(__file__, "_pair")


def other_is_done(instance: Instance) -> bool:
    """The other agent's time is 0: agent 1 gets the same first and second."""
    return bool(instance["time"][1] == 0)


def truth_is_preferred(instance: Instance) -> bool:
    """The condition of Proposition 5, item 2: v_i(t_i) + v_i(t1 + t2) > 0 for both."""
    first, second = pair.payoffs(instance)
    return all(x + y > 0 for x, y in zip(first, second, strict=True))


def other_report(value: Any) -> Fraction:
    """A report in [-1, 1] that is not the true payoff, whatever that is."""
    return Fraction(value) - 1 if value > 0 else Fraction(value) + 1


def replay(instance: Instance) -> str | None:
    """By enumeration: every first-stage deviation of agent 2 on the grid of halves, with agent 1's untrue report."""
    v1, v2 = instance["values"]
    own = pair.by_hats(v1, instance["time"][0])
    told = own - 1 if own > 0 else own + 1
    late = pair.by_hats(v2, instance["time"][0])
    early = pair.by_hats(v2, 0)
    utilities = []
    for share in (Fraction(0), Fraction(1, 2), Fraction(1)):  # what agent 2's reports can lead to
        utilities.append(share * late + (1 - share) * early + told)
    gap = own + late - early - own  # W1 - W2
    here = utilities[2] if gap > 0 else utilities[0] if gap < 0 else utilities[1]
    if told == own or not -1 <= told <= 1 or max(utilities) > here:
        return None
    return (
        f"t2 = 0: agent 1 gets v1({instance['time'][0]}) = {own} in either place, and reports {told}\n"
        f"agent 2 gets {', '.join(map(str, utilities))} (and h) as agent 1's chance to be first is 0, 1/2, 1\n"
        f"at the truth he gets {here}: nothing gains, so this is an untruthful equilibrium"
    )


@claim(
    paper="zheng2023",
    label="Section 1",
    part="conditions for a unique truth",
    statement="""Section 8 presents a framework for analyzing untruthful ex-post Nash equilibria and conditions on
        agents' value functions and types such that the truthful ex-post Nash equilibrium is unique.""",
    reading="""The conditions that Section 8 has are those of Proposition 5. Where item 2 of it holds at v and t,
        there is no equilibrium but the truth, that is no other second-stage report from which nobody deviates. Here
        for t2 = 0. (They are conditions for a preference between two equilibria. None for uniqueness can exist: see
        the repair.)""",
    hypotheses=[pair.functions, other_is_done, truth_is_preferred],
    replay=replay,
    expected="refuted",
    repaired_by="borrowing.section_1_an_untruthful_equilibrium_always_exists",
)
def unique(run: Run) -> Evidence:
    """Profiles of a grid where the other's time is 0."""
    return exhaustive.check(
        lambda i: not stands(i, other_report(pair.at(i["values"][0], i["time"][0]))),
        grid=pair.grid(),
        control=("nobody has 0", lambda i: any(x == 0 for v in i["values"] for x in v)),
        hypotheses=run.hypotheses,
        range=pair.RANGE,
    )


def stands(instance: Instance, told: Any) -> bool:
    """Agent 1's second-stage report is a payoff in [-1, 1], untrue, and nobody gains by a deviation."""
    first, second = pair.payoffs(instance)
    untrue = -1 <= told <= 1 and told != first[0] and first[0] == second[0]
    truth = pair.chance(first, second)
    utility = {q: (sum(pair.worth(q, first, second)), pair.worth(q, first, second)[1] + told) for q in pair.ORDERS}
    return bool(untrue and all(utility[q][i] <= utility[truth][i] for q in pair.ORDERS for i in (0, 1)))


@claim(
    paper="zheng2023",
    label="Section 1",
    part="an untruthful equilibrium always exists",
    statement="For every V the two-stage mechanism has an ex-post Nash equilibrium that is not the truth. (Ours.)",
    reading="""For all V, v, t1, h: truth but for t2 = 0, where agent 1 reports any other number in [-1, 1] than his
        payoff v1(t1), the same first and second: no deviation of either agent gains. (Agent 1 sees agent 2's time
        then; t2 = 0 belongs to the model.)""",
    hypotheses=[pair.functions, other_is_done],
    rests_on=["borrowing.beyond_the_paper_shift_equilibria"],
    proof="A shift by a constant, at these times only: agent 2's transfer does not depend on what he reports there.",
    expected="proved",
)
def exists(run: Run) -> Iterator[Evidence]:
    """Reals by Z3; a grid."""
    import z3

    first, second, given = pair.terms()
    told = z3.Real("told")

    def utility(agent: int, share: Fraction, paid: Any) -> Any:
        worths = pair.worth(share, first, second)
        return worths[agent] + (paid if agent == 1 else worths[1])

    def no_gain(paid: Any) -> Any:
        return z3.And(
            *(
                pair.every(
                    lambda share, i=i: (
                        pair.chosen(first, second, lambda q: utility(i, q, paid)) >= utility(i, share, paid)
                    )
                )
                for i in (0, 1)
            )
        )

    def example(value: dict[str, Any]) -> Instance:
        one, two, late = value["first[0]"], value["first[1]"], value["second[1]"]
        return {"values": [[0, one, 0, 0, 0], [two, late, 0, 0, 0]], "time": [pair.HALF, 0]}

    yield smt.prove(
        z3.And(no_gain(told), z3.Or(first[0] - 1 >= -1, first[0] + 1 <= 1)),
        given=[*given, first[0] == second[0], told >= -1, told <= 1, told != first[0]],
        control=("always one more", z3.And(no_gain(told), first[0] + 1 <= 1)),
        range="all value functions, t1, untrue reports and deviations",
        complete=True,
        lift=example,
    )
    yield exhaustive.check(
        lambda i: stands(i, other_report(pair.at(i["values"][0], i["time"][0]))),
        grid=pair.grid(),
        control=("one more", lambda i: stands(i, pair.at(i["values"][0], i["time"][0]) + 1)),
        hypotheses=run.hypotheses,
        range=pair.RANGE,
    )
