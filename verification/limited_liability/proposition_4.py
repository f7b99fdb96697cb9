"""Proposition 4: truth is a perfect epsilon-equilibrium and epsilon-renegotiation proof, with an explicit epsilon."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

books = catalog.beside(__file__, "_books")


def long_horizon(instance: Instance) -> bool:
    """n >= 1, epsilon > 0, and N with epsilon sqrt(N) >= 3 sqrt(n^3 + 1) + 3 n - 1 (y_max = 1)."""
    whole = all(instance[name] == int(instance[name]) >= 1 for name in ("agents", "periods"))
    return whole and instance["epsilon"] > 0 and bool(books.long_enough(instance, 3, 3 * instance["agents"] - 1))


@claim(
    paper="chassang2021",
    label="Proposition 4",
    statement="""For all epsilon > 0, there exists N_0 such that for all N > N_0, truthful revelation is a perfect
        epsilon-equilibrium and epsilon-renegotiation proof.""",
    reading="""For every n, epsilon > 0, N with epsilon >= (3 sqrt(n^3 + 1) + 3 (n - 1)) / sqrt(N) + 2/N in units
        of y_max, and every history: from then on no strategy of one agent gains more than epsilon N in all
        over the truth, and the truth loses at most epsilon N of output against any strategies.""",
    hypotheses=[long_horizon],
    proof="""From T on, -sum tau = -(change of Phi) + R_N - R_{T-1}. A deviation: R_N <= sqrt(C N), -R_{T-1} <= 1
        + (n - 1) sqrt(N), and weights cost at most R_2 <= (n - 1) sqrt(N). The truth: E[(1 - lambda) x] >=
        0, R_N >= -1 - (n - 1) sqrt(N), R_{T-1} <= sqrt(C N), R^I <= sqrt(C N). The last one is
        renegotiation proofness.""",
    rests_on=[f"limited_liability.equation_{number}" for number in (14, 15, 17, 18)]
    + ["limited_liability.equation_10_private_values"],
    expected="proved",
)
def proposition(run: Run) -> Iterator[Evidence]:
    """Both sides added up by Z3, with square roots as variables; the least horizons."""
    import z3

    names = "pivot moved truth lost end start smooth end_truth start_truth kept n c root epsilon"
    pivot, moved, truth, lost, end, start, smooth, end_truth, start_truth, kept, n, c, root, epsilon = z3.Reals(names)
    low = 1 + (n - 1) * root
    gain = (moved + smooth + end - start) - truth
    yield smt.prove(
        z3.And(
            gain <= (3 * c + 3 * (n - 1)) * root + 2,
            gain <= epsilon * root * root,
            lost <= epsilon * root * root,
        ),
        given=[
            n >= 1, c >= 0, c * c == n * n * n + 1, root >= 1, epsilon > 0, epsilon * root >= 3 * c + 3 * n - 1,
            moved <= pivot, end <= c * root, start >= -low, smooth <= (n - 1) * root,  # the deviation
            truth == pivot - lost + kept + end_truth - start_truth, kept >= 0,  # kept: E sum (1 - lambda) x
            lost <= c * root, end_truth >= -low, start_truth <= c * root,
        ],
        control=("a third of it", gain <= (c + n - 1) * root),
        range="every n, N and epsilon (N = root^2), every history",
        complete=True,
        lift=lambda value: {"agents": 2, "periods": 57_600, "epsilon": Fraction(1, 10)},
    )  # fmt: skip

    def follows(path: object, kept: bool = True) -> bool:
        """sum tau = Phi - R on a path, from any period on."""
        before = {"regrets": [Fraction(0)] * 2}
        for state in books.consistent(path):
            change = [a - b for a, b in zip(state["regrets"], before["regrets"], strict=True)]
            smoothed = [w * x * kept for w, x in zip(state["smoothing"], state["caused"], strict=True)]
            if any(x - t != d for x, t, d in zip(smoothed, state["paid"], change, strict=True)):
                return False
            before = state
        return True

    paths = [instance["path"] for instance in books.Paths(2, 3, every=64**3 // 100)]
    yield exhaustive.check(
        lambda instance: all(follows(path) for path in paths),
        grid=[{"agents": 2, "periods": 57_600, "epsilon": Fraction(1, 10)}],
        control=("without Phi", lambda instance: all(follows(path, False) for path in paths)),
        hypotheses=run.hypotheses,
        range="sum tau = Phi - R on 100 paths of 3 periods with two agents",
    )
