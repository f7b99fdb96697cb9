"""What the claims about the penalty share: residual and scarcity by hand, and a grid of situations."""

from typing import Any

from mechopt.evidence import Instance, exhaustive


def situation(instance: Instance) -> bool:
    """Own overage, the others' overage, slack and penalty are nonnegative."""
    return all(instance[name] >= 0 for name in ("own", "others", "slack", "penalty"))


def residual(own: Any, others: Any, slack: Any) -> Any:
    """r as a Z3 term."""
    import z3

    return z3.If(own + others <= slack, 0, own - slack * own / (own + others))


def scarcity(own: Any, others: Any, slack: Any) -> Any:
    """Lambda as a Z3 term."""
    import z3

    return z3.If(own + others <= slack, 0, 1 - slack / (own + others))


GRID = exhaustive.Grid(
    scalars={
        "own": exhaustive.steps(0, 2),
        "others": exhaustive.steps(0, 2),
        "slack": exhaustive.steps(0, 4),
        "penalty": [0, 2],
    }
)
