"""Equations (A.3) to (A.6): the four regrets of Appendix A.1 on every path."""

from collections.abc import Callable, Iterator
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_bounded")


def always(limits: Callable[[int, dict[str, list[Any]]], bool]) -> Callable[[Instance], bool]:
    """Whether limits(n, regrets) holds after every period of a path."""

    def holds(instance: Instance) -> bool:
        return all(limits(len(state["a"]), state) for state in books.play(instance["path"]))

    return holds


def paths(run: Run, limits: Callable[..., bool], text: str, control: Callable[..., bool]) -> Evidence:
    """Bounds on all paths of a grid."""
    return exhaustive.check(
        always(limits), grid=books.Paths(4, 250), control=(text, always(control)), hypotheses=run.hypotheses
    )


def below(name: str) -> Callable[[Run], Iterator[Evidence]]:
    """Evidence for (A.3) and (A.4)."""

    def gather(run: Run) -> Iterator[Evidence]:
        import z3

        regret, output, value, weight = z3.Reals("regret output value weight")
        yield smt.prove(
            regret + output - weight * value >= -1,
            given=[
                regret >= -1, output >= 0, output <= 1, value >= 0, value <= 1,
                weight == z3.If(regret >= 0, 1, 0),
            ],
            control=("with weight 1 in any case", regret + output - value >= -1),
            range="every number of agents and periods, induction (periods of the other kind leave it as it is)",
            complete=True,
            lift=lambda value: books.PATH,
        )  # fmt: skip
        yield paths(run, lambda n, s: min(s[name]) >= -1, "at least 0", lambda n, s: min(s[name]) >= 0)

    return gather


def regret_a(run: Run) -> Iterator[Evidence]:
    """The induction by Z3, and paths."""
    return below("a")(run)


def regret_b(run: Run) -> Iterator[Evidence]:
    """The induction by Z3, and paths."""
    return below("b")(run)


BELOW = [
    claim(
        paper="chassang2021",
        label=f"Equation (A.{number})",
        statement=f"R^{letter}_i,T >= o(T).",
        reading="With -o(T) meant by o(T): for every n and T, on every path, whatever is reported: at least -y_max.",
        hypotheses=[books.path_given],
        proof="It falls only from 0 or more, by at most y_max; below 0 the weight is 0 and it rises by the output.",
        expected="proved",
    )(gather)
    for number, letter, gather in ((3, "A", regret_a), (4, "B", regret_b))
]


@claim(
    paper="chassang2021",
    label="Equation (A.5)",
    statement="R^v_i,T = o(T).",
    reading="For every n and T, on every path, whatever is reported: between -y_max and (n - 1) y_max.",
    hypotheses=[books.path_given],
    proof="""Up to 0 nothing is due and the externality is in [0, n - 1]; above 0 the change is at most 0 and at
        least -1.""",
    expected="proved",
)
def value_regret(run: Run) -> Iterator[Evidence]:
    """The induction by Z3, from the optimality of both decisions; paths."""
    import z3

    regret, n, others, alone, own, own_alone, due = z3.Reals("regret n others alone own own_alone due")
    after = regret + (alone - others) - due * own
    yield smt.prove(
        z3.And(after >= -1, after <= n - 1),
        given=[
            n >= 1, regret >= -1, regret <= n - 1, others >= 0, alone <= n - 1, own >= 0, own <= 1, own_alone >= 0,
            alone >= others,  # a*(I without i)
            others + own >= alone + own_alone,  # a*(I), own values times the weight
            due == z3.If(regret > 0, 1, 0),
        ],
        control=("without payments", regret + (alone - others) <= n - 1),
        range="every number of agents, decisions and periods, induction",
        complete=True,
        lift=lambda value: books.PATH,
    )  # fmt: skip
    yield paths(
        run,
        lambda n, s: min(s["value"]) >= -1 and max(s["value"]) <= n - 1,
        "at least 0",
        lambda n, s: min(s["value"]) >= 0,
    )


@claim(
    paper="chassang2021",
    label="Equation (A.6)",
    statement="R^tau_i,T <= o(T).",
    reading="""For every n and T, on every path, whatever is reported: R^tau = R^v - R^A <= n y_max. (The proof
        prints R^v for R^tau on the left.)""",
    hypotheses=[books.path_given],
    proof="ext - delta y = (ext - delta lambda v) - delta (y - lambda v); then (A.3) and (A.5).",
    rests_on=["limited_liability.equation_a_3", "limited_liability.equation_a_5"],
    expected="proved",
)
def incentive(run: Run) -> Iterator[Evidence]:
    """By Z3; paths."""
    import z3

    caused, due, output, stated, value, a, n, regret = z3.Reals("caused due output stated value a n regret")
    yield smt.prove(
        z3.And(
            caused - due * output == (caused - due * stated) - due * (output - stated),
            z3.Implies(regret == value - a, regret <= n),
        ),
        given=[n >= 1, value <= n - 1, a >= -1, due >= 0, due <= 1],
        control=("at most n - 1", z3.Implies(regret == value - a, regret <= n - 1)),
        range="every number of agents and periods",
        complete=True,
        lift=lambda value: books.PATH,
    )

    def consistent(n: int, state: dict[str, list[Any]]) -> bool:
        return all(t == v - a for t, v, a in zip(state["incentive"], state["value"], state["a"], strict=True)) and (
            max(state["incentive"]) <= n
        )

    yield paths(run, consistent, "at most 0", lambda n, s: max(s["incentive"]) <= 0)
