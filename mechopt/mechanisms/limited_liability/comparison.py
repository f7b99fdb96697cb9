"""What a simulation comes to: strategies against the truth, curves over the periods, and what a user must be told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.limited_liability import attack, bounds
from mechopt.mechanisms.limited_liability.play import Model, Tally
from mechopt.mechanisms.limited_liability.rules import Rules
from mechopt.mechanisms.limited_liability.strategies import Strategy
from mechopt.outcome import Guarantee, Outcome
from mechopt.tasks import Ending

BLOCK = 4096  # paths that go in lockstep: a call of numpy costs as much as a thousand numbers
TRUTH = "truth"
HEARD = 0.05  # an error is forgiven once decisions are changed with at most this probability above that under truth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """A simulation, ready to run.

    Attributes:
        rules: by variant, in order.
        model: values and outputs.
        strategies: truth first.
        agent: position of the agent that deviates.
        periods: N.
        replications: paths each.
        error_periods: of error_then_truth.
        value_floor: least true value, for the certified epsilon.
        honoured: see `Table`.
    """

    rules: Sequence[Rules]
    model: Model
    strategies: Sequence[Strategy]
    agent: int
    periods: int
    replications: int
    error_periods: int
    value_floor: float
    honoured: bool = True


def summarise(
    setting: Setting, found: Mapping[tuple[str, str], Mapping[int, Tally]], *, seed: int, ending: Ending
) -> Outcome:
    """The outcome of the blocks finished, by (variant, strategy) and block."""
    rows: dict[str, list[Any]] = {}
    curves: dict[str, list[Any]] = {}
    for rules in setting.rules:
        bound = _bound(setting, rules, setting.periods)
        truth = found.get((rules.variant, TRUTH), {})
        for strategy in setting.strategies:
            tallies = found.get((rules.variant, strategy.name), {})
            if tallies:
                _append(rows, _row(setting, rules, bound, strategy, tallies, truth))
                for row in _curve(setting, rules, strategy, list(tallies.values())):
                    _append(curves, row)
    gains = [gain for gain, name in zip(rows["gain"], rows["strategy"], strict=True) if gain is not None
             and name != TRUTH and not _by_name(setting, name).coalition]  # fmt: skip
    truths = [place for place, name in enumerate(rows["strategy"]) if name == TRUTH]
    errors = [error for error in rows["gain_error"] if error is not None]
    return Outcome(
        mechanism="limited_liability",
        title="",
        status=ending.status or "simulated",
        guarantee=Guarantee(
            kind="approximate", error=2 * max(errors, default=0.0),
            detail="Monte Carlo; the error is twice the largest standard error of a gain. epsilon_certified is proven",
        ),
        summary={
            "periods": setting.periods,
            "replications": setting.replications,
            "agent_position": setting.agent,
            "epsilon_certified": min((rows["epsilon_certified"][place] for place in truths), default=None),
            "largest_gain_found": max(gains, default=None),
            "loss_per_period_truth": [rows["loss_per_period"][place] for place in truths],
            "variants": [rules.variant for rules in setting.rules],
        },
        tables={"strategies": rows, "curves": curves},
        warnings=[*ending.warnings, *_warnings(setting, rows)],
        provenance={"seed": seed, "block": BLOCK, "order": setting.model.order, "success": setting.model.success},
    )  # fmt: skip


def _bound(setting: Setting, rules: Rules, periods: int) -> bounds.Bound:
    return bounds.certified(rules, periods, output_bound=setting.model.bound, value_floor=setting.value_floor)


def _append(table: dict[str, list[Any]], row: Mapping[str, Any]) -> None:
    for name, value in row.items():
        table.setdefault(name, []).append(value)


def _by_name(setting: Setting, name: str) -> Strategy:
    return next(strategy for strategy in setting.strategies if strategy.name == name)


def _mean(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard error over paths."""
    error = float(values.std(ddof=1)) / math.sqrt(values.size) if values.size > 1 else 0.0
    return float(values.mean()), error


