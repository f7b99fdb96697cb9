"""The allocator: agents commit and report, the operator decides, observes and settles; every step is an event.

A period is a small state machine: reports (sealed: a commitment first, revealed when all are in) -> decide -> observe
-> settle. Everything is in whole units and on the integer ledger, so a replay of the journal gives the same integers
on every machine. The draw is fixed before anybody reports: a secret seed whose hash is the first event, combined with
the period and the hash of its reports, so neither the operator nor an agent can choose it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.allocator import account, configuration
from mechopt.mechanisms.limited_liability.allocator.journal import Event, Journal, JournalError, canonical
from mechopt.mechanisms.limited_liability.arithmetic import Ledger
from mechopt.mechanisms.limited_liability.online import Online
from mechopt.mechanisms.limited_liability.period import Proposal

OPEN, DECIDED, OBSERVED, CLOSED = "open", "decided", "observed", "closed"


def commitment(values: Sequence[int], nonce: str) -> str:
    """What an agent publishes before it reports: the hash of its values and a secret of its own."""
    return hashlib.sha256(canonical({"nonce": nonce, "values": list(values)}).encode()).hexdigest()


def drawn(seed: bytes, period: int, reports: str) -> int:
    """The draw of a period on the grid of 2^-32, from the seed and the hash of the period's reports."""
    return int.from_bytes(hmac.new(seed, f"{period}|{reports}".encode(), hashlib.sha256).digest()[:4], "big")


