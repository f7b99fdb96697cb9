"""Equation (3), a definition: that the engine computes the power family with its tie-break, by another way."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive


def nonnegative(instance: Instance) -> bool:
    """Entitlements and claims are nonnegative, alpha > 0."""
    return min(*instance["entitlement"], *instance["claim"]) >= 0 and instance["alpha"] > 0


def power(value: Fraction, alpha: Any) -> Fraction:
    """value**alpha for a whole alpha, or for alpha = 1/2 and the square of a whole number."""
    if alpha == Fraction(1, 2):
        return Fraction(round(float(value) ** 0.5))
    return value ** int(alpha)


def printed(instance: Instance) -> list[Fraction]:
    """Coverages as equation (3) prints them; ties by the rule named."""
    gaps = [Fraction(c) - e for e, c in zip(instance["entitlement"], instance["claim"], strict=True)]
    over, under = sum(g for g in gaps if g > 0), -sum(g for g in gaps if g < 0)
    if over < under or over == 0:
        return [max(g, Fraction(0)) for g in gaps]
    weight = sum(power(g, instance["alpha"]) for g in gaps if g > 0)
    result = []
    for gap in gaps:
        own = max(gap, Fraction(0))
        share = under * power(own, instance["alpha"]) / weight
        at_boundary = {"max": max(own, share), "left": own, "right": share}[instance["tie"]]
        result.append(at_boundary if over == under else share)
    return result


def engine(instance: Instance, *, floats: bool = False) -> list[Any]:
    """The engine's coverages, in exact numbers or floats."""
    import numpy as np

    from mechopt.mechanisms.overage.clearing import as_exact, clear

    columns = [np.array(instance[name], dtype=object) for name in ("entitlement", "claim")]
    columns = [column.astype(np.float64) if floats else as_exact(column) for column in columns]
    period = clear(*columns, rule="power", alpha=instance["alpha"], tie=instance["tie"])
    gained = period.payoff - np.minimum(columns[1], columns[0])
    return [*period.coverage.tolist(), *gained.tolist()]


@claim(
    paper="lengyel2025",
    label="Equation (3)",
    statement="""v̂_j = v_j if X < I, I v_j^alpha / sum_{m: v_m > 0} v_m^alpha if X > I, and the larger of the two
        at X = I.""",
    reading="A definition. Checked: the engine's coverages, and its payoffs less min(C, L), are those of a plain "
    "transcription, exactly for alpha = 1/2, 1, 2, 3 and the three ties, and within 1e-12 in floats.",
    hypotheses=[nonnegative],
    proof="A definition needs none.",
    expected="proved_in_range",
)
def definition(run: Run) -> Iterator[Evidence]:
    """The engine against a transcription, in fractions and in floats."""
    whole = exhaustive.Grid(
        agents=(1, 2, 3),
        each={"entitlement": [1, 3], "claim": [0, 1, 2, 3] if run.full else [0, 2, 3]},
        scalars={"alpha": [1, 2, 3], "tie": ["max", "left", "right"]},
    )
    yield exhaustive.check(
        lambda instance: engine(instance) == printed(instance) * 2,
        grid=whole,
        control=("the linear rule", lambda instance: engine(instance) == printed({**instance, "alpha": 1}) * 2),
        hypotheses=run.hypotheses,
    )
    yield exhaustive.check(
        lambda instance: all(
            abs(a - b) < 1e-12 for a, b in zip(engine(instance, floats=True), printed(instance) * 2, strict=True)
        ),
        grid=whole,
        control=("claims are met", lambda instance: max(engine(instance, floats=True)) == max(instance["claim"])),
        hypotheses=run.hypotheses,
    )
    yield exhaustive.check(
        lambda instance: engine(instance) == printed(instance) * 2,
        grid=[
            {"entitlement": [3, 0, slack], "claim": [3 + one, other, 0], "alpha": Fraction(1, 2), "tie": tie}
            for one in (1, 4, 9)
            for other in (0, 4, 16)
            for slack in (0, 1, 5, 8, one + other)
            for tie in ("max", "left", "right")
        ],
        control=("the linear rule", lambda instance: engine(instance) == printed({**instance, "alpha": 1}) * 2),
        hypotheses=run.hypotheses,
        range="alpha = 1/2, overages that are squares",
    )
