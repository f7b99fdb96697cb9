"""Proposition 4, budget: the forward market pays out more than it takes in, whatever the tariff of the family."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, certified, exhaustive, smt

forward = catalog.beside(__file__, "_pair")


@claim(
    paper="liu2020",
    label="Proposition 4",
    part="budget balance",
    statement="There exists P' in the family such that the centralized forward market is budget balanced at r*.",
    reading="""For every market and e != r*, some increasing P with P(0) = hat above the worst-off types to the right
        and below them to the left has payments that sum to 0: the supremum of the budget is at least 0. Here two agents
        with uniform types, where the supremum is the budget of P at the worst-off types.""",
    hypotheses=[forward.pair, forward.sells],
    replay=forward.rectangles,
    document=forward.document,
    expected="refuted",
    repaired_by="forward_market.proposition_4_the_forward_market_pays_out",
)
def balanced(run: Run) -> Evidence:
    """The supremum of the budget, endowments in tenths."""
    return exhaustive.check(
        lambda i: forward.ceiling(i) >= 0,
        grid=[
            {"demand": k, "low": low, "endowment": [e, 1 - e]}
            for k in forward.DEMANDS
            for low in (0, 1)
            for e in forward.TENTHS
        ],
        control=("a budget above 0", lambda i: forward.ceiling(i) > 0),
        hypotheses=run.hypotheses,
        range="two agents, uniform types, three pairs of demands, low in {0, 1}, endowments in tenths",
    )


def traded(instance: Instance) -> bool:
    """Positions e_i - r_i* sum to 0, not all 0; block prices do not fall, hat is between the buyers' and sellers'."""
    position = instance["position"]
    prices = [*instance["bought"][::-1], instance["hat"], *instance["sold"]]
    return sum(position) == 0 and any(position) and all(a <= b for a, b in itertools.pairwise(prices))


POSITION = [Fraction(1, 2), Fraction(-1, 8), Fraction(-3, 8)]


def block_program(rising: bool) -> Any:
    """The largest budget with prices in two blocks on either side; three agents with the positions above."""
    bought, sold = {"b1": (Fraction(1, 8), 2), "b2": (Fraction(1, 4), 1)}, {"s1": Fraction(1, 4), "s2": Fraction(1, 4)}
    gain: dict[str, Any] = {name: width * buyers for name, (width, buyers) in bought.items()}
    gain |= {name: -width for name, width in sold.items()}
    order = ["b2", "b1", "hat", "s1", "s2"]
    pairs = list(itertools.pairwise(order))
    rows = [(f"{a} <= {b}", {a: 1, b: -1}, "<=", 0) for a, b in pairs if rising or "hat" not in (a, b)]
    return certified.program(gain, rows, bounds=dict.fromkeys(order, (0, 1)))


def instance_of(point: Any) -> dict[str, Any]:
    """A point of the program in the claim's terms."""
    return {
        "position": POSITION,
        "hat": point["hat"],
        "bought": [point["b1"], point["b2"]],
        "sold": [point["s1"], point["s2"]],
    }


@claim(
    paper="liu2020",
    label="Proposition 4",
    part="the forward market pays out",
    statement="""For every e != r* and every increasing P with P(0) = hat that is above hat to the right and below it to
        the left, the payments in equilibrium sum to less than 0; e = r* is the only balanced case, with no trade.""",
    reading="For every n, all demands, distributions and endowments; personalised positions, one tariff.",
    hypotheses=[traded],
    proof="""Agent i pays the integral of P from e_i - r_i* to 0. A seller is paid more than hat per unit and a buyer
        pays less, so the sum is below hat times sum (r_i* - e_i) = 0. The printed proof lowers the price left of 0 to
        cure a deficit, which lowers what buyers pay.""",
    expected="proved",
)
def pays_out(run: Run) -> Iterator[Evidence]:
    """An agent who trades against the rest by Z3; block tariffs for three agents by a certified program."""
    import z3

    position, average, hat, rest_paid, rest = z3.Reals("position average hat rest_paid rest")
    payment = -position * average
    yield smt.prove(
        payment + rest_paid < 0,
        given=[
            z3.And(position + rest == 0, position != 0, rest_paid <= -rest * hat),
            z3.Implies(position > 0, average > hat),
            z3.Implies(position < 0, average < hat),
        ],
        control=("for prices on either side of hat", z3.Implies(position > 0, payment + rest_paid < -position)),
        range="every number of agents, all markets: an agent who trades and the sum of the others, by induction",
        complete=True,
        nontrivial=[position > 0, hat > 0],
        lift=lambda value: instance_of({"b2": 1, "b1": 2, "hat": 3, "s1": 4, "s2": 5}),
    )
    yield certified.bound(
        block_program(True),
        control=("prices right of 0 may be lower than left of it", block_program(False)),
        range="three agents, positions 1/2, -1/8, -3/8, prices in two blocks on either side, all nondecreasing prices",
        lift=instance_of,
    )
