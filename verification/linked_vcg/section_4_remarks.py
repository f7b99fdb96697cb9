"""Section 4: remarks on what linking saves, and on the order of service."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__)
HALF = Fraction(1, 2)


def single(instance: Instance) -> bool:
    """R = N = T = 1, lower = 0: q > 0, different needs > 0, 0 <= endowment <= upper."""
    needs, own, most = instance["needs"], instance["endowment"], instance["upper"]
    sizes = len(needs) == len(own) == len(most) > 1
    fine = sizes and min(needs) > 0 and len(set(needs)) == len(needs) and instance["stock"] > 0
    return fine and all(0 <= x <= high for x, high in zip(own, most, strict=True))


def principal_first(instance: Instance, report: Any) -> Fraction:
    """What the principal gets if she is served before the agent: type 1 is hers alone then, she has plenty of it."""
    return Fraction(shared.fill(instance["stock"], instance["needs"], [[0, *report[1:]]])[1])


def agent_first(instance: Instance, report: Any) -> Fraction:
    """What the principal gets if the agent is served before her."""
    return Fraction(shared.fill(instance["stock"], instance["needs"], [report])[1])


def corners(instance: Instance) -> list[Any]:
    """For R = 1 the others get least at the largest report; all corners are tried all the same."""
    found: list[list[Any]] = [[]]
    for high in instance["upper"]:
        found = [[*row, x] for row in found for x in (0, high)]
    return found


def costs(instance: Instance) -> tuple[Fraction, Fraction]:
    """Linked transfers with the ordered allocation and with the principal first."""
    own = instance["endowment"]
    return tuple(
        left(instance, own) - min(left(instance, report) for report in corners(instance))
        for left in (agent_first, principal_first)
    )  # type: ignore[return-value]  # two of them


def replay_order(instance: Instance) -> str | None:
    """Both mechanisms by hand at two reports."""
    first, *others = map(Fraction, instance["needs"])
    gets = []
    for report in (instance["endowment"], instance["upper"]):
        better = sum((x * need for x, need in zip(report[1:], others, strict=True) if need < first), Fraction(0))
        # What better types leave of the stock, to the agent's type 1 and then to her, or to her alone.
        gets.append([max(instance["stock"] - better - taken, 0) / first for taken in (report[0] * first, 0)])
    (last, last_then), (plain, plain_then) = zip(*gets, strict=True)
    pays, other = last - last_then, plain - plain_then
    if pays <= other:
        return None
    return (
        f"ord-A (agent, then principal): she gets {last} at the truth and {last_then} at the report "
        f"{', '.join(map(str, instance['upper']))}: the agent is paid at least {pays}\n"
        f"p-ord-A (principal, then agent): she gets {plain} and {plain_then}, which is her least: the agent is paid "
        f"{other}"
    )


ORDERS = exhaustive.Grid(
    scalars={
        "stock": [1, 2, 10],
        "needs": [[1, HALF], [2, 1]],
        "endowment": [[0, 0], [1, 0]],
        "upper": [[1, 0], [1, 1], [0, 1]],
    }
)


@claim(
    paper="zhu2021",
    label="Section 4",
    part="ord-A is weakly cheaper than p-ord-A",
    statement="""The linked VCG mechanism with ord-A is weakly cheaper than the linked VCG mechanism with p-ord-A.""",
    reading="""For all markets, here R = N = T = 1 with lower = 0, and all endowments: the linked transfer with
        ord-A is at most the linked transfer with p-ord-A, which serves the principal first.""",
    hypotheses=[single],
    replay=replay_order,
    expected="refuted",
    repaired_by="linked_vcg.section_4_ord_a_and_p_ord_a_are_not_ordered",
)
def cheaper(run: Run) -> Evidence:
    """Both transfers over all corners."""
    return exhaustive.check(
        lambda instance: costs(instance)[0] <= costs(instance)[1],
        grid=ORDERS,
        control=("strictly", lambda instance: costs(instance)[0] < costs(instance)[1]),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Section 4",
    part="ord-A and p-ord-A are not ordered",
    statement="""In general, linked VCG mechanisms with different efficient allocations cannot be completely ordered
        based on cheapness; ord-A and p-ord-A cannot.""",
    reading="""There are a market and endowment where ord-A costs more (q = 10, theta = (1, 1/2), upper (1, 0),
        report 0: 1 against 0) and one where p-ord-A costs more (q = 1, the agent has 1 project of type 1, upper (1,
        1), report (1, 0): 0 against 1/2 and more), R = N = T = 1.""",
    hypotheses=[single],
    proof="""With plenty of stock a type-1 project of the agent displaces the principal's where he is served first,
        and nothing where she is. Where his type-1 projects take all of the stock, she gets nothing if served last,
        and is displaced by his type 2 if served first.""",
    expected="proved",
)
def not_ordered(run: Run) -> Iterator[Evidence]:
    """The two markets, every corner report."""

    def apart(instance: Instance, factor: int = 1) -> bool:
        one, two = costs(instance)
        return one > factor * two if instance["stock"] == 10 else two > factor * one

    yield exhaustive.check(
        apart,
        grid=[
            {"stock": 10, "needs": [1, HALF], "endowment": [0, 0], "upper": [1, 0]},
            {"stock": 1, "needs": [1, HALF], "endowment": [1, 0], "upper": [1, 1]},
        ],
        control=("the other way round", lambda instance: not apart(instance)),
        hypotheses=run.hypotheses,
        range="the two markets; the least over all corner reports (for one resource the largest report is the least)",
        complete=True,
    )
    yield less_is_left()


def less_is_left() -> Evidence:
    """For one resource and one type at a time: more of a type never leaves more to the principal, in either order."""
    import z3

    room, need, plain, x, y = z3.Reals("room need need_of_type_1 x y")

    def left(amount: Any) -> Any:
        return smt.positive_part(room - need * amount) / plain

    return smt.prove(
        left(y) <= left(x),
        given=[room >= 0, need > 0, plain > 0, x >= 0, y >= x],
        control=("strictly", z3.Implies(y > x, left(y) < left(x))),
        range="R = N = T = 1: what better types, or the agent's type 1, take from what is left to the principal",
        complete=False,
        nontrivial=[x > 0, y > x],
        lift=lambda value: {"stock": 10, "needs": [1, HALF], "endowment": [0, 0], "upper": [1, 0]},
    )


def two_agents(instance: Instance) -> bool:
    """R = T = 1, lower = 0, N = 2; agent 1's bound is far above his endowment; different needs > 0."""
    needs, own, other, most = (instance[name] for name in ("needs", "endowment", "ahead", "upper"))
    sizes = len(needs) == len(own) == len(other) == len(most) > 1
    fine = sizes and min(needs) > 0 and len(set(needs)) == len(needs) and instance["stock"] > 0
    return fine and all(
        x >= 0 and b >= 0 and 100 * (x + 1) <= high for x, b, high in zip(own, other, most, strict=True)
    )


