"""Section 12: whether lies leave utilities as they are, and whether a deficit or surplus is inevitable."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

play = catalog.beside(__file__, "_strategies")
pair = catalog.beside(__file__, "_pair")


def equilibrium(instance: Instance) -> bool:
    """The strategies are an ex-post Nash equilibrium for these values: no report of agent 2 gains at any times."""
    return bool(play.equilibrium(instance))


def replay_same(instance: Instance) -> str | None:
    """Agent 2's utility from the printed formulas, at times in twelfths."""
    lines = play.mismatch(instance, (-1, 1))
    return "\n".join([*lines, "agent 2 would get the larger of W1 and W2 at the truth"]) if lines else None


@claim(
    paper="zheng2023",
    label="Section 12",
    part="colluding gives the same utility",
    statement="""For the one-stage mechanism [...] collusion is unlikely because agents will obtain the same utility
        when colluding as when reporting truthfully, shown in section 5.""",
    reading="""In every untruthful ex-post Nash equilibrium of the one-stage mechanism, for known values, each agent
        gets at all times what he gets at the truth. (Section 5 shows "no more": that is right.)""",
    hypotheses=[play.affine, equilibrium],
    replay=replay_same,
    expected="refuted",
    repaired_by="borrowing.corollary_2",
)
def same(run: Run) -> Evidence:
    """Affine values and strategies: agent 2 gets max(W1, W2) iff the reported order is efficient off ties."""
    return exhaustive.check(
        lambda i: play.told(i, (-1, 1)),
        grid=play.grid(),
        control=("only the truth", lambda i: i["at_0"] == [0, 0] and i["at_1"] == [1, 1]),
        hypotheses=run.hypotheses,
        range=play.RANGE,
    )


def feedback(instance: Instance) -> bool:
    """n >= 2 rounds whose budgets (without feedback) are independent, +d or -d with chance 1/2; kappa in (0, 1]."""
    n = Fraction(instance["rounds"])
    return bool(n.denominator == 1 and 2 <= n <= 8 and instance["size"] > 0 and 0 < instance["kappa"] <= 1)


def variance(instance: Instance) -> Fraction:
    """Var B_n by the recursion V = (1 - kappa)^2 V + d^2."""
    result = Fraction(0)
    for _ in range(int(instance["rounds"])):
        result = (1 - Fraction(instance["kappa"])) ** 2 * result + Fraction(instance["size"]) ** 2
    return result


def replay_inevitable(instance: Instance) -> str | None:
    """Every path of the budget, enumerated."""
    n, kappa, size = int(instance["rounds"]), Fraction(instance["kappa"]), Fraction(instance["size"])
    ends = []
    for path in product((-size, size), repeat=n):
        budget = Fraction(0)
        for step in path:
            budget += step - kappa * budget  # each agent's constant is h - kappa B/2
        ends.append(budget)
    mean = sum(ends, Fraction(0)) / len(ends)
    spread = sum(((end - mean) ** 2 for end in ends), Fraction(0)) / len(ends)
    if mean or spread >= n * size**2:  # as balanced as with one constant, and less in size
        return None
    return f"{2**n} paths of {n} rounds: the budget's variance is {spread}, not n times {size**2}; at most {max(ends)}"


@claim(
    paper="zheng2023",
    label="Section 12",
    part="a deficit or surplus is inevitable",
    statement="""When agents do report truthfully, and the manager uses the two-stage mechanism over multiple rounds
        [...], the manager will inevitably run a surplus or deficit shown in section 10. (Section 11: inevitably [...]
        after many rounds.)""",
    reading="""For every payment constant that is announced before a round, the variance of the budget is n times that
        of a round. Refuted by h_r = h - kappa B_(r-1)/2, which depends on past rounds only, so that no agent of the
        round can change it. (With one constant for all rounds it is right: Proposition 6.)""",
    hypotheses=[feedback],
    replay=replay_inevitable,
    expected="refuted",
    repaired_by="borrowing.beyond_the_paper_a_constant_with_feedback",
)
def inevitable(run: Run) -> Evidence:
    """Rounds of two equally likely outcomes."""
    return exhaustive.check(
        lambda i: variance(i) == i["rounds"] * Fraction(i["size"]) ** 2,
        grid=exhaustive.Grid(scalars={"rounds": [2, 3, 8], "size": [1], "kappa": [Fraction(1, 2), 1]}),
        control=("it is 0", lambda i: variance(i) == 0),
        hypotheses=run.hypotheses,
    )


