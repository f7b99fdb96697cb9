"""Lemma 10: inflating the overage never lowers what is left uncovered."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic


def scarce(instance: Instance) -> bool:
    """v, V, I >= 0 and v + V > I."""
    return (
        min(instance["own"], instance["others"], instance["slack"]) >= 0
        and instance["own"] + instance["others"] > instance["slack"]
    )


@claim(
    paper="lengyel2025",
    label="Lemma 10",
    statement="""Fix v_{-j} and I^t with X^t > I^t. Then d/dv_j r_j(v_j) = 1 - I^t (X^t - v_j) / (X^t)^2 >= 1 - I^t
        / X^t = Lambda_t. Thus r_j is strictly increasing and the incremental penalty is at least kappa_t
        Lambda_t per unit.""",
    reading="""For every n and all v, V, I >= 0 with v + V > I: the derivative is as printed, it exceeds Lambda by
        exactly I v / X^2, and it is positive.""",
    hypotheses=[scarce],
    proof="r = v - I v / (v + V). The difference to Lambda is I v / X^2 >= 0, and Lambda > 0 as X > I.",
    expected="proved",
)
def lemma(run: Run) -> Iterator[Evidence]:
    """The derivative by SymPy, the inequalities by Z3, the engine's marginal and its difference quotients."""
    import sympy
    import z3

    v, over, under = symbolic.positive("own others slack")
    total = v + over
    printed = 1 - under * (total - v) / total**2

    def sides(case: str) -> tuple[Any, Any]:
        if case == "derivative":
            return sympy.diff(v - under * v / total, v), printed
        return printed - (1 - under / total), under * v / total**2

    yield symbolic.identity(
        sides,
        cases=["derivative", "excess over Lambda"],
        control=("the excess is I / X", lambda case: (sides(case)[0], under / total)),
        range="every number of agents, v, V, I > 0",
        complete=False,
        given=lambda case: [total > under],
    )
    own, others, slack = z3.Reals("own others slack")
    whole = own + others
    slope = 1 - slack * (whole - own) / (whole * whole)
    yield smt.prove(
        z3.And(slope >= 1 - slack / whole, slope > 0, slope - (1 - slack / whole) == slack * own / (whole * whole)),
        given=[own >= 0, others >= 0, slack >= 0, whole > slack],
        control=("strictly above Lambda", slope > 1 - slack / whole),
        range="every number of agents (own overage, the others' overage and slack)",
        complete=True,
        nontrivial=[own > 0, others > 0, slack > 0],
    )

    def engine(instance: Instance, *, strict: bool = False) -> bool:
        from mechopt.mechanisms.overage.penalty import marginal_residual, residual, total_scarcity

        own, others, slack = (instance[name] for name in ("own", "others", "slack"))
        whole = Fraction(own + others)
        slope, factor = marginal_residual(own, others, slack), total_scarcity(own + others, slack)
        rise = residual(own + Fraction(1, 10), others, slack) - residual(own, others, slack)
        exact = slope == 1 - slack * others / whole**2 and factor == 1 - slack / whole
        return bool(exact and rise >= slope / 10 > 0 and (slope > factor if strict else slope >= factor))

    yield exhaustive.check(
        engine,
        grid=exhaustive.Grid(scalars={name: exhaustive.steps(0, 3) for name in ("own", "others", "slack")}),
        control=("strictly above Lambda", lambda instance: engine(instance, strict=True)),
        hypotheses=run.hypotheses,
    )
