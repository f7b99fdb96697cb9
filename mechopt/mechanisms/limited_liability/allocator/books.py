"""The books of an allocator: the state that its events lead to, and what each event must satisfy.

One set of rules serves both ways: what comes from outside is checked before it is written, and every event of a journal
before it is applied. So whatever a step would refuse, a replay finds.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.allocator import configuration
from mechopt.mechanisms.limited_liability.allocator.journal import Event, canonical
from mechopt.mechanisms.limited_liability.arithmetic import Ledger
from mechopt.mechanisms.limited_liability.online import Online
from mechopt.mechanisms.limited_liability.period import Proposal, Settlement

OPEN, DECIDED, OBSERVED, CLOSED = "open", "decided", "observed", "closed"


def commitment(values: Sequence[int], nonce: str) -> str:
    """What an agent publishes before it reports: the hash of its values and a secret of its own.

    Raises:
        InstanceError: the nonce is not Unicode, or a value is not a whole number.
    """
    for place, value in enumerate(values, 1):
        if isinstance(value, bool) or not isinstance(value, int):
            raise InstanceError(f"must be whole, not {value} (entry {place})", key="values")
    try:
        return hashlib.sha256(canonical({"nonce": nonce, "values": list(values)}).encode()).hexdigest()
    except UnicodeEncodeError:
        raise InstanceError("must be Unicode text", key="nonce") from None


def drawn(seed: bytes, period: int, reports: str) -> int:
    """The draw of a period on the grid of 2^-32, from the seed and the hash of the period's reports."""
    return int.from_bytes(hmac.new(seed, f"{period}|{reports}".encode(), hashlib.sha256).digest()[:4], "big")


