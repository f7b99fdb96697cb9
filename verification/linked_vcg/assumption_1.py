"""Assumption 1: what it demands of endowments, and whether independence with two moments is enough."""

from collections.abc import Iterator
from fractions import Fraction
from math import comb
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic


def bounds(instance: Instance) -> bool:
    """kappa = 1/2, f(z) = (1 + z)^-m with m > 6, so that z^(3/kappa) f(z) tends to 0; i(d) = rate >= 0 for all d."""
    return instance["rate"] >= 0 and instance["power"] == int(instance["power"]) > 6


def chance(instance: Instance, dates: Any) -> Fraction:
    """1 - f(i(d) T), which is what (3) demands."""
    return 1 - Fraction(1, 1) / (1 + Fraction(instance["rate"]) * dates) ** int(instance["power"])


def replay_vacuous(instance: Instance) -> str | None:
    """A process with no ergodicity at all, against (3)."""
    lines, rate = [], Fraction(instance["rate"])
    for dates in (1, 10, 10**6):
        if rate * dates > 0:  # f falls strictly, so f(rate T) is below f(0) = 1
            return None
        lines.append(f"T = {dates}: (3) demands a probability of at least 1 - f({instance['rate']} T) = 0")
    head = (
        "mu_t^n = 0 at all dates or 2 at all dates, each with probability 1/2, pi^n = 1: the average is 0 or 2,\n"
        "so P(|average - pi| <= 1/2) = 0 for every T"
    )
    return "\n".join([head, *lines, "(3) holds for every T and d, and says nothing"])


