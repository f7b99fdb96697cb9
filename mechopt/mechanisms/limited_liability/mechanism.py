"""The mechanism on recorded periods: an environment in, groups, payments, regrets and a certified epsilon out."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.mechanisms.limited_liability import attack, bounds, groups
from mechopt.mechanisms.limited_liability.accounts import Accounts, in_units, payments
from mechopt.mechanisms.limited_liability.allotment import Program
from mechopt.mechanisms.limited_liability.arithmetic import GRID
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.record import Record, as_floats, retrace, trace
from mechopt.outcome import Guarantee, Outcome
from mechopt.program import to_float

COLUMNS = {
    "transfer": "regret_transfer",
    "first": "regret_1",
    "second": "regret_2",
    "value": "regret_value",
    "held": "regret_a",
    "idle": "regret_b",
}
REVERSED_LIMIT = 1e-6  # of output; beyond, a warning says that rounding has grown


def run(environment: Environment) -> Outcome:
    """The mechanism on the periods of an environment.

    Payments are the paper's tau >= 0, what an agent PAYS; `tables.agents.transfer` has the house's sign, what an agent
    receives, which is their negative.

    Returns:
        `tables.periods` and `tables.agents`; with the integer ledger also `tables.ledger`, its integers: probabilities
        and regrets count 2^-32, outputs and payments count output units.

    Raises:
        InstanceError: the integer ledger meets outputs that are not whole.

    Source: chassang2021, Sections 3 to 7, Appendix A.
    """
    record = trace(environment)
    paid = payments(environment, record)
    accounts = Accounts(environment, record, paid)
    bound = epsilon(environment)
    guarantee, drift = _guarantee(environment, record)
    tables: dict[str, dict[str, Any]] = {
        "periods": _periods(environment, record, paid),
        "agents": accounts.table(),
    }
    if record.grid:
        tables["ledger"] = _ledger(record)
    if environment.program is not None:
        tables["amounts"] = _amounts(environment.program, record, environment.period_names)
    return Outcome(
        mechanism="limited_liability",
        title="",
        status="settled",
        guarantee=guarantee,
        summary=accounts.summary(bound),
        tables=tables,
        warnings=_warnings(environment, record, bound, drift),
        provenance={
            "arithmetic": environment.arithmetic,
            "ledger": environment.ledger,
            "seed": environment.seed,
            "tie_rule": "the smallest decision index; the grand group where all weights are 0",
            **_solver(environment),
            "epsilon": {"detail": bound.detail, "paper": bound.paper, "regret_bound": _finite(bound.regret)},
        },
    )


def epsilon(environment: Environment) -> bounds.Bound:
    """The certified epsilon for the environment's horizon."""
    floor = environment.value_floor
    if floor is None:
        floor = Fraction(exact.parse(environment.values.min()))
    found = bounds.certified(
        environment.rules,
        len(environment.values),
        output_bound=exact.as_float(environment.output_bound),
        value_floor=exact.as_float(floor),
        gap=0.0 if environment.program is None else environment.program.gap,
        gap_factor=2 if environment.program is None else environment.program.GAP_FACTOR,
    )
    if environment.ledger == "integer" and environment.rules.variant not in ("pivot", "bounded_values"):
        found = replace(
            found, detail=f"{found.detail}; for exact probabilities, the ledger's grid of 2^-32 not counted"
        )
    return found


def _periods(environment: Environment, record: Record, paid: NDArray[Any]) -> dict[str, Any]:
    def share(array: NDArray[Any]) -> NDArray[Any]:
        return as_floats(array, grid=True) if record.grid else array

    decision = record.decision
    table: dict[str, Any] = {
        "period": environment.period_names,
        "group": record.group,
        "decision": decision,
        "probability": share(record.shares),
        "expected_transfer": in_units(record.expected, environment, record),
        "paid": paid,
        "regret_allocation": in_units(record.allocation, environment, record),
        "regret_transfer": in_units(record.vectors["transfer"], environment, record),
    }
    if environment.rules.smoothed or environment.rules.variant == "bounded_values":
        table["lambda"] = share(record.weights)
    for name, rows in record.vectors.items():
        table[COLUMNS[name]] = in_units(rows, environment, record)
    if record.limited is not None:
        table["response_excess"] = _excess(environment, record)
    if environment.names.decisions:
        table["decision_name"] = [environment.decision_names[place] for place in decision]
    return table


