"""Equations (17) and (18): the regrets of the dynamically consistent mechanism."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")
HALF = Fraction(1, 2)


def payments_given(instance: Instance) -> bool:
    """Expected payments >= 0 of an agent in periods 1 to T, some positive before T."""
    return len(instance["payments"]) >= 2 and min(instance["payments"]) >= 0 and max(instance["payments"][:-1]) > 0


def along(path: Any, limits: Any) -> bool:
    """Whether limits(T, n, state) holds after each period of the mechanism of Section 6."""
    agents = len(path[0][0])
    return all(limits(t + 1, agents, state) for t, state in enumerate(books.consistent(path)))


def above(time: int, agents: int, state: Any, constant: Any = None) -> bool:
    """||R+||^2 <= C T."""
    limit = agents**3 + 1 if constant is None else constant
    own = [books.positive(regret) for regret in state["regrets"]]
    return bool(books.squares(books.positive(state["efficiency"]), own) <= limit * time)


def below(time: int, agents: int, state: Any, spare: int = 1) -> bool:
    """R_i >= -1 - R_1,i+."""
    return all(r >= -spare - books.positive(first) for r, first in zip(state["regrets"], state["first"], strict=True))


@claim(
    paper="chassang2021",
    label="Equation (18)",
    statement="R^I_T = max_{T' <= T} sum_{t=T'}^T Y_t(I) - Y_t(mu_t) <= o(T).",
    reading="For every n and T, on every path, whatever is reported: at most sqrt(C T) y_max, C = n^3 + 1.",
    hypotheses=[books.path_given],
    proof="""(20) and the recursion of running maxima: ||R+_{T+1}||^2 <= ||R+_T||^2 + C. The changes are those of
        Section 4 with externalities times weights.""",
    rests_on=[
        "limited_liability.equation_20",
        "limited_liability.proposition_4_a_step_of_its_proof_running_maxima",
        "limited_liability.beyond_the_paper_the_longest_step",
    ],
    expected="proved",
)
def efficiency(run: Run) -> Iterator[Evidence]:
    """One coordinate and the induction by Z3; paths of a grid."""
    import z3

    regret, change, before, squared, product, moved, limit, time, lam, caused, paid, n = z3.Reals(
        "regret change before squared product moved C T lambda caused paid n"
    )
    plus = smt.positive_part(regret)
    after = smt.positive_part(plus + change)  # of a running maximum; a sum has regret + change, which is less
    own = lam * caused - paid
    yield smt.prove(
        z3.And(
            after * after <= plus * plus + 2 * plus * change + change * change,
            squared <= (time + 1) * limit,
            own * own <= n * n,  # the changes of R_i, at every group, as in Section 4
        ),
        given=[
            before <= time * limit, time >= 0, squared <= before + 2 * product + moved, product <= 0, moved <= limit,
            lam >= 0, lam <= 1, n >= 1, caused <= n - 1, caused >= 1 - n, paid >= 0, paid <= 1,
        ],
        control=("the bound of the period before", squared <= time * limit),
        range="every n and T",
        complete=True,
        lift=lambda value: books.PATH,
    )  # fmt: skip
    yield exhaustive.check(
        lambda instance: along(instance["path"], above),
        grid=[*books.Paths(1, 4), *books.Paths(2, 4, every=64**4 // 150)],
        control=("1/2 a period", lambda i: along(i["path"], lambda t, n, s: above(t, n, s, HALF))),
        hypotheses=run.hypotheses,
        range="all paths of 4 periods with one agent, 150 with two, outputs 0 or 1",
    )


@claim(
    paper="chassang2021",
    label="Equation (17)",
    statement="|R_i,T| = o(T).",
    reading="""For every n and T, on every path, whatever is reported: R_i <= sqrt(C T) y_max and R_i >= -y_max -
        (n - 1) y_max sqrt(T).""",
    hypotheses=[books.path_given],
    proof="""Above as (18). Below: R_T >= -1 - R_1,T+ for all T. Where R_T > 0 at most 1 is paid, so R_{T+1} >=
        lambda x - 1 and R_1 is at least -lambda x; where R_T <= 0 nothing is paid and R_1 falls by what R
        rises.""",
    rests_on=["limited_liability.equation_14", "limited_liability.equation_18"],
    expected="proved",
)
def two_sided(run: Run) -> Iterator[Evidence]:
    """The invariant by Z3, for Section 7 as well; paths of a grid."""
    import z3

    regret, first, change, paid, delta = z3.Reals("regret first change paid delta")
    after = delta * regret + change - paid
    after_first = delta * smt.positive_part(first) - change
    yield smt.prove(
        after >= -1 - smt.positive_part(after_first),
        given=[
            delta > 0, delta <= 1, regret >= -1 - smt.positive_part(first), paid >= 0, paid <= 1,
            z3.Implies(regret <= 0, paid == 0),
        ],
        control=("a payment of 1 in any case", after + paid - 1 >= -1 - smt.positive_part(after_first)),
        range="every n, T and delta",
        complete=True,
        lift=lambda value: books.PATH,
    )  # fmt: skip
    yield exhaustive.check(
        lambda instance: along(instance["path"], below),
        grid=[*books.Paths(1, 4), *books.Paths(2, 4, every=64**4 // 150)],
        control=("without the last payment", lambda i: along(i["path"], lambda t, n, s: below(t, n, s, 0))),
        hypotheses=run.hypotheses,
        range="all paths of 4 periods with one agent, 150 with two, outputs 0 or 1",
    )


def last_before(payments: Any) -> int:
    """The paper's T_ = max{t < T | tau_t > 0}."""
    return max(t for t in range(1, len(payments)) if payments[t - 1] > 0)


