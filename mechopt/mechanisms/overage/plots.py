"""The pictures of a settled period: what accounts get, who bears the shortage, and the rule around X = I.

Everything here is in floats: the pictures illustrate, the results are in the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.boundary_plot import BLUE, GREEN, GREY, VERMILLION, boundary_picture
from mechopt.mechanisms.overage.clearing import CLAIMS_RULES, scaled_weights
from mechopt.mechanisms.overage.environment import Environment
from mechopt.mechanisms.overage.lettering import label, short
from mechopt.outcome import Outcome
from mechopt.picture import Picture, canvas

BINS = 40
DECADES = 2  # a logarithmic axis from this span on
TOP = (0.01, 0.1, 0.5)
CURVE_POINTS = 400


def pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The plots of a report.

    Args:
        environment: the period.
        outcome: its settlement; `tables.accounts` is read.

    Returns:
        Distribution of coverage and residuals, who bears the residual, and the schedule around X = I. Only the
        distribution of slack where nobody is over; none where nothing moves, or where the numbers exceed floats.
        With a claims rule also its paths and schedules, and the Lorenz curves of all rules.
    """
    if environment.network is not None:
        from mechopt.mechanisms.overage.network_outcome import network_pictures

        return network_pictures(environment, outcome)
    table = outcome.tables["accounts"]
    overage, slack, coverage, residual, claim = (
        _floats(table[name]) for name in ("overage", "slack", "coverage", "residual", "claim")
    )
    if not _within_floats(environment, (overage, slack, coverage, claim)):
        return []
    if not overage.any():
        columns = [("slack", slack, GREEN)]
        return [_distribution(environment, "Slack: nobody is over", columns)] if slack.any() else []
    over = overage > 0
    columns = [("coverage", coverage[over], BLUE), ("residual", residual[over], VERMILLION)]
    drawn = [_distribution(environment, "What the accounts over their entitlement get", columns)]
    if residual.any():
        drawn.append(_bearers(residual, claim))
    drawn.append(boundary_picture(environment, overage, coverage, float(slack.sum())))
    if environment.rule in CLAIMS_RULES and residual.any():
        drawn += _as_claims_problem(environment, overage, float(slack.sum()))
    return drawn


def _within_floats(environment: Environment, columns: Sequence[NDArray[np.float64]]) -> bool:
    """Whether floats reach the totals, and the ratios of the weights."""
    if environment.weight is not None:
        try:
            scaled_weights(environment.weight)
        except InstanceError:
            return False
    with np.errstate(over="ignore"):  # overflow gives inf, which is what is looked for
        return all(np.isfinite(column.sum() * 4) for column in columns)


def _as_claims_problem(environment: Environment, overage: NDArray[np.float64], slack: float) -> list[Picture]:
    """Slack as the estate, overages as claims on it: the rule's paths and schedules, and all rules side by side."""
    from mechopt.mechanisms.overage.awards.plots import claims_pictures

    over = np.flatnonzero(overage > 0)
    return claims_pictures(
        environment.rule,
        slack,
        overage[over],
        [environment.account[j] for j in over],
        weight=None if environment.weight is None else scaled_weights(environment.weight[over]),
        units=environment.units or "units",
    )


def _distribution(
    environment: Environment, title: str, columns: Sequence[tuple[str, NDArray[np.float64], str]]
) -> Picture:
    """Histogram of positive amounts per account, on one axis."""
    from matplotlib.ticker import MaxNLocator

    positive = {name: values[values > 0] for name, values, _ in columns}
    every = np.concatenate(list(positive.values()))
    low, high = float(every.min()), float(every.max())
    decades = low < high * 10.0**-DECADES
    if decades:
        edges = np.geomspace(low, high, BINS + 1)
    else:
        edges = np.linspace(low, high, BINS + 1) if low < high else np.array([low * 0.5, low * 1.5])
    edges[[0, -1]] = (low, high) if low < high else (low * 0.5, low * 1.5)
    figure, axes = canvas()
    for place, (name, _, colour) in enumerate(columns):
        if positive[name].size:
            axes.hist(
                positive[name],
                bins=edges.tolist(),
                histtype="stepfilled" if place == 0 else "step",
                color=colour,
                alpha=0.55 if place == 0 else 1.0,
                linewidth=1.8,
                label=name,
            )
    if decades:
        axes.set_xscale("log")
    axes.set_xlabel(label("amount per account", environment.units))
    axes.set_ylabel("accounts")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.legend(frameon=False)
    names = " and ".join(name for name, _, _ in columns)
    return Picture(
        title=title,
        caption=f"Accounts by {names}, zeros left out; {'logarithmic' if decades else 'even'} classes.",
        alt=f"Histogram of {names} per account, from {low:.4g} to {high:.4g}; the numbers are in the table.",
        figure=figure,
        numbers={"": ["accounts above 0", "accounts at 0", "smallest above 0", "median", "mean", "largest", "total"]}
        | {name: _describe(values) for name, values, _ in columns},
    )


def _describe(values: NDArray[np.float64]) -> list[Any]:
    above = values[values > 0]
    return [
        int(above.size),
        int(values.size - above.size),
        short(above.min()) if above.size else None,
        *(short(value) for value in (np.median(values), values.mean(), values.max(), values.sum())),
    ]


def _bearers(residual: NDArray[np.float64], claim: NDArray[np.float64]) -> Picture:
    """Concentration curves: the shares of residual and of claims of the accounts that bear most."""
    order = np.argsort(-residual, kind="stable")
    borne, claimed = (np.concatenate([[0.0], np.cumsum(v[order] / v.sum())]) for v in (residual, claim))
    count = residual.size
    heads = [max(1, int(np.ceil(part * count))) for part in TOP]
    points = np.unique(np.linspace(0, count, min(count, CURVE_POINTS) + 1).round().astype(int))
    figure, axes = canvas()
    axes.plot(points / count * 100, borne[points] * 100, color=VERMILLION, linewidth=2, label="residual")
    axes.plot(
        points / count * 100, claimed[points] * 100, color=BLUE, linewidth=1.6, linestyle="-.", label="their claims"
    )
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle=":", label="all alike")
    axes.plot([100 * k / count for k in heads], [100 * borne[k] for k in heads], "o", color=VERMILLION, markersize=5)
    axes.set_xlabel("accounts, largest residual first (%)")
    axes.set_ylabel("share of the total (%)")
    axes.set_xlim(-2, 102)
    axes.set_ylim(-2, 104)
    axes.legend(frameon=False, loc="lower right")
    spoken = "; ".join(f"the top {part:.0%} bear {borne[k]:.1%}" for part, k in zip(TOP, heads, strict=True))
    return Picture(
        title="Who bears what",
        caption=(
            "Accounts sorted by residual, largest first. The further the residual curve is above the claims of the "
            "same accounts, the more the shortage falls on few."
        ),
        alt=f"Concentration curve of the residual over all accounts: {spoken}.",
        figure=figure,
        numbers={
            "top": [f"{part:.0%}" for part in TOP],
            "accounts": heads,
            "residual (%)": [round(100 * float(borne[k]), 2) for k in heads],
            "claims (%)": [round(100 * float(claimed[k]), 2) for k in heads],
        },
    )


def _floats(column: Any) -> NDArray[np.float64]:
    values = np.asarray(column)
    if values.dtype == object:
        return np.array([exact.as_float(value) for value in values.tolist()], dtype=np.float64)
    return values.astype(np.float64)
