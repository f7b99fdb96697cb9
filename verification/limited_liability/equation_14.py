"""Equations (14), (15) and (19): smoothed externalities, by an approachability argument for each agent."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")
HALF = Fraction(1, 2)


def externalities_given(instance: Instance) -> bool:
    """A sequence of externalities, each at most 1 in size (units of (n - 1) y_max); a discount in (0, 1]."""
    return len(instance["caused"]) >= 1 and max(map(abs, instance["caused"])) <= 1 and 0 < instance["discount"] <= 1


def pair_given(instance: Instance) -> bool:
    """Two regrets."""
    return {"first", "second"} <= set(instance)


def weights(caused: Any, discount: Any = 1) -> list[Any]:
    """lambda of each period by (19)."""
    first = second = Fraction(0)
    found = []
    for value in caused:
        share = books.weight(first, second)
        found.append(share)
        first = discount * books.positive(first) - share * value
        second = discount * books.positive(second) + (1 - share) * value
    return found


def running(terms: Any, discount: Any) -> Any:
    """The maximum over starts of the discounted sum from the start to the last term, by definition."""
    last = len(terms) - 1
    return max(sum(discount ** (last - t) * terms[t] for t in range(start, last + 1)) for start in range(last + 1))


def recursion(terms: Any, discount: Any, *, clipped: bool = True) -> Any:
    """R_{T+1} = delta R_T+ + term."""
    value: Any = Fraction(0)
    for term in terms:
        value = discount * (books.positive(value) if clipped else value) + term
    return value


@claim(
    paper="chassang2021",
    label="Proposition 4",
    part="a step of its proof: running maxima",
    statement="""Maximization over start dates T' in R_T = max_{T' <= T} sum_{t = T'}^T D_t implies that R_{T+1} =
        R_T+ + D_{T+1}; and in Section 7, with backward discounting, R_{T+1} = delta R_T+ + D_{T+1}.""",
    reading="For every sequence, T >= 1 and 0 < delta <= 1. Starts are T' = 1 to T: there is always a last term.",
    hypotheses=[externalities_given],
    proof="A start at T + 1 gives D_{T+1}, an earlier one delta times the sum to T plus D_{T+1}.",
    expected="proved",
)
def maxima(run: Run) -> Iterator[Evidence]:
    """Two starts by Z3 (the maximum before, and the new start); sequences by definition."""
    import z3

    before, term, delta, after = z3.Reals("before term delta after")
    yield smt.prove(
        after == delta * smt.positive_part(before) + term,
        given=[delta > 0, delta <= 1, after == smt.maximum(delta * before + term, term)],
        control=("without the positive part", after == delta * before + term),
        range="every sequence and delta",
        complete=True,
        lift=lambda value: {"caused": [HALF, -1, 1], "discount": value["delta"]},
    )
    yield exhaustive.check(
        lambda i: running(i["caused"], i["discount"]) == recursion(i["caused"], i["discount"]),
        grid=exhaustive.Grid(agents=(1, 2, 3, 4), each={"caused": [-1, HALF, 1]}, scalars={"discount": [HALF, 1]}),
        control=(
            "without the positive part",
            lambda i: running(i["caused"], i["discount"]) == recursion(i["caused"], i["discount"], clipped=False),
        ),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Equation (19)",
    statement="Conditions (14) and (15) can be satisfied by setting lambda_{i,T+1} = R_2+ / (R_1+ + R_2+).",
    reading="""For all regrets, one of them positive, and every externality x: -R_1+ lambda x + R_2+ (1 - lambda) x
        = 0 with lambda in [0, 1].""",
    hypotheses=[pair_given],
    proof="lambda (R_1+ + R_2+) = R_2+.",
    expected="proved",
)
def share(run: Run) -> Iterator[Evidence]:
    """By Z3; a grid."""
    import z3

    first, second, caused, lam = z3.Reals("first second caused lambda")
    a, b = smt.positive_part(first), smt.positive_part(second)
    yield smt.prove(
        z3.And(-a * lam * caused + b * (1 - lam) * caused == 0, lam >= 0, lam <= 1),
        given=[a + b > 0, lam * (a + b) == b],
        control=("with R_1+ on top", -a * (1 - lam) * caused + b * lam * caused == 0),
        range="all reals",
        complete=True,
        lift=lambda value: {"first": value["first"], "second": value["second"]},
    )

    def vanishes(instance: Instance, swapped: bool = False) -> bool:
        a, b = books.positive(instance["first"]), books.positive(instance["second"])
        lam = books.weight(b, a) if swapped else books.weight(a, b)
        return bool(-a * lam + b * (1 - lam) == 0)

    yield exhaustive.check(
        vanishes,
        grid=exhaustive.Grid(scalars={"first": [1, -1, 0, 2], "second": [2, -1, 0, 1]}),
        control=("with R_1+ on top", lambda instance: vanishes(instance, True)),
        hypotheses=run.hypotheses,
    )


def replay_share(instance: Instance) -> str | None:
    """The denominator."""
    first, second = instance["first"], instance["second"]
    if first > 0 or second > 0:
        return None
    start = "; this is every game's first period" if first == second == 0 else ""
    return f"R_1 = {first}, R_2 = {second}: R_1+ + R_2+ = 0, and (19) gives 0/0{start}\nno footnote says what lambda is"


@claim(
    paper="chassang2021",
    label="Equation (19)",
    part="every history",
    statement="lambda_{i,T+1} = R_2+ / (R_1+ + R_2+) (defines lambda after every history).",
    reading="For all regrets R_1, R_2: the denominator is positive.",
    hypotheses=[pair_given],
    replay=replay_share,
    expected="refuted",
    repaired_by="limited_liability.equation_19_any_weight_where_it_is_0_0",
)
def share_defined(run: Run) -> Evidence:
    """A grid."""
    return exhaustive.check(
        lambda instance: max(instance["first"], instance["second"]) > 0,
        grid=exhaustive.Grid(scalars={"first": [1, -1, 0], "second": [1, -1, 0]}),
        control=("never", lambda instance: max(instance["first"], instance["second"]) <= 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Equation (19)",
    part="any weight where it is 0/0",
    statement="Where R_1 and R_2 are both at most 0, (14) and (15) hold with any lambda in [0, 1]. (We take 1.)",
    reading="For all R_1, R_2 <= 0, every externality x and lambda: the inner product is 0.",
    hypotheses=[pair_given],
    proof="R+ = 0.",
    expected="proved",
)
def any_share(run: Run) -> Iterator[Evidence]:
    """By Z3; a grid."""
    import z3

    first, second, caused, lam = z3.Reals("first second caused lambda")
    a, b = smt.positive_part(first), smt.positive_part(second)
    yield smt.prove(
        -a * lam * caused + b * (1 - lam) * caused == 0,
        given=[first <= 0, second <= 0, lam >= 0, lam <= 1],
        control=("and lambda is 0 or 1", z3.Or(lam == 0, lam == 1)),
        range="all reals",
        complete=True,
        lift=lambda value: {"first": value["first"], "second": value["second"]},
    )
    yield exhaustive.check(
        lambda instance: books.positive(instance["first"]) + books.positive(instance["second"]) == 0,
        grid=exhaustive.Grid(scalars={"first": [-1, 0], "second": [-2, 0]}),
        control=("both are 0", lambda instance: instance["first"] == instance["second"] == 0),
        hypotheses=run.hypotheses,
    )


def bounded(run: Run) -> Iterator[Evidence]:
    """One step and the induction by Z3; sequences of a grid."""
    import z3

    first, second, caused, lam, time, size, delta = z3.Reals("first second caused lambda T size delta")
    a, b = smt.positive_part(first), smt.positive_part(second)
    after_first, after_second = (
        smt.positive_part(delta * a - lam * caused),
        smt.positive_part(delta * b + (1 - lam) * caused),
    )
    after = after_first * after_first + after_second * after_second
    yield smt.prove(
        z3.And(
            after <= delta * delta * (a * a + b * b) + caused * caused,
            z3.Implies(delta == 1, after <= (time + 1) * size),
        ),
        given=[
            delta > 0, delta <= 1, time >= 0, size >= 0, caused * caused <= size, a * a + b * b <= time * size,
            lam >= 0, lam <= 1, -a * lam * caused + b * (1 - lam) * caused == 0,
        ],
        control=("without the square", after <= delta * delta * (a * a + b * b)),
        range="every n and T (size is ((n - 1) y_max)^2), one step; delta = 1 here, any delta for Section 7",
        complete=True,
        lift=lambda value: {"caused": [HALF, 1], "discount": 1},
    )  # fmt: skip
    yield exhaustive.check(
        within,
        grid=exhaustive.Grid(agents=(1, 2, 3, 4, 5), each={"caused": [-1, HALF, 1]}, scalars={"discount": [1]}),
        control=("1/2 a period", lambda instance: within(instance, HALF)),
        hypotheses=run.hypotheses,
    )


def within(instance: Instance, limit: Any = 1) -> bool:
    """Whether both regrets, by their definitions, are at most sqrt(T) in size, squared."""
    caused = instance["caused"]
    share = weights(caused)
    first = running([-w * x for w, x in zip(share, caused, strict=True)], 1)
    second = running([(1 - w) * x for w, x in zip(share, caused, strict=True)], 1)
    return bool(books.positive(first) ** 2 + books.positive(second) ** 2 <= limit * len(caused))


TARGETS = [
    claim(
        paper="chassang2021",
        label=f"Equation ({number})",
        statement=statement,
        reading="""With (19), for every n and T, on every path: R_1+^2 + R_2+^2 <= T ((n - 1) y_max)^2, so that the
        regret is at most (n - 1) y_max sqrt(T).""",
        hypotheses=[externalities_given],
        proof="(19) makes the inner product vanish; lambda^2 + (1 - lambda)^2 <= 1.",
        rests_on=[
            "limited_liability.equation_19",
            "limited_liability.proposition_4_a_step_of_its_proof_running_maxima",
        ],
        expected="proved",
    )(bounded)
    for number, statement in (
        (14, "R_1,i,T = max_{T' <= T} - sum_{t=T'}^T lambda_i,t [Y_-i,t(I\\i) - Y_-i,t(mu_t)] <= o(T)."),
        (15, "R_2,i,T = max_{T' <= T} sum_{t=T'}^T (1 - lambda_i,t) [Y_-i,t(I\\i) - Y_-i,t(mu_t)] <= o(T)."),
    )
]
