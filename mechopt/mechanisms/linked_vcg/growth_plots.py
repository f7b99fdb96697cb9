"""The picture of a simulation: the cost-to-surplus ratio as the market grows. Source: zhu2021, Theorem 2."""

from __future__ import annotations

import numpy as np

from mechopt.mechanisms.linked_vcg.environment import Environment
from mechopt.mechanisms.linked_vcg.geometry_plot import COLOURS
from mechopt.outcome import Outcome
from mechopt.picture import Picture, canvas


def simulate_pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The plots of a report.

    Args:
        environment: not needed.
        outcome: of `rounds.simulate`; its table `growth` is read.

    Returns:
        Both mechanisms' ratios against the number of agents, on logarithmic axes; none where nothing was finished.
    """
    del environment
    table = outcome.tables["growth"]
    if not table.get("agents"):
        return []
    shown = ("agents", "ratio_unlinked", "ratio", "ratio_low", "ratio_high", "ratio_timing", "ratio_widths")
    agents, unlinked, ratio, low, high, timing, widths = (np.asarray(table[name], dtype=float) for name in shown)
    exponent = float(outcome.summary["exponent"])
    figure, axes = canvas()
    floor = 1e-6 * ratio.max()
    axes.fill_between(agents, np.maximum(low, floor), high, color=COLOURS[0], alpha=0.15, linewidth=0,
                      label="linked, proven bracket")  # fmt: skip
    axes.plot(agents, unlinked, "s-", color=COLOURS[1], linewidth=1.4, markersize=4, label="unlinked")
    axes.plot(agents, ratio, "o-", color=COLOURS[0], linewidth=1.8, markersize=4, label="linked")
    axes.fill_between(agents, table["band_low"], table["band_high"], color=COLOURS[0], alpha=0.35, linewidth=0,
                      label="80 % of replications")  # fmt: skip
    axes.plot(agents, widths, "^--", color=COLOURS[2], linewidth=1.2, markersize=4, label="for the widths, expected")
    axes.plot(agents, np.where(timing > 0, timing, np.nan), "v--", color=COLOURS[3], linewidth=1.2, markersize=4,
              label="for prices that differ")  # fmt: skip
    reference = widths[-1] * (agents / agents[-1]) ** (-exponent / 2)
    rate = f"rate of the widths, $k^{{-{exponent / 2:g}}}$"
    axes.plot(agents, reference, ":", color=COLOURS[6], linewidth=1.4, label=rate)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.5 * float(min(ratio.min(), widths.min(), timing[timing > 0].min(initial=np.inf))))
    axes.set_xlabel("agents, k")
    axes.set_ylabel("cost / surplus")
    axes.legend(frameon=False, fontsize="x-small", ncols=2)
    return [
        Picture(
            title="Cost to surplus as the market grows",
            caption="Linked over about k^kappa dates with bounds that tighten, against the unlinked mechanism. The "
            "widths are of the order of the dotted line times the root of a logarithm.",
            alt=f"From {agents[0]:.0f} to {agents[-1]:.0f} agents the linked ratio goes from {ratio[0]:.3g} to "
            f"{ratio[-1]:.3g}, the unlinked one from {unlinked[0]:.3g} to {unlinked[-1]:.3g}.",
            figure=figure,
            numbers={name: list(table[name]) for name in (*shown, "band_low", "band_high")},
        )
    ]
