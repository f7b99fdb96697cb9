"""A journal's file: whatever byte is flipped, it is named, and what SQLite writes by itself never is."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from mechopt.mechanisms.limited_liability.allocator.journal import Event, Journal, JournalError
from mechopt.mechanisms.limited_liability.allocator.pages import Pages, record

LIBRARY = range(96, 100)  # the number of the SQLite that wrote last; which one it was the journal does not say


def write(path: Path, events: int, longest: int = 200, seed: int = 0) -> None:
    """Add events with bodies of any length, some beyond a page."""
    generator = random.Random(seed)
    journal = Journal.open(path) if path.exists() else Journal.create(path)
    assert len(list(journal.events())) == (journal.last.seq if journal.last else 0)
    for number in range(events):
        journal.append(
            number // 9, generator.choice(["commit", "settle"]), {"text": "é" * generator.randint(0, longest)}
        )
    journal.close()


def read(path: Path) -> list[Event]:
    journal = Journal.open(path)
    try:
        return list(journal.events())
    finally:
        journal.close()


def read_copy(folder: Path, data: bytes, log: bytes = b"") -> list[Event] | None:
    """The events of a file, with the log that a kill left beside it; None where something is named."""
    path = folder / "copy"
    path.write_bytes(data)
    if log:
        path.with_name("copy-wal").write_bytes(log)
    try:
        return read(path)
    except JournalError:
        return None
    finally:
        for leftover in folder.glob("copy*"):
            leftover.unlink()


def flipped(data: bytes, places: Iterable[int], mask: int) -> Iterator[tuple[int, bytes]]:
    for place in places:
        yield place, data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]


@pytest.mark.parametrize(
    ("step", "masks"), [(11, (0x01,)), pytest.param(1, (0x01, 0x80, 0xFF), marks=pytest.mark.slow)]
)
def test_every_flipped_byte_is_named(tmp_path: Path, step: int, masks: Sequence[int]) -> None:
    """Of events, of pages, of free space, of the header and of the schema; one file of three kinds of pages."""
    original = tmp_path / "original"
    write(original, 14)
    write(original, 1, longest=3000, seed=2)
    expected, data = read(original), original.read_bytes()
    assert len(data) == 4 * 4096
    for mask in masks:
        for place, changed in flipped(data, sorted({*range(100), *range(0, len(data), step)}), mask):
            found = read_copy(tmp_path, changed)
            assert found is None or place in LIBRARY, f"byte {place} ^ {mask:#x} was not named"
            assert found is None or found == expected


def test_bytes_that_were_appended_cut_off_or_swapped_are_named(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path, 14)
    data = path.read_bytes()
    first, second = (data[start : start + 4096] for start in (8192, 12288))
    for changed, words in (
        (data + bytes(4096), f"goes on behind its last page, at byte {len(data)}"),
        (data + b"\0", f"goes on behind its last page, at byte {len(data)}"),
        (data[:-4096], "damaged"),
        (data.replace(first + second, second + first), "damaged"),
    ):
        path.write_bytes(changed)
        with pytest.raises(JournalError, match=words):
            read(path)


def test_free_space_is_named_by_its_place(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path, 3)
    data = path.read_bytes()
    place = data.index(bytes(500), 4096) + 100
    path.write_bytes(data[:place] + b"\x01" + data[place + 1 :])
    with pytest.raises(JournalError, match=rf"byte {place} of the file is in no use"):
        read(path)


def test_a_changed_trigger_is_named(tmp_path: Path) -> None:
    """The triggers are what refuses changes; one that was weakened leaves all events as they are."""
    path = tmp_path / "journal"
    write(path, 3)
    data = path.read_bytes()
    assert data.count(b"RAISE(ABORT") == 2
    path.write_bytes(data.replace(b"BEFORE DELETE", b"AFTER  DELETE"))
    with pytest.raises(JournalError, match="a trigger, was changed"):
        read(path)


@pytest.mark.parametrize("earlier", [0, 20])
def test_a_log_that_a_kill_left_loses_nothing_in_silence(tmp_path: Path, earlier: int) -> None:
    """SQLite drops all that follows a bad frame. The newest event alone could have been cut off by a power failure."""
    path = tmp_path / "journal"
    write(path, earlier)
    journal = Journal.open(path)
    kept = len(list(journal.events()))
    for number in range(6):
        journal.append(1, "commit", {"number": number})
    data, log = path.read_bytes(), path.with_name("journal-wal").read_bytes()  # as if it were killed here
    expected = list(journal.events())
    journal.close()
    outcomes = dict.fromkeys(("named", "same", "one less"), 0)
    for _, changed in [(-1, log), *flipped(log, sorted({*range(32), *range(0, len(log), 199)}), 0x10)]:
        found = read_copy(tmp_path, data, changed)
        if found is None:
            outcomes["named"] += 1
        else:
            assert found in (expected, expected[:-1]), f"{len(found)} events are left"
            outcomes["same" if found == expected else "one less"] += 1
    assert len(expected) == kept + 6
    assert outcomes["same"] >= 1
    assert outcomes["one less"] < outcomes["named"] / 2


def test_a_log_is_found_behind_a_symbolic_link(tmp_path: Path) -> None:
    path, link = tmp_path / "journal", tmp_path / "link"
    link.symlink_to(path)
    journal = Journal.create(path)
    for number in range(4):
        journal.append(1, "commit", {"number": number})
    data, log = path.read_bytes(), path.with_name("journal-wal").read_bytes()
    journal.close()
    path.write_bytes(data)
    place = log.index(b'{"number":1}')
    path.with_name("journal-wal").write_bytes(log[:place] + b"[" + log[place + 1 :])
    for name in (link, path, path):  # what shows it is not cleared away by looking
        with pytest.raises(JournalError, match="the last 3 events of the journal cannot be read"):
            read(name)


def test_a_journal_of_many_pages_is_as_it_should_be_after_every_reopening(tmp_path: Path) -> None:
    """Beyond some 400 pages SQLite moves entries of inner pages, and leaves what it moved where it was."""
    path = tmp_path / "journal"
    for part in range(3):
        write(path, 190, longest=3000, seed=part)
        assert len(read(path)) == 190 * (part + 1)


NUMBERS = st.one_of(st.integers(-200, 200), st.integers(-(2**63), 2**63 - 1))
ROWS = st.lists(st.tuples(NUMBERS, st.text(max_size=40), st.integers(0, 3000)), max_size=12)


@given(rows=ROWS, size=st.sampled_from([512, 1024, 4096, 65536]))
@settings(max_examples=60, deadline=None)
def test_records_are_those_that_sqlite_writes(
    rows: list[tuple[int, str, int]], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Numbers of every width, texts of any length, pages of any size; whatever is left of the file is 0."""
    connection = sqlite3.connect(tmp_path_factory.mktemp("pages") / "file", isolation_level=None)
    for pragma in (f"page_size = {size}", "journal_mode = WAL", "secure_delete = ON", "synchronous = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE t (seq INTEGER PRIMARY KEY, number INTEGER, text TEXT, long TEXT) STRICT")
    expected = [(k, number, text.replace("\0", ""), "x" * long) for k, (number, text, long) in enumerate(rows, 1)]
    connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", expected)
    pages = Pages(connection.serialize(), version=0, changes=1)
    connection.close()
    assert len(list(pages.records(1))) == 1
    assert list(pages.records(2)) == [(row[0], record([None, *row[1:]])) for row in expected]
    pages.finish()
