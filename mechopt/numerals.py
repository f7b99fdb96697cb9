"""How a text file writes numbers: its decimal mark, and the mark between groups of three digits.

Nothing is guessed: without these marks "1,200" is refused, and the message says what to write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mechopt import exact
from mechopt.errors import InstanceError

THOUSANDS = (",", ".", " ", "'", "_")
_SPACES = dict.fromkeys(map(ord, "\u00a0\u202f\u2009"), " ") | {ord("\u2019"): "'"}  # as spreadsheets write them
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+", re.ASCII)  # 1.050: one thousand and fifty, or a little above one


@dataclass(frozen=True, slots=True, kw_only=True)
class Numerals:
    """The marks that a file's numbers are written with.

    Attributes:
        decimal: "." or ",".
        thousands: one of `THOUSANDS`, or "" where digits are not grouped.
        stated: whether the document says so; otherwise these are the defaults.
        semicolons: whether cells are separated by semicolons, as where the comma is the decimal mark.
    """

    decimal: str = "."
    thousands: str = ""
    stated: bool = False
    semicolons: bool = False

    @classmethod
    def of(cls, spec: Mapping[str, Any], *, separator: str, key: str, file: object) -> Numerals:
        """The marks that a table's entry in a document states.

        Raises:
            InstanceError: a mark that is not allowed, or the same mark twice.
        """
        decimal, thousands = spec.get("decimal"), spec.get("thousands")
        for name, mark, allowed in (("decimal", decimal, (".", ",")), ("thousands", thousands, THOUSANDS)):
            if mark is not None and mark not in allowed:
                marks = ", ".join(f'"{one}"' for one in allowed)
                problem = f"must be one of {marks}, not {exact.show(mark)}"
                raise InstanceError(problem, file=file, key=f"{key}.{name}")
        decimal = decimal or ("," if thousands == "." else ".")
        if decimal == thousands:
            problem = f"{exact.show(decimal)} cannot be the mark of thousands and of decimals"
            raise InstanceError(problem, file=file, key=key)
        stated = "decimal" in spec or "thousands" in spec
        return cls(decimal=decimal, thousands=thousands or "", stated=stated, semicolons=separator == ";")

    def parse(self, value: object) -> int | Fraction:
        """The exact value of a cell.

        Raises:
            ValueError: not a number in these marks; the message says which marks would make it one.
        """
        if not isinstance(value, str):
            return exact.parse(value)
        text = value.translate(_SPACES)
        if not self.stated:
            try:
                return exact.parse(value)
            except ValueError as error:
                raise ValueError(f"{error}{_advice(text)}") from None
        whole, mark, rest = text.partition(self.decimal)
        grouped = bool(self.thousands) and self.thousands in whole
        pattern = rf"[+-]?\d{{1,3}}({re.escape(self.thousands)}\d{{3}})+"
        foreign = {",", ".", "_", "'", " "} - {self.thousands}
        if foreign & set(whole) or foreign & set(rest) or (grouped and not re.fullmatch(pattern, whole, re.ASCII)):
            groups = f' and "{self.thousands}" between groups of three digits' if self.thousands else ""
            raise ValueError(f'{exact.show(value)} is not a number with the decimal mark "{self.decimal}"{groups}')
        return exact.parse((whole.replace(self.thousands, "") if grouped else whole) + ("." if mark else "") + rest)

    def doubtful(self, values: Sequence[object]) -> int | None:
        """The first cell such as 1.050 in a column of a semicolon file where every point may mark thousands."""
        if self.stated or not self.semicolons:
            return None
        pointed = [k for k, value in enumerate(values) if isinstance(value, str) and "." in value]
        if not pointed or not all(_GROUPED.fullmatch(str(values[k]).strip()) for k in pointed):
            return None
        return pointed[0]


def doubt(value: object) -> str:
    """What is said of a cell that may be read in two ways."""
    return (
        f'{exact.show(value)} may be thousands or decimals in a file with semicolons; say thousands = "." or '
        f'decimal = "." beside file'
    )


def _advice(text: str) -> str:
    """The marks with which a text would be a number."""
    found = []
    for decimal, thousands in ((".", ","), (",", "."), (",", ""), (".", " "), (",", " "), (".", "'")):
        marks = Numerals(decimal=decimal, thousands=thousands, stated=True)
        try:
            marks.parse(text)
        except ValueError:
            continue
        grouped = bool(thousands) and thousands in text
        said = [f'thousands = "{thousands}"'] * grouped + [f'decimal = "{decimal}"'] * (decimal in text)
        if (decimal in text or grouped) and ", ".join(said) not in found:
            found.append(", ".join(said))
    return f"; beside file, {' or '.join(found)} would read it" if found else ""
