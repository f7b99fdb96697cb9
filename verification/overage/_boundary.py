"""What the claims about continuity at X = I share: the coverage from either side."""

from typing import Any


def coverage(overage: list[Any], slack: Any, alpha: Any) -> list[Any]:
    """The engine's coverage of these overages when one more agent supplies the slack."""
    import numpy as np

    from mechopt.mechanisms.overage.clearing import as_exact, clear

    held = as_exact(np.array([slack + 1, *[1] * len(overage)], dtype=object))
    asked = as_exact(np.array([1, *(1 + value for value in overage)], dtype=object))
    return clear(held, asked, rule="power", alpha=alpha).coverage.tolist()[1:]
