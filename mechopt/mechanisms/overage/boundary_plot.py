"""The picture of a rule around X = I: who gets how much of the own overage covered as slack moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.overage.environment import Environment
from mechopt.mechanisms.overage.lettering import digits, label, short
from mechopt.mechanisms.overage.schedule import limit, schedule
from mechopt.picture import Picture, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart with every kind of colour vision.
BLUE, VERMILLION, GREEN, ORANGE, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#666666"
STEPS = 60  # on either side of X = I
SHARES = ("I below X", "I = X", "I above X", "this period")
MANY = 20_000  # beyond this many defectors the schedule is drawn from quantiles of their overage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Curves:
    """Covered shares of a few defectors against slack, and their limits at I = X.

    Attributes:
        role: "smallest", "median" and "largest" by position of the account; fewer where they fall together.
        total: X, units.
        slack: totals from 0 to X, units, shape (points,).
        below: shares at these, the last as the limit from too little slack, shape (points, defectors).
        at: shares at I = X, shape (defectors,).
        above: their limit from ample slack, shape (defectors,).
        thinned: whether the others are quantiles only.
    """

    role: dict[int, str]
    total: float
    slack: NDArray[np.float64]
    below: NDArray[np.float64]
    at: NDArray[np.float64]
    above: NDArray[np.float64]
    thinned: bool

    @property
    def highest(self) -> float:
        """The largest share anywhere, at least 1."""
        return float(max(self.below.max(), self.above.max(), self.at.max(), 1.0))


def boundary_picture(
    environment: Environment, overage: NDArray[np.float64], coverage: NDArray[np.float64], slack: float
) -> Picture:
    """Share of overage covered as slack moves through X = I, for the smallest, median and largest defector."""
    curves = _curves(environment, overage)
    jumps = environment.rule == "power" and environment.alpha != 1
    figure, axes = canvas()
    _draw(axes, curves, overage, jumps=jumps)
    total = curves.total
    if environment.rule in ("power", "capped_power") and environment.alpha != 1:
        axes.plot([0, total, 2 * total], [0, 1, 1], color=GREY, linewidth=1.3, linestyle="--", label="linear rule")
    if slack <= 2 * total:
        axes.axvline(slack, color=ORANGE, linewidth=1.6, linestyle=":", label="slack of this period")
    _scale(axes, curves.highest)
    axes.set_xlabel(label("total slack I", environment.units))
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-4, 5), useMathText=True)
    axes.set_ylabel("share of the own overage covered")
    figure.legend(frameon=False, fontsize=8.5, loc="outside upper center", ncols=2)
    how = _at_the_boundary(environment, curves) if jumps else "It is continuous at I = X."
    name = environment.rule + (f", alpha = {environment.alpha}" if environment.alpha != 1 else "")
    extra = " Shares before rounding to whole units." if environment.rounding != "none" else ""
    extra += f" Drawn from {MANY:,} quantiles of the overage." if curves.thinned else ""
    return Picture(
        title="The rule around X = I",
        caption=(
            f"Rule {name}, at this period's overages: share of its own overage that an account gets covered, as total "
            f"slack moves from 0 to twice the total overage X = {digits(total)}. {how}{extra}"
        ),
        alt=f"Share of overage covered against total slack for {', '.join(curves.role.values())} defector. {how}",
        figure=figure,
        numbers=_numbers(environment, curves, overage, coverage),
    )


def _curves(environment: Environment, overage: NDArray[np.float64]) -> _Curves:
    """What the picture of the schedule shows."""
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
    total, parts = float(overage.sum()), np.linspace(0, 1, STEPS + 1)[:-1]
    grid = parts * float(np.sum(values))
    return _Curves(
        role=roles,
        total=total,
        slack=np.append(parts, 1.0) * total,
        below=np.vstack([schedule(values, sharing, grid, positions), limit(values, sharing, 1, positions)]),
        at=limit(values, sharing, 0, positions),
        above=limit(values, sharing, -1, positions),
        thinned=thinned,
    )


def _draw(axes: Axes, curves: _Curves, overage: NDArray[np.float64], *, jumps: bool) -> None:
    """A line for each defector; where the rule jumps, marks for the limits and the value at I = X."""
    colours, styles = (BLUE, GREEN, VERMILLION), ((0, ()), (0, (5, 1)), (0, (3, 1, 1, 1)))
    total = curves.total
    for k, (j, role) in enumerate(curves.role.items()):
        look: dict[str, Any] = {"color": colours[k], "linewidth": 3.6 - k, "linestyle": styles[k]}
        axes.plot(curves.slack, curves.below[:, k], label=f"{role} ({digits(overage[j])})", **look)
        axes.plot([total, 2 * total], [curves.above[k], curves.above[k]], **look)
        if jumps:
            mark: dict[str, Any] = {"color": colours[k], "markerfacecolor": "white", "markersize": 6}
            axes.plot([total], curves.below[-1:, k], "o", **mark)
            axes.plot([total], curves.above[k : k + 1], "s", **mark)
            axes.plot([total], curves.at[k : k + 1], "D", color=colours[k], markersize=3.5, zorder=5)


def _scale(axes: Axes, highest: float) -> None:
    """The axis of shares: logarithmic above 1 where the rule pays many times the overage."""
    if highest > 20:
        axes.set_yscale("symlog", linthresh=1.0)
        axes.set_ylim(-0.05, highest * 2)
        ticks = [0.0, 0.5, *(10.0**n for n in range(int(np.log10(highest)) + 1))]
        axes.set_yticks(ticks if len(ticks) < 8 else ticks[:3] + ticks[4 :: (len(ticks) // 6 + 1)])
        axes.minorticks_off()
    else:
        axes.set_ylim(-0.04, highest * 1.08)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.4g}" if value < 1e5 else f"{value:.0e}")


def _at_the_boundary(environment: Environment, curves: _Curves) -> str:
    """How the rule jumps, in words."""
    gap = np.abs(curves.below[-1] - curves.above).max()
    return (
        f"At I = X it jumps, by up to {gap:.3g}: circle, limit from too little slack; square, limit from ample "
        f"slack; diamond, the value at I = X (tie {environment.tie})."
    )


def _numbers(
    environment: Environment, curves: _Curves, overage: NDArray[np.float64], coverage: NDArray[np.float64]
) -> dict[str, list[Any]]:
    """The table beside the picture: a row for each defector."""
    numbers: dict[str, list[Any]] = {name: [] for name in ("defector", "account", "overage", *SHARES)}
    for k, (j, role) in enumerate(curves.role.items()):
        shares = curves.below[-1, k], curves.at[k], curves.above[k], coverage[j] / overage[j]
        for column, value in zip(numbers.values(), (role, environment.account[j], overage[j], *shares), strict=True):
            column.append(value if isinstance(value, str) else short(value, 4))
    return numbers
