"""Beyond the paper: constants that may depend on the other's first-stage report leave 2.55% of the variance."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, symbolic

moments = catalog.beside(__file__, "_moments")
first = catalog.beside(__file__, "lemma_1")
LEAST = Fraction(139, 23040)
Piece = tuple[Fraction, Fraction, list[Fraction]]  # from, to, coefficients of 1, t, t^2


def conditional(lines: Sequence[tuple[Any, Any]], slope: Any) -> list[Piece]:
    """E[min(L1, L2) | own slope and time t], as a piecewise polynomial of t.

    The other's slope s is drawn and her time u is uniform: min(slope u, s t) has mean s t - (s t)^2/(2 slope) where s t
    <= slope, else slope/2.
    """
    own = Fraction(slope)
    ends = sorted({Fraction(0), Fraction(1), *(min(Fraction(1), own / Fraction(s)) for _, s in lines)})
    found: list[Piece] = []
    for low, high in pairwise(ends):
        total = [Fraction(0)] * 3
        for _, s in lines:
            inside = Fraction(s) * high <= own
            part = (
                [Fraction(0), Fraction(s), -(Fraction(s) ** 2) / (2 * own)]
                if inside
                else [own / 2, Fraction(0), Fraction(0)]
            )
            total = [x + y / len(lines) for x, y in zip(total, part, strict=True)]
        found.append((low, high, total))
    return found


def power_mean(pieces: Sequence[Piece], power: int) -> Fraction:
    """The mean over uniform t of the piecewise polynomial to a power (1 or 2)."""
    result = Fraction(0)
    for low, high, poly in pieces:
        product = (
            poly
            if power == 1
            else [sum((poly[i] * poly[k - i] for i in range(3) if 0 <= k - i < 3), Fraction(0)) for k in range(5)]
        )
        result += sum((c * (high ** (k + 1) - low ** (k + 1)) / (k + 1) for k, c in enumerate(product)), Fraction(0))
    return result


def residual(lines: Sequence[tuple[Any, Any]]) -> tuple[Fraction, Fraction]:
    """Var min(L1, L2), and what is left when the best function of each agent's type is taken away."""

    def loss(one: Any, two: Any, power: int) -> Fraction:
        def term(left: Any, right: Any) -> Any:
            apart = moments.add(moments.line(one[0], -one[1], 0), moments.line(two[0], 0, -two[1]))
            lost = moments.add(apart, {key: -x for key, x in moments.add(left, right).items()})
            return lost if power == 1 else moments.times(lost, lost)

        return Fraction(moments.expectation(one, two, term))

    one, two = (moments.over(lines, lambda v, w, k=k: loss(v, w, k)) for k in (1, 2))
    means = [[power_mean(conditional(lines, s), k) for _, s in lines] for k in (1, 2)]
    level, square = (sum(values, Fraction(0)) / len(lines) for values in means)
    if level != one:
        raise ValueError(f"conditional means add up to {level}, not {one}")
    return Fraction(two - one**2), Fraction(two - one**2 - 2 * (square - level**2))


@claim(
    paper="zheng2023",
    label="Beyond the paper: minimum variance",
    statement="""Among the rules T_i = u_j + h_i, h_i a function of the OTHER agent's first-stage report, with
        expected balance, the least variance of a round's budget in the model of Section 9 is 139/23040, 2.55% of the
        545/2304 of a constant.""",
    reading="""These rules are ex-post incentive compatible like (7.2): an agent's own reports do not move his h_i.
        The budget is W* + h_1(type of 2) + h_2(type of 1); the least variance is that of the part of W* that is no
        sum of functions of single types, and W* is v_1(t_1) + v_2(t_2) - min(L1, L2). A pivot alone leaves Var
        min(L1, L2) = 71/2304.""",
    hypotheses=[first.model_of_section_9],
    proof="""Orthogonal projection: types are independent, so Var min = Var E[min | 1] + Var E[min | 2] + the rest,
        and the rest is reached by h_1 = -E[W* | type of 2] + E[W*]/2 and likewise for h_2.""",
    expected="proved",
)
def least(run: Run) -> Iterator[Evidence]:
    """The projection for two types each by SymPy; exact integrals; the engine."""
    cells = symbolic.positive("c11 c12 c21 c22")  # W* + h_1 + h_2 of each pair of types

    def sides(case: str, weight: int = 1) -> tuple[Any, Any]:
        mean = sum(cells) / 4
        spread = sum(cell**2 for cell in cells) / 4 - mean**2
        across = ((cells[0] + cells[1]) - (cells[2] + cells[3])) / 4
        down = ((cells[0] + cells[2]) - (cells[1] + cells[3])) / 4
        rest = (cells[0] - cells[1] - cells[2] + cells[3]) / 4  # h_1 and h_2 cancel in it
        return spread, weight * rest**2 + across**2 + down**2

    yield symbolic.identity(
        sides,
        cases=["two types each"],
        control=("twice the rest", lambda case: sides(case, 2)),
        range="two equally likely types each: the rest's variance and two squares that h_1 and h_2 can make 0",
        complete=False,
        lift=lambda case, value: first.example(0),
    )
    yield exhaustive.check(
        lambda i: residual(first.lines(i)) == (Fraction(71, 2304), LEAST),
        grid=[first.example(0)],
        control=("half as much", lambda i: residual(first.lines(i))[1] == LEAST / 2),
        hypotheses=run.hypotheses,
        range="the one model of Section 9, exact integrals",
        complete=True,
    )
    yield exhaustive.check(
        lambda i: engine(i) == LEAST,
        grid=[first.example(0)],
        control=("the pivot's", lambda i: engine(i) == Fraction(71, 2304)),
        hypotheses=run.hypotheses,
        range="the engine",
    )


def engine(instance: Instance) -> Fraction:
    """The engine's variance of the budget with minimum-variance constants."""
    from mechopt.mechanisms.borrowing import budget

    variance, _ = budget.moments(first.computed.uniform(first.lines(instance)), "minimum_variance")
    return Fraction(variance.value)
