"""The [design] table: the horizon or the discount that certifies a wanted epsilon, variant by variant.

Certified numbers are worst cases over everything agents may do; beside them stands what simulated deviations gain on
the document's own values. Source: chassang2021, Propositions 2 to 5, A.1, A.2, with the constants of `bounds.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, get_args

import msgspec

from mechopt import exact
from mechopt.instance import Document
from mechopt.mechanisms.limited_liability import bounds, rounds
from mechopt.mechanisms.limited_liability.comparison import TRUTH
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.rules import Rules, Variant
from mechopt.outcome import Guarantee, Outcome
from mechopt.program import to_float

EXPONENTS = [Fraction(k, 60) for k in range(3, 58)]  # searched for the exploration variant
GAINS = ("overclaim", "overclaim_then_default", "shade", "strategic_default")  # simulated beside the bound


class Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of a [design] table.

    Attributes:
        epsilon: wanted, in units of output a period.
        variants: to compare; all that have a bound.
        gap: absolute optimality gap of the decisions, where a model finds them.
        estimate_periods: horizon of the simulations beside the bounds; 0 leaves them out.
        replications: of those simulations.
    """

    epsilon: Any = "0.05"
    variants: tuple[Variant, ...] | None = None
    gap: Any = 0
    estimate_periods: int = 0
    replications: rounds.Positive = 32


def horizon(
    rules: Rules, epsilon: float, *, output_bound: float = 1.0, value_floor: float | None = None, gap: float = 0.0,
    printed: bool = False,
) -> int | None:  # fmt: skip
    """The least number of periods whose certified epsilon is at most the one wanted.

    Args:
        rules: the variant; not the discounted one, whose epsilon does not depend on the horizon.
        epsilon: wanted, in units of output a period.
        output_bound: y_max.
        value_floor: v of Assumption A.1.
        gap: of the decisions.
        printed: with the paper's constants.

    Returns:
        None where no horizon below 10^30 certifies it.
    """

    def reached(periods: int) -> bool:
        bound = bounds.certified(rules, periods, output_bound=output_bound, value_floor=value_floor, gap=gap)
        value = bound.paper if printed else bound.epsilon
        return value is not None and value <= epsilon and not bound.trivial

    high = 1
    while not reached(high):
        high *= 2
        if high > bounds.LONGEST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def patience(rules: Rules, epsilon: float, *, output_bound: float = 1.0, gap: float = 0.0) -> Fraction | None:
    """The largest 1 - delta, to three digits rounded down, whose certified epsilon is at most the one wanted."""

    def reached(rest: Fraction) -> bool:
        patient = replace(rules, variant="discounted", discount=1 - rest)
        return bounds.certified(patient, 1, output_bound=output_bound, gap=gap).epsilon <= epsilon

    for decade in range(1, 16):
        base = Fraction(1, 10**decade)
        if not reached(base):
            continue
        low, high = 100, 1000  # hundredths of the decade
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if reached(base * middle / 100) else (low, middle)
        return base * low / 100
    return None


def best_exponent(rules: Rules, epsilon: float, *, output_bound: float = 1.0, gap: float = 0.0) -> Fraction:
    """The exploration exponent with the shortest certified horizon, among multiples of 1/60."""
    found = [
        (horizon(replace(rules, exploration_exponent=power), epsilon, output_bound=output_bound, gap=gap), power)
        for power in EXPONENTS
    ]
    return min(found, key=lambda pair: (pair[0] is None, pair[0] or 0, pair[1]))[1]


