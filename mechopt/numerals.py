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
        options: whether the marks are stated as options of a command, and not beside a file's name in a document.
    """

    decimal: str = "."
    thousands: str = ""
    stated: bool = False
    semicolons: bool = False
    options: bool = False

    @classmethod
    def of(
        cls, spec: Mapping[str, Any], *, separator: str, key: str, file: object, options: bool = False
    ) -> Numerals | None:
        """The marks that a table's entry in a document states; None where its file is no text and so has no marks.

        Raises:
            InstanceError: a mark that is not allowed, the same mark twice, or marks for a file that is no text.
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
        if not separator:
            if stated:
                named = " and ".join(name for name in ("decimal", "thousands") if name in spec)
                raise InstanceError(f"{named}: only a CSV file has marks to state", file=file, key=key)
            return None
        semicolons = separator == ";"
        return cls(decimal=decimal, thousands=thousands or "", stated=stated, semicolons=semicolons, options=options)

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
                raise ValueError(f"{error}{self._advice(text)}") from None
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

    def doubt(self, value: object) -> str:
        """What is said of a cell that may be read in two ways."""
        ways = f"{self._say(thousands='.')} or {self._say(decimal='.')}"
        where = "" if self.options else " beside file"
        return f"{exact.show(value)} may be thousands or decimals in a file with semicolons; say {ways}{where}"

    def _say(self, **marks: str) -> str:
        """How marks are stated where these are."""
        if self.options:
            return " ".join(f'--{name} "{mark}"' for name, mark in marks.items())
        return ", ".join(f'{name} = "{mark}"' for name, mark in marks.items())

    def _advice(self, text: str) -> str:
        """The marks with which a text would be a number."""
        found: list[str] = []
        for decimal, thousands in ((".", ","), (",", "."), (",", ""), (".", " "), (",", " "), (".", "'")):
            try:
                Numerals(decimal=decimal, thousands=thousands, stated=True).parse(text)
            except ValueError:
                continue
            needed = {"thousands": thousands} if thousands and thousands in text else {}
            needed |= {"decimal": decimal} if decimal in text else {}
            if needed and self._say(**needed) not in found:
                found.append(self._say(**needed))
        where = "" if self.options else "beside file, "
        return f"; {where}{' or '.join(found)} would read it" if found else ""
