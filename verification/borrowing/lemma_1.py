"""Lemma 1: the constant that balances the paper's example is -25/96, not -43/216."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, symbolic

moments = catalog.beside(__file__, "_moments")
computed = catalog.beside(__file__, "_engine")
STATEMENT = "If h = {}, then for all r in N_R and agent i in I, E[T_i^r] = 0."
MODEL = "V = {1 - t, (1 - t)/2}, both equally likely for each agent, times uniform on [0, 1], the truth is reported"


def lines(instance: Instance) -> list[tuple[Any, Any]]:
    """V as (value, slope)."""
    return list(zip(instance["value"], instance["slope"], strict=True))


def model_of_section_9(instance: Instance) -> bool:
    """V = {1 - t, (1 - t)/2}, values value - slope t."""
    return lines(instance) == list(moments.PAPER)


def printed_constant(instance: Instance) -> bool:
    """h = -43/216."""
    return bool(instance["h"] == moments.PRINTED)


def example(h: Any) -> dict[str, Any]:
    """The model of Section 9 with a constant."""
    half = Fraction(1, 2)
    return {"value": [1, half], "slope": [1, half], "h": h}


def mean(instance: Instance, agent: int) -> Fraction:
    """E[T_i]."""
    return Fraction(instance["h"] + moments.received(lines(instance), agent))


def replay(instance: Instance) -> str | None:
    """By Simpson's and Boole's rules in place of polygons."""
    found = [
        instance["h"] + moments.by_rules(lines(instance), lambda one, two, agent=agent: (two, one)[agent])
        for agent in (0, 1)
    ]
    if found == [0, 0]:
        return None
    best = moments.by_rules(lines(instance), lambda one, two: one + two)
    return (
        f"E[T_1] = {found[0]}, E[T_2] = {found[1]} with h = {instance['h']}\nE[W*] = {best}, so h has to be {-best / 2}"
    )


@claim(
    paper="zheng2023",
    label="Lemma 1",
    part="h = -43/216",
    statement=STATEMENT.format("-43/216"),
    reading=f"In the model of Section 9: {MODEL}. (No integral is worked out in the printed proof.)",
    hypotheses=[model_of_section_9, printed_constant],
    replay=replay,
    expected="refuted",
    repaired_by="borrowing.lemma_1_h_25_96",
)
def printed(run: Run) -> Evidence:
    """Exact integrals over polygons."""
    return exhaustive.check(
        lambda i: mean(i, 0) == 0 and mean(i, 1) == 0,
        grid=[example(moments.PRINTED)],
        control=("h = 0", lambda i: mean({**i, "h": 0}, 0) == 0),
        hypotheses=run.hypotheses,
        range="the one model of Section 9",
        complete=True,
    )


@claim(
    paper="zheng2023",
    label="Lemma 1",
    part="h = -25/96",
    statement=STATEMENT.format("-25/96") + " (Ours.)",
    reading=f"""In the model of Section 9 ({MODEL}): E[T_i] = h + 25/96 for both agents and every h, so it is 0 iff h
        = -25/96. Ties have probability 0 there, so this is (7.3), too.""",
    hypotheses=[model_of_section_9],
    proof="""E[W*] is 2/3 for (1 - t, 1 - t), 13/24 for the two mixed pairs and 1/3 for ((1 - t)/2, (1 - t)/2); the
        mean is 25/48, and by symmetry each agent receives half of it.""",
    expected="proved",
)
def exact(run: Run) -> Iterator[Evidence]:
    """Iterated integrals by SymPy; over polygons; by quadrature rules that are exact; the engine."""
    yield symbolic.identity(
        lambda agent: (by_sympy(agent), _constant() + Fraction(25, 96)),
        cases=[0, 1],
        control=("43/216", lambda agent: (by_sympy(agent), _constant() + Fraction(43, 216))),
        range="both agents, every h",
        complete=True,
        lift=lambda agent, value: example(value["h"]),
    )

    def three_ways(instance: Instance, shift: int = 0) -> bool:
        means = [mean(instance, agent) - instance["h"] for agent in (0, 1)]
        rules = moments.by_rules(lines(instance), lambda one, two: one + two)
        pairs = [moments.moment(one, two, 1) for one in moments.PAPER for two in moments.PAPER]
        known = pairs == [Fraction(2, 3), Fraction(13, 24), Fraction(13, 24), Fraction(1, 3)]
        return known and means == [Fraction(25, 96) + shift] * 2 and rules == sum(means)

    yield exhaustive.check(
        three_ways,
        grid=[example(Fraction(k, 96)) for k in (-25, -20, 1)],
        control=("1 more", lambda i: three_ways(i, 1)),
        hypotheses=run.hypotheses,
        range="polygons and quadrature rules",
    )
    yield exhaustive.check(
        lambda i: engine(i) == (moments.EXACT, moments.EXACT),
        grid=[example(moments.EXACT)],
        control=("the printed one", lambda i: engine(i)[0] == moments.PRINTED),
        hypotheses=run.hypotheses,
        range="the engine's two constants, with the ties and by (7.3)",
    )


def _constant() -> Any:
    import sympy

    return sympy.Symbol("h", real=True)


def by_sympy(agent: int) -> Any:
    """E[T_i] with h a symbol: iterated integrals on either side of the line b1 t2 = b2 t1."""
    import sympy

    t1, t2 = sympy.symbols("t1 t2")
    result: Any = _constant()
    for (a, b), (c, d) in ((one, two) for one in moments.PAPER for two in moments.PAPER):
        rational = [sympy.Rational(x.numerator, x.denominator) for x in (a, b, c, d)]
        level, fall = rational[2:] if agent == 0 else rational[:2]  # the other agent's function
        times = ((t1 + t2, t2), (t1, t1 + t2))[agent]  # the other's completion where agent 1 is first, and second
        on_a, on_b = (level - fall * time for time in times)
        if b >= d:
            edge = rational[3] / rational[1] * t1
            inner = sympy.integrate(on_b, (t2, 0, edge)) + sympy.integrate(on_a, (t2, edge, 1))
            outer = sympy.integrate(sympy.expand(inner), (t1, 0, 1))
        else:
            edge = rational[1] / rational[3] * t2
            inner = sympy.integrate(on_a, (t1, 0, edge)) + sympy.integrate(on_b, (t1, edge, 1))
            outer = sympy.integrate(sympy.expand(inner), (t2, 0, 1))
        result += outer / 4
    return sympy.nsimplify(result)


def engine(instance: Instance) -> tuple[Any, Any]:
    """The engine's constants: with the ties, and by (7.3)."""
    found = computed.uniform(lines(instance))
    return found.balancing_constant.value, found.printed_constant.value