@claim(
    paper="zhu2021",
    label="Assumption 1",
    part="requires ergodicity",
    statement="""Assumption 1 requires that the strength of the ergodicity of endowments across dates be uniformly
        bounded below across agents and that the strength of the ergodicity of endowments across agents be uniformly
        bounded below across dates.""",
    reading="""For all weakly increasing i >= 0 and weakly decreasing f with the limits demanded (here i constant,
        f(z) = (1 + z)^-m, kappa = 1/2): a process whose averages do not converge fails (3) at some T. Asked of the
        process that is 0 or 2 for ever, at d = 1/2.""",
    hypotheses=[bounds],
    replay=replay_vacuous,
    expected="refuted",
    repaired_by="linked_vcg.assumption_1_requires_ergodicity_where_i_is_positive",
)
def vacuous(run: Run) -> Evidence:
    """i = 0 is weakly increasing, and f(0) = 1."""
    return exhaustive.check(
        lambda instance: any(chance(instance, dates) > 0 for dates in (1, 10, 1000)),
        grid=exhaustive.Grid(scalars={"rate": [1, Fraction(1, 10), 0], "power": [7, 10]}),
        control=("already at T = 0", lambda instance: chance(instance, 0) > 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Assumption 1",
    part="requires ergodicity where i is positive",
    statement="""With i(d) > 0 and I(d) > 0 for all d > 0, (3) and (4) say that the averages converge in
        probability, across dates and across agents, uniformly.""",
    reading="""For all kappa in (0, 1), f with z^(3/kappa) f(z) -> 0, i(d) > 0 and e > 0: f(i(d) T) <= e for all
        large T; T >= 1/(e i(d)) will do once z^3 f(z) <= 1 and z >= 1. The same for F with z^(kappa+1) F(z) -> 0.""",
    hypotheses=[bounds],
    proof="3/kappa > 3 and kappa + 1 > 1, so f(z) and F(z) are at most 1/z for large z.",
    expected="proved",
)
def ergodic() -> Evidence:
    """By Z3, after z^(3/kappa) >= z^3 for z >= 1."""
    import z3

    f, z, e = z3.Reals("f z e")
    return smt.prove(
        z3.And(f <= e, z3.Implies(f * z <= 1, f <= e)),
        given=[f >= 0, z >= 1, e > 0, e * z >= 1, f * z * z * z <= 1],
        control=("for every z", z3.Implies(f * z * z * z <= 1, f <= e / 2)),
        range="every kappa, f, F and i(d) > 0, at large T",
        complete=True,
        nontrivial=[f > 0],
        lift=lambda value: {"rate": value["z"], "power": 7},
    )


def rate(instance: Instance) -> bool:
    """i(1) > 0: a positive rate at d = 1."""
    return bool(instance["rate"] > 0)


def horizon(instance: Instance) -> int:
    """A T at which exp(-i T) is too small."""
    return int(Fraction(375) / Fraction(instance["rate"]) ** 4) + 1


def replay_pareto(instance: Instance) -> str | None:
    """The tail of an average of Pareto(3) endowments, by its first summand; exp(x) >= x^4 / 24."""
    i = Fraction(instance["rate"])
    dates = 1 + 375 * i.denominator**4 // i.numerator**4  # tail > allowed iff T > 375 / i^4
    tail, allowed = (Fraction(2, 5) / dates) ** 3, 24 / (i * dates) ** 4
    if not allowed < tail:
        return None
    return (
        "endowments iid with P(mu > x) = x^-3 for x >= 1: mean 3/2, second moment 3; d = 1\n"
        f"T = {dates}: one endowment above 5 T / 2 takes the average above 5/2: P(|average - 3/2| > 1) >= (2/(5 T))^3 "
        f"= {tail}\nf(i T) = exp(-{i} T) <= 24 / ({i} T)^4 = {allowed}, which is less: (3) fails"
    )


@claim(
    paper="zhu2021",
    label="Assumption 1",
    part="iid with two moments",
    statement="""If P is common knowledge and, under P, endowments are iid across dates and agents with finite first
        and second moments, then the Central Limit Theorem implies that f(z) and F(z) can both be defined to be
        exp(-z), in which case, the condition is satisfied for any choice of kappa.""",
    reading="""For every iid P with finite second moments there is an i(d) > 0 with (3) for all T and f(z) =
        exp(-z). Asked of P(mu > x) = x^-3, x >= 1, at d = 1: no rate i(1) > 0 will do. (As z^(3/kappa) f(z) has to
        vanish, no f will.)""",
    hypotheses=[rate],
    replay=replay_pareto,
    expected="refuted",
    repaired_by="linked_vcg.assumption_1_iid_and_bounded",
)
def pareto(run: Run) -> Evidence:
    """Rates against the tail of one large endowment, with a rational bound on exp."""

    def possible(instance: Instance) -> bool:
        dates = horizon(instance)
        return 24 / (Fraction(instance["rate"]) * dates) ** 4 >= (Fraction(2, 5) / dates) ** 3

    return exhaustive.check(
        possible,
        grid=exhaustive.Grid(scalars={"rate": [Fraction(1, 10), 1, 2, 10]}),
        control=("f(z) = exp(-2 z)", lambda instance: possible({"rate": 2 * instance["rate"]})),
        hypotheses=run.hypotheses,
    )


def coin(instance: Instance) -> bool:
    """0 < p < 1 as a fraction, T >= 1, d > 0."""
    return 0 < instance["p"] < 1 and instance["dates"] == int(instance["dates"]) >= 1 and instance["d"] > 0


@claim(
    paper="zhu2021",
    label="Assumption 1",
    part="iid and bounded",
    statement="""If endowments are iid across dates and agents and bounded, mu_ti^n <= b, Assumption 1 holds with
        f(z) = F(z) = 2 I exp(-z) and i(d) = I(d) = 2 d^2 / b^2, for any kappa (given |p(q-bar, pi + mu^0)| = 1).""",
    reading="""For every I, b, distribution on [0, b]^I, T (or k) and d > 0: P(some |average_i - pi_i| > d) <= 2 I
        exp(-2 d^2 T / b^2) (Hoeffding 1963), and z^a exp(-z) -> 0 for every a.""",
    hypotheses=[coin],
    proof="""By convexity E exp(h (X - p b)) is largest for a coin on {0, b}. With L(h) = -h p + log(1 - p + p e^h)
        for b = 1: L(0) = L'(0) = 0 and L'' = u (1 - u) <= 1/4, so L(h) <= h^2/8 (Taylor). Independence and Markov's
        inequality give exp(-h d T + h^2 b^2 T / 8), least at h = 4 d / b^2; two sides and I types by the union
        bound.""",
    expected="proved",
)
def bounded(run: Run) -> Iterator[Evidence]:
    """The derivatives of L and the exponent by SymPy; coins exactly."""
    import sympy

    a, b, growth, d, bound = symbolic.positive("a b growth d bound")
    p = a / (a + b)
    u = p * growth / (1 - p + p * growth)  # growth = e^h, and d/dh = growth d/dgrowth

    def sides(case: str) -> tuple[Any, Any]:
        first = -p + u
        if case == "L'(0)":
            return first.subs(growth, 1), sympy.Integer(0) * a
        if case == "L''":
            return growth * sympy.diff(first, growth), u * (1 - u)
        if case == "1/4":
            return sympy.Rational(1, 4) - u * (1 - u), (sympy.Rational(1, 2) - u) ** 2
        h = 4 * d / bound**2
        return -h * d + h**2 * bound**2 / 8, -2 * d**2 / bound**2

    yield symbolic.identity(
        sides,
        cases=["L'(0)", "L''", "1/4", "exponent"],
        control=(
            "an eighth",
            lambda case: (sides(case)[0], sides(case)[1] + (sympy.Rational(1, 8) if case == "1/4" else 0)),
        ),
        range="every bounded distribution, T and d; Taylor, Markov, independence and union bound as in any textbook",
        complete=True,
        lift=lambda case, value: {"p": Fraction(1, 3), "dates": 4, "d": Fraction(1, 2)},
    )

    def tail(instance: Instance, factor: Any = 1) -> bool:
        dates, odds, d = int(instance["dates"]), Fraction(instance["p"]), Fraction(instance["d"])
        far = sum(
            comb(dates, n) * odds**n * (1 - odds) ** (dates - n)
            for n in range(dates + 1)
            if abs(Fraction(n, dates) - odds) > d
        )
        exponent, steps = 2 * d**2 * dates, 4000
        return far <= factor * 2 * (1 - exponent / steps) ** steps  # (1 - x/m)^m <= exp(-x)

    yield exhaustive.check(
        tail,
        grid=exhaustive.Grid(
            scalars={
                "p": [Fraction(1, 4), Fraction(1, 2)],
                "dates": [1, 5, 20, 40] if run.full else [1, 5, 12],
                "d": [Fraction(1, 8), Fraction(1, 4), Fraction(1, 2)],
            }
        ),
        control=("a tenth", lambda instance: tail(instance, Fraction(1, 10))),
        hypotheses=run.hypotheses,
    )
