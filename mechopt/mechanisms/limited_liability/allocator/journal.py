"""An append-only journal in one SQLite file: a hash chain of events, one transaction each, one process at a time.

An event is on disk before `append` returns (WAL, synchronous = FULL). Triggers refuse update and delete, and every
event carries the hash of the one before it, so a change from outside is found by `events` and named. Bytes of the file
that belong to no event are accounted for too, see `pages`, and a log that a kill left behind, see `write_ahead`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mechopt.errors import CertificateError, InstanceError
from mechopt.mechanisms.limited_liability.allocator import write_ahead
from mechopt.mechanisms.limited_liability.allocator.pages import PageError, Pages, record

FORMAT = 2
START = "0" * 64
Row = tuple[Any, ...]
SCHEMA = """
CREATE TABLE event (
    seq INTEGER PRIMARY KEY, period INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    previous TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""


class JournalError(CertificateError):
    """The journal is not what was written: names the first event that shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the journal.

    Attributes:
        seq: its number, from 1.
        period: the period it belongs to; 0 before the first.
        kind: init, commit, report, decide, observe, settle or close.
        body: plain JSON.
        previous, hash: of the chain, SHA-256 in hexadecimal.
    """

    seq: int
    period: int
    kind: str
    body: Mapping[str, Any]
    previous: str
    hash: str


def canonical(body: Mapping[str, Any]) -> str:
    """The text of a body that is hashed: sorted keys, no blanks; floats have no place in it."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def chained(seq: int, period: int, kind: str, text: str, previous: str) -> str:
    """The hash of an event."""
    return hashlib.sha256(f"{previous}|{seq}|{period}|{kind}|{text}".encode()).hexdigest()


class Journal:
    """The events of one allocator.

    Args:
        path: of the SQLite file.
        connection: open, and ours alone.

    Attributes:
        last: the newest event; None where there is none.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self._connection = path, connection
        self.last: Event | None = None

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new journal.

        Raises:
            InstanceError: the file exists, or its folder cannot be written.
        """
        if path.exists():
            raise InstanceError("exists already; a journal is never overwritten", file=path)
        try:
            connection = _connect(path, new=True)
            connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
        except sqlite3.Error as error:
            raise InstanceError(f"cannot be written: {error}", file=path) from None
        return cls(path, connection)

    @classmethod
    def open(cls, path: Path) -> Self:
        """An existing journal, for this process alone.

        Raises:
            InstanceError: there is no such journal, or another process has it open.
            JournalError: the file is damaged.
        """
        if not path.is_file():
            raise InstanceError("there is no such journal; `mechopt allocator init` makes one", file=path)
        try:
            connection = _connect(path, new=False)
            try:
                lost = _lost(connection)
                if lost is None:
                    _recognise(path, connection)
            except BaseException:
                connection.close()
                raise
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise InstanceError("is open in another process; close that one first", file=path) from None
            raise JournalError(f"{path}: cannot be read: {error}") from None
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the second: from the text of a broken schema
            raise JournalError(f"{path}: is damaged, or no journal: {error}") from None
        if lost is not None:
            connection.close()  # which removes the log: it must be there when somebody looks again
            lost.file.write_bytes(lost.data)
            raise JournalError(f"{lost.file}: was changed: the last {lost.events} events of the journal cannot be read")
        return cls(path, connection)

    def append(self, period: int, kind: str, body: Mapping[str, Any]) -> Event:
        """Write one event; it is durable when this returns. Call `events` to the end once before.

        Raises:
            InstanceError: the disk is full or read-only; nothing was written.
        """
        seq, previous = (self.last.seq + 1, self.last.hash) if self.last else (1, START)
        text = canonical(body)
        event = Event(
            seq=seq,
            period=period,
            kind=kind,
            body=json.loads(text),
            previous=previous,
            hash=chained(seq, period, kind, text, previous),
        )
        try:
            with self._connection:
                self._connection.execute(
                    "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
                    (seq, period, kind, text, previous, event.hash),
                )
        except sqlite3.Error as error:
            raise InstanceError(f"cannot be written: {error}", file=self.path) from None
        self.last = event
        return event

    def events(self) -> Iterator[Event]:
        """All events in order, each checked against the chain.

        Raises:
            JournalError: an event was changed, removed or moved, or the file is damaged; names the first.
        """
        self.last, expected = None, START
        rows = self._rows()
        for number, (seq, period, kind, text, previous, digest) in enumerate(rows, 1):
            place = f"{self.path}: event {number}"
            if seq != number:
                raise JournalError(f"{place} is missing")
            if previous != expected or digest != chained(seq, period, kind, text, previous):
                raise JournalError(f"{place} ({kind}, period {period}) was changed, or one before it")
            try:
                body = json.loads(text)
            except ValueError:
                raise JournalError(f"{place} holds no JSON") from None
            expected = digest
            self.last = Event(seq=seq, period=period, kind=kind, body=body, previous=previous, hash=digest)
            yield self.last
        self._account_for_every_byte()

    def _rows(self) -> Iterator[Row]:
        try:
            (found,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise JournalError(f"{self.path}: the file is damaged: {' '.join(str(found).split())}")
            yield from self._select()
        except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
            place = self.last.seq + 1 if self.last else 1
            raise JournalError(f"{self.path}: cannot be read at event {place}: {error}") from None

    def _select(self) -> Iterator[Row]:
        rows = self._connection.execute("SELECT seq, period, kind, body, previous, hash FROM event ORDER BY seq")
        for row in rows:  # noqa: UP028  # `yield from` would touch a closed database when it is given up
            yield row

    def _account_for_every_byte(self) -> None:
        """Hold what is stored against what was read, and see that there is nothing else in the file."""
        schema, changes = _schema()
        try:
            data = self._connection.serialize()
            if self.path.stat().st_size > len(data):
                raise PageError(f"the file goes on behind its last page, at byte {len(data)}")
            pages = Pages(data, version=FORMAT, changes=changes)
            if list(pages.records(1)) != [(number, record(row)) for number, row in enumerate(schema, 1)]:
                raise PageError("the description of the table, or a trigger, was changed")
            cells = pages.records(next(row[3] for row in schema if row[0] == "table"))
            for seq, *columns in self._select():
                if next(cells, None) != (seq, record([None, *columns])):  # the key is not repeated in the record
                    raise PageError(f"event {seq} is not stored as it was written")
            for seq, _ in cells:
                raise PageError(f"event {seq} is stored, but not read")
            pages.finish()
        except (PageError, sqlite3.Error) as error:
            raise JournalError(f"{self.path}: {error}") from None

    def close(self) -> None:
        """Let other processes have the file."""
        with suppress(sqlite3.Error):  # of a damaged file, which is reported where it is read
            self._connection.close()


def _connect(path: Path, *, new: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level="IMMEDIATE", timeout=0.2)
    try:
        # Exclusive from the first write on: a second process is refused instead of interleaving its events.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if new:
            connection.execute("PRAGMA page_size = 4096")
            connection.execute("PRAGMA auto_vacuum = NONE")
        elif connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            raise sqlite3.DatabaseError("byte 19 of the file, in its header, is not what it was")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # what is in no use is 0, see `pages`
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _recognise(path: Path, connection: sqlite3.Connection) -> None:
    """See that a file is a journal."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'event'").fetchone()
    if version != FORMAT or not tables:
        raise JournalError(f"{path}: is no journal of this format")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lost:
    """A log that a kill left beside a journal, and how many acknowledged events of it SQLite does not accept."""

    file: Path
    data: bytes
    events: int


def _lost(connection: sqlite3.Connection) -> _Lost | None:
    path: str = connection.execute("PRAGMA database_list").fetchone()[2]  # where a symbolic link leads to
    file = Path(f"{path}-wal")
    if not file.is_file():
        return None
    frames = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]  # leaves the log as it is
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    data = file.read_bytes()
    events = write_ahead.dropped(data, page, frames)
    return _Lost(file=file, data=data, events=events) if events > 1 else None


def _schema() -> tuple[list[tuple[Any, ...]], int]:
    """What a new file says of its table and triggers, and how many changes that took."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(SCHEMA)
        rows = connection.execute("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master").fetchall()
        (changes,) = connection.execute("PRAGMA schema_version").fetchone()
    finally:
        connection.close()
    return rows, int(changes)
