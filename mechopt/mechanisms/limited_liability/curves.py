"""The pictures of a simulation: gains against the certified epsilon, and what is forgiven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.plots import COLOURS, GREY, label, legend
from mechopt.outcome import Outcome
from mechopt.picture import Picture, canvas

MARKS = ("o", "s", "^", "D", "v", "P")


def simulate_pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """Gains of every strategy beside the certified epsilon; regrets, debts and exclusion over the periods.

    Of a run that broke off, those of which there are numbers.
    """
    units = environment.units
    drawn = []
    if any(gain is not None for gain in outcome.tables["strategies"]["gain"]):
        drawn.append(_gains(outcome.tables["strategies"], units))
    if "truth" in outcome.tables["curves"]["strategy"]:
        drawn.append(_regrets(outcome.tables["curves"], units))
    if "error_then_truth" in outcome.tables["curves"]["strategy"]:
        drawn += _forgiveness(outcome.tables["curves"], units)
    return drawn


def _gains(table: Mapping[str, Sequence[Any]], units: str) -> Picture:
    rows = [place for place, gain in enumerate(table["gain"]) if gain is not None]  # the truth has none
    names = list(dict.fromkeys(table["strategy"][place] for place in rows))
    variants = list(dict.fromkeys(table["variant"][place] for place in rows))
    figure, axes = canvas()
    for number, variant in enumerate(variants):
        own = [place for place in rows if table["variant"][place] == variant]
        offset = 0.12 * (number - (len(variants) - 1) / 2)
        axes.errorbar(
            [table["gain"][place] for place in own],
            [names.index(table["strategy"][place]) + offset for place in own],
            xerr=[2 * table["gain_error"][place] for place in own],
            fmt=MARKS[number % len(MARKS)], color=COLOURS[number % len(COLOURS)], markersize=5, label=variant,
        )  # fmt: skip
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    axes.invert_yaxis()
    axes.set_xlabel(label("gain over the truth, a period", units))
    legend(axes, len(variants))
    best = max(rows, key=lambda place: table["gain"][place])
    return Picture(
        title="What a deviation gains",
        caption="Mean gain of the deviating agent over the truth on the same values, outputs and draws, with two "
        "standard errors.",
        alt=f"{table['strategy'][best]} gains most, {table['gain'][best]:.4g} a period; numbers in the table.",
        figure=figure,
        numbers={name: [table[name][place] for place in rows] for name in
                 ("variant", "strategy", "gain", "gain_error", "epsilon_certified")},
    )  # fmt: skip


def _series(
    table: Mapping[str, Sequence[Any]], columns: Sequence[str], strategy: str
) -> dict[str, dict[str, list[Any]]]:
    """Columns of one strategy by variant."""
    found: dict[str, dict[str, list[Any]]] = {}
    for place, name in enumerate(table["strategy"]):
        if name == strategy:
            own = found.setdefault(table["variant"][place], {column: [] for column in columns})
            for column in columns:
                own[column].append(table[column][place])
    return found


def _regrets(table: Mapping[str, Sequence[Any]], units: str) -> Picture:
    series = _series(table, ("period", "largest_regret", "regret_bound"), "truth")
    figure, axes = canvas()
    numbers: dict[str, Sequence[Any]] = {}
    for number, (variant, own) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(own["period"], own["largest_regret"], color=colour, linewidth=1.5, label=variant)
        numbers |= {"period": own["period"], f"{variant}, largest": own["largest_regret"]}
        if own["regret_bound"][0] is not None:
            axes.plot(own["period"], own["regret_bound"], "--", color=colour, linewidth=1.0, label=f"{variant}, bound")
            numbers[f"{variant}, bound"] = own["regret_bound"]
    axes.set_xscale("log")
    if any(value > 0 for own in series.values() for value in own["largest_regret"]):
        axes.set_yscale("log", nonpositive="clip")
    axes.set_xlabel("period")
    axes.set_ylabel(label("largest regret of any path", units))
    legend(axes, 2 * len(series))
    return Picture(
        title="Regrets under the truth, against their bounds",
        caption="The largest regret of any path and kind at a period; dashed, the proven bound. On "
        "these logarithmic axes, growth with the square root of time is a line of slope one half.",
        alt="Lines of the largest regret below their bounds; numbers in the table.",
        figure=figure,
        numbers=numbers,
    )


def _forgiveness(table: Mapping[str, Sequence[Any]], units: str) -> list[Picture]:
    """Debt and exclusion of an agent that errs, then tells the truth."""
    series = _series(table, ("period", "debt", "decision_changed"), "error_then_truth")
    drawn = []
    for column, title, quantity in (
        ("debt", "Debt of an agent that errs, then tells the truth", label("mean debt", units)),
        ("decision_changed", "How often the decision is not everybody's", "mean probability"),
    ):
        figure, axes = canvas()
        numbers: dict[str, Sequence[Any]] = {}
        for number, (variant, own) in enumerate(series.items()):
            axes.plot(own["period"], own[column], color=COLOURS[number % len(COLOURS)], linewidth=1.5,
                      marker=MARKS[number % len(MARKS)], markersize=3, markevery=4, label=variant)  # fmt: skip
            numbers |= {"period": own["period"], variant: own[column]}
        axes.set_xlabel("period")
        axes.set_ylabel(quantity)
        legend(axes, len(series))
        drawn.append(
            Picture(
                title=title,
                caption="Means over paths; the error ends after `error_periods`. Variants consistent and discounted "
                "(Sections 6 and 7) are made to forgive it.",
                alt=f"Lines of the {quantity} by variant; numbers in the table.",
                figure=figure,
                numbers=numbers,
            )
        )
    return drawn
