"""A picture of a result, with the numbers that it draws, and the canvas that all mechanisms draw on."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito: told apart by colour-blind readers.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000", "#999999")
SIZE = (5.4, 3.7)  # inches: the text stays readable when a phone shrinks it


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One plot of a report. It illustrates; the results are in the tables.

    Attributes:
        title: what is drawn.
        caption: how to read it, in a sentence or two.
        alt: what it shows, for those who cannot see it.
        figure: the drawing, to be changed or saved at will.
        numbers: columns of equal length with the numbers behind it.
    """

    title: str
    caption: str
    alt: str
    figure: Figure
    numbers: Mapping[str, Sequence[Any]]

    def __post_init__(self) -> None:
        if len({len(column) for column in self.numbers.values()}) > 1:
            raise ValueError(f"picture {self.title}: columns of different lengths")

    @cached_property
    def svg(self) -> str:
        """The drawing as an SVG document without links to anything, made once: a layout moves when it is made again."""
        return svg(self.figure)

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        return self.svg


def canvas() -> tuple[Figure, Axes]:
    """An empty figure in the house style."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def svg(figure: Figure) -> str:
    """The figure as SVG: letters as outlines, so that it looks the same everywhere; the same bytes every time."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "mechopt"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return buffer.getvalue()
