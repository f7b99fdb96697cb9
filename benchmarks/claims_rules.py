"""The claims rules against the sort they need, and against the textbook's bisection for lambda.

CPU time side by side (`timing.least`), each rival's awards compared before they are timed. The bar is three sorts.
Random arrival and average of awards are sums over subsets: they are timed at small sizes, against all orders.

    python benchmarks/claims_rules.py                10 ... 10^6 claimants
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from itertools import permutations
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.timing import Candidate, least
from mechopt.mechanisms.overage import AWARD_RULES

SORTED = [name for name in AWARD_RULES if name not in ("random_arrival", "average_of_awards")]
BAR = 3.0


def bisection(estate: float, claim: Any) -> Any:
    """Constrained equal awards as a textbook reader would write it."""
    low, high = 0.0, float(claim.max())
    for _ in range(60):
        middle = (low + high) / 2
        if np.minimum(claim, middle).sum() < estate:
            low = middle
        else:
            high = middle
    return np.minimum(claim, high)


def orders(estate: float, claim: Any) -> Any:
    """Random arrival by its definition."""
    total = np.zeros(len(claim))
    count = 0
    for order in permutations(range(len(claim))):
        left, count = estate, count + 1
        for i in order:
            taken = min(left, claim[i])
            total[i] += taken
            left -= taken
    return total / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--largest", type=int, default=10**6)
    options = parser.parse_args()
    generator = np.random.default_rng(1)
    sizes = [n for n in (10, 100, 1000, 10**4, 10**5, 10**6) if n <= options.largest]
    print("CPU time over that of one stable argsort of the claims; bar 3 at 10^4 and more")
    print(f"{'rule':28s}" + "".join(f"{n:>10,d}" for n in sizes))
    table: dict[str, list[float]] = {name: [] for name in [*SORTED, "textbook bisection"]}
    for n in sizes:
        claim = generator.lognormal(0.0, 1.0, n)
        estate = 0.6 * float(claim.sum())
        candidates: dict[str, Candidate] = {name: partial(AWARD_RULES[name].award, estate, claim) for name in SORTED}
        candidates["textbook bisection"] = partial(bisection, estate, claim)
        np.testing.assert_allclose(
            candidates["textbook bisection"](), candidates["constrained_equal_awards"](), rtol=1e-9, atol=1e-9
        )
        candidates["sort"] = partial(np.argsort, claim, kind="stable")
        found = least(candidates, options.rounds if n < 10**6 else max(3, options.rounds // 2))
        for name in table:
            table[name].append(found[name] / found["sort"])
    for name, ratios in table.items():
        missed = any(r > BAR for r, n in zip(ratios, sizes, strict=True) if n >= 10**4) and name in SORTED
        print(f"{name:28s}" + "".join(f"{r:10.2f}" for r in ratios) + ("   above the bar" if missed else ""))
    claim = generator.lognormal(0.0, 1.0, 7).round(2)
    estate = 0.6 * float(claim.sum())
    np.testing.assert_allclose(orders(estate, claim), AWARD_RULES["random_arrival"].award(estate, claim), rtol=1e-12)
    found = least(
        {
            "orders": lambda: orders(estate, claim),
            "random_arrival": lambda: AWARD_RULES["random_arrival"].award(estate, claim),
            "average_of_awards": lambda: AWARD_RULES["average_of_awards"].award(estate, claim),
        },
        3,
    )
    for name in ("random_arrival", "average_of_awards"):
        print(f"{name}, 7 claimants: {found['orders'] / found[name]:.0f} times faster than all orders")


if __name__ == "__main__":
    main()