def _excess(environment: Environment, record: Record) -> NDArray[np.float64]:
    """What limits add to <R+, dR> at most, a period: n y_max times the response's shortfall."""
    limited = np.zeros(len(record.group)) if record.limited is None else record.limited
    return limited * environment.rules.agents * exact.as_float(environment.output_bound)


def _amounts(program: Program, record: Record, names: list[Any]) -> dict[str, Any]:
    """What each period's decision gives, by column of the optimisation model."""
    chosen = program.points[np.arange(len(record.group)), record.decision]
    model = program.allotment.program
    return {"period": names} | {model.column_name(place): chosen[:, place] for place in range(model.columns)}


def _ledger(record: Record) -> dict[str, Any]:
    """The integers themselves."""
    return {
        "period": list(range(1, len(record.group) + 1)),
        "group": record.group,
        "decision": record.decision,
        "probability": record.shares,
        "lambda": record.weights,
        "expected_transfer": record.expected,
        "paid": record.paid,
        "regret_allocation": record.allocation,
    } | {COLUMNS[name]: rows for name, rows in record.vectors.items()}


def _guarantee(environment: Environment, record: Record) -> tuple[Guarantee, float]:
    """Exact, or for floats the largest difference to the same path summed in another order."""
    if record.grid:
        detail = f"integer ledger: probabilities on a grid of 1/{GRID}, floor division, Python integers"
        return Guarantee(kind="exact", detail=detail), 0.0
    if environment.arithmetic == "exact":
        return Guarantee(kind="exact", detail="rational arithmetic"), 0.0
    drift = rounding(environment, record)
    return Guarantee(
        kind="approximate", error=drift,
        detail="floats; the error is the largest difference of any regret to the same path with agents and groups "
        "summed in reverse order",
    ), drift  # fmt: skip


def rounding(environment: Environment, record: Record) -> float:
    """How far rounding has carried the regrets: the path again with the agents in reverse order.

    The mechanism does not depend on the agents' order but for ties and the order of groups in the draw, so the
    decisions and the groups drawn are taken from the record.
    """
    other = retrace(environment, record)
    worst = float(np.abs(other.allocation - record.allocation).max())
    for name, rows in record.vectors.items():
        worst = max(worst, float(np.abs(other.vectors[name][:, ::-1] - rows).max()))
    return worst


def _solver(environment: Environment) -> dict[str, Any]:
    program = environment.program
    if program is None:
        return {}
    return {"solver": {"name": "HiGHS", "largest_gap": program.gap, "solved": program.solved,
                       "skipped": program.skipped}}  # fmt: skip


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _warnings(environment: Environment, record: Record, bound: bounds.Bound, drift: float) -> list[str]:
    rules, lines = environment.rules, []
    if rules.unsafe:
        lines.append(attack.WARNING)
    elif (nothing := bounds.vacuous(bound, environment.output_bound)) is not None:
        lines.append(nothing)
    lines.extend(attack.alarms(environment, record))
    if drift > REVERSED_LIMIT:
        lines.append(
            f"float rounding has grown to {drift:.2g}: the dynamics are chaotic; for audit and replay use "
            'ledger = "integer"'
        )
    if environment.arithmetic == "float":
        ties, close = groups.close_calls(environment.values)
        if close and environment.ledger == "float":
            lines.append(f"{close} group decisions are so close that float rounding may have decided")
        if environment.ledger == "float" and (
            draws := groups.close_draws(record.shares, to_float(np.asarray(environment.draws)))
        ):
            lines.append(f"{draws} draws lie on the border between two groups, or within rounding of it")
        if ties:
            lines.append(f"{ties} group decisions are ties; the smallest index was taken")
    for key, given, variant in (
        ("discount", rules.discount is not None, "discounted"),
        ("value_floor", environment.value_floor is not None, "bounded_values"),
    ):
        if given and rules.variant != variant:
            lines.append(f"{key} is not used by the {rules.variant} variant")
    return lines