def design(
    environment: Environment,
    document: Document,
    *,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Outcome:
    """What certifies a wanted epsilon with as many agents as the document has.

    Returns:
        `tables.variants`: horizon or discount, the same with the paper's constants, the exponent of exploration, and
        with `estimate_periods` the loss under truth and the largest gain found by simulated deviations.

    Raises:
        InstanceError: the table is wrong.
    """
    table = document.section("design", Table)
    epsilon = exact.as_float(document.number(table.epsilon, "design.epsilon", positive=True))
    gap = exact.as_float(document.number(table.gap, "design.gap", minimum=0))
    if environment.program is not None:  # `certified` charges 2 gaps
        gap = max(gap, environment.program.gap * environment.program.GAP_FACTOR / 2)
    bound = exact.as_float(environment.output_bound)
    floor = float(to_float(environment.values).min())
    if environment.value_floor is not None:
        floor = exact.as_float(environment.value_floor)
    chosen = table.variants or tuple(variant for variant in get_args(Variant) if variant != "pivot")
    rows: dict[str, list[Any]] = {}
    for variant in chosen:
        row = _row(environment.rules, variant, epsilon, bound, floor, gap)
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
    if table.estimate_periods > 0:
        rows |= _estimates(environment, document, table, chosen, rows, seed, workers, progress)
    reachable = [periods for periods in rows["horizon"] if periods is not None]
    return Outcome(
        mechanism="limited_liability",
        title="",
        status="designed",
        guarantee=Guarantee(
            kind="proven",
            detail="horizons and discounts certify epsilon against unilateral deviations; estimates are Monte Carlo",
        ),
        summary={
            "epsilon": epsilon,
            "agents": environment.rules.agents,
            "shortest_horizon": min(reachable, default=None),
            "periods_in_document": len(environment.values),
        },
        tables={"variants": rows},
        warnings=_warnings(rows, epsilon, environment),
        provenance={"seed": seed},
    )


def _warnings(rows: Mapping[str, Sequence[Any]], epsilon: float, environment: Environment) -> list[str]:
    lines = []
    if epsilon >= environment.output_bound:
        lines.append(
            f"no payoff is above {exact.show(environment.output_bound)}, so that an epsilon of {epsilon:.4g} promises "
            "nothing; ask for less"
        )
    for variant, detail, periods, delta in zip(
        rows["variant"], rows["detail"], rows["horizon"], rows["discount"], strict=True
    ):
        if periods is None and delta is None:
            lines.append(f"{variant}: {detail}")
    return lines


def _row(own: Rules, variant: Variant, epsilon: float, bound: float, floor: float, gap: float) -> dict[str, Any]:
    payment = own.payment if variant not in ("pivot", "bounded_values") else "output"
    rules = replace(own, variant=variant, payment=payment, discount=own.discount or Fraction(99, 100))
    row: dict[str, Any] = {"variant": variant, "horizon": None, "horizon_paper": None, "discount": None,
                           "exponent": None}  # fmt: skip
    periods = 1
    if variant == "discounted":
        rest = patience(rules, epsilon, output_bound=bound, gap=gap)
        row["discount"] = None if rest is None else float(1 - rest)
        row["patience"] = None if rest is None else float(rest)
        rules = rules if rest is None else replace(rules, discount=1 - rest)
    else:
        row["patience"] = None
        if variant == "exploration":
            power = best_exponent(rules, epsilon, output_bound=bound, gap=gap)
            rules, row["exponent"] = replace(rules, exploration_exponent=power), float(power)
        row["horizon"] = horizon(rules, epsilon, output_bound=bound, value_floor=floor, gap=gap)
        row["horizon_paper"] = horizon(rules, epsilon, output_bound=bound, value_floor=floor, gap=gap, printed=True)
        periods = row["horizon"] or 1
    found = bounds.certified(rules, periods, output_bound=bound, value_floor=floor, gap=gap)
    reached = row["horizon"] is not None or row["discount"] is not None
    row["epsilon_certified"] = found.epsilon if reached and math.isfinite(found.epsilon) else None
    row["detail"] = found.detail
    return row


def _estimates(
    environment: Environment, document: Document, table: Table, chosen: tuple[Variant, ...], rows: dict[str, list[Any]],
    seed: int, workers: int, progress: Callable[[int, int], object] | None,
) -> dict[str, list[Any]]:  # fmt: skip
    """Loss under truth and the largest gain among simulated deviations, by variant."""
    discounts = [value for value in rows["discount"] if value is not None]
    simulated = {
        "periods": table.estimate_periods,
        "replications": table.replications,
        "strategies": list(GAINS),
        "variants": list(chosen),
        "discount": document.data.get("discount") or (discounts[0] if discounts else "0.99"),
    }
    copied = Document(data={**document.data, "simulate": simulated}, path=document.path)
    outcome = rounds.simulate(environment, copied, seed=seed, workers=workers, progress=progress)
    found: dict[str, list[Any]] = {"estimate_loss": [], "estimate_gain": [], "estimate_gain_error": []}
    played = outcome.tables["strategies"]
    for variant in chosen:
        places = [place for place, name in enumerate(played["variant"]) if name == variant]
        truth = [place for place in places if played["strategy"][place] == TRUTH]
        gains = [place for place in places if played["gain"][place] is not None]
        best = max(gains, key=lambda place: played["gain"][place], default=None)
        found["estimate_loss"].append(played["loss_per_period"][truth[0]] if truth else None)
        found["estimate_gain"].append(None if best is None else played["gain"][best])
        found["estimate_gain_error"].append(None if best is None else played["gain_error"][best])
    return found