class Books:
    """What the events so far add up to.

    Attributes:
        configuration: from the first event.
        state: "open", "decided", "observed" or "closed".
        commitments, reports: of the open period, by the agents' positions.
        proposal, group: of the period that is decided.
        outputs: observed, [group][agent]; one row where only the decision taken counts.
        periods: what each settled period came to.
    """

    configuration: configuration.Configuration

    def __init__(self) -> None:
        self.state = OPEN
        self.commitments: dict[int, str] = {}
        self.reports: dict[int, list[int]] = {}
        self.proposal: Proposal | None = None
        self.group = 0
        self.outputs: list[list[int]] = []
        self.periods: list[dict[str, Any]] = []
        self._draws: list[tuple[int, str, int]] = []
        self._settled: tuple[Online, Settlement] | None = None

    @property
    def period(self) -> int:
        """The period that is open, from 1."""
        return self._online.period + 1

    @property
    def candidates(self) -> list[str]:
        """The decisions under which outputs are needed: of every group, or the one taken where only that counts."""
        if self.proposal is None:
            return []
        return [self.configuration.decisions[k] for k in dict.fromkeys(self._decided())]

    # -- what an event must satisfy ----------------------------------------------------------------------------------

    def check(self, kind: str, body: Mapping[str, Any]) -> None:
        """Whether an event may come now, and follows from those before it.

        Raises:
            InstanceError: it may not, or does not; says why.
        """
        checks: dict[str, Callable[..., None]] = {
            "commit": self._check_commit,
            "report": self._check_report,
            "decide": self._check_decide,
            "observe": self._check_observe,
            "settle": self._check_settle,
            "close": self._check_close,
        }
        if kind not in checks:
            raise InstanceError(f"there is no event {kind!r}", key="kind")
        checks[kind](**body)

    def _check_commit(self, agent: str, commitment: str) -> None:
        place = self.place(agent)
        self.need(OPEN, "commit")
        if len(commitment) != 64 or any(letter not in "0123456789abcdef" for letter in commitment):
            raise InstanceError("must be a SHA-256 hash of 64 hexadecimal digits", key="commitment")
        if place in self.commitments:
            raise InstanceError(f"{agent} has committed already in period {self.period}", key="agent")
        if self.reports:
            raise InstanceError(
                f"reports of period {self.period} are being read; it is too late to commit", key="agent"
            )

    def _check_report(self, agent: str, values: Sequence[int], nonce: str) -> None:
        place = self.place(agent)
        self.need(OPEN, "report")
        missing = [name for j, name in enumerate(self.configuration.agents) if j not in self.commitments]
        if missing:
            raise InstanceError(f"{missing[0]} has not committed yet; no report is read before all have", key="agent")
        if place in self.reports:
            raise InstanceError(f"{agent} has reported already in period {self.period}", key="agent")
        self._check_amounts(values, len(self.configuration.decisions), "values")
        if commitment(values, nonce) != self.commitments[place]:
            raise InstanceError(f"these values and nonce are not what {agent} has committed to", key="values")

    def _check_decide(self, draw: int, **rest: Any) -> None:
        self.need(OPEN, "decide")
        if self.decision(draw) != {"draw": draw, **rest}:
            raise InstanceError("does not follow from the reports", key="decide")

    def _check_observe(self, outputs: Mapping[str, Sequence[int]]) -> None:
        self.need(DECIDED, "observe")
        wanted = self.candidates
        for name in outputs:
            if name not in wanted:
                raise InstanceError(
                    f"{name!r} is not asked for; enter outputs under {', '.join(wanted)}", key="outputs"
                )
        for name in wanted:
            if name not in outputs:
                raise InstanceError(f"outputs under {name!r} are missing", key="outputs")
            self._check_amounts(outputs[name], self._rules.agents, f"outputs.{name}")

    def _check_settle(self, **body: Any) -> None:
        self.need(OBSERVED, "settle")
        if self.settlement() != body:
            raise InstanceError("does not follow from the outputs", key="settle")

    def check_end(self) -> None:
        """Refuse to end in the middle of a period."""
        self.need(OPEN, "end")
        if self.reports or self.commitments:
            raise InstanceError("needs a period in which nobody has committed", key="end")

    def _check_close(self, seed: str) -> None:
        self.check_end()
        secret = bytes.fromhex(seed)
        if hashlib.sha256(secret).hexdigest() != self._seed_hash:
            raise InstanceError("the seed revealed is not the one whose hash was published", key="seed")
        for period, reports, draw in self._draws:
            if drawn(secret, period, reports) != draw:
                raise InstanceError(f"the draw of period {period} is not that of the seed", key="seed")

    def need(self, state: str, step: str) -> None:
        """Refuse a step in another state."""
        if self.state != state:
            raise InstanceError(f"period {self.period} is {self.state}; {step} needs one that is {state}", key=step)

    def place(self, name: str) -> int:
        """The position of an agent."""
        if name not in self.configuration.agents:
            from mechopt.catalog import nearest

            hint = nearest(str(name), self.configuration.agents)
            raise InstanceError(f"there is no agent {name!r}{hint}", key="agent")
        return self.configuration.agents.index(name)

    def _check_amounts(self, values: Sequence[int], count: int, key: str) -> None:
        if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != count:
            raise InstanceError(f"must be a list of {count} whole numbers", key=key)
        bound = self.configuration.output_bound
        for place, value in enumerate(values, 1):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= bound:
                raise InstanceError(f"must be whole and from 0 to {bound}, not {value} (entry {place})", key=key)

    # -- what an event does ------------------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Take in an event that was checked."""
        body = event.body
        if event.kind == "init":
            self.configuration = configuration.read(body["configuration"])
            self._rules = self.configuration.rules()
            self._seed_hash = str(body["seed_sha256"])
            self._online = Online(self._rules, Ledger())
        elif event.kind == "commit":
            self.commitments[self.place(body["agent"])] = body["commitment"]
        elif event.kind == "report":
            self.reports[self.place(body["agent"])] = list(body["values"])
        elif event.kind == "decide":
            self.proposal, self.group, self.state = self._propose(), int(body["group"]), DECIDED
            self._draws.append((event.period, body["reports"], body["draw"]))
        elif event.kind == "observe":
            self.outputs = [list(body["outputs"][self.configuration.decisions[k]]) for k in self._decided()]
            self.state = OBSERVED
        elif event.kind == "settle":
            self._end_period()
        else:
            self.state = CLOSED

    def decision(self, draw: int) -> dict[str, Any]:
        """What a draw decides: the body of the event."""
        proposal = self._propose()
        return {
            "reports": self.reports_hash(),
            "draw": draw,
            "decisions": [int(k) for k in proposal.decisions],
            "shares": [int(share) for share in proposal.shares],
            "group": self._online.draw(proposal, draw),
        }

    def settlement(self) -> dict[str, Any]:
        """What the outputs come to: the body of the event."""
        books, settled = self._trial()
        return {"paid": [int(paid) for paid in settled.paid], "debt": [int(debt) for debt in books.transfer]}

    def reports_hash(self) -> str:
        """The hash of the reports of the open period, which the draw depends on."""
        stated = {str(j): values for j, values in sorted(self.reports.items())}
        return hashlib.sha256(canonical(stated).encode()).hexdigest()

    def _propose(self) -> Proposal:
        zero = [0] * len(self.configuration.decisions)
        return self._online.propose([self.reports.get(j, zero) for j in range(self._rules.agents)])

    def _decided(self) -> list[int]:
        """The decisions whose outputs count, by group; only the one taken where the variant uses no other."""
        if self.proposal is None:
            raise ValueError("nothing was decided")
        chosen = list(self.proposal.decisions)
        return [chosen[self.group]] if self._rules.realised_only else chosen

    def _trial(self) -> tuple[Online, Settlement]:
        """The settlement on a copy of the mechanism: checked first, taken over then; computed once a period."""
        if self.proposal is None or not self.outputs:
            raise ValueError("nothing was observed")
        if self._settled is None:
            copy = Online.restore(self._rules, self._online.snapshot(), Ledger())
            outputs: Any = self.outputs[0] if self._rules.realised_only else self.outputs
            self._settled = copy, copy.settle(self.proposal, self.group, outputs)
        return self._settled

    def _end_period(self) -> None:
        books, settled = self._trial()
        if self.proposal is None:
            raise ValueError("nothing was decided")
        realised_only = self._rules.realised_only
        nothing = [0] * len(self.configuration.decisions)
        self.periods.append(
            {
                "period": self.period,
                "decisions": [int(k) for k in self.proposal.decisions],
                "shares": [int(share) for share in self.proposal.shares],
                "group": self.group,
                "weights": [int(weight) for weight in self.proposal.weights],
                "debt_before": [int(debt) for debt in self._online.debts],
                "debt_after": [int(debt) for debt in books.debts],
                "regret_after": [int(regret) for regret in books.transfer],
                "paid": [int(paid) for paid in settled.paid],
                "realised": self.outputs[0] if realised_only else self.outputs[self.group],
                "outputs": None if realised_only else self.outputs,
                "stated": [self.reports.get(j, nothing) for j in range(self._rules.agents)],
                "held_after": list(books.held),
            }
        )
        self._online, self._settled = books, None
        self.state, self.proposal, self.outputs = OPEN, None, []
        self.commitments, self.reports = {}, {}
