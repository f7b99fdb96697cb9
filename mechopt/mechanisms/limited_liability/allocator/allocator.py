"""The allocator: agents commit and report, the operator decides, observes and settles; every step is an event.

A period is a small state machine: reports (sealed: a commitment first, revealed when all are in) -> decide -> observe
-> settle. Everything is in whole units and on the integer ledger, so a replay of the journal gives the same integers
on every machine. The draw is fixed before anybody reports: a secret seed whose hash is the first event, combined with
the period and the hash of its reports, so neither the operator nor an agent can choose it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.allocator import account, configuration
from mechopt.mechanisms.limited_liability.allocator.books import DECIDED, OBSERVED, OPEN, Books, commitment, drawn
from mechopt.mechanisms.limited_liability.allocator.journal import Event, Journal, JournalError

GIVEN = ("commit", "report", "observe")  # events whose body comes from outside
__all__ = ["Allocator", "commitment", "drawn", "seed_file"]


class Allocator(Books):
    """One mechanism at work, with its journal.

    Args:
        journal: open; its events are replayed and checked.
        seed: the secret; None where it is not at hand, which is enough for everything but `decide`.

    Raises:
        JournalError: the journal was changed, or does not follow from its own reports and outputs.
    """

    def __init__(self, journal: Journal, seed: bytes | None = None) -> None:
        super().__init__()
        self.journal, self._seed = journal, seed
        for event in journal.events():
            self._replay(event)
        if journal.last is None:
            raise JournalError(
                f"{journal.path}: holds no event: init was cut off; remove it and its .seed, and start again"
            )

    @classmethod
    def create(cls, path: Path, table: Mapping[str, Any], *, seed: bytes | None = None) -> Self:
        """A new allocator with its journal and, beside it, the secret seed (`PATH.seed`, for the operator alone).

        Args:
            path: of the journal.
            table: the configuration, see `configuration.Configuration`.
            seed: 16 bytes or more; drawn from the system where it is None.

        Raises:
            InstanceError: the configuration is wrong, or a file exists.
        """
        import msgspec

        chosen = configuration.read(table)
        seed = secrets.token_bytes(32) if seed is None else seed
        if len(seed) < 16:
            raise InstanceError("needs 16 bytes or more", key="seed")
        if not path.name:
            raise InstanceError("is a folder; name the file to make", file=path)
        secret = seed_file(path)
        if secret.exists() and not path.exists():
            raise InstanceError("exists already, the seed of a journal that is gone", file=secret)
        journal = Journal.create(path)
        descriptor = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(seed.hex().encode())
            file.flush()
            os.fsync(descriptor)
        journal.append(
            0, "init", {"configuration": msgspec.to_builtins(chosen), "seed_sha256": hashlib.sha256(seed).hexdigest()}
        )
        return cls(journal, seed)

    @classmethod
    def open(cls, path: Path) -> Self:
        """An allocator that goes on where its journal ends.

        Raises:
            InstanceError: there is no such journal, another process has it, or the seed file is not its own.
            JournalError: the journal was changed.
        """
        journal = Journal.open(path)
        try:
            secret = seed_file(path)
            seed = bytes.fromhex(secret.read_text().strip()) if secret.is_file() else None
            return cls(journal, seed)
        except ValueError:
            journal.close()
            raise InstanceError("is not a seed in hexadecimal", file=seed_file(path)) from None
        except BaseException:
            journal.close()
            raise

    def close(self) -> None:
        """Let other processes have the journal. It can be opened again."""
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the steps of a period ---------------------------------------------------------------------------------------

    def commit(self, agent: str, digest: str) -> Event:
        """Seal a report: the agent's `commitment`, before anybody's report is read.

        Raises:
            InstanceError: unknown agent, twice, not a hash, or reports are being read already.
        """
        return self._write("commit", {"agent": agent, "commitment": digest})

    def report(self, agent: str, values: Sequence[int], nonce: str) -> Event:
        """State the values of all decisions; they must be those that were committed to.

        Raises:
            InstanceError: not all have committed, the values are out of range, or not those of the commitment.
        """
        return self._write("report", {"agent": agent, "nonce": nonce, "values": values})

    def decide(self, *, absent: bool = False) -> Event:
        """Choose the period's decision.

        Args:
            absent: count agents that have not reported with values of 0; else they are waited for.

        Raises:
            InstanceError: a report is missing, or the seed is not at hand.
        """
        self.need(OPEN, "decide")
        missing = [name for j, name in enumerate(self.configuration.agents) if j not in self.reports]
        if missing and not absent:
            raise InstanceError(f"{missing[0]} has not reported; wait, or decide without (absent)", key="agent")
        if self._seed is None:
            raise InstanceError("the secret seed is needed to draw", file=seed_file(self.journal.path))
        if hashlib.sha256(self._seed).hexdigest() != self._seed_hash:
            raise InstanceError("is not the seed whose hash the journal begins with", file=seed_file(self.journal.path))
        return self._write("decide", self.decision(drawn(self._seed, self.period, self.reports_hash())))

    def observe(self, outputs: Mapping[str, Sequence[int]]) -> Event:
        """Enter outputs: of each agent, under every decision that `candidates` lists.

        Raises:
            InstanceError: a decision is missing or not a candidate, or an output is out of range.
        """
        return self._write("observe", {"outputs": outputs})

    def settle(self) -> Event:
        """Compute payments, end the period and open the next one."""
        self.need(OBSERVED, "settle")
        return self._write("settle", self.settlement())

    def end(self) -> Event:
        """Reveal the seed: no further period; everybody can check every draw.

        Raises:
            InstanceError: a period is not settled, or the seed is not at hand.
        """
        self.check_end()
        if self._seed is None:
            raise InstanceError("the secret seed is needed to reveal it", file=seed_file(self.journal.path))
        return self._write("close", {"seed": self._seed.hex()})

    # -- what there is -----------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Where things stand, as plain data; amounts in units, debts and probabilities as fractions of 2^32."""
        names = self.configuration.agents
        decision = None
        if self.proposal is not None:
            decision = self.configuration.decisions[self.proposal.decisions[self.group]]
        return {
            "period": self.period,
            "state": self.state,
            "unsafe": self._rules.unsafe,
            "waiting_for_commitments": [n for j, n in enumerate(names) if j not in self.commitments],
            "waiting_for_reports": [n for j, n in enumerate(names) if j not in self.reports],
            "decision": decision,
            "outputs_needed": self.candidates if self.state == DECIDED else [],
            "debt": {n: max(0, debt) / 2**32 for n, debt in zip(names, self._online.debts, strict=True)},
            "paid_so_far": {n: sum(p["paid"][j] for p in self.periods) for j, n in enumerate(names)},
            "events": self.journal.last.seq if self.journal.last else 0,
            "last_hash": self.journal.last.hash if self.journal.last else "",
        }

    def statement(self, agent: str) -> list[dict[str, Any]]:
        """One line a settled period: what was decided, with and without the agent, what it paid and why.

        Debts and probabilities are numbers; amounts are whole units.
        """
        return account.statement(self.configuration, self.periods, self.place(agent))

    def alarms(self) -> list[dict[str, Any]]:
        """What an operator should look at, whether it rings or not; see `signs`."""
        return account.alarms(self.configuration, self.periods)

    # -- events ------------------------------------------------------------------------------------------------------

    def _write(self, kind: str, body: Mapping[str, Any]) -> Event:
        if kind in GIVEN:  # the others are what the rules themselves say
            self.check(kind, body)
        event = self.journal.append(self.period, kind, body)
        self.apply(event)
        return event

    def _replay(self, event: Event) -> None:
        """An event from the journal: it must be one that this code would have written."""
        place = f"{self.journal.path}: event {event.seq} ({event.kind}, period {event.period})"
        if (event.seq == 1) != (event.kind == "init"):
            raise JournalError(f"{place}: a journal begins with one event init")
        try:
            if event.kind != "init":
                if event.period != self.period:
                    raise InstanceError(f"period {self.period} is open", key="period")
                self.check(event.kind, event.body)
            self.apply(event)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise JournalError(f"{place} makes no sense: {type(error).__name__}: {error}") from None


def seed_file(path: Path) -> Path:
    """Where the secret seed of a journal is kept."""
    return path.with_name(path.name + ".seed")