def replay_last(instance: Instance) -> str | None:
    """T_ by its definition, and what is paid after it."""
    payments, found = instance["payments"], 0
    for t, amount in enumerate(payments[:-1], start=1):
        if amount > 0:
            found = t
    later = [(t, amount) for t, amount in enumerate(payments, start=1) if t > found and amount != 0]
    if not found or not later:
        return None
    return (
        f"payments {', '.join(map(str, payments))} in periods 1 to {len(payments)} = T; T_ = {found} is the last "
        f"period before T with a payment\nbut {later[0][1]} is paid in period {later[0][0]} > T_"
    )


@claim(
    paper="chassang2021",
    label="Equation (17)",
    part="a step of its proof",
    statement="Define T_ = max{t < T | tau_t > 0}. Since tau_t = 0 for all t > T_, ...",
    reading="For every T >= 2 and all payments of which one before T is positive: tau_t = 0 for T_ < t <= T.",
    hypotheses=[payments_given],
    replay=replay_last,
    expected="refuted",
    repaired_by="limited_liability.equation_17_the_last_payment",
)
def last_payment(run: Run) -> Evidence:
    """Payments of a grid."""
    return exhaustive.check(
        lambda instance: not any(instance["payments"][last_before(instance["payments"]) :]),
        grid=exhaustive.Grid(agents=(2, 3, 4), each={"payments": [1, 0]}),
        control=("never", lambda instance: any(instance["payments"][last_before(instance["payments"]) :])),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Equation (17)",
    part="the last payment",
    statement="""With T_ = max{t <= T | tau_t > 0}: tau_t = 0 for all T_ < t <= T, and R_T >= -tau_{T_} + Phi_T -
        Phi_{T_ - 1}.""",
    reading="For every T and all payments, one of them positive; R before T_ is positive, as something is paid then.",
    hypotheses=[payments_given],
    proof="R_T = R_{T_ - 1} + (Phi_T - Phi_{T_ - 1}) - tau_{T_}.",
    expected="proved",
)
def last_payment_repaired(run: Run) -> Iterator[Evidence]:
    """By Z3; payments of a grid."""
    import z3

    before, moved, paid, after, later = z3.Reals("before moved paid after later")
    yield smt.prove(
        after >= moved - paid,
        given=[before > 0, paid > 0, later == 0, after == before + moved - paid - later],
        control=("without the payment", after >= moved),
        range="every T",
        complete=True,
        lift=lambda value: {"payments": [value["paid"], 0]},
    )

    def zero_after(instance: Instance, early: bool = False) -> bool:
        payments = instance["payments"]
        last = last_before(payments) if early else max(t for t, paid in enumerate(payments, start=1) if paid > 0)
        return not any(payments[last:])

    yield exhaustive.check(
        zero_after,
        grid=exhaustive.Grid(agents=(2, 3, 4, 5), each={"payments": [0, 1, 2]}),
        control=("before T", lambda instance: zero_after(instance, True)),
        hypotheses=run.hypotheses,
    )
