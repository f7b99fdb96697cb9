"""Footnote 9: transfers of no more than the debt, and what that does to the approachability condition."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")
HALF = Fraction(1, 2)


def replay(instance: Instance) -> str | None:
    """The inner product of (6) from the definitions of the regrets, group by group."""
    efficiency, regrets, outputs = instance["efficiency"], instance["regrets"], instance["outputs"]
    weights = [max(Fraction(value), Fraction(0)) for value in (efficiency, *regrets)]
    if not sum(weights):
        return None
    chance = [value / sum(weights) for value in weights]
    gain = weights[0] * sum(p * (sum(outputs[0]) - sum(row)) for p, row in zip(chance, outputs, strict=True))
    lines = [f"mu = {', '.join(map(str, chance))} over I, I without 1, ..."]
    for i, debt in enumerate(regrets):
        paid = sum(p * min(row[i], debt) for p, row in zip(chance, outputs, strict=True)) if debt > 0 else 0
        rest = sum(p * (sum(row) - row[i]) for p, row in zip(chance, outputs, strict=True))
        change = sum(outputs[i + 1]) - outputs[i + 1][i] - rest - paid
        gain += weights[i + 1] * change
        lines.append(f"agent {i + 1}, debt {debt}: expected transfer {paid}, its regret changes by {change}")
    return None if gain <= 0 else "\n".join([*lines, f"<R+, dR> = {gain} > 0"])


@claim(
    paper="chassang2021",
    label="Footnote 9",
    part="condition (6)",
    statement="""In an alternative specification, the transfer could be set to the debt owed by the agent. This does
        not affect our results. (Which rest on condition (6).)""",
    reading="For every n, all regrets and outputs: with tau_i(a) = min(y_i(a), R_i+) in place of (9), <R+, dR> <= 0.",
    hypotheses=[books.outputs_given],
    replay=replay,
    expected="refuted",
    repaired_by="limited_liability.footnote_9_a_larger_constant",
)
def printed(run: Run) -> Evidence:
    """States of a grid."""
    return exhaustive.check(
        lambda instance: books.inner(instance, debt_only=True) <= 0,
        grid=books.Steps(levels=(0, HALF, 1)),
        control=("at most -1", lambda instance: books.inner(instance, debt_only=True) <= -1),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Footnote 9",
    part="a larger constant",
    statement="""With transfers of at most the debt <R+, dR> is at most n y_max^2 / 4, so that ||R+_T||^2 <= T (n^3 +
        1 + n/2) y_max^2, and (10) holds as before: the results are not affected.""",
    reading="""For every n, all regrets and outputs in [0, 1]: R_i+ (sum_G mu(G) (y_i(G) - R_i)+ - y_i(I\\i)) <=
        1/4 for each agent; 2 n/4 a period is added to the bound on the squared length. The negative part of
        a regret grows by the negative part of the externality alone, at most n.""",
    hypotheses=[books.outputs_given],
    proof="r (1 - r)+ <= 1/4. A transfer of at most R_i leaves R_i + x - tau >= x.",
    rests_on=["limited_liability.equation_7", "limited_liability.equation_8"],
    expected="proved",
)
def repaired(run: Run) -> Iterator[Evidence]:
    """One agent's term by Z3; states and paths of a grid."""
    import z3

    debt, kept, own, paid, caused = z3.Reals("debt kept own paid caused")
    surplus = smt.positive_part(1 - debt)  # of any output at most 1
    yield smt.prove(
        z3.And(
            smt.positive_part(debt) * (kept - own) <= z3.Q(1, 4),
            z3.Implies(debt > 0, smt.positive_part(-(debt + caused - paid)) <= smt.positive_part(-caused)),
        ),
        given=[own >= 0, kept >= 0, kept <= surplus, paid >= 0, paid <= smt.positive_part(debt)],
        control=("at most 1/5", smt.positive_part(debt) * (kept - own) <= z3.Q(1, 5)),
        range="every number of agents, term by term",
        complete=True,
        lift=lambda value: {**books.EXAMPLE, "regrets": [value["debt"], HALF]},
    )
    yield exhaustive.check(
        lambda instance: books.inner(instance, debt_only=True) <= Fraction(len(instance["regrets"]), 4),
        grid=books.Steps(levels=(0, HALF, 1)),
        control=("at most 1/10", lambda instance: books.inner(instance, debt_only=True) <= Fraction(1, 10)),
        hypotheses=run.hypotheses,
    )