def stationary(instance: Instance) -> bool:
    """n rounds with variance d^2 each, kappa in (0, 2)."""
    return bool(instance["rounds"] >= 1 and instance["size"] > 0 and 0 < instance["kappa"] < 2)


@claim(
    paper="zheng2023",
    label="Beyond the paper: a constant with feedback",
    statement="""With h_r = h - kappa B_(r-1)/2, 0 < kappa < 2, the two-stage mechanism stays ex-post incentive
        compatible in every round, and the variance of the budget is at most sigma^2/(1 - (1 - kappa)^2) for all n.
        (Section 12 asks for a mechanism that limits the bounds of the budget.)""",
    reading="""For all sigma, n and kappa in (0, 2): B_r = (1 - kappa) B_(r-1) + X_r with independent X_r of variance
        sigma^2, so Var B_n = sigma^2 (1 - (1 - kappa)^(2n))/(1 - (1 - kappa)^2). E B_n = 0 holds over all rounds, not
        given the past. (kappa = 1: the next pair pays the last deficit, variance sigma^2.)""",
    hypotheses=[stationary],
    rests_on=["borrowing.proposition_3_ex_post_incentive_compatible"],
    proof="Induction over n: the recursion of the variance; the constant of a round cancels in every comparison.",
    expected="proved",
)
def bounded(run: Run) -> Iterator[Evidence]:
    """The step of the induction by SymPy; the bound by Z3; exact recursions."""
    import z3

    keep, power, sigma = symbolic.positive("keep power sigma")  # (1 - kappa)^2 and its n-th power

    def closed(at: Any) -> Any:
        return sigma * (1 - at) / (1 - keep)

    yield symbolic.identity(
        lambda case: (keep * closed(power) + sigma, closed(keep * power)) if case == "step" else (closed(keep), sigma),
        cases=["start", "step"],
        control=("n sigma", lambda case: (closed(keep), 2 * sigma)),
        range="every n, sigma and kappa (induction)",
        complete=True,
        given=lambda case: [keep < 1, power < 1],
        lift=lambda case, value: {"rounds": 2, "size": 1, "kappa": Fraction(1, 2)},
    )
    s, p, r, kappa = z3.Reals("sigma power kept kappa")
    yield smt.prove(
        z3.And(s * (1 - p) <= s, r < 1),
        given=[s > 0, p >= 0, p <= 1, kappa > 0, kappa < 2, r == (1 - kappa) * (1 - kappa)],
        control=("at most half of it is kept", z3.And(s * (1 - p) <= s, r < Fraction(1, 2))),
        range="the bound, every sigma and kappa in (0, 2)",
        complete=False,
        lift=lambda value: {"rounds": 2, "size": 1, "kappa": value["kappa"]},
    )

    def below(instance: Instance, share: Any = 1) -> bool:
        kept = (1 - Fraction(instance["kappa"])) ** 2
        return bool(variance(instance) <= share * Fraction(instance["size"]) ** 2 / (1 - kept))

    yield exhaustive.check(
        below,
        grid=exhaustive.Grid(scalars={"rounds": [1, 2, 5, 20], "size": [1, 2], "kappa": exhaustive.steps(0, 1, 4)[1:]}),
        control=("half of it", lambda i: below(i, Fraction(1, 2))),
        hypotheses=run.hypotheses,
    )
