"""Proposition A.1: unobserved counterfactuals with values above a floor; what its assumption and its regret B do."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_bounded")
HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)


def long_horizon(instance: Instance) -> bool:
    """n >= 1, a floor v in (0, 1], epsilon > 0, and N with epsilon sqrt(N) >= n + 2 + 2 (2 n - 1) / v (y_max = 1)."""
    n, floor, epsilon = instance["agents"], Fraction(instance["floor"]), Fraction(instance["epsilon"])
    whole = n == int(n) >= 1 <= instance["periods"] and 0 < floor <= 1 and epsilon > 0
    return whole and bool(epsilon**2 * instance["periods"] >= (n + 2 + 2 * (2 * n - 1) / floor) ** 2)


@claim(
    paper="chassang2021",
    label="Proposition A.1",
    statement="""For all epsilon > 0, there exists N_0 such that for all N > N_0, truthful revelation is an
        epsilon-Nash equilibrium of the mechanism (A.1), (A.2). Under truthful reporting the allocation approaches
        efficiency.""",
    reading="""For every n, floor v, epsilon > 0 and N with epsilon >= (n + 1)/N + (1 + 2 (2 n - 1) kappa)/sqrt(N),
        kappa = y_max / v, in units of y_max: no strategy of one agent gains more than epsilon a period over
        the truth, and the truth loses at most 2 n kappa sqrt(N) of output.""",
    hypotheses=[long_horizon],
    proof="""Payoff = y_i less the weighted externality plus R^tau. A deviation: R^tau <= n, and the weights of n
        - 1 others cost at most the sum of their 1 - lambda. The truth: E R^tau >= -1 - sqrt(N), and the
        weights of n agents.""",
    rests_on=["limited_liability.lemma_a_1", "limited_liability.lemma_a_2"],
    expected="proved",
)
def proposition(run: Run) -> Iterator[Evidence]:
    """Both sides added up by Z3; least horizons."""
    import z3

    names = "pivot moved others regret truth weights regret_truth n kappa root epsilon lost"
    pivot, moved, others, regret, truth, weights, regret_truth, n, kappa, root, epsilon, lost = z3.Reals(names)
    gain = moved + regret - truth
    yield smt.prove(
        z3.And(
            gain <= n + 1 + root + 2 * (2 * n - 1) * kappa * root,
            gain <= epsilon * root * root,
            lost <= epsilon * root * root,
        ),
        given=[
            n >= 1, kappa >= 1, root >= 1, epsilon * root >= n + 2 + 2 * (2 * n - 1) * kappa,
            moved <= pivot + others, others <= 2 * (n - 1) * kappa * root, regret <= n,
            truth >= pivot - weights + regret_truth, weights <= 2 * n * kappa * root, regret_truth >= -1 - root,
            lost <= weights,
        ],
        control=("without the weights of the others", gain <= n + 1 + root + 2 * n * kappa * root),
        range="every n, floor, N and epsilon (N = root^2)",
        complete=True,
        lift=lambda value: {"agents": 2, "periods": 320_000, "floor": QUARTER, "epsilon": Fraction(1, 20)},
    )  # fmt: skip

    def profit(instance: Instance, keep: int = 1) -> bool:
        """y_i less transfers against outputs less weighted externalities plus R^tau, for both agents, on paths."""
        for path in SAMPLE:
            state = books.start(2)
            for entry in path:
                shares, values = books.weights(state), entry["values"]
                taken = books.best(values, shares)
                after = books.period(state, values, entry["outputs"])
                for i in range(2):
                    alone = books.best(values, shares, i)
                    caused = sum(shares[j] * (values[j][alone] - values[j][taken]) for j in range(2) if j != i)
                    due = entry["outputs"][i][taken] if state["value"][i] > 0 else 0
                    if -due != -caused + keep * (after["incentive"][i] - state["incentive"][i]):
                        return False
                state = after
        return True

    yield exhaustive.check(
        profit,
        grid=[{"agents": 2, "periods": 320_000, "floor": QUARTER, "epsilon": Fraction(1, 10)}],
        control=("without R^tau", lambda instance: profit(instance, 0)),
        hypotheses=run.hypotheses,
        range="the identity of payoffs on 100 paths of 4 periods with two agents",
    )


SAMPLE = [instance["path"] for instance in books.Paths(4, 100)]


def truthful(instance: Instance) -> bool:
    """Values in (0, 1] by agent and decision, the same every period and stated truthfully; outputs are 0 or 1."""
    values = instance["values"]
    inside = all(0 < value <= 1 for row in values for value in row)
    return inside and len(values) >= 1 <= len(values[0]) and instance["periods"] == int(instance["periods"]) >= 1


HISTORIES: list[dict[str, Any]] = [
    {"values": values, "periods": periods}
    for values in ([[QUARTER, HALF], [1, QUARTER]], [[HALF]], [[HALF, QUARTER], [QUARTER, HALF]])
    for periods in (3, 2, 1)
]


@claim(
    paper="chassang2021",
    label="Beyond the paper: without the regret B",
    statement="""With lambda = 1 wherever R^v <= 0 the bounds of Lemma A.1 hold, and E sum (1 - lambda) <= y_max
        sqrt(T) / v, half of (A.9).""",
    reading="""For every n and T, where i is truthful with values at least v: v E sum (1 - lambda) <= E R^A <=
        sqrt(T); R^A >= -1, R^v in [-1, n - 1] on every path as before. So Proposition A.1 holds with (2 n -
        1) kappa in place of 2 (2 n - 1) kappa.""",
    hypotheses=[truthful],
    proof="The proofs of (A.3), (A.5), (A.6), (A.7) do not use R^B; all periods with lambda = 0 now count in R^A.",
    rests_on=[f"limited_liability.equation_a_{number}" for number in (3, 5, 6, 7)],
    expected="proved",
)
def without_b(run: Run) -> Iterator[Evidence]:
    """By Z3; histories."""
    import z3

    floor, out, weighted, a, root = z3.Reals("floor out weighted A root")
    yield smt.prove(
        out * floor <= root,
        given=[floor > 0, out >= 0, floor * out <= weighted, weighted == a, a <= root],
        control=("half of it", out * floor <= root / 2),
        range="every number of agents and periods",
        complete=True,
        lift=lambda value: HISTORIES[0],
    )

    def bounds(instance: Instance, spare: int = 1) -> bool:
        values, periods = instance["values"], instance["periods"]
        out = Fraction(0)
        for chance, state in books.tree(values, periods, use_b=False):
            out += chance * state["left_out"][0]
            within = min(*state["a"], *state["value"]) >= -spare and max(state["value"]) <= len(values) - 1
            if not within or max(state["incentive"]) > len(values):
                return False
        return bool((out * min(values[0])) ** 2 <= periods)

    yield exhaustive.check(
        bounds,
        grid=HISTORIES,
        control=("regrets at least 0", lambda instance: bounds(instance, 0)),
        hypotheses=run.hypotheses,
        range="all histories of up to 3 periods at three profiles of values",
    )


def exclusive(instance: Instance) -> bool:
    """Two truthful agents, one resource, 0 where not served: v_2 < v_1 < 2 v_2; agent 2 produces v_2; T >= 3."""
    first, second = instance["values"]
    return bool(0 < second < first < 2 * second and first < 1) and instance["periods"] == int(instance["periods"]) >= 3


def caught(instance: Instance) -> dict[str, list[Any]]:
    """Regrets after T periods in which agent 1 produced nothing in the second."""
    first, second = instance["values"]
    values = [[first, 0], [0, second]]
    lucky, unlucky = ([[1, 0], [0, second]], [[0, 0], [0, second]])
    path = [{"values": values, "outputs": unlucky if t == 1 else lucky} for t in range(instance["periods"])]
    *_, state = books.play(path)
    return state


@claim(
    paper="chassang2021",
    label="Appendix A",
    part="Assumption A.1 is needed",
    statement="""Without Assumption A.1 a truthful agent can be left out for ever, and (A.9), (A.11) and Proposition
        A.1's efficiency fail.""",
    reading="""Two truthful agents, one resource, values 0 where not served, v_2 < v_1 < 2 v_2: with probability at
        least 1 - v_1 (agent 1 produces nothing in period 2) agent 1 is left out from period 3 on, for every
        T: T - 2 periods and a loss of v_1 - v_2 in each.""",
    hypotheses=[exclusive],
    proof="""Then R^v = 2 v_2 - v_1 > 0 and R^A = -v_1 < 0, so lambda = 0; agent 1 is not served, produces
        nothing, has no externality: neither regret moves again.""",
    expected="proved",
)
def for_ever(run: Run) -> Iterator[Evidence]:
    """The state that is never left by Z3; paths."""
    import z3

    names = "R_v R_A lambda caused output served v1 v2 others"
    value, a, weight, caused, output, served, first, second, others = z3.Reals(names)
    yield smt.prove(
        z3.And(
            value + caused - weight * served * first == value,
            a + output - weight * served * first == a,
            second + second - first > 0,
            0 - first < 0,
        ),
        given=[
            second > 0, second < first, first < 2 * second, value > 0, a < 0,
            weight == z3.If(a >= 0, 1, 0), z3.Implies(weight == 0, served == 0),  # agent 2 has weight 1 and a value > 0
            z3.Or(served == 0, served == 1), output >= 0, output <= served,
            caused == weight * served * others, others >= 0,
        ],
        control=("R^A comes back", a + output >= 0),
        range="every T, induction from period 3 on",
        complete=True,
        lift=lambda value: {"values": [Fraction(2, 3), HALF], "periods": 5},
    )  # fmt: skip
    yield exhaustive.check(
        lambda instance: caught(instance)["left_out"] == [instance["periods"] - 2, 0],
        grid=exhaustive.Grid(
            scalars={"values": [[Fraction(2, 3), HALF], [HALF, Fraction(1, 3)]], "periods": [3, 4, 10, 50]}
        ),
        control=("let in again", lambda instance: caught(instance)["left_out"][0] < instance["periods"] - 2),
        hypotheses=run.hypotheses,
    )
