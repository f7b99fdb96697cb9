"""Lemma B.6 and equations (B.16) to (B.19): the regrets of the discounted mechanism, backward and forward."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")
sequences = catalog.beside(__file__, "_present")
HALF = Fraction(1, 2)


def discounted_path(instance: Instance) -> bool:
    """Outputs in [0, 1] under each group's decision for at least one period, and a discount in (0, 1)."""
    return books.path_given(instance) and 0 < instance["discount"] < 1


def bounded(instance: Instance, shrink: Any = 1, spare: int = 1) -> bool:
    """All bounds of the reading, squared where they have a root."""
    path, delta = instance["path"], Fraction(instance["discount"])
    agents, spread = len(path[0][0]), 1 / (1 - delta**2)
    for state in books.consistent(path, delta):
        own = [books.positive(regret) for regret in state["regrets"]]
        if books.squares(books.positive(state["efficiency"]), own) > shrink * (agents**3 + 1) * spread:
            return False
        for regret, first, second in zip(state["regrets"], state["first"], state["second"], strict=True):
            if books.positive(first) ** 2 + books.positive(second) ** 2 > (agents - 1) ** 2 * spread:
                return False
            if regret < -spare - books.positive(first):
                return False
    return True


@claim(
    paper="chassang2021",
    label="Lemma B.6",
    statement="""For all strategy profiles, sup R_1, sup R_2, sup |R^tau|, sup R^I are at most K / sqrt(1 - delta)
        for all delta in (0, 1) with constant K that depends only on |I| and y_max.""",
    reading="""For every n, delta and T, on every path: ||R+||^2 <= C / (1 - delta^2), C = n^3 + 1; R_1+^2 + R_2+^2
        <= (n - 1)^2 / (1 - delta^2); R_i >= -1 - R_1,i+. Each is at most K / sqrt(1 - delta) with K =
        max(sqrt(C), n), y_max = 1.""",
    hypotheses=[discounted_path],
    proof="""||R+_{T+1}||^2 <= delta^2 ||R+_T||^2 + 2 delta <R+, D> + ||D||^2 with the inner products of (20) and
        (19); and delta^2 C / (1 - delta^2) + C = C / (1 - delta^2). (The paper has delta for delta^2, a
        weaker bound.)""",
    rests_on=[
        "limited_liability.equation_19",
        "limited_liability.equation_20",
        "limited_liability.proposition_4_a_step_of_its_proof_running_maxima",
        "limited_liability.beyond_the_paper_the_longest_step",
    ],
    expected="proved",
)
def lemma(run: Run) -> Iterator[Evidence]:
    """One coordinate, the induction and the lower bound by Z3; paths of a grid."""
    import z3

    delta, regret, change, first, paid = z3.Reals("delta regret change first paid")
    plus = smt.positive_part(regret)
    after = smt.positive_part(delta * plus + change)
    known = [delta > 0, delta < 1]
    example = {**books.PATH, "discount": HALF}
    yield smt.prove(
        z3.And(
            after * after <= delta * delta * plus * plus + 2 * delta * plus * change + change * change,
            plus * (delta * plus + change - delta * regret) == plus * change,
        ),
        given=known,
        control=("without the square", after * after <= delta * delta * plus * plus + 2 * delta * plus * change),
        range="one coordinate",
        complete=False,
        lift=lambda value: example,
    )
    caused = change
    after_first = delta * smt.positive_part(first) - caused
    yield smt.prove(
        delta * regret + caused - paid >= -1 - smt.positive_part(after_first),
        given=[
            *known,
            regret >= -1 - smt.positive_part(first),
            paid >= 0,
            paid <= 1,
            z3.Implies(regret <= 0, paid == 0),
        ],
        control=("a payment of 1 in any case", delta * regret + caused - 1 >= -1 - smt.positive_part(after_first)),
        range="the lower bound, induction",
        complete=False,
        lift=lambda value: example,
    )
    before, squared, product, moved, limit, spread, root, n = z3.Reals("before squared product moved C spread root n")
    yield smt.prove(
        z3.And(
            squared <= limit * spread,
            spread * (1 - delta) <= 1,  # 1/(1 - delta^2) <= 1/(1 - delta)
            z3.Implies(z3.And(root >= 1, n >= 1), 1 + (n - 1) * root <= n * root),
        ),
        given=[
            *known, limit >= 0, spread > 0, spread * (1 - delta * delta) == 1, before <= limit * spread,
            squared <= delta * delta * before + 2 * delta * product + moved, product <= 0, moved <= limit,
        ],
        control=("the bound less 1", squared <= limit * spread - 1),
        range="every n, delta and T, induction (C = n^3 + 1, or (n - 1)^2 for R_1 and R_2)",
        complete=True,
        lift=lambda value: example,
    )  # fmt: skip
    yield exhaustive.check(
        bounded,
        grid=[*books.Paths(1, 4, discount=HALF), *books.Paths(2, 4, every=64**4 // 120, discount=Fraction(4, 5))],
        control=("a tenth of C", lambda instance: bounded(instance, Fraction(1, 10))),
        hypotheses=run.hypotheses,
        range="all paths of 4 periods with one agent (delta = 1/2), 120 with two (4/5), outputs 0 or 1",
    )


def forward(run: Run) -> Iterator[Evidence]:
    """Present values from the bounds of Lemma B.6, by Z3; sequences of a grid."""
    import z3

    delta, value, high, low, running, root, eta, constant = z3.Reals("delta value high low running root eta K")
    yield smt.prove(
        z3.And(
            z3.Implies(value <= (1 + delta) * high + delta * low, value * (1 - delta) <= eta),
            z3.Implies(value >= -(1 + delta) * low - delta * high, -value * (1 - delta) <= eta),
            z3.Implies(value <= (1 + delta) * running, value * (1 - delta) <= eta),
        ),
        given=[
            delta > 0, root > 0, root < 1, delta == 1 - root * root, constant > 0, 3 * constant * root <= eta,
            high >= 0,
            low >= 0, high * root <= constant, low * root <= constant, running * root <= constant,
        ],
        control=("as soon as K sqrt(1 - delta) <= eta", z3.Implies(
            value <= (1 + delta) * high + delta * low, value * (1 - delta) <= eta / 3)),
        range="every n, delta, path and start (K of Lemma B.6)",
        complete=True,
        lift=lambda value: {"sequence": [1, -1, HALF], "discount": value["delta"]},
    )  # fmt: skip
    yield exhaustive.check(
        lambda instance: sequences.two_sided(instance) and sequences.one_sided(instance),
        grid=exhaustive.Grid(
            agents=(1, 2, 3, 4), each={"sequence": [-1, HALF, 1]}, scalars={"discount": [HALF, Fraction(4, 5)]}
        ),
        control=("without delta", lambda instance: sequences.one_sided(instance, 1)),
        hypotheses=run.hypotheses,
    )


TARGETS = [
    claim(
        paper="chassang2021",
        label=f"Equation (B.{number})",
        statement=statement,
        reading="""For every n, on every path, whatever is reported, and from every T on: at most eta / (1 - delta) as
        soon as 3 K sqrt(1 - delta) <= eta, with K of Lemma B.6, so that it is of order 1 / sqrt(1 - delta).""",
        hypotheses=[sequences.sequence_given],
        proof="Lemma B.6, and Abel summation in place of Lemmas B.4 and B.5.",
        rests_on=["limited_liability.lemma_b_6", f"limited_liability.lemma_b_{lemma_number}_for_a_given_family"],
        expected="proved",
    )(forward)
    for number, lemma_number, statement in (
        (16, 4, "sup_T |P^tau_i,T| <= o(1 / (1 - delta))."),
        (17, 5, "sup_T [P^I_T]+ <= o(1 / (1 - delta))."),
        (18, 5, "sup_T [P_1,i,T]+ <= o(1 / (1 - delta))."),
        (19, 5, "sup_T [P_2,i,T]+ <= o(1 / (1 - delta))."),
    )
]
