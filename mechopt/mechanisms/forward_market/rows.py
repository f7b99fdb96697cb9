"""The rows of a linear program, collected one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Rows:
    """The rows of a program as they are added."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines: list[Floats] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self.names: list[str] = []

    def add(self, entries: dict[int, float], low: float, high: float, name: str) -> None:
        """A row with these entries by column, between two limits."""
        line = np.zeros(self.columns)
        line[list(entries)] = list(entries.values())
        self.lines.append(line)
        self.low.append(low)
        self.high.append(high)
        self.names.append(name)
