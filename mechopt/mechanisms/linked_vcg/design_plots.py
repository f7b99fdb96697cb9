"""Pictures of a design: cost by confidence, by dates linked, by budgets that expire. Source: zhu2021, Section 5."""

from __future__ import annotations

from typing import Any

import numpy as np

from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.geometry_plot import COLOURS
from mechopt.outcome import Outcome
from mechopt.picture import Picture, canvas


def design_pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The plots of a report.

    Args:
        environment: for the units.
        outcome: of `designing.design`; its tables are read.

    Returns:
        The cost frontier; the cost by number of dates and by number of budgets, where there are several.
    """
    units = f" ({environment.units})" if environment.units else ""
    found = []
    if len(outcome.tables["frontier"]["delta"]) > 1:
        found.append(_frontier(outcome, units))
    if len(outcome.tables["dates"]["dates"]) > 1:
        found.append(_dates(outcome))
    if len(outcome.tables["windows"]["windows"]) > 1:
        found.append(_windows(outcome, units))
    return found


def _frontier(outcome: Outcome, units: str) -> Picture:
    """Both parts of the cost, one on the other, over delta."""
    table = outcome.tables["frontier"]
    delta, width, timing = (np.asarray(table[name], dtype=float) for name in ("delta", "width_cost", "timing_cost"))
    figure, axes = canvas()
    axes.fill_between(delta, 0, timing, color=COLOURS[3], alpha=0.35, linewidth=0, label="prices that differ")
    axes.fill_between(delta, timing, timing + width, color=COLOURS[0], alpha=0.35, linewidth=0, label="width of bounds")
    axes.plot(delta, timing + width, "o-", color=COLOURS[0], linewidth=1.6, markersize=3.5, label="cost")
    if outcome.summary["delta"] > 0:
        axes.plot([outcome.summary["delta"]], [outcome.summary["cost"]], "D", color=COLOURS[1], label="chosen")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("delta: probability that somebody leaves his bounds, at most")
    axes.set_ylabel(f"expected cost{units}")
    axes.legend(frameon=False, fontsize="small")
    return Picture(
        title="What confidence costs",
        caption="Expected cost of the cheapest bounds that hold with probability 1 - delta. The lower part pays for "
        "prices that differ between dates and stays when the bounds are tight.",
        alt=f"Cost falls from {(timing + width)[0]:.4g} at delta {delta[0]:.1g} to {(timing + width)[-1]:.4g} at "
        f"{delta[-1]:.1g}; the numbers are in the table.",
        figure=figure,
        numbers={"delta": delta.tolist(), "width_cost": width.tolist(), "timing_cost": timing.tolist(),
                 "cost": (width + timing).tolist()},
    )  # fmt: skip


def _dates(outcome: Outcome) -> Picture:
    """The cost-to-surplus ratio and its parts over the number of dates linked."""
    table = outcome.tables["dates"]
    dates, ratio, cost, width = (
        np.asarray(table[name], dtype=float) for name in ("dates", "cost_to_surplus", "cost", "width_cost")
    )
    share = np.divide(width, cost, out=np.zeros_like(cost), where=cost > 0)
    figure, axes = canvas()
    axes.plot(dates, ratio, "o-", color=COLOURS[0], linewidth=1.6, markersize=4, label="all")
    axes.plot(dates, ratio * share, "s--", color=COLOURS[2], linewidth=1.2, markersize=3.5, label="width of bounds")
    axes.plot(dates, ratio * (1 - share), "^--", color=COLOURS[3], linewidth=1.2, markersize=4,
              label="prices that differ")  # fmt: skip
    chosen = outcome.summary["dates"]
    axes.plot([chosen], [outcome.summary["cost_to_surplus"]], "D", color=COLOURS[1], markersize=6, label="chosen")
    axes.set_ylim(bottom=min(0.0, float((ratio * (1 - share)).min()) * 1.05))
    axes.set_xlabel("dates linked")
    axes.set_ylabel("expected cost / surplus")
    axes.legend(frameon=False, fontsize="small")
    return Picture(
        title="How many dates to link",
        caption="More dates narrow the bounds, but give agents more dates to pick the best price from.",
        alt=f"The ratio is least, {outcome.summary['cost_to_surplus']:.3g}, at {chosen} dates; the numbers are in the "
        "table.",
        figure=figure,
        numbers={"dates": dates.astype(int).tolist(), "cost_to_surplus": ratio.tolist(),
                 "for width": (ratio * share).tolist(), "for prices": (ratio * (1 - share)).tolist()},
    )  # fmt: skip


def _windows(outcome: Outcome, units: str) -> Picture:
    """Bars side by side: budgets that expire, with and without caps."""
    table: Any = outcome.tables["windows"]
    plain, capped = np.asarray(table["cost"], dtype=float), np.asarray(table["cost_with_caps"], dtype=float)
    places = np.arange(plain.size)
    figure, axes = canvas()
    axes.bar(places - 0.2, plain, 0.38, color=COLOURS[0], label="budgets")
    axes.bar(places + 0.2, capped, 0.38, color=COLOURS[3], hatch="//", edgecolor="white", label="and caps on each date")
    axes.set_xticks(places, [f"{count} x {each}" for count, each in zip(table["windows"], table["dates_each"],
                                                                         strict=True)])  # fmt: skip
    axes.set_ylim(top=1.25 * float(max(plain.max(), capped.max(), 1e-9)))  # room for the legend
    axes.set_xlabel("budgets x dates each")
    axes.set_ylabel(f"cost at the document's prices{units}")
    axes.legend(frameon=False, fontsize="small")
    return Picture(
        title="Budgets that expire",
        caption="Cost at the document's own prices where the horizon is split into budgets of equal length, without "
        "and with a cap on each date at the end of the support, which nobody ever exceeds.",
        alt="Bars of the cost by number of budgets; the numbers are in the table.",
        figure=figure,
        numbers={"budgets": list(table["windows"]), "cost": plain.tolist(), "cost_with_caps": capped.tolist()},
    )


__all__ = ["design_pictures"]
