"""The [simulate] table: strategies against the truth over many replications, with bounds beside them.

Every strategy meets the same values, outputs and draws as the truth, so that gains are paired differences. Source:
chassang2021, Sections 3 to 7.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import msgspec
from numpy.random import SeedSequence

from mechopt import exact, tasks
from mechopt.catalog import nearest
from mechopt.errors import InstanceError
from mechopt.instance import Document
from mechopt.mechanisms.limited_liability.comparison import BLOCK, TRUTH, Setting, summarise
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.play import Model, Play, Tally
from mechopt.mechanisms.limited_liability.rules import Counterfactuals, Rules, Variant
from mechopt.mechanisms.limited_liability.strategies import Strategy, shipped
from mechopt.outcome import Outcome
from mechopt.program import to_float

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
        honoured: reports above what is produced are kept out where outputs are sealed or only realised ones count;
            false shows what they gain otherwise.
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
    with tasks.pool(workers) as executor:
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
        progress: called as progress(done, total) in hundredths of a block; with an executor after whole blocks only.
        executor: where blocks run; here where it is None.
    """
    items = [
        Task(setting=setting, rules=rules, strategy=strategy, block=block, paths=paths, seed=seed)
        for block, paths in enumerate(_blocks(setting.replications))
        for rules in setting.rules
        for strategy in setting.strategies
    ]
    finished: dict[int, Tally] = {}

    def report(done: int, hundredths: int = 0) -> None:
        if progress is not None:
            progress(100 * done + hundredths, 100 * len(items))

    def here(task: Task) -> Tally:
        return play(task, lambda hundredths: report(len(finished), hundredths))

    with tasks.keeping(finished) as ending:
        tasks.run(here if executor is None else play, items, executor=executor, finished=finished,
                  progress=lambda done, _total: report(done))  # fmt: skip
    found: dict[tuple[str, str], dict[int, Tally]] = {}
    for position, tally in sorted(finished.items()):
        item = items[position]
        found.setdefault((item.rules.variant, item.strategy.name), {})[item.block] = tally
    return summarise(setting, found, seed=seed, ending=ending)


def _blocks(replications: int) -> list[int]:
    return [min(BLOCK, replications - start) for start in range(0, replications, BLOCK)]


def play(task: Task, progress: Callable[[int], object] | None = None) -> Tally:
    """One task; at the top of the module so that a process pool can find it. See `Play.run` for the progress."""
    setting = task.setting
    return Play(
        task.rules, setting.model, task.strategy, agent=setting.agent, periods=setting.periods, paths=task.paths,
        seed=SeedSequence(task.seed, spawn_key=(task.block,)), watch=setting.error_periods, honoured=setting.honoured,
    ).run(progress)  # fmt: skip
