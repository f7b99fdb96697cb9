"""Pictures of claims rules: paths of awards, Lorenz curves, and the axiom matrix as a grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt.mechanisms.overage.awards.comparison import lorenz_curve, path_of_awards, schedule_of_awards
from mechopt.mechanisms.overage.awards.rules import AWARD_RULES, all_awards
from mechopt.outcome import Outcome
from mechopt.picture import COLOURS, Picture, canvas

DASHES = ("-", "--", "-.", ":")
LINES = 6  # claimants in a picture
SCHEDULE_POINTS = 91
AVERAGES = ("random_arrival", "average_of_awards")
FEW = 8  # claimants up to which averages over orders and divisions take milliseconds
LORENZ_POINTS = 200


def _style(position: int, lines: int) -> dict[str, Any]:
    """Colour, dashes and width of a line: no two of the first 32 are alike, and later ones do not hide earlier ones."""
    return {
        "linewidth": 1.2 + 2.4 * (lines - 1 - position) / max(lines - 1, 1),
        "color": COLOURS[position % len(COLOURS)],
        "linestyle": DASHES[position // len(COLOURS) % len(DASHES)],
    }


def claims_pictures(
    rule: str,
    estate: float,
    claim: NDArray[np.float64],
    names: Sequence[str],
    *,
    weight: NDArray[np.float64] | None = None,
    units: str = "units",
) -> list[Picture]:
    """Paths and schedules of awards under a rule, and Lorenz curves of all rules, for one claims problem.

    Args:
        rule: its name.
        estate: E, between 0 and the total of claims, units.
        claim: d_i > 0, units, shape (claimants,).
        names: of the claimants.
        weight: w_i > 0, shape (claimants,), for the rules that take weights.
        units: what a unit is.

    Returns:
        None for fewer than two claimants; no paths or schedules of a rule that takes seconds for so many.
    """
    if len(claim) < 2:
        return []
    slow = AVERAGES if len(claim) > FEW else ()
    shown = _spread(claim)
    labels = [f"{names[k]} ({claim[k]:.4g})" for k in shown]
    lorenz = lorenz_picture(estate, claim, rules=[name for name in AWARD_RULES if name not in slow])
    if rule in slow:
        return [lorenz]
    return [
        path_picture(rule, claim, shown=shown, labels=labels, estate=estate, weight=weight, units=units),
        schedule_picture(rule, estate, claim, shown=shown, labels=labels, weight=weight, units=units),
        lorenz,
    ]


def _spread(claim: NDArray[np.float64]) -> list[int]:
    """A few claimants, from the smallest claim to the largest."""
    order = np.argsort(claim, kind="stable")
    places = np.linspace(0, len(order) - 1, min(len(order), LINES)).round().astype(int)
    return [int(k) for k in order[places]]


def path_picture(
    rule: str,
    claim: ArrayLike,
    *,
    shown: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
    estate: float | None = None,
    weight: ArrayLike | None = None,
    units: str = "units",
) -> Picture:
    """Claimants' awards against the estate, under one rule.

    Args:
        rule: its name.
        claim: d_i >= 0, units, shape (claimants,).
        shown: positions of the claimants to draw; all by default.
        labels: of these; their claims by default.
        estate: E, marked by a line; units.
        weight: w_i > 0, shape (claimants,), for the rules that take weights.
        units: what a unit is.
    """
    estates, awards = path_of_awards(rule, claim, weight=weight)
    return _lines(
        estates,
        awards.T,
        claim,
        shown,
        labels,
        mark=estate,
        axis=("estate", "award", units),
        title=f"Paths of awards: {AWARD_RULES[rule].title} rule",
        caption="Each line is a claimant: the award as the estate grows from nothing to the total of claims.",
    )


def schedule_picture(
    rule: str,
    estate: float,
    claim: ArrayLike,
    *,
    shown: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
    weight: ArrayLike | None = None,
    units: str = "units",
) -> Picture:
    """Claimants' awards against their own claims, all else equal. Arguments as in `path_picture`."""
    claims = np.asarray(claim, dtype=np.float64)
    own = np.linspace(0.0, 1.5 * float(claims.max()), SCHEDULE_POINTS)
    chosen = range(len(claims)) if shown is None else shown
    awards = {k: schedule_of_awards(rule, estate, claims, k, own, weight=weight) for k in chosen}
    every = np.zeros((len(claims), len(own)))
    for k, column in awards.items():
        every[k] = column
    return _lines(
        own,
        every,
        claim,
        shown,
        labels,
        mark=None,
        axis=("own claim", "award", units),
        title=f"Schedules of awards: {AWARD_RULES[rule].title} rule",
        caption="Each line is a claimant: the award as the own claim moves, the estate and the others' claims being "
        "what they are. Where a line is flat, a larger claim brings nothing.",
    )


def _lines(
    across: NDArray[np.float64],
    awards: NDArray[np.float64],
    claim: ArrayLike,
    shown: Sequence[int] | None,
    labels: Sequence[str] | None,
    *,
    mark: float | None,
    axis: tuple[str, str, str],
    title: str,
    caption: str,
) -> Picture:
    """Awards of some claimants as lines."""
    chosen = list(range(len(awards)) if shown is None else shown)
    words = [f"claim {np.asarray(claim)[k]:g}" for k in chosen] if labels is None else list(labels)
    figure, axes = canvas()
    for place, (k, word) in enumerate(zip(chosen, words, strict=True)):
        axes.plot(across, awards[k], label=word, **_style(place, len(chosen)))
    if mark is not None:
        axes.axvline(mark, color="#888888", linewidth=1, linestyle=":", label="this estate")
    axes.set_xlabel(f"{axis[0]}, {axis[2]}")
    axes.set_ylabel(f"{axis[1]}, {axis[2]}")
    axes.legend(frameon=False, fontsize=8)
    return Picture(
        title=title,
        caption=caption,
        alt=f"{len(chosen)} lines of awards against the {axis[0]}.",
        figure=figure,
        numbers={
            axis[0]: across.tolist(),
            **{f"{k + 1}: {w}": awards[k].tolist() for k, w in zip(chosen, words, strict=True)},
        },
    )


def lorenz_picture(estate: Any, claim: ArrayLike, *, rules: Iterable[str] | None = None) -> Picture:
    """The Lorenz curves of several rules on one problem."""
    found = all_awards(estate, claim, rules=rules)
    figure, axes = canvas()
    people = len(next(iter(found.values())))
    kept = np.unique(np.linspace(0, people, min(people, LORENZ_POINTS) + 1).round().astype(int))
    curves = {name: lorenz_curve(awards)[kept] for name, awards in found.items()}
    share = kept / people
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    for position, (name, curve) in enumerate(curves.items()):
        axes.plot(share, curve, label=AWARD_RULES[name].title, **_style(position, len(curves)))
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
