"""The pictures of a settled period: what accounts get, who bears the shortage, and the rule around X = I.

Everything here is in floats: the pictures illustrate, the results are in the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.mechanisms.overage.clearing import CLAIMS_RULES
from mechopt.mechanisms.overage.environment import Environment
from mechopt.mechanisms.overage.schedule import limit, schedule
from mechopt.outcome import Outcome
from mechopt.picture import Picture, canvas

if TYPE_CHECKING:
    pass

# Okabe and Ito's colours, told apart with every kind of colour vision.
BLUE, VERMILLION, GREEN, ORANGE, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#666666"
BINS = 40
DECADES = 2  # a logarithmic axis from this span on
TOP = (0.01, 0.1, 0.5)
STEPS = 60  # on either side of X = I
CURVE_POINTS = 400
SHARES = ("I below X", "I = X", "I above X", "this period")
MANY = 20_000  # beyond this many defectors the schedule is drawn from quantiles of their overage


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
    with np.errstate(over="ignore"):  # overflow gives inf, which is what is looked for
        if not all(np.isfinite(column.sum() * 4) for column in (overage, slack, coverage, claim)):
            return []
    if not overage.any():
        columns = [("slack", slack, GREEN)]
        return [_distribution(environment, "Slack: nobody is over", columns)] if slack.any() else []
    over = overage > 0
    columns = [("coverage", coverage[over], BLUE), ("residual", residual[over], VERMILLION)]
    drawn = [_distribution(environment, "What the accounts over their entitlement get", columns)]
    if residual.any():
        drawn.append(_bearers(residual, claim))
    drawn.append(_schedule(environment, overage, coverage, float(slack.sum())))
    if environment.rule in CLAIMS_RULES and residual.any():
        drawn += _as_claims_problem(environment, overage, float(slack.sum()))
    return drawn


def _as_claims_problem(environment: Environment, overage: NDArray[np.float64], slack: float) -> list[Picture]:
    """Slack as the estate, overages as claims on it: the rule's paths and schedules, and all rules side by side."""
    from mechopt.mechanisms.overage.awards.plots import claims_pictures

    over = np.flatnonzero(overage > 0)
    return claims_pictures(
        environment.rule,
        slack,
        overage[over],
        [environment.account[j] for j in over],
        weight=None if environment.weight is None else _floats(environment.weight[over]),
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
    axes.set_xlabel(_label("amount per account", environment.units))
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
        _short(above.min()) if above.size else None,
        *(_short(value) for value in (np.median(values), values.mean(), values.max(), values.sum())),
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


def _schedule(
    environment: Environment, overage: NDArray[np.float64], coverage: NDArray[np.float64], slack: float
) -> Picture:
    """Share of overage covered as slack moves through X = I, for the smallest, median and largest defector."""
    defectors = np.flatnonzero(overage > 0)
    ranked = defectors[np.argsort(overage[defectors], kind="stable")]
    # With few defectors the roles fall together: the largest keeps the name.
    roles = {int(ranked[0]): "smallest", int(ranked[(ranked.size - 1) // 2]): "median", int(ranked[-1]): "largest"}
    shown = ranked
    if thinned := ranked.size > MANY:
        shown = ranked[np.linspace(0, ranked.size - 1, MANY).round().astype(int)]
    values = overage[shown]
    values = values / values.max()  # shares do not depend on the unit, and tiny or huge totals stay in range
    positions = [int(np.searchsorted(values, overage[j] / overage[ranked[-1]])) for j in roles]
    positions = [min(p, values.size - 1) for p in positions]
    sharing = environment.sharing
    if environment.weight is not None:
        sharing["weight"] = environment.weight[shown]
    jumps = environment.rule == "power" and environment.alpha != 1
    total = float(overage.sum())
    parts = np.linspace(0, 1, STEPS + 1)[:-1]
    whole = float(np.sum(values))
    below = np.vstack([schedule(values, sharing, parts * whole, positions), limit(values, sharing, 1, positions)])
    at, above = limit(values, sharing, 0, positions), limit(values, sharing, -1, positions)
    figure, axes = canvas()
    colours, styles = (BLUE, GREEN, VERMILLION), ((0, ()), (0, (5, 1)), (0, (3, 1, 1, 1)))
    numbers: dict[str, list[Any]] = {name: [] for name in ("defector", "account", "overage", *SHARES)}
    short = np.append(parts, 1.0) * total
    for k, (j, role) in enumerate(roles.items()):
        look: dict[str, Any] = {"color": colours[k], "linewidth": 3.6 - k, "linestyle": styles[k]}
        axes.plot(short, below[:, k], label=f"{role} ({_digits(overage[j])})", **look)
        axes.plot([total, 2 * total], [above[k], above[k]], **look)
        if jumps:
            axes.plot([total], below[-1:, k], "o", color=colours[k], markerfacecolor="white", markersize=6)
            axes.plot([total], above[k : k + 1], "s", color=colours[k], markerfacecolor="white", markersize=6)
            axes.plot([total], at[k : k + 1], "D", color=colours[k], markersize=3.5, zorder=5)
        row = (role, environment.account[j], overage[j], below[-1, k], at[k], above[k], coverage[j] / overage[j])
        for column, value in zip(numbers.values(), row, strict=True):
            column.append(value if isinstance(value, str) else _short(value, 4))
    if environment.rule in ("power", "capped_power") and environment.alpha != 1:
        axes.plot([0, total, 2 * total], [0, 1, 1], color=GREY, linewidth=1.3, linestyle="--", label="linear rule")
    if slack <= 2 * total:
        axes.axvline(slack, color=ORANGE, linewidth=1.6, linestyle=":", label="slack of this period")
    highest = float(max(below.max(), above.max(), at.max(), 1.0))
    if highest > 20:  # the rule pays many times the overage
        axes.set_yscale("symlog", linthresh=1.0)
        axes.set_ylim(-0.05, highest * 2)
        ticks = [0.0, 0.5, *(10.0**n for n in range(int(np.log10(highest)) + 1))]
        axes.set_yticks(ticks if len(ticks) < 8 else ticks[:3] + ticks[4 :: (len(ticks) // 6 + 1)])
        axes.minorticks_off()
    else:
        axes.set_ylim(-0.04, highest * 1.08)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.4g}" if value < 1e5 else f"{value:.0e}")
    axes.set_xlabel(_label("total slack I", environment.units))
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-4, 5), useMathText=True)
    axes.set_ylabel("share of the own overage covered")
    figure.legend(frameon=False, fontsize=8.5, loc="outside upper center", ncols=2)
    if jumps:
        gap = np.abs(below[-1] - above).max()
        how = (
            f"At I = X it jumps, by up to {gap:.3g}: circle, limit from too little slack; square, limit from ample "
            f"slack; diamond, the value at I = X (tie {environment.tie})."
        )
    else:
        how = "It is continuous at I = X."
    name = environment.rule + (f", alpha = {environment.alpha}" if environment.alpha != 1 else "")
    extra = " Shares before rounding to whole units." if environment.rounding != "none" else ""
    extra += f" Drawn from {MANY:,} quantiles of the overage." if thinned else ""
    return Picture(
        title="The rule around X = I",
        caption=(
            f"Rule {name}, at this period's overages: share of its own overage that an account gets covered, as total "
            f"slack moves from 0 to twice the total overage X = {_digits(total)}. {how}{extra}"
        ),
        alt=f"Share of overage covered against total slack for {', '.join(roles.values())} defector. {how}",
        figure=figure,
        numbers=numbers,
    )


def _floats(column: Any) -> NDArray[np.float64]:
    values = np.asarray(column)
    if values.dtype == object:
        return np.array([exact.as_float(value) for value in values.tolist()], dtype=np.float64)
    return values.astype(np.float64)


def _short(value: Any, digits: int = 6) -> float:
    """Rounded for a table beside a picture: whole numbers stay whole."""
    return round(float(value)) if 1e5 <= abs(value) < 1e15 else float(f"{float(value):.{digits}g}")


def _digits(value: float) -> str:
    """An amount for a legend or a caption."""
    return f"{value:,.0f}" if 1e3 <= value < 1e15 else f"{value:.4g}"


def _label(text: str, units: str) -> str:
    """An axis label; units are the user's words: no formulas, no control characters."""
    words = "".join(c if c.isprintable() else " " for c in units).strip()[:40].replace("$", r"\$")
    return f"{text} ({words})" if words else text
