"""An append-only journal in one SQLite file: a hash chain of events, one transaction each, one process at a time.

An event is on disk before `append` returns (WAL, synchronous = FULL). Triggers refuse update and delete, and every
event carries the hash of the one before it, so a change from outside is found by `events` and named.
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

FORMAT = 1
START = "0" * 64
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
            connection = _connect(path)
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
            connection = _connect(path)
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'event'").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise InstanceError("is open in another process; close that one first", file=path) from None
            raise JournalError(f"{path}: cannot be read: {error}") from None
        except sqlite3.DatabaseError as error:
            raise JournalError(f"{path}: is damaged, or no journal: {error}") from None
        if version != FORMAT or not tables:
            connection.close()
            raise JournalError(f"{path}: is no journal of this format")
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

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        try:
            (found,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise JournalError(f"{self.path}: the file is damaged: {' '.join(str(found).split())}")
            rows = self._connection.execute("SELECT seq, period, kind, body, previous, hash FROM event ORDER BY seq")
            for row in rows:  # noqa: UP028  # `yield from` would touch a closed database when it is given up
                yield row
        except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
            place = self.last.seq + 1 if self.last else 1
            raise JournalError(f"{self.path}: cannot be read at event {place}: {error}") from None

    def close(self) -> None:
        """Let other processes have the file."""
        with suppress(sqlite3.Error):  # of a damaged file, which is reported where it is read
            self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level="IMMEDIATE", timeout=0.2)
    try:
        # Exclusive from the first write on: a second process is refused instead of interleaving its events.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