class Allocator:
    """One mechanism at work, with its journal.

    Args:
        journal: open; its events are replayed and checked.
        seed: the secret; None where it is not at hand, which is enough for everything but `decide`.

    Raises:
        JournalError: the journal was changed, or does not follow from its own reports and outputs.
    """

    def __init__(self, journal: Journal, seed: bytes | None = None) -> None:
        self.journal, self._seed = journal, seed
        self.state = OPEN
        self.commitments: dict[int, str] = {}
        self.reports: dict[int, list[int]] = {}
        self.proposal: Proposal | None = None
        self.group = 0
        self.outputs: list[list[int]] = []
        self.periods: list[dict[str, Any]] = []
        self._draws: list[tuple[int, str, int]] = []
        for event in journal.events():
            self._replay(event)
        if journal.last is None:
            raise JournalError(f"{journal.path}: holds no event")

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
        secret = seed_file(path)
        if secret.exists():
            raise InstanceError("exists already", file=secret)
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
        place = self._agent(agent)
        self._need(OPEN, "commit")
        if len(digest) != 64 or any(letter not in "0123456789abcdef" for letter in digest):
            raise InstanceError("must be a SHA-256 hash of 64 hexadecimal digits", key="commitment")
        if place in self.commitments:
            raise InstanceError(f"{agent} has committed already in period {self.period}", key="agent")
        if self.reports:
            raise InstanceError(
                f"reports of period {self.period} are being read; it is too late to commit", key="agent"
            )
        return self._write("commit", {"agent": agent, "commitment": digest})

    def report(self, agent: str, values: Sequence[int], nonce: str) -> Event:
        """State the values of all decisions; they must be those that were committed to.

        Raises:
            InstanceError: not all have committed, the values are out of range, or not those of the commitment.
        """
        place = self._agent(agent)
        self._need(OPEN, "report")
        missing = [name for j, name in enumerate(self.configuration.agents) if j not in self.commitments]
        if missing:
            raise InstanceError(f"{missing[0]} has not committed yet; no report is read before all have", key="agent")
        if place in self.reports:
            raise InstanceError(f"{agent} has reported already in period {self.period}", key="agent")
        stated = self._amounts(values, len(self.configuration.decisions), "values")
        if commitment(stated, nonce) != self.commitments[place]:
            raise InstanceError(f"these values and nonce are not what {agent} has committed to", key="values")
        return self._write("report", {"agent": agent, "nonce": nonce, "values": stated})

    def decide(self, *, absent: bool = False) -> Event:
        """Choose the period's decision.

        Args:
            absent: count agents that have not reported with values of 0; else they are waited for.

        Raises:
            InstanceError: a report is missing, or the seed is not at hand.
        """
        self._need(OPEN, "decide")
        missing = [name for j, name in enumerate(self.configuration.agents) if j not in self.reports]
        if missing and not absent:
            raise InstanceError(f"{missing[0]} has not reported; wait, or decide without (absent)", key="agent")
        if self._seed is None:
            raise InstanceError("the secret seed is needed to draw", file=seed_file(self.journal.path))
        if hashlib.sha256(self._seed).hexdigest() != self._seed_hash:
            raise InstanceError("is not the seed whose hash the journal begins with", file=seed_file(self.journal.path))
        reports = self._reports_hash()
        body = self._decision(drawn(self._seed, self.period, reports), reports)
        return self._write("decide", body)

    def observe(self, outputs: Mapping[str, Sequence[int]]) -> Event:
        """Enter outputs: of each agent, under every decision that `candidates` lists.

        Raises:
            InstanceError: a decision is missing or not a candidate, or an output is out of range.
        """
        self._need(DECIDED, "observe")
        wanted = self.candidates
        for name in outputs:
            if name not in wanted:
                raise InstanceError(
                    f"{name!r} is not asked for; enter outputs under {', '.join(wanted)}", key="outputs"
                )
        for name in wanted:
            if name not in outputs:
                raise InstanceError(f"outputs under {name!r} are missing", key="outputs")
        checked = {name: self._amounts(row, self._rules.agents, f"outputs.{name}") for name, row in outputs.items()}
        return self._write("observe", {"outputs": checked})

    def settle(self) -> Event:
        """Compute payments, end the period and open the next one."""
        self._need(OBSERVED, "settle")
        return self._write("settle", self._settlement(self._trial()))

    def end(self) -> Event:
        """Reveal the seed: no further period; everybody can check every draw.

        Raises:
            InstanceError: a period is not settled, or the seed is not at hand.
        """
        self._need(OPEN, "end")
        if self._seed is None or self.reports or self.commitments:
            raise InstanceError("needs the seed, and a period in which nobody has reported", key="end")
        return self._write("close", {"seed": self._seed.hex()})

    # -- what there is -----------------------------------------------------------------------------------------------

    @property
    def period(self) -> int:
        """The period that is open, from 1."""
        return self._online.period + 1

    @property
    def candidates(self) -> list[str]:
        """The decisions under which outputs are needed: of every group, or the one taken where only that counts."""
        if self.proposal is None:
            return []
        chosen = [self.proposal.decisions[self.group]] if self._rules.realised_only else self.proposal.decisions
        return [self.configuration.decisions[k] for k in dict.fromkeys(chosen)]

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
            "debt": {n: max(0, debt) / 2**32 for n, debt in zip(names, self._online.transfer, strict=True)},
            "paid_so_far": {n: sum(p["paid"][j] for p in self.periods) for j, n in enumerate(names)},
            "events": self.journal.last.seq if self.journal.last else 0,
            "last_hash": self.journal.last.hash if self.journal.last else "",
        }

    def statement(self, agent: str) -> list[dict[str, Any]]:
        """One line a settled period: what was decided, with and without the agent, what it paid and why.

        Debts and probabilities are numbers; amounts are whole units.
        """
        return account.statement(self.configuration, self.periods, self._agent(agent))

    def alarms(self) -> list[dict[str, Any]]:
        """What an operator should look at, whether it rings or not; see `signs`."""
        return account.alarms(self.configuration, self.periods)

    # -- events ------------------------------------------------------------------------------------------------------

    def _write(self, kind: str, body: Mapping[str, Any]) -> Event:
        event = self.journal.append(self.period, kind, body)
        self._apply(event)
        return event

    def _replay(self, event: Event) -> None:
        """An event from the journal: it must be what this code would have written."""
        place = f"{self.journal.path}: event {event.seq} ({event.kind}, period {event.period})"
        if (event.seq == 1) != (event.kind == "init"):
            raise JournalError(f"{place}: a journal begins with one event init")
        try:
            if event.kind == "decide":
                expected = self._decision(event.body["draw"], self._reports_hash())
                if expected != event.body:
                    raise JournalError(f"{place} does not follow from the reports")
            if event.kind == "settle" and self._settlement(self._trial()) != event.body:
                raise JournalError(f"{place} does not follow from the outputs")
            if event.kind == "close":
                self._check_draws(event.body["seed"])
            self._apply(event)
        except (KeyError, IndexError, TypeError, ValueError, InstanceError) as error:
            raise JournalError(f"{place} makes no sense: {type(error).__name__}: {error}") from None

    def _apply(self, event: Event) -> None:
        body = event.body
        if event.kind == "init":
            self.configuration = configuration.read(body["configuration"])
            self._rules = self.configuration.rules()
            self._seed_hash = str(body["seed_sha256"])
            self._online = Online(self._rules, Ledger())
        elif event.kind == "commit":
            self.commitments[self._agent(body["agent"])] = body["commitment"]
        elif event.kind == "report":
            self.reports[self._agent(body["agent"])] = list(body["values"])
        elif event.kind == "decide":
            self.proposal = self._propose()
            self.group = int(body["group"])
            self._draws.append((event.period, body["reports"], body["draw"]))
            self.state = DECIDED
        elif event.kind == "observe":
            self.outputs = self._rows(body["outputs"])
            self.state = OBSERVED
        elif event.kind == "settle":
            self._end_period()
        elif event.kind == "close":
            self.state = CLOSED
        else:
            raise ValueError(f"unknown kind {event.kind!r}")

    def _propose(self) -> Proposal:
        zero = [0] * len(self.configuration.decisions)
        return self._online.propose([self.reports.get(j, zero) for j in range(self._rules.agents)])

    def _decision(self, draw: int, reports: str) -> dict[str, Any]:
        proposal = self._propose()
        group = self._online.draw(proposal, draw)
        return {
            "reports": reports,
            "draw": draw,
            "decisions": [int(k) for k in proposal.decisions],
            "shares": [int(share) for share in proposal.shares],
            "group": group,
        }

    def _reports_hash(self) -> str:
        stated = {str(j): values for j, values in sorted(self.reports.items())}
        return hashlib.sha256(canonical(stated).encode()).hexdigest()

    def _rows(self, outputs: Mapping[str, Sequence[int]]) -> list[list[int]]:
        """Outputs by group: [group][agent], or the one row of the decision taken."""
        if self.proposal is None:
            raise ValueError("nothing was decided")
        chosen = [self.proposal.decisions[self.group]] if self._rules.realised_only else self.proposal.decisions
        return [list(outputs[self.configuration.decisions[k]]) for k in chosen]

    def _trial(self) -> tuple[Online, Any]:
        """The settlement on a copy of the books: what will be written first and applied then."""
        if self.proposal is None or not self.outputs:
            raise ValueError("nothing was observed")
        copy = Online.restore(self._rules, self._online.snapshot(), Ledger())
        outputs: Any = self.outputs[0] if self._rules.realised_only else self.outputs
        return copy, copy.settle(self.proposal, self.group, outputs)

    def _settlement(self, trial: tuple[Online, Any]) -> dict[str, Any]:
        books, settled = trial
        return {"paid": [int(paid) for paid in settled.paid], "debt": [int(debt) for debt in books.transfer]}

    def _end_period(self) -> None:
        if self.proposal is None:
            raise ValueError("nothing was decided")
        before = [int(debt) for debt in self._online.transfer]
        books, settled = self._trial()
        self.periods.append(
            {
                "period": self.period,
                "decisions": [int(k) for k in self.proposal.decisions],
                "shares": [int(share) for share in self.proposal.shares],
                "group": self.group,
                "debt_before": before,
                "debt_after": [int(debt) for debt in books.transfer],
                "paid": [int(paid) for paid in settled.paid],
                "realised": self.outputs[0] if self._rules.realised_only else self.outputs[self.group],
                "outputs": None if self._rules.realised_only else self.outputs,
                "stated": [self.reports.get(j, [0] * len(self.configuration.decisions)) for j in range(len(before))],
                "held_after": list(books.held),
            }
        )
        self._online = books
        self.state, self.proposal, self.outputs = OPEN, None, []
        self.commitments, self.reports = {}, {}

    def _check_draws(self, seed: str) -> None:
        secret = bytes.fromhex(seed)
        if hashlib.sha256(secret).hexdigest() != self._seed_hash:
            raise JournalError(f"{self.journal.path}: the seed revealed is not the one whose hash was published")
        for period, reports, draw in self._draws:
            if drawn(secret, period, reports) != draw:
                raise JournalError(f"{self.journal.path}: the draw of period {period} is not that of the seed")

    def _need(self, state: str, step: str) -> None:
        if self.state != state:
            raise InstanceError(f"period {self.period} is {self.state}; {step} needs one that is {state}", key=step)

    def _agent(self, name: str) -> int:
        if name not in self.configuration.agents:
            from mechopt.catalog import nearest

            raise InstanceError(
                f"there is no agent {name!r}{nearest(str(name), self.configuration.agents)}", key="agent"
            )
        return self.configuration.agents.index(name)

    def _amounts(self, values: Sequence[int], count: int, key: str) -> list[int]:
        if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != count:
            raise InstanceError(f"must be a list of {count} whole numbers", key=key)
        bound = self.configuration.output_bound
        for place, value in enumerate(values, 1):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= bound:
                raise InstanceError(f"must be whole and from 0 to {bound}, not {value!r} (entry {place})", key=key)
        return list(values)


def seed_file(path: Path) -> Path:
    """Where the secret seed of a journal is kept."""
    return path.with_name(path.name + ".seed")
