"""What the journal's settled periods tell an agent (its statement) and the operator (alarms)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mechopt.mechanisms.limited_liability.allocator.configuration import Configuration
from mechopt.mechanisms.limited_liability.arithmetic import GRID

Period = Mapping[str, Any]


def statement(configuration: Configuration, periods: Sequence[Period], agent: int) -> list[dict[str, Any]]:
    """One line a settled period: what was decided, with and without the agent, what it paid and why.

    Args:
        configuration: names.
        periods: as `Allocator.periods` keeps them.
        agent: its position.

    Returns:
        Debts (in Appendix A.1 at stated values, R_i^v) and probabilities as numbers, amounts in whole units.
        `outputs_without_you` is what each of the others would have produced under the decision taken without the agent;
        None where only realised outputs are known.
    """
    names, agents = configuration.decisions, configuration.agents
    lines = []
    for period in periods:
        debt = period["debt_before"][agent]
        without = period["decisions"][agent + 1]
        outputs = period["outputs"]
        lines.append(
            {
                "period": period["period"],
                "decision": names[period["decisions"][period["group"]]],
                "group": "everybody" if period["group"] == 0 else f"all but {agents[period['group'] - 1]}",
                "decision_of_everybody": names[period["decisions"][0]],
                "decision_without_you": names[without],
                "outputs_without_you": None if outputs is None else _others(agents, outputs[agent + 1], agent),
                "probability_of_being_left_out": _left_out(configuration, period, agent),
                "debt_before": debt / GRID,
                "output": period["realised"][agent],
                "paid": period["paid"][agent],
                "debt_after": period["debt_after"][agent] / GRID,
                "why": _why(configuration, debt),
            }
        )
    return lines


def _others(agents: Sequence[str], outputs: Sequence[int], left_out: int) -> dict[str, int]:
    return {name: output for j, (name, output) in enumerate(zip(agents, outputs, strict=True)) if j != left_out}


def _left_out(configuration: Configuration, period: Period, agent: int) -> float:
    """Of a group without it; in Appendix A.1, where everybody decides, 1 for who is not believed and has weight 0."""
    if configuration.variant == "bounded_values":
        return float(1 - period["weights"][agent] / GRID)
    return float(period["shares"][agent + 1] / GRID)


def _why(configuration: Configuration, debt: int) -> str:
    if debt <= 0:
        return "no debt, nothing is due"
    if configuration.payment == "debt":
        return "in debt, so the output is paid up to the debt"
    stated = " at stated values" if configuration.variant == "bounded_values" else ""
    return f"in debt{stated}, so the output is paid"


def alarms(configuration: Configuration, periods: Sequence[Period]) -> list[dict[str, Any]]:
    """Every sign that is looked for, with its measure, its level and whether it rings."""
    import numpy as np

    from mechopt.mechanisms.limited_liability import signs

    if not periods:
        return []
    rules = configuration.rules()
    stated = np.array([period["stated"] for period in periods], dtype=np.float64)
    group = np.array([period["group"] for period in periods])
    taken = np.array([period["decisions"][period["group"]] for period in periods])
    rows = np.arange(len(periods))
    reported = None
    if not rules.realised_only:
        reported = np.array([period["outputs"] for period in periods], dtype=np.float64)
    evidence = signs.Evidence(
        names=configuration.agents,
        rules=rules,
        bound=float(configuration.output_bound),
        stated=stated[rows, :, taken],
        produced=np.array([period["realised"] for period in periods], dtype=np.float64),
        claims=stated.max(axis=2),
        debts=np.array([[regret / GRID for regret in period["regret_after"]] for period in periods]),
        held=_held(periods) if rules.variant == "bounded_values" else None,
        reported=reported,
        shares=np.array([[share / GRID for share in period["shares"]] for period in periods]),
        group=group,
    )
    return [
        {
            "kind": alarm.kind, "agent": alarm.agent, "rings": alarm.rings, "measure": alarm.measure,
            "level": alarm.level, "words": alarm.words,
        }
        for alarm in signs.look(evidence)
    ]  # fmt: skip


def _held(periods: Sequence[Period]) -> Any:
    import numpy as np

    return np.array([[held / GRID for held in period["held_after"]] for period in periods])
