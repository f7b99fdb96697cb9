"""Section 5: remarks after Proposition 2 on small delta and on the event in which everybody tells the truth."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

conjectures = catalog.beside(__file__, "_conjectures")


def small_epsilon(instance: Instance) -> bool:
    """Epsilon is at most beta^(1-T) T v-bar, which is all that can be gained."""
    return bool(instance["ratio"] <= 1)


def small_numbers(instance: Instance) -> bool:
    """0 < c-bar, ratio > 0, N >= 1."""
    return instance["bound"] > 0 and instance["ratio"] > 0 and instance["agents"] == int(instance["agents"]) >= 1


def escapes(instance: Instance, small: Fraction) -> Fraction | None:
    """A z near 1 with delta(z) < small and c(z) >= c-bar, if there is one."""
    step = min(small, Fraction(1, 2)) / (2 * max(Fraction(instance["ratio"]) ** 2, Fraction(1)))
    here = {**instance, "z": 1 - step}
    return 1 - step if conjectures.delta(here) < small and conjectures.conjecture(here) >= instance["bound"] else None


def replay_small(instance: Instance) -> str | None:
    """Smaller and smaller delta-bar, by hand."""
    ratio, agents, lines = Fraction(instance["ratio"]), instance["agents"], []
    for digits in (1, 3, 9):
        step = Fraction(1, 10**digits) / (2 * max(ratio**2, Fraction(1)))
        z = 1 - step
        here, c = min(z * (1 - z) * ratio**2 / agents, Fraction(1)), min(z * ratio, Fraction(1))
        if not (here < Fraction(1, 10**digits) and c >= instance["bound"]):
            return None
        lines.append(f"delta-bar = 1/10^{digits}: z = 1 - {step} has delta(z) = {here}, which is less, and c(z) = {c}")
    head = f"epsilon / (beta^(1-T) T v-bar) = {ratio}, N = {agents}, c-bar = {instance['bound']}"
    tail = "as z tends to 1, delta(z) tends to 0 and c(z) to the ratio (or 1): no delta-bar will do"
    return "\n".join([head, *lines, tail])


@claim(
    paper="zhu2021",
    label="Section 5",
    part="small delta means small c",
    statement="""For any c-bar > 0, there exists a delta-bar > 0 such that, for any z satisfying delta(z) <
        delta-bar, we have c(z) < c-bar.""",
    reading="""For all N >= 1, epsilon / (beta^(1-T) T v-bar) > 0 and c-bar > 0; delta-bar = 1/10, 1/1000, ... are
        tried.""",
    hypotheses=[small_numbers],
    replay=replay_small,
    expected="refuted",
    repaired_by="linked_vcg.section_5_small_delta_with_the_smaller_root",
)
def small(run: Run) -> Evidence:
    """A z near 1 for every delta-bar tried."""
    return exhaustive.check(
        lambda instance: any(escapes(instance, Fraction(1, 10**digits)) is None for digits in (1, 2, 4, 8, 16)),
        grid=exhaustive.Grid(
            scalars={
                "ratio": [Fraction(1, 2), 1, 3],
                "agents": [1, 10],
                "bound": [Fraction(1, 4), Fraction(1, 2), 2],
            }
        ),
        control=("with c-bar = 10", lambda instance: escapes({**instance, "bound": 10}, Fraction(1, 100)) is not None),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Section 5",
    part="small delta with the smaller root",
    statement="""For any c-bar in (0, 1], delta-bar = c-bar ratio / (2 N), or 1 if that is less, does it for z <=
        1/2: delta(z) < delta-bar implies c(z) < c-bar. z <= 1/2 gives the smaller of the two c with the same
        delta, and every delta <= ratio^2 / (4 N) is some delta(z), z <= 1/2.""",
    reading="For all N >= 1, ratio > 0, c-bar in (0, 1] and z in (0, 1/2].",
    hypotheses=[small_numbers],
    proof="z (1 - z) >= z/2, so delta >= z ratio^2 / (2 N) = c ratio / (2 N) or is cut at 1.",
    expected="proved",
)
def small_repaired() -> Iterator[Evidence]:
    """By Z3; the root by SymPy."""
    import z3

    z, ratio, agents, bound = z3.Reals("z ratio agents bound")
    chance = smt.minimum(z * (1 - z) * ratio * ratio / agents, 1)
    c = smt.minimum(z * ratio, 1)
    limit = smt.minimum(bound * ratio / (2 * agents), 1)
    yield smt.prove(
        z3.Implies(chance < limit, c < bound),
        given=[z > 0, 2 * z <= 1, ratio > 0, agents >= 1, bound > 0, bound <= 1],
        control=("half of it", z3.Implies(chance < limit, 2 * c < bound)),
        range="every N, T, beta, v-bar, epsilon, c-bar and z <= 1/2",
        complete=True,
        nontrivial=[chance < limit],
        lift=lambda value: {"ratio": value["ratio"], "agents": 2, "bound": value["bound"]},
    )
    of, number, root = symbolic.positive("ratio agents root")  # root^2 = 1 - 4 delta N / ratio^2, in [0, 1)
    wanted = (1 - root**2) * of**2 / (4 * number)

    def reached(at: Any) -> tuple[Any, Any]:
        return at * (1 - at) * of**2 / number, wanted

    yield symbolic.identity(
        lambda case: reached((1 - root) / 2),
        cases=["the smaller root"],
        control=("a quarter", lambda case: reached((1 - root) / 4)),
        range="every delta up to ratio^2 / (4 N) is delta(z) of the smaller root z = (1 - root) / 2",
        complete=False,
        lift=lambda case, value: {"ratio": value["ratio"], "agents": 2, "bound": 1},
    )


def replay_subset(instance: Instance) -> str | None:
    """At s = T an agent who has left his interval knows it; condition (2) by hand."""
    ratio = Fraction(instance["ratio"])
    c = min(instance["z"] * ratio, Fraction(1))
    if not (1 + c) < ratio:
        return None
    return (
        f"c(z) = {c}; at s = T an agent outside his interval has P^n = 1, and (2) reads (1 + {c}) beta^(1-T) T v-bar < "
        f"epsilon = {ratio} beta^(1-T) T v-bar\nwhich is true: he still tells the truth; the event contains "
        "endowments outside Omega(T, mu-lower, mu-upper)"
    )


@claim(
    paper="zhu2021",
    label="Section 5",
    part="the event is a subset",
    statement="""All agents tell the truth in the event Omega(T, mu-lower, mu-upper, P, c(z) 1). Since this event is
        a subset of Omega(T, mu-lower, mu-upper), the allocation is efficient and the cost is exactly the same as in
        the stylized model.""",
    reading="""For every epsilon > 0, T, beta, v-bar, z: an agent outside his interval violates (2) at s = T, that is
        (1 + c(z)) beta^(1-T) T v-bar >= epsilon.""",
    hypotheses=[conjectures.parameters],
    replay=replay_subset,
    expected="refuted",
    repaired_by="linked_vcg.section_5_the_event_is_a_subset_for_small_epsilon",
)
def subset(run: Run) -> Evidence:
    """Large and small epsilon."""
    return exhaustive.check(
        lambda instance: 1 + conjectures.conjecture(instance) >= instance["ratio"],
        grid=exhaustive.Grid(
            scalars={"z": [Fraction(1, 4), Fraction(1, 2)], "ratio": [1, 2, 3], "agents": [1, 2]},
        ),
        control=("(2) never holds", lambda instance: conjectures.conjecture(instance) >= instance["ratio"]),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="zhu2021",
    label="Section 5",
    part="the event is a subset for small epsilon",
    statement="""Where epsilon <= (1 + c(z)) beta^(1-T) T v-bar, in particular where epsilon is at most the largest
        payoff beta^(1-T) T v-bar, the event is a subset of Omega(T, mu-lower, mu-upper).""",
    reading="""For all z, N and epsilon with ratio <= 1 (or <= 1 + c(z)): where (2) holds at s = T, P^n < 1, so that
        mu^n, which is known then, is in its interval.""",
    hypotheses=[conjectures.parameters, small_epsilon],
    proof="(1 + c) >= ratio is the failure of (2) with P^n = 1.",
    expected="proved",
)
def subset_repaired() -> Evidence:
    """By Z3, with (2) at s = T as printed: (P^n + c) beta^(1-T) T v-bar < epsilon."""
    import z3

    z, epsilon, largest, outside = z3.Reals("z epsilon largest P")  # largest: beta^(1-T) T v-bar
    c = smt.minimum(z * epsilon / largest, 1)
    truthful = (outside + c) * largest < epsilon
    small = z3.Or(epsilon <= (1 + c) * largest, epsilon <= largest)
    return smt.prove(
        z3.Implies(z3.And(small, truthful), outside < 1),
        given=[z > 0, z < 1, epsilon > 0, largest > 0, outside >= 0, outside <= 1],
        control=("for every epsilon", z3.Implies(truthful, outside < 1)),
        range="every z, beta, T, v-bar, and epsilon up to (1 + c) times the largest payoff",
        complete=True,
        nontrivial=[small, truthful, outside > 0],
        lift=lambda value: {"z": value["z"], "ratio": value["epsilon"] / value["largest"], "agents": 2},
    )
