"""The [simulate] table: strategies against the truth over many replications, with bounds beside them.

Every strategy meets the same values, outputs and draws as the truth, so that gains are paired differences. Source:
chassang2021, Sections 3 to 7.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.random import SeedSequence
from numpy.typing import NDArray

from mechopt import exact, tasks
from mechopt.catalog import nearest
from mechopt.errors import InstanceError
from mechopt.instance import Document
from mechopt.mechanisms.limited_liability import attack, bounds
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.play import Model, Play, Tally
from mechopt.mechanisms.limited_liability.rules import Counterfactuals, Rules, Variant
from mechopt.mechanisms.limited_liability.strategies import Strategy, shipped
from mechopt.outcome import Guarantee, Outcome
from mechopt.program import to_float

BLOCK = 128  # paths that go in lockstep
TRUTH = "truth"
HEARD = 0.05  # an error is forgiven once decisions are changed with at most this probability above that under truth
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of a [simulate] table.

    Attributes:
        periods: N; the document's own number where it is not given.
        replications: paths a strategy and variant.
        agent: who deviates, by name; the first.
        strategies: by name; truth is always run.
        variants: to compare; the document's own.
        error_periods: of error_then_truth; a quarter of the periods.
        order: of the recorded periods: "independent" draws, or "recorded" again and again.
        success: "drawn": outputs 0 or y_max with the true value as expectation; "recorded": the document's outputs.
        counterfactuals: "reported": strategies may misreport outputs once they know the draw, as in Section 5;
            "sealed": before they know it; "verified": not at all.
        discount: of the discounted variant where the document has none.
        honoured: sealed reports above what is produced are kept out; false shows what they gain otherwise.
    """

    periods: Positive | None = None
    replications: Positive = 128
    agent: str | int | None = None
    strategies: tuple[str, ...] = ("truth", "overclaim", "draw_dependent", "error_then_truth")
    variants: tuple[Variant, ...] | None = None
    error_periods: Positive | None = None
    order: Literal["independent", "recorded"] = "independent"
    success: Literal["drawn", "recorded"] = "drawn"
    counterfactuals: Counterfactuals = "reported"
    discount: Any = None
    honoured: bool = True


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One block of paths of one strategy under one variant."""

    setting: Setting
    rules: Rules
    strategy: Strategy
    block: int
    paths: int
    seed: int


def simulate(
    environment: Environment,
    document: Document,
    *,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Outcome:
    """Strategies against the truth, as the document's [simulate] table says.

    Returns:
        `tables.strategies`, one row a variant and strategy: payoff, gain over the truth (paired), loss of output,
        largest regret beside its bound, certified epsilon; `tables.curves`, regrets and exclusion over the periods.

    Raises:
        InstanceError: the table names an agent, strategy or variant that is not there.
    """
    setting = read(environment, document)
    if workers == 1:
        return compare(setting, seed=seed, progress=progress)
    import multiprocessing

    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as executor:
        return compare(setting, seed=seed, progress=progress, executor=executor)


def read(environment: Environment, document: Document) -> Setting:
    """The setting that a [simulate] table describes."""
    if environment.program is not None:
        raise document.error(
            "a simulation needs a finite set of decisions: a misreport would change every optimum of the [program]",
            "simulate",
        )
    table = document.section("simulate", Table)
    periods = table.periods or len(environment.values)
    error_periods = min(table.error_periods or max(1, periods // 4), periods)
    agent = 0
    names = environment.agent_names
    if table.agent is not None:
        if str(table.agent) not in names:
            raise document.error(f"{table.agent!r} is none of {', '.join(names)}", "simulate.agent")
        agent = names.index(str(table.agent))
    known = shipped(error_periods)
    for name in table.strategies:
        if name not in known:
            problem = f"there is no strategy {name!r}{nearest(name, known)}; known are {', '.join(known)}"
            raise document.error(problem, "simulate.strategies")
    chosen = list(dict.fromkeys([TRUTH, *table.strategies]))
    values = environment.values if environment.true_values is None else environment.true_values
    outputs = environment.outputs if environment.true_outputs is None else environment.true_outputs
    try:
        rules = [_rules(environment.rules, variant, table) for variant in table.variants or [environment.rules.variant]]
    except InstanceError as error:
        raise document.error(error.problem, f"simulate.{error.key}") from None
    return Setting(
        rules=rules,
        model=Model(
            values=to_float(values), outputs=to_float(outputs), bound=exact.as_float(environment.output_bound),
            order=table.order, success=table.success,
        ),
        strategies=[known[name] for name in chosen],
        agent=agent,
        periods=periods,
        replications=table.replications,
        error_periods=error_periods,
        value_floor=float(to_float(values).min()),
        honoured=table.honoured,
    )  # fmt: skip


def _rules(own: Rules, variant: Variant, table: Table) -> Rules:
    """The document's rules under another variant."""
    payment = own.payment if variant not in ("pivot", "bounded_values") else "output"
    discount = own.discount if table.discount is None else table.discount
    return replace(own, variant=variant, payment=payment, discount=discount, counterfactuals=table.counterfactuals)


