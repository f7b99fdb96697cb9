"""Equation (1), a definition: that the engine computes what is printed, by another way."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, symbolic


def nonnegative(instance: Instance) -> bool:
    """Entitlements and claims are nonnegative."""
    return min(*instance["entitlement"], *instance["claim"]) >= 0


def printed(instance: Instance) -> tuple[list[Fraction], list[Fraction]]:
    """Coverages and payoffs, agent by agent, as equation (1) prints them."""
    coverage, payoff = [], []
    pairs = [(Fraction(e), Fraction(c)) for e, c in zip(instance["entitlement"], instance["claim"], strict=True)]
    over = sum((c - e for e, c in pairs if c > e), Fraction(0))
    under = sum((e - c for e, c in pairs if c < e), Fraction(0))
    for held, asked in pairs:
        own = asked - held if asked > held else Fraction(0)
        covered = own if over <= under else under / over * own
        coverage.append(covered)
        payoff.append(asked if asked <= held else held + covered)
    return coverage, payoff


def cleared(instance: Instance) -> Any:
    """The engine's clearing in exact numbers."""
    import numpy as np

    from mechopt.mechanisms.overage.clearing import as_exact, clear

    return clear(*(as_exact(np.array(instance[name], dtype=object)) for name in ("entitlement", "claim")))


def in_floats(instance: Instance) -> list[float]:
    """The engine's payoffs in floats, from the clearing and from the fast path."""
    import numpy as np

    from mechopt.mechanisms.overage.clearing import clear
    from mechopt.mechanisms.overage.settlement import settle

    columns = [np.array(instance[name], dtype=np.float64) for name in ("entitlement", "claim")]
    slow, fast = clear(*columns).payoff, settle(*columns)[0]
    return [*slow.tolist(), *fast.tolist()]


@claim(
    paper="lengyel2025",
    label="Equation (1)",
    statement="v̂_j = v_j if X <= I, (I / X) v_j if X > I; pi_j = C_j if C_j <= L_j, L_j + v̂_j if C_j > L_j.",
    reading="""A definition. Checked: the engine's totals, coverages and payoffs are those of a plain
        transcription, exactly; its floats are within 1e-12. The two branches meet at X = I.""",
    hypotheses=[nonnegative],
    proof="A definition needs none; I / X = 1 at X = I.",
    expected="proved_in_range",
)
def definition(run: Run) -> Iterator[Evidence]:
    """The engine against a transcription, in fractions and in floats; the branches at X = I."""
    grid = exhaustive.Grid(
        agents=(1, 2, 3),
        each={"entitlement": [0, 1, 2] if run.full else [0, 2], "claim": exhaustive.steps(0, 4)},
    )

    def same(instance: Instance, shift: int = 0) -> bool:
        period, (coverage, payoff) = cleared(instance), printed(instance)
        gap = sum(instance["claim"]) - sum(instance["entitlement"])
        totals = period.overage_total - period.slack_total == gap and period.sign == (gap > 0) - (gap < 0)
        parts = list(period.overage - period.slack) == [
            c - e for e, c in zip(instance["entitlement"], instance["claim"], strict=True)
        ]
        columns = period.coverage.tolist() == coverage and period.payoff.tolist() == [p + shift for p in payoff]
        return totals and parts and columns and min(*period.overage, *period.slack) >= 0

    yield exhaustive.check(
        same,
        grid=grid,
        control=("one unit more", lambda instance: same(instance, 1)),
        hypotheses=run.hypotheses,
    )
    yield exhaustive.check(
        lambda i: all(abs(a - b) < 1e-12 for a, b in zip(in_floats(i), printed(i)[1] * 2, strict=True)),
        grid=grid,
        control=("claims are met", lambda i: in_floats(i) == [float(c) for c in i["claim"] * 2]),
        hypotheses=run.hypotheses,
    )
    own, rest = symbolic.positive("own others")
    yield symbolic.identity(
        lambda case: ((own + rest) / (own + rest) * own, own),
        cases=["X = I"],
        control=("half", lambda case: (own / 2, own)),
        range="every number of agents: the branches at X = I",
        complete=False,
        lift=lambda case, value: {"entitlement": [1, 2 * value["own"]], "claim": [1 + value["own"], value["own"]]},
    )
