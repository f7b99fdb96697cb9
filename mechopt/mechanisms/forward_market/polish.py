"""Findings on answers that began as a linear program: what was reported instead, and what is still open.

A float solver keeps its constraints within some 1e-9 of the data and its optimum within some 1e-7. What is reported is
the vertex of its optimal basis in rational arithmetic, or a scalar root with a bound of its own.
"""

from __future__ import annotations

from mechopt.finding import Finding

OPEN = 1e-9  # of the high end: what may be left between a reported answer and its bound
MOVED = 1e-7  # of the high end: by how much a solver's answer may have been off


def polished(solved: float, reported: float, gap: float, high: float, how: str, *, left: float = OPEN) -> list[Finding]:
    """The gap that is left, and the solver's answer against the reported one.

    Args:
        solved: optimum as the float solver gave it, in the units of `high`.
        reported: optimum after polishing.
        gap: proven distance of what is reported to the optimum.
        high: the high end of the support.
        how: it was polished.
        left: tolerance of the gap, of the high end.
    """
    return [
        Finding(
            property="polished_optimum",
            margin=-gap,
            tolerance=left * high,
            evidence=f"the distance to the optimum that {how} leaves",
            witness={"reported": reported, "gap": gap},
        ),
        Finding(
            property="solver_agrees",
            margin=-abs(solved - reported),
            tolerance=MOVED * high,
            evidence="the linear program's own answer against the polished one",
            witness={"linear_program": solved, "reported": reported},
        ),
    ]