def compare(
    setting: Setting,
    *,
    seed: int,
    progress: Callable[[int, int], object] | None = None,
    executor: Executor | None = None,
) -> Outcome:
    """The same for strategies of your own: put objects with the methods of `strategies.Strategy` into the setting.

    Args:
        setting: see `read`; its first strategy must be the truth.
        seed: of everything; block b of every strategy starts from (seed, b).
        progress: called as progress(blocks done, blocks).
        executor: where blocks run; here where it is None.
    """
    items = [
        Task(setting=setting, rules=rules, strategy=strategy, block=block, paths=paths, seed=seed)
        for block, paths in enumerate(_blocks(setting.replications))
        for rules in setting.rules
        for strategy in setting.strategies
    ]
    finished: dict[int, Tally] = {}
    interrupted = False
    try:
        tasks.run(play, items, executor=executor, progress=progress, finished=finished)
    except tasks.Interrupted:
        if not finished:
            raise
        interrupted = True
    found: dict[tuple[str, str], dict[int, Tally]] = {}
    for position, tally in sorted(finished.items()):
        item = items[position]
        found.setdefault((item.rules.variant, item.strategy.name), {})[item.block] = tally
    return _outcome(setting, found, seed=seed, interrupted=interrupted)


def _blocks(replications: int) -> list[int]:
    return [min(BLOCK, replications - start) for start in range(0, replications, BLOCK)]


def play(task: Task) -> Tally:
    """One task; at the top of the module so that a process pool can find it."""
    setting = task.setting
    return Play(
        task.rules, setting.model, task.strategy, agent=setting.agent, periods=setting.periods, paths=task.paths,
        seed=SeedSequence(task.seed, spawn_key=(task.block,)), watch=setting.error_periods, honoured=setting.honoured,
    ).run()  # fmt: skip


def _outcome(
    setting: Setting, found: Mapping[tuple[str, str], Mapping[int, Tally]], *, seed: int, interrupted: bool
) -> Outcome:
    rows: dict[str, list[Any]] = {}
    curves: dict[str, list[Any]] = {}
    for rules in setting.rules:
        bound = bounds.certified(rules, setting.periods, output_bound=setting.model.bound,
                                 value_floor=setting.value_floor)  # fmt: skip
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
        status="interrupted" if interrupted else "simulated",
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
        warnings=_warnings(setting, rows),
        provenance={"seed": seed, "block": BLOCK, "order": setting.model.order, "success": setting.model.success},
    )  # fmt: skip


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
    return rules.realised_only or (rules.counterfactuals != "reported" and setting.honoured)


def _heard(setting: Setting, own: Sequence[Tally], truth: Sequence[Tally]) -> int | None:
    """Periods from the end of the error until decisions are changed no more often than under the truth, plus 0.05.

    At the periods kept, averaged over paths; from then on for good. None if never.
    """
    points = own[0].points
    level = [np.concatenate([tally.curve[:, :, -1] for tally in side], axis=1).mean(axis=1) for side in (own, truth)]
    late = points > setting.error_periods
    worse = late & (level[0] > level[1] + HEARD)
    first = points[late & (points > (points[worse].max() if worse.any() else 0))]
    return int(first[0]) - setting.error_periods if first.size else None


def _curve(setting: Setting, rules: Rules, strategy: Strategy, tallies: Sequence[Tally]) -> list[dict[str, Any]]:
    """Means over paths at the periods kept, and the largest regret there."""
    agent, agents = setting.agent, rules.agents
    curve = np.concatenate([tally.curve for tally in tallies], axis=1)
    largest = curve[:, :, : 1 + agents].max(axis=(1, 2))
    rows = []
    for place, period in enumerate(tallies[0].points.tolist()):
        limit = bounds.certified(rules, period, output_bound=setting.model.bound, value_floor=setting.value_floor)
        rows.append({
            "variant": rules.variant,
            "strategy": strategy.name,
            "period": period,
            "regret_allocation": float(curve[place, :, 0].mean()),
            "debt": float(curve[place, :, 1 + agent].mean()),
            "left_out": float(curve[place, :, 1 + agents + agent].mean()),
            "decision_changed": float(curve[place, :, -1].mean()),
            "largest_regret": float(largest[place]),
            "regret_bound": limit.regret if math.isfinite(limit.regret) else None,
        })  # fmt: skip
    return rows


def _warnings(setting: Setting, rows: Mapping[str, Sequence[Any]]) -> list[str]:
    lines = []
    if any(rules.unsafe for rules in setting.rules):
        lines.append(attack.WARNING)
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
