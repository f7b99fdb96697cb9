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


# verdict in the matrix: marker, size, colour, filled, words
MARKS = (
    (lambda word: word == "proved", "s", 46, "#0072b2", True, "proved"),
    (lambda word: word.startswith("n <="), "D", 30, "#56b4e9", True, "proved for few claimants"),
    (lambda word: word == "holds", "s", 40, "#0072b2", False, "holds in range"),
    (lambda word: word == "refuted", "x", 26, "#d55e00", True, "refuted"),
)


def matrix_pictures(outcome: Outcome) -> Sequence[Picture]:
    """The axiom matrix as a grid of marks, one kind for each verdict."""
    from matplotlib.figure import Figure

    grid = outcome.tables["matrix"]
    names, rules = list(grid["property"]), [name for name in grid if name != "property"]
    words = np.array([list(grid[rule]) for rule in rules], dtype=object).T
    figure = Figure(figsize=(5.8, 1.7 + 0.19 * len(names)), layout="constrained")
    axes = figure.subplots()
    for wanted, marker, size, colour, filled, label in MARKS:
        rows, columns = np.nonzero(np.vectorize(wanted, otypes=[bool])(words))
        if rows.size:
            marks = axes.scatter(columns, rows, marker=marker, s=size, color=colour, linewidth=1.3, label=label)
            if not filled:
                marks.set_facecolor("none")
    axes.set_xticks(range(len(rules)), [rule.replace("_", " ") for rule in rules], rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names], fontsize=7)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(-0.5, len(rules) - 0.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.legend(loc="outside upper right", ncols=4, frameon=False, fontsize=7, handletextpad=0.2, columnspacing=1.0)
    refuted = int((words == "refuted").sum())
    picture = Picture(
        title="Rules and properties",
        caption=(
            "Filled square: proved for any number of claimants. Diamond: proved for few (see the table). Open square: "
            f"no violation in the range ({outcome.summary['range']}). Cross: refuted, see the witness."
        ),
        alt=f"Grid of {len(names)} properties and {len(rules)} rules: {refuted} of {words.size} cells are refuted.",
        figure=figure,
        numbers=grid,
    )
    return (picture,)