def _row(
    setting: Setting, rules: Rules, bound: bounds.Bound, strategy: Strategy, tallies: Mapping[int, Tally],
    truth: Mapping[int, Tally],
) -> dict[str, Any]:  # fmt: skip
    agent, periods = setting.agent, setting.periods
    joined = [tallies[block] for block in sorted(tallies)]
    own = np.concatenate([tally.payoff[:, agent] for tally in joined]) / periods
    paired = sorted(set(tallies) & set(truth))
    gain: tuple[float | None, float | None] = (None, None)
    others = gain
    if paired and strategy.name != TRUTH:
        difference = [(tallies[block].payoff - truth[block].payoff) / periods for block in paired]
        every = np.concatenate(difference)
        gain, others = _mean(every[:, agent]), _mean(np.delete(every, agent, axis=1).sum(axis=1))
    loss = _mean(np.concatenate([tally.efficient - tally.output for tally in joined]) / periods)
    payoff = _mean(own)
    excess = sum(float(tally.score[0][:, agent].sum()) for tally in joined)
    spread = sum(float(tally.score[1][:, agent].sum()) for tally in joined)
    erring = strategy.name == "error_then_truth"
    covered = not strategy.misreports_outputs or _covered(setting, rules)
    erred = [tallies[block] for block in paired], [truth[block] for block in paired]
    return {
        "variant": rules.variant,
        "strategy": strategy.name,
        "payoff": payoff[0],
        "payoff_error": payoff[1],
        "gain": gain[0],
        "gain_error": gain[1],
        "epsilon_certified": bound.epsilon if covered or bound.trivial else None,
        "gain_of_others": others[0],
        "loss_per_period": loss[0],
        "loss_error": loss[1],
        "paid": float(np.concatenate([tally.paid[:, agent] for tally in joined]).mean()) / periods,
        "left_out": float(np.concatenate([tally.left_out[:, agent] for tally in joined]).mean()),
        "decision_changed": float(np.concatenate([tally.changed for tally in joined]).mean()),
        "largest_regret": float(max(tally.regret.max() for tally in joined)),
        "regret_bound": bound.regret if math.isfinite(bound.regret) else None,
        "draw_score": excess / math.sqrt(spread) if spread > 0 else None,
        "loss_after_error": _mean(
            np.concatenate([mine.loss_after - theirs.loss_after for mine, theirs in zip(*erred, strict=True)])
        )[0] if erring and paired else None,
        "periods_until_heard": _heard(setting, *erred) if erring and paired else None,
    }  # fmt: skip


def _covered(setting: Setting, rules: Rules) -> bool:
    """Whether a bound holds for a strategy that misreports outputs: Appendix A survives it, the rest needs seals."""
    return setting.honoured and (rules.realised_only or rules.counterfactuals != "reported")


def _heard(setting: Setting, own: Sequence[Tally], truth: Sequence[Tally]) -> int | None:
    """Periods from the end of the error until decisions are changed no more often than under the truth, plus 0.05.

    At the periods kept, averaged over paths; from then on for good. None if never.
    """
    points = own[0].points
    level = [_mean_curve(side)[:, -1] for side in (own, truth)]
    late = points > setting.error_periods
    worse = late & (level[0] > level[1] + HEARD)
    first = points[late & (points > (points[worse].max() if worse.any() else 0))]
    return int(first[0]) - setting.error_periods if first.size else None


def _mean_curve(tallies: Sequence[Tally]) -> NDArray[np.float64]:
    """Means over all paths at the periods kept."""
    total: NDArray[np.float64] = np.sum([tally.curve for tally in tallies], axis=0)
    return total / sum(len(tally.output) for tally in tallies)


def _curve(setting: Setting, rules: Rules, strategy: Strategy, tallies: Sequence[Tally]) -> list[dict[str, Any]]:
    """Means over paths at the periods kept, and the largest regret there."""
    agent, agents = setting.agent, rules.agents
    curve, largest = _mean_curve(tallies), np.max([tally.largest for tally in tallies], axis=0)
    rows = []
    for place, period in enumerate(tallies[0].points.tolist()):
        limit = _bound(setting, rules, period)
        rows.append({
            "variant": rules.variant,
            "strategy": strategy.name,
            "period": period,
            "regret_allocation": float(curve[place, 0]),
            "debt": float(curve[place, 1 + agent]),
            "left_out": float(curve[place, 1 + agents + agent]),
            "decision_changed": float(curve[place, -1]),
            "largest_regret": float(largest[place]),
            "regret_bound": limit.regret if math.isfinite(limit.regret) else None,
        })  # fmt: skip
    return rows


def _warnings(setting: Setting, rows: Mapping[str, Sequence[Any]]) -> list[str]:
    lines = []
    if any(rules.unsafe for rules in setting.rules):
        lines.append(attack.WARNING)
    for rules in setting.rules:
        nothing = bounds.vacuous(_bound(setting, rules, setting.periods), setting.model.bound)
        if nothing is not None and not rules.unsafe:
            lines.append(f"{rules.variant}: {nothing}")
    for variant, name, gain, error in zip(
        rows["variant"], rows["strategy"], rows["gain"], rows["gain_error"], strict=True
    ):
        if gain is None or gain <= 3 * error or gain <= 0:
            continue
        strategy = _by_name(setting, name)
        rules = next(rules for rules in setting.rules if rules.variant == variant)
        if strategy.coalition:
            lines.append(f"{variant}: {name} gains {gain:.4g} a period; coalitions are not covered by any theorem here")
        elif strategy.misreports_outputs and not _covered(setting, rules):
            lines.append(
                f"{variant}: {name} gains {gain:.4g} a period where counterfactual outputs are only reported; the "
                "theorem needs them observed, verified or sealed before the draw"
            )
    if setting.model.success == "recorded":
        lines.append("outputs are the recorded ones: gains mean something only if values are their expectations")
    return lines
