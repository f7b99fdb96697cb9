"""Lemmas B.4 and B.5: from backward-discounted sums to present values. As quantified vacuous; sharp by Abel."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

books = catalog.beside(__file__, "_present")
HALF = Fraction(1, 2)
SEQUENCES = exhaustive.Grid(
    agents=(1, 2, 3, 4, 5), each={"sequence": [-1, HALF, 1]}, scalars={"discount": [HALF, Fraction(4, 5)]}
)


def bounds_given(instance: Instance) -> bool:
    """A bound Delta > 0 on the terms and a constant K > 0."""
    return instance["bound"] > 0 and instance["constant"] > 0


def violation(instance: Instance) -> tuple[Fraction, int] | None:
    """The root of 1 - delta and a T at which the constant sequence Delta violates (B.20), by adding up terms."""
    bound, constant = Fraction(instance["bound"]), Fraction(instance["constant"])
    root = min(bound / (2 * constant), HALF)
    total, weight, periods = Fraction(0), Fraction(1), 0
    while weight > HALF:  # from there on the sum exceeds half of Delta / (1 - delta)
        total, weight, periods = total + weight * bound, weight * (1 - root**2), periods + 1
    return (root, periods) if total * root > constant else None


def replay(instance: Instance) -> str | None:
    """The geometric sum in closed form."""
    bound, constant = Fraction(instance["bound"]), Fraction(instance["constant"])
    root = min(bound / (2 * constant), HALF)
    delta, periods = 1 - root**2, 1
    while bound * (1 - delta**periods) / (1 - delta) <= constant / root:
        periods += 1
        if delta**periods * 2 <= 1 and bound * (1 - delta**periods) / (1 - delta) <= constant / root:
            return None
    total = bound * (1 - delta**periods) / (1 - delta)
    return (
        f"D_t = {bound} for all t, at most {bound} in size; delta = {delta}, 1/sqrt(1 - delta) = {1 / root}\n"
        f"S_{periods} = {total} > {constant / root} = K / sqrt(1 - delta)\n"
        f"so the hypothesis fails at K = {constant}; delta = 1 - min(Delta / 2K, 1/2)^2 does it for every K\n"
        "the lemma says nothing unless Delta = 0"
    )


def quantified(run: Run) -> Evidence:
    """Bounds and constants of a grid."""
    return exhaustive.check(
        lambda instance: violation(instance) is None,
        grid=exhaustive.Grid(scalars={"bound": [1, 2], "constant": [3, 1, 2]}),
        control=("already in period 1", lambda instance: (violation(instance) or (0, 1))[1] == 1),
        hypotheses=run.hypotheses,
    )


VACUOUS = [
    claim(
        paper="chassang2021",
        label=f"Lemma B.{number}",
        part="its hypothesis can be met",
        statement=f"Fix any Delta and suppose that for all sequences with sup |D_t| <= Delta, {condition} <= K / "
        "sqrt(1 - delta) for all delta in (0, 1) with constant K independent of delta and the sequence. Then ...",
        reading="""The hypothesis can be met: for a Delta > 0 and K > 0 it holds for all sequences bounded by Delta and
        all delta. (Otherwise the lemma is true of nothing.)""",
        hypotheses=[bounds_given],
        replay=replay,
        expected="refuted",
        repaired_by=f"limited_liability.lemma_b_{number}_for_a_given_family",
    )(quantified)
    for number, condition in (
        (4, "sup_T |sum_{t <= T} delta^(T - t) D_t|"),
        (5, "sup_T max_{T' <= T} sum_{t=T'}^T delta^(T - t) D_t"),
    )
]


@claim(
    paper="chassang2021",
    label="Lemma B.4",
    part="no constant will do",
    statement="For no Delta > 0 and K does (B.20) hold for all sequences bounded by Delta and all delta in (0, 1).",
    reading="""For every Delta, K > 0: with sqrt(1 - delta) = min(Delta / 2K, 1/2) and delta^T < 1/2 the constant
        sequence has S_T > K / sqrt(1 - delta), and it is its own running maximum.""",
    hypotheses=[bounds_given],
    proof="S_T = Delta (1 - delta^T) / (1 - delta).",
    expected="proved",
)
def never(run: Run) -> Iterator[Evidence]:
    """By Z3; sums term by term."""
    import z3

    bound, constant, root, power = z3.Reals("bound constant root power")
    yield smt.prove(
        bound * (1 - power) * root > constant * root * root,
        given=[
            bound > 0,
            constant > 0,
            root > 0,
            root <= z3.Q(1, 2),
            2 * constant * root <= bound,
            power < z3.Q(1, 2),
            power > 0,
        ],
        control=("half of it", bound * (1 - power) * root > 2 * constant * root * root),
        range="every Delta, K (sqrt(1 - delta) = root, delta^T = power)",
        complete=True,
        lift=lambda value: {"bound": value["bound"], "constant": value["constant"]},
    )
    yield exhaustive.check(
        lambda instance: violation(instance) is not None,
        grid=exhaustive.Grid(scalars={"bound": [1, 2, HALF], "constant": [1, 2, 3, HALF]}),
        control=("never", lambda instance: violation(instance) is None),
        hypotheses=run.hypotheses,
    )


def abel(run: Run) -> Iterator[Evidence]:
    """The induction over the length of the sum, by Z3; the partial sums as symbols."""
    import sympy
    import z3

    delta, power, last, following, partial, total = z3.Reals("delta power last next partial total")
    yield smt.prove(
        # total: (1 - delta^2) sum_{s < M} delta^s S_{T+s} + delta^M S_{T+M} - delta S_{T-1}, and power = delta^M
        partial + power * delta * (following - delta * last)
        == total + (1 - delta * delta) * power * last + power * delta * following - power * last,
        given=[delta > 0, delta < 1, power > 0, partial == total],
        control=("with 1 - delta", partial + power * delta * (following - delta * last)
                 == total + (1 - delta) * power * last + power * delta * following - power * last),
        range="every sequence and delta: P_T = (1 - delta^2) sum delta^s S_{T+s} - delta S_{T-1}, from M to M + 1",
        complete=False,
        lift=lambda value: {"sequence": [1, -1, HALF], "discount": value["delta"]},
    )  # fmt: skip
    d = sympy.Symbol("d", positive=True)
    s = sympy.symbols("s0:7", real=True)  # S_{T-1}, S_T, ...

    def sides(length: int, square: int = 2) -> tuple[Any, Any]:
        left = sum(d**k * (s[k + 1] - d * s[k]) for k in range(length + 1))
        right = (1 - d**square) * sum(d**k * s[k + 1] for k in range(length)) + d**length * s[length + 1] - d * s[0]
        return sympy.expand(left), sympy.expand(right)

    yield symbolic.identity(
        sides,
        cases=[0, 1, 2, 5],
        control=("with 1 - delta", lambda length: sides(length, 1)),
        range="the first sums, as symbols",
        complete=False,
        lift=lambda case, value: {"sequence": [1, -1], "discount": HALF},
        given=lambda case: [d < 1, d > 0],
    )


@claim(
    paper="chassang2021",
    label="Lemma B.4",
    part="for a given family",
    statement="""For any family of sequences: sup |P_T| <= (1 + 2 delta) sup |S_T|. So (B.20) for a family implies
        the lemma's conclusion for it.""",
    reading="""For every bounded sequence and delta in (0, 1): |P_T| <= (1 + 2 delta) sup |S|, and P_T <= (1 +
        delta) sup S+ + delta sup S-. Where sup |S| <= K / sqrt(1 - delta): |P_T| <= eta / (1 - delta) as
        soon as sqrt(1 - delta) <= eta / 3K. The paper's proof gives the power -5/6 in place of -1/2.""",
    hypotheses=[books.sequence_given],
    proof="""Abel summation: D_t = S_t - delta S_{t-1} gives P_T = (1 - delta^2) sum_{s >= 0} delta^s S_{T+s} -
        delta S_{T-1}.""",
    expected="proved",
)
def family(run: Run) -> Iterator[Evidence]:
    """Abel summation; what follows from it by Z3; sequences of a grid."""
    import z3

    yield from abel(run)
    delta, weighted, before, high, low, value, size, root, eta, constant = z3.Reals(
        "delta weighted before high low value size root eta K"
    )
    both = z3.And(high <= size, low <= size)
    yield smt.prove(
        z3.And(
            value <= (1 + delta) * high + delta * low,
            z3.Implies(both, z3.And(value <= (1 + 2 * delta) * size, -value <= (1 + 2 * delta) * size)),
            z3.Implies(
                z3.And(both, size * root == constant, root * 3 * constant <= eta, delta == 1 - root * root),
                value * (1 - delta) <= eta,
            ),
        ),
        given=[
            delta > 0, delta < 1, high >= 0, low >= 0, size >= 0, root > 0, constant >= 0,
            weighted * (1 - delta) <= high, weighted * (1 - delta) >= -low, before <= high, before >= -low,
            value == (1 - delta * delta) * weighted - delta * before,
        ],
        control=("1 + delta on both sides", z3.Implies(both, value <= (1 + delta) * size)),
        range="every sequence and delta",
        complete=True,
        lift=lambda value: {"sequence": [1, -1, HALF], "discount": value["delta"]},
    )  # fmt: skip
    yield exhaustive.check(
        lambda instance: books.two_sided(instance) and books.asymmetric(instance),
        grid=SEQUENCES,
        control=("1 + delta on both sides", lambda i: books.two_sided(i, 1 + Fraction(i["discount"]))),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Lemma B.5",
    part="for a given family",
    statement="For any family of sequences: sup P_T <= (1 + delta) sup R_T+, with R_T the running maximum.",
    reading="""For every bounded sequence and delta in (0, 1); where sup R+ <= K / sqrt(1 - delta): P_T <= eta / (1
        - delta) as soon as sqrt(1 - delta) <= eta / 2K.""",
    hypotheses=[books.sequence_given],
    proof="""D_t = R_t - delta R_{t-1}+ <= R_t+ - delta R_{t-1}+, and Abel summation as for Lemma B.4 with R+ >=
        0 for S.""",
    rests_on=["limited_liability.proposition_4_a_step_of_its_proof_running_maxima"],
    expected="proved",
)
def family_above(run: Run) -> Iterator[Evidence]:
    """Abel summation; what follows from it by Z3; sequences of a grid."""
    import z3

    yield from abel(run)
    delta, weighted, before, size, value, root, eta, constant = z3.Reals("delta weighted before size value root eta K")
    yield smt.prove(
        z3.And(
            value <= (1 + delta) * size,
            z3.Implies(
                z3.And(size * root == constant, root * 2 * constant <= eta, delta == 1 - root * root),
                value * (1 - delta) <= eta,
            ),
        ),
        given=[
            delta > 0, delta < 1, size >= 0, root > 0, before >= 0, weighted * (1 - delta) <= size,
            value <= (1 - delta * delta) * weighted - delta * before,
        ],
        control=("without delta", value <= size),
        range="every sequence and delta",
        complete=True,
        lift=lambda value: {"sequence": [1, -1, HALF], "discount": value["delta"]},
    )  # fmt: skip
    yield exhaustive.check(
        books.one_sided,
        grid=SEQUENCES,
        control=("without delta", lambda instance: books.one_sided(instance, 1)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Beyond the paper: the constant 1 + 2 delta",
    statement="No constant below 1 + 2 delta bounds sup |P| by sup |S| for all sequences.",
    reading="""For every delta in (0, 1): D_1 = -1, D_2 = 1 + delta, D_t = 1 - delta from then on has |S_t| = 1 for
        all t and P_2 = 1 + 2 delta.""",
    hypotheses=[books.sequence_given],
    proof="S_t = delta + (1 - delta) = 1 from t = 2 on; P_2 = 1 + delta + (1 - delta) delta / (1 - delta).",
    expected="proved",
)
def tight(run: Run) -> Iterator[Evidence]:
    """The sums as symbols; the first 60 terms."""
    import sympy

    d = sympy.Symbol("d", positive=True)
    yield symbolic.identity(
        lambda case: {
            "S_2": (d * -1 + 1 + d, sympy.Integer(1)),
            "S_{t+1}": (d * 1 + 1 - d, sympy.Integer(1)),
            "P_2": ((1 + d) + (1 - d) * d / (1 - d), 1 + 2 * d),
        }[case],
        cases=["P_2", "S_2", "S_{t+1}"],
        control=("1 + delta", lambda case: ((1 + d) + (1 - d) * d / (1 - d), 1 + d)),
        range="every delta, the infinite sequence",
        complete=True,
        lift=lambda case, value: {"sequence": [-1, 3 * HALF, HALF], "discount": HALF},
    )

    def near(instance: Instance, spare: Fraction = Fraction(0)) -> bool:
        delta = instance["discount"]
        long = {"sequence": [-1, 1 + delta, *[1 - delta] * 58], "discount": delta}
        return bool(
            max(map(abs, books.sums(long))) == 1 and books.present(long)[1] > 1 + 2 * delta - delta**58 * 2 + spare
        )

    yield exhaustive.check(
        near,
        grid=[{"sequence": [-1, 3 * HALF, HALF], "discount": d} for d in (HALF, Fraction(1, 3), Fraction(3, 4))],
        control=("1/100 more", lambda instance: near(instance, Fraction(1, 100))),
        hypotheses=run.hypotheses,
        range="60 terms at delta = 1/2, 1/3 and 3/4",
    )
