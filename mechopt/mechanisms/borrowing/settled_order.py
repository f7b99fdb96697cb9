"""A queue or a runway settled: the order, what it is worth, and the transfers, as the tables of an outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing import runway
from mechopt.mechanisms.borrowing.environment import Environment, Queue
from mechopt.mechanisms.borrowing.landing import Landing
from mechopt.mechanisms.borrowing.landing_grid import Schedule
from mechopt.mechanisms.borrowing.order_budget import OrderBudget, as_rows, balancing_constant
from mechopt.mechanisms.borrowing.orders import Problem
from mechopt.mechanisms.borrowing.sequencing import best_order, transfers, welfare_without
from mechopt.outcome import Guarantee
from mechopt.solver import InfeasibleError

Tables = dict[str, dict[str, list[Any]]]
Settled = tuple[dict[str, Any], Tables, Guarantee, list[str], str]


def sequence(environment: Environment) -> Settled:
    """(summary, tables, guarantee, warnings, tie rule) of the environment's sequence.

    Columns of `tables.order`: position, name, start, completion, value, transfer, utility; a transfer is what the agent
    receives. A runway's values are minus its costs, and `summary.cost` is their total.
    With beliefs about the jobs, `tables.order_budgets` has the manager's budget under every design.

    Raises:
        InstanceError: the design does not fit a sequence.
        SolveError: no method with a proof applies.
    """
    if isinstance(environment.sequence, Landing):
        return _runway(environment, environment.sequence)
    if isinstance(environment.sequence, Queue):
        return _queue(environment, environment.sequence)
    raise InstanceError("there is no sequence", key="sequence")


def _queue(environment: Environment, queue: Queue) -> Settled:
    problem = Problem(queue, dict(environment.values))
    order = best_order(problem)
    known = OrderBudget(environment) if queue.beliefs else None
    paid = transfers(
        environment, order.by_job(),
        welfare_without(problem, order) if environment.design == "pivot" else None, problem,
        constant=balancing_constant(environment, known),
        charges=known.charges() if known and environment.design == "minimum_variance" else (),
    )  # fmt: skip
    summary: dict[str, Any] = {
        "welfare": _show(order.welfare, environment),
        "jobs": len(problem),
        "method": order.method,
        "deficit": _show(sum(paid, Fraction(0)), environment),
    }
    if order.optimal_orders is not None:
        summary["optimal_orders"] = order.optimal_orders
    names = [job.name for job in queue.jobs]
    lines = []
    if order.optimal_orders is not None and order.optimal_orders > 1:
        lines.append(f"{order.optimal_orders} orders are equally good; {order.tie_rule}")
    elif order.optimal_orders is None:
        lines.append(f"other orders may be equally good ({order.method} does not count them); {order.tie_rule}")
    table = _table(
        environment,
        [names[j] for j in order.sequence],
        order.start,
        order.completion,
        order.value,
        [paid[j] for j in order.sequence],
    )
    tables = {"order": table}
    guarantee = order.guarantee
    if known is not None:
        tables["order_budgets"] = as_rows(known, exactly=environment.arithmetic == "exact")
        summary |= _budget(environment, known)
        if not known.exact:
            guarantee = known.guarantee
    return summary, tables, guarantee, lines, order.tie_rule


def _budget(environment: Environment, known: OrderBudget) -> dict[str, Any]:
    """Mean and variance of the sum of transfers under the environment's design and constant."""
    budget = known.of(environment.design)
    asked = environment.constant
    groves = environment.design not in ("one_stage", "balanced")
    added = (balancing_constant(environment, known) if asked == "balanced" else asked) or 0
    found = {
        "budget_mean": _show(budget.mean.value + known.jobs * added * groves, environment),
        "budget_variance": _show(budget.variance.value, environment),
        "budget_constant": _show(budget.constant(known.jobs).value, environment),
    }
    if not known.exact:
        found["budget_variance_standard_error"] = budget.variance.error
    return found


def _runway(environment: Environment, landing: Landing) -> Settled:
    try:
        found = runway.solve(landing)
    except InfeasibleError:
        raise InstanceError(
            f"{landing.file}: no landing times keep every window and every separation", key="sequence.aircraft_landing"
        ) from None
    payoffs = [-cost for cost in found.by_plane()]
    paid = transfers(environment, payoffs, lambda plane: -cost_without(landing, plane, runway.solve), None)
    summary = {
        "cost": _show(found.total, environment),
        "planes": len(landing.planes),
        "method": found.method,
        "deficit": _show(sum(paid, Fraction(0)), environment),
    }
    table = _table(
        environment,
        [str(i + 1) for i in found.sequence],
        found.time,
        found.time,
        [-cost for cost in found.cost],
        [paid[i] for i in found.sequence],
    )
    rule = "of equally cheap schedules, the last planes land as early as they can"
    lines = [f"other schedules may cost as little, they are not counted; {rule}"]
    return summary, {"order": table}, found.guarantee, lines, rule


def leave_out(landing: Landing, plane: int) -> Landing:
    """The same runway without one plane."""
    keep = [i for i in range(len(landing.planes)) if i != plane]
    return replace(
        landing,
        planes=tuple(landing.planes[i] for i in keep),
        separation=tuple(tuple(landing.separation[i][j] for j in keep) for i in keep),
    )


def cost_without(landing: Landing, plane: int, solve: Callable[[Landing], Schedule]) -> Fraction:
    """The least cost of the other planes."""
    return solve(leave_out(landing, plane)).total if len(landing.planes) > 1 else Fraction(0)


def _table(environment: Environment, names: list[str], start: Any, completion: Any, value: Any, paid: Any) -> Any:
    def shown(column: Any) -> list[Any]:
        return [_show(item, environment) for item in column]

    return {
        "position": list(range(1, len(names) + 1)),
        "name": names,
        "start": shown(start),
        "completion": shown(completion),
        "value": shown(value),
        "transfer": shown(paid),
        "utility": shown(v + t for v, t in zip(value, paid, strict=True)),
    }


def _show(value: Any, environment: Environment) -> Any:
    return value if environment.arithmetic == "exact" else exact.as_float(value) + 0.0  # no -0
