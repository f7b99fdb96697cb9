"""Beyond the paper: the linear rule solves a convex program, and the scarcity factor is its price of slack."""

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, certified, convex, exhaustive, smt

OVERAGES = ([3], [1, 2], [3, 1, 2], [7, 5, 3, 1])
SLACKS = (0, Fraction(1, 2), Fraction(22, 7), 3, 20)


def claimed(instance: Instance) -> bool:
    """Every overage is positive, slack is nonnegative."""
    return bool(instance["overage"]) and min(instance["overage"]) > 0 and instance["slack"] >= 0


def optimum(total: Any, slack: Any) -> Any:
    """(X - I)_+**2 / (2 X): the least sum of squared residuals over twice the overages, as the claim has it."""
    return Fraction(max(total - slack, 0)) ** 2 / (2 * total)


def scarcity(total: Any, slack: Any) -> Any:
    """Lambda = (X - I)_+ / X; written out here, not taken from the engine."""
    return Fraction(max(total - slack, 0)) / total


def undercut(overage: Sequence[Any], slack: Any, price: Any) -> convex.Concave:
    """How far a coverage under any other slack J gets below `optimum - price * (J - I)`, to be maximised."""
    total = sum(overage)
    agents = range(len(overage))
    return convex.concave(
        {"other": -price},
        [("covered by slack", {**{f"coverage {j}": 1 for j in agents}, "other": -1}, "<=", 0)],
        squares=[(Fraction(1, 2 * v), {f"coverage {j}": 1}, -v) for j, v in enumerate(overage)],
        constant=optimum(total, slack) + price * slack,
        bounds={
            "other": (0, 2 * total + slack),
            **{f"coverage {j}": (None, None) for j in agents},
            **{f"overage {j}": (v, v) for j, v in enumerate(overage)},  # data, so that a point tells its case
            "slack": (slack, slack),
        },
    )


def lift(point: dict[str, Any]) -> Instance:
    """A point of the program in the claim's terms."""
    agents = sum(name.startswith("overage") for name in point)
    return {
        **{part: [point[f"{part} {j}"] for j in range(agents)] for part in ("overage", "coverage")},
        "slack": point["slack"],
        "other": point["other"],
    }


@claim(
    paper="lengyel2025",
    label="Beyond the paper: scarcity as a price",
    statement="""The linear rule covers overages so that sum (v_j - x_j)^2 / (2 v_j) is least under sum x_j <= I, and
        the scarcity factor is the shadow price of slack in that program.""",
    reading="""For every n, v_j > 0, I >= 0, J >= 0 and all real x with sum x <= J: sum (v_j - x_j)^2 / (2 v_j) is at
        least (X - I)_+^2 / (2 X) - Lambda (J - I); the linear rule's coverage attains this at J = I.""",
    hypotheses=[claimed],
    proof="""By Cauchy and Schwarz the sum is at least (X - sum x)^2 / (2 X). The optimum (X - J)_+^2 / (2 X) is convex
        in J with slope -Lambda at J = I. With x = (I / X) v each term is Lambda^2 v_j / 2.""",
    expected="proved",
)
def price_of_slack(run: Run) -> Iterator[Evidence]:
    """Z3, merging two agents into one; convex programs with certified bounds; the engine's coverage."""
    import z3

    p, q, a, b, slack, other = z3.Reals("p q a b slack other")
    total, gap = p + q, a + b
    least = z3.If(total > slack, (total - slack) * ((total - slack) / 2 - (other - slack)), 0)
    factor = (total - slack) / total
    merged = a * a / p + b * b / q
    yield smt.prove(
        z3.And(
            merged >= gap * gap / total,
            z3.Implies(total - gap <= other, gap * gap / 2 >= least),
            z3.Implies(total > slack, factor * factor * total * total / 2 == (total - slack) * (total - slack) / 2),
        ),
        given=[p > 0, q > 0, slack >= 0, other >= 0],
        control=("the sum of the squares, unweighted", z3.Implies(p != q, merged >= gap * gap)),
        range="every number of agents: merging two with residuals a, b raises no sum, and one agent is left at last",
        complete=True,
        nontrivial=[total > slack, slack > 0, other > slack, a > 0, b > 0],
        lift=lambda value: {
            "overage": [value["p"], value["q"]],
            "coverage": [value["p"] - value["a"], value["q"] - value["b"]],
            "slack": value["slack"],
            "other": value["other"],
        },
    )
    cases = list(itertools.product(OVERAGES if run.full else OVERAGES[1:], SLACKS if run.full else SLACKS[1:4]))
    yield certified.bound(
        [undercut(overage, slack, scarcity(sum(overage), slack)) for overage, slack in cases],
        control=("half that price", undercut([1, 2], 1, scarcity(3, 1) / 2)),
        range=f"{len(cases)} vectors of overages and slacks, all coverages and all other slacks up to 2 X + I",
        lift=lift,
    )

    def attains(instance: Instance, alpha: int = 1) -> bool:
        from mechopt.mechanisms.overage.clearing import clear
        from mechopt.mechanisms.overage.penalty import total_scarcity

        overage, slack = instance["overage"], instance["slack"]
        held = [slack + 1, *[1] * len(overage)]
        asked = [1, *[1 + v for v in overage]]
        paid = clear(*map(_exact, (held, asked)), rule="power", alpha=alpha).coverage.tolist()[1:]
        distance = sum(Fraction(v - x) ** 2 / (2 * v) for v, x in zip(overage, paid, strict=True))
        factor = total_scarcity(sum(overage), slack)
        return bool(distance == optimum(sum(overage), slack) and factor == scarcity(sum(overage), slack))

    yield exhaustive.check(
        attains,
        grid=exhaustive.Grid(agents=(1, 2, 3), each={"overage": [1, 2, 5]}, scalars={"slack": [0, 1, 3, 8]}),
        control=("shares by the squares of the overages", lambda instance: attains(instance, 2)),
        hypotheses=run.hypotheses,
    )


def _exact(values: list[Any]) -> Any:
    import numpy as np

    from mechopt.mechanisms.overage.clearing import as_exact

    return as_exact(np.array(values, dtype=object))