def least_saved(instance: Instance) -> Fraction:
    """What agent 2, who is served first, keeps whatever agent 1 reports: the projects no report of his can displace."""
    left, kept = Fraction(instance["stock"]), Fraction(0)
    for need, b, high in sorted(zip(instance["needs"], instance["ahead"], instance["upper"], strict=True)):
        done = min(Fraction(b), left / need)
        left, kept = left - done * need, kept + done
        left = max(left - high * need, Fraction(0))
    return kept


def replay_saving(instance: Instance) -> str | None:
    """By hand: agent 1 reports all he can of every type."""
    rows = [instance["upper"], instance["ahead"]]
    served, plain = shared.fill(instance["stock"], instance["needs"], rows)
    kept = sum(served[1]) + plain
    if kept <= 0:
        return None
    return (
        f"agent 1 reports his upper bound {', '.join(map(str, instance['upper']))}: for R = T = 1 that leaves least\n"
        f"agent 2 is served before him: {', '.join(map(str, served[1]))}; the principal gets {plain}\n"
        f"so the least of uW^1 is {kept} > 0, and lW^1 = uW^1 - {kept} at his endowment, however large the bound"
    )


@claim(
    paper="zhu2021",
    label="Section 4",
    part="savings vanish for wide intervals",
    statement="""How much cost savings depends on the parameters. For example, if mu-upper >> mu-lower, then the
        cost savings are zero.""",
    reading="""For all markets, here R = T = 1, N = 2, lower = 0: where agent 1's upper bound is at least 100 (x +
        1) in every type with x his endowment, uW^1 - lW^1 = min uW^1 is 0.""",
    hypotheses=[two_agents],
    replay=replay_saving,
    expected="refuted",
    repaired_by="linked_vcg.section_4_savings_of_the_agent_served_first",
)
def savings(run: Run) -> Evidence:
    """What an agent served before him keeps."""
    return exhaustive.check(
        lambda instance: least_saved(instance) == 0,
        grid=exhaustive.Grid(
            scalars={
                "stock": [1, 2],
                "needs": [[1, HALF], [2, 1]],
                "endowment": [[0, 0], [0, HALF]],
                "ahead": [[0, 0], [0, 1], [0, 2]],
                "upper": [[200, 200], [1000, 1000]],
            }
        ),
        control=("never zero", lambda instance: least_saved(instance) != 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Section 4",
    part="savings of the agent served first",
    statement="""If every upper bound of agent N, who is served first, is at least what the stock can serve of a
        type alone (mu-upper_i >= min_r q(r)/theta_i(r)), linking saves nothing on him. (Ours.)""",
    reading="""For all N, T, R, I, beta, q, theta and mu^-N: if upper_i^N >= c_i := min_r q(r)/theta_i(r) for all i and
        lower_i^N <= c_i, then min uW^N = 0, attained by reporting c_i of each type at each date.""",
    hypotheses=[shared.in_bounds, shared.is_generic],
    proof="""alpha_i <= c_i whatever the others have, so at that report all that is served is agent N's; the rest
        get nothing.""",
    expected="proved",
)
def first_agent(run: Run) -> Iterator[Evidence]:
    """Type by type by Z3; small markets, exactly."""
    import z3

    alpha, most, need, stock = z3.Reals("alpha report need stock")
    yield smt.prove(
        alpha - smt.minimum(most, smt.positive_part(alpha - 0)) == 0,
        given=[alpha >= 0, need > 0, alpha * need <= stock, most * need >= stock],
        control=("with half the bound", alpha - smt.minimum(most / 2, alpha) == 0),
        range="every number of agents, dates, resources and types (type by type; the resource that binds first)",
        complete=True,
        nontrivial=[alpha > 0],
        lift=lambda value: {
            **{"stock": [3], "types": [[2], [1]], "discount": 1, "agent": 1},
            **{"reports": [[[0, 1]]], "lower": [[0, 0]], "upper": [[2, 3]]},
        },
    )

    def nothing(instance: Instance, reduced: int = 0) -> bool:
        market = shared.Market.of(instance)
        last = len(market.reports) - 1
        alone = [min(q / n for q, n in zip(market.stock, needs, strict=True) if n > 0) for needs in market.types]
        report = [max(c - reduced, Fraction(0)) for c in alone]
        return bool(market.unlinked(last, [report] * market.dates) == 0)

    yield exhaustive.check(
        nothing,
        grid=shared.markets(run.full),
        control=("with one project less of each type", lambda instance: nothing(instance, 1)),
        hypotheses=run.hypotheses,
        range="one and two resources, up to 3 agents, 2 dates and 4 types",
    )
