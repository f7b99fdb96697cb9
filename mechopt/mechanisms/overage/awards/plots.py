"""Pictures of claims rules: paths of awards, Lorenz curves, and the axiom matrix as a grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mechopt.mechanisms.overage.awards.comparison import lorenz_curve, path_of_awards
from mechopt.mechanisms.overage.awards.rules import AWARD_RULES, all_awards
from mechopt.outcome import Outcome
from mechopt.picture import COLOURS, Picture, canvas

DASHES = ("-", "--", "-.", ":")


def _style(position: int) -> dict[str, Any]:
    """Colour and dashes of the line at a position: no two of the first 32 are alike."""
    return {
        "color": COLOURS[position % len(COLOURS)],
        "linestyle": DASHES[position // len(COLOURS) % len(DASHES)],
    }


def path_picture(rule: str, claim: ArrayLike, *, units: str = "units") -> Picture:
    """Each claimant's award against the estate, under one rule."""
    estates, awards = path_of_awards(rule, claim)
    figure, axes = canvas()
    for position, column in enumerate(awards.T):
        style = _style(position)
        axes.plot(estates, column, linewidth=1.7, label=f"claim {np.asarray(claim)[position]:g}", **style)
    axes.set_xlabel(f"estate, {units}")
    axes.set_ylabel(f"award, {units}")
    axes.legend(frameon=False, fontsize=8)
    title = AWARD_RULES[rule].title
    return Picture(
        title=f"Awards under the {title} rule",
        caption="Each line is a claimant: the award as the estate grows from nothing to the total of claims.",
        alt=f"Lines of awards against the estate, {title} rule, {awards.shape[1]} claimants.",
        figure=figure,
        numbers={
            "estate": estates.tolist(),
            **{f"claimant {k + 1}": column.tolist() for k, column in enumerate(awards.T)},
        },
    )


def lorenz_picture(estate: Any, claim: ArrayLike, *, rules: Iterable[str] | None = None) -> Picture:
    """The Lorenz curves of several rules on one problem."""
    found = all_awards(estate, claim, rules=rules)
    figure, axes = canvas()
    curves = {name: lorenz_curve(awards) for name, awards in found.items()}
    share = np.linspace(0, 1, len(next(iter(curves.values()))))
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    for position, (name, curve) in enumerate(curves.items()):
        style = _style(position)
        axes.plot(share, curve, linewidth=1.4, label=AWARD_RULES[name].title, **style)
    axes.set_xlabel("share of claimants, smallest awards first")
    axes.set_ylabel("share of the estate")
    axes.legend(frameon=False, fontsize=6.5)
    return Picture(
        title="Lorenz curves of the awards",
        caption="The higher a curve, the more equal the awards; the straight line is equal awards for all.",
        alt=f"Lorenz curves of {len(curves)} rules.",
        figure=figure,
        numbers={"share of claimants": share.tolist(), **{name: curve.tolist() for name, curve in curves.items()}},
    )


def matrix_pictures(outcome: Outcome) -> Sequence[Picture]:
    """The axiom matrix as a grid of filled and open cells."""
    from matplotlib.figure import Figure

    grid = outcome.tables["matrix"]
    names, rules = list(grid["property"]), [name for name in grid if name != "property"]
    figure = Figure(figsize=(5.4, 1.6 + 0.19 * len(names)), layout="constrained")
    axes = figure.subplots()
    holds = np.array([[word == "holds" for word in grid[rule]] for rule in rules]).T
    rows, columns = np.nonzero(holds)
    axes.scatter(columns, rows, marker="s", s=46, color="#0072b2", label="holds in range")
    rows, columns = np.nonzero(~holds)
    axes.scatter(columns, rows, marker="x", s=26, color="#d55e00", linewidth=1.3, label="refuted")
    axes.set_xticks(range(len(rules)), [rule.replace("_", " ") for rule in rules], rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names], fontsize=7)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(-0.5, len(rules) - 0.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.legend(loc="outside upper right", ncols=2, frameon=False, fontsize=7)
    picture = Picture(
        title="Rules and properties",
        caption=f"Square: no violation in the range ({outcome.summary['range']}). Cross: refuted, see witness.",
        alt=f"Grid of {len(names)} properties and {len(rules)} rules; {int(holds.sum())} of {holds.size} cells hold.",
        figure=figure,
        numbers=grid,
    )
    return (picture,)
