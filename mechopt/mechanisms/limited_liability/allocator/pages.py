"""Every byte of a journal's file accounted for: the events and what leads to them, and zeros everywhere else.

A hash chain protects events, not the pages around them. But the file of a table that only grows is simple: a header, a
tree of rows in the order in which they came, another of the schema, no free pages. All that SQLite puts there follows
from the rows, and space that it has not used is zero (`secure_delete` keeps it so). So every page is read as the file
format says, whoever calls holds each record against the one its row must have, and the rest must be zero.

Two things are left out. The number of the library that wrote last (bytes 96 to 99) may be any of SQLite 3. And where a
tree has more than one inner page (beyond some 400 pages of rows), free space of inner pages keeps remains of entries
that were moved: these pages hold no row, only the way to the rows, which is followed and checked.

Source: SQLite, Database File Format, sections 1.3, 1.6 and 2.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

HEADER = 100
FIXED = [  # place in the header, width, value
    (0, 16, int.from_bytes(b"SQLite format 3\0")), (18, 1, 2), (19, 1, 2), (21, 1, 64), (22, 1, 32), (23, 1, 32),
    (32, 8, 0), (44, 4, 4), (48, 8, 0), (56, 4, 1), (64, 28, 0),
]  # fmt: skip
INNER, LEAF = 5, 13  # kinds of pages: links, rows
Column = str | int | None
Cell = tuple[int, bytes]  # rowid and record


class PageError(Exception):
    """A byte that is not what was written; says which page, or where in the file."""


class Pages:
    """The pages of one file.

    Args:
        data: the whole file.
        version: `user_version`, which its header must have.
        changes: `schema_version`, the number of changes of the schema.

    Raises:
        PageError: the header is not that of such a file.
    """

    def __init__(self, data: bytes, *, version: int, changes: int) -> None:
        self._data = data
        self._size = _header(data, version, changes)
        self._usable = self._size - data[20]  # some builds of SQLite reserve the end of each page for themselves
        self._seen: set[int] = set()
        self._inner = 0
        self._remains: list[PageError] = []

    def records(self, root: int) -> Iterator[Cell]:
        """The rows of a tree, in order.

        Raises:
            PageError: a page is not as it was written.
        """
        self._inner, self._remains = 0, []
        yield from self._tree(root)
        if self._inner == 1:
            for remains in self._remains:
                raise remains

    def finish(self) -> None:
        """After all trees were read: no page may be left.

        Raises:
            PageError: names the first that belongs to nothing.
        """
        pages = len(self._data) // self._size
        for number in range(1, pages + 1):
            if number not in self._seen:
                raise PageError(f"page {number} belongs to nothing")

    def _page(self, number: int) -> bytes:
        start = (number - 1) * self._size
        if number in self._seen or not 0 <= start < len(self._data):
            raise PageError(f"a link to page {number} was changed")
        self._seen.add(number)
        return self._data[start : start + self._size]

    def _tree(self, number: int) -> Iterator[Cell]:
        page = self._page(number)
        start = HEADER if number == 1 else 0
        kind, block, cells, content, fragments = struct.unpack_from(">BHHHB", page, start)
        if kind not in (INNER, LEAF):
            raise PageError(f"the kind of page {number} was changed")
        end = start + (12 if kind == INNER else 8) + 2 * cells
        if end > self._usable:
            raise PageError(f"the head of page {number} was changed")
        places = struct.unpack_from(f">{cells}H", page, end - 2 * cells)
        found = [] if not block and not fragments and content == min(places, default=self._usable) % 65536 else [
            PageError(f"the head of page {number} was changed")
        ]  # fmt: skip
        used: list[tuple[int, int]] = []
        if kind == LEAF:
            yield from self._leaf(number, page, places, used)
        else:
            self._inner += 1
            yield from self._branches(number, page, places, used)
            yield from self._tree(int.from_bytes(page[start + 8 : start + 12]))
        found.extend(self._unused(number, page, end, used))
        if kind == LEAF and found:
            raise found[0]
        self._remains.extend(found)

    def _leaf(self, number: int, page: bytes, places: Sequence[int], used: list[tuple[int, int]]) -> Iterator[Cell]:
        """Rows of a leaf; notes in `used` where they are."""
        for place in places:
            length, rowid, after = self._numbers(number, page, place, 2)
            here = self._local(length)
            found = page[after : after + here]
            after += here
            if here < length:
                found += self._overflow(int.from_bytes(page[after : after + 4]), length - here)
                after += 4
            used.append((place, after))
            yield rowid, found

    def _branches(self, number: int, page: bytes, places: Sequence[int], used: list[tuple[int, int]]) -> Iterator[Cell]:
        """Rows below all links of an inner page but the last; each link has the rowid with which its rows end."""
        for place in places:
            key, after = self._numbers(number, page, place + 4, 1)
            last = 0
            for last, found in self._tree(int.from_bytes(page[place : place + 4])):
                yield last, found
            if last != key:
                raise PageError(f"an entry of page {number} was changed")
            used.append((place, after))

    def _numbers(self, number: int, page: bytes, place: int, count: int) -> tuple[int, ...]:
        """Some numbers of variable length from a place on, and the place behind them."""
        found = []
        for _ in range(count):
            value, after = 0, place
            while after < len(page):
                value = value << 7 | page[after] & 127
                after += 1
                if page[after - 1] < 128 or after - place == 8:  # a ninth byte: beyond any rowid or length here
                    break
            if page[place:after] != variable(value):
                raise PageError(f"an entry of page {number} was changed")
            found.append(value)
            place = after
        return *found, place

    def _local(self, length: int) -> int:
        """How many bytes of a record are on its leaf; the others are on overflow pages."""
        most, least = self._usable - 35, (self._usable - 12) * 32 // 255 - 23
        if length <= most:
            return length
        fit = least + (length - least) % (self._usable - 4)
        return fit if fit <= most else least

    def _overflow(self, number: int, left: int) -> bytes:
        parts = []
        while left > 0:
            page = self._page(number)
            here = min(left, self._usable - 4)
            parts.append(page[4 : 4 + here])
            for problem in self._unused(number, page, 4 + here, []):
                raise problem
            left -= here
            number = int.from_bytes(page[:4])
        if number:
            raise PageError(f"a link to page {number} was changed")
        return b"".join(parts)

    def _unused(self, number: int, page: bytes, end: int, used: list[tuple[int, int]]) -> Iterator[PageError]:
        """What is not 0 between used parts, of which the first ends at `end`."""
        for start, after in [*sorted(used), (self._usable, self._usable)]:
            if start < end:
                raise PageError(f"the entries of page {number} overlap")
            gap = page[end:start]
            if any(gap):
                place = (number - 1) * self._size + end + len(gap) - len(gap.lstrip(b"\0"))
                yield PageError(f"byte {place} of the file is in no use and was 0, but is not")
            end = after


def _header(data: bytes, version: int, changes: int) -> int:
    """The size of a page, once the header holds what it must."""
    if len(data) < HEADER:
        raise PageError("it ends in its header")
    size = int.from_bytes(data[16:18])
    size = 65536 if size == 1 else size
    if size < 512 or len(data) % size:
        raise PageError("its length is not that of whole pages")
    rules = [
        *FIXED, (28, 4, len(data) // size), (60, 4, version),
        (92, 4, int.from_bytes(data[24:28])),  # the counter of changes is there twice
    ]  # fmt: skip
    for place, width, value in rules:
        if int.from_bytes(data[place : place + width]) != value:
            raise PageError(f"byte {place} of the file, in its header, was changed")
    if int.from_bytes(data[40:44]) != changes:
        raise PageError("byte 40 of the file, the number of changes of its table and triggers, was changed")
    if int.from_bytes(data[96:100]) // 1_000_000 != 3:
        raise PageError("byte 96 of the file, in its header, was changed")
    return size


def variable(value: int) -> bytes:
    """A whole number of variable length, at most eight bytes: seven bits a byte, the last has no high bit."""
    parts = [value & 127]
    while value := value >> 7:
        parts.append(value & 127 | 128)
    return bytes(reversed(parts))


def record(columns: Sequence[Column]) -> bytes:
    """A row as SQLite writes it: the lengths of all columns, then their bytes."""
    kinds, bodies = [], []
    for column in columns:
        kind, body = _column(column)
        kinds.append(variable(kind))
        bodies.append(body)
    head = b"".join(kinds)
    length = len(head) + 1
    if length > 127:
        length += 1
    return b"".join([variable(length), head, *bodies])


def _column(value: Column) -> tuple[int, bytes]:
    if value is None:
        return 0, b""
    if isinstance(value, str):
        text = value.encode()
        return 13 + 2 * len(text), text
    if value in (0, 1):
        return 8 + value, b""
    for kind, width in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (6, 8)):
        if -(1 << 8 * width - 1) <= value < 1 << 8 * width - 1:
            return kind, value.to_bytes(width, signed=True)
    raise PageError(f"{value} is no whole number of 64 bits")
