"""A picture of a result, with the numbers that it draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One plot of a report. It illustrates; the results are in the tables.

    Attributes:
        title: what is drawn.
        caption: how to read it, in a sentence or two.
        alt: what it shows, for those who cannot see it.
        svg: the drawing, an SVG document without links to anything.
        numbers: columns of equal length with the numbers behind it.
    """

    title: str
    caption: str
    alt: str
    svg: str
    numbers: Mapping[str, Sequence[Any]]

    def __post_init__(self) -> None:
        if len({len(column) for column in self.numbers.values()}) > 1:
            raise ValueError(f"picture {self.title}: columns of different lengths")
