"""Who borrows, what it is worth, what the manager believes, what is to be settled. Source: zheng2023, Sections 3, 6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, get_args

from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing.landing import Landing
from mechopt.mechanisms.borrowing.times import Times
from mechopt.mechanisms.borrowing.values import ValueFunction, show

Design = Literal["one_stage", "two_stage", "pivot", "minimum_variance", "balanced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """What the manager believes about one agent.

    Attributes:
        beliefs: (name of a value function, probability); probabilities sum to one. eta_i in the paper.
        times: mu_i, how long the agent needs the resource.
        name: in reports.
    """

    beliefs: tuple[tuple[str, Fraction], ...]
    times: Times
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rounds:
    """What happened in rounds of two agents: the truth, and what was reported of it.

    Attributes:
        value: true value functions by name, shape (rounds, 2).
        time: true times in [0, 1], Fractions, shape (rounds, 2).
        report_value: first-stage reports, shape (rounds, 2).
        report_time: first-stage reports, shape (rounds, 2).
        report_payoff: second-stage reports, None where the truth was told, shape (rounds, 2).
    """

    value: NDArray[Any]
    time: NDArray[Any]
    report_value: NDArray[Any]
    report_time: NDArray[Any]
    report_payoff: NDArray[Any]

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One use of the resource.

    Attributes:
        name: in the order.
        value: name of its value function, of the completion time.
        duration: p_i >= 0.
        release: r_i >= 0, not before.
    """

    name: str
    value: str
    duration: Fraction
    release: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Jobs to be put in order.

    Attributes:
        jobs: as given.
        since_release: values are of completion less release (sojourn), not of completion.
        inserted_idle: the resource may wait although a job is ready.
        separation: time between the end of one job and the start of the next, [before][after]; () for none.
        horizon: with inserted idle, the latest completion that is considered; None: the end of the value functions'
            domains, else the latest completion without idling.
        method: how the order is found, one of `orders.METHODS`; None: the quickest with a proof.
        beliefs: about the value function and duration of each job, in the jobs' order; () where none are given.
    """

    jobs: tuple[Job, ...]
    since_release: bool = False
    inserted_idle: bool = False
    separation: tuple[tuple[Fraction, ...], ...] = ()
    horizon: Fraction | None = None
    method: str | None = None
    beliefs: tuple[Agent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Environment:
    """One reusable resource and those who borrow it.

    Attributes:
        design: which transfers.
        values: V, value functions by name.
        agents: two, or none where only a sequence is solved.
        rounds: to be settled, or None.
        sequence: jobs or planes to be put in order, or None.
        constant: h: "balanced" (expected transfers are zero), "printed" (eq. (7.3)), a number, or None for the
            design's own.
        shares: s of the one-stage sharing rule, T_i = s_i W - v_i; the paper's is (0, 1).
        fine: F of the one-stage forcing rule, or None.
        arithmetic: "float" or "exact", of what is reported.
        units: of values.
        seed: of whatever `run` has to draw.
    """

    design: Design
    values: Mapping[str, ValueFunction] = field(default_factory=dict)
    agents: Sequence[Agent] = ()
    rounds: Rounds | None = None
    sequence: Queue | Landing | None = None
    constant: Fraction | Literal["balanced", "printed"] | None = None
    shares: tuple[Fraction, ...] = ()
    fine: Fraction | None = None
    arithmetic: Literal["float", "exact"] = "float"
    units: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.design not in get_args(Design):
            raise InstanceError(f"{self.design!r} is none of {', '.join(get_args(Design))}", key="design")
        if not self.agents and self.sequence is None:
            raise InstanceError("two agents are needed (or a [sequence])", key="agents")
        if self.agents:
            self._check_agents()
        if self.rounds is not None and not self.agents:
            raise InstanceError("two agents are needed to settle rounds", key="agents")
        if isinstance(self.sequence, Queue):
            self._check_queue(self.sequence)
        self._check_rule()

    def _check_rule(self) -> None:
        """The keys that say how a design pays, each refused where the design has no use for it."""
        if self.design == "one_stage":
            if self.shares and sum(self.shares) != 1:
                raise InstanceError(f"must sum to 1, not {show(Fraction(sum(self.shares)))}", key="shares")
            if self.fine is not None and self.fine < 0:
                raise InstanceError("must be at least 0", key="fine")
            if self.fine is not None and not self.agents:
                raise InstanceError("is for two agents, whose times are seen afterwards", key="fine")
        elif self.shares or self.fine is not None:
            raise InstanceError(f"is for the design one_stage, not {self.design}",
                                key="shares" if self.shares else "fine")  # fmt: skip
        if self.constant is not None and self.design in ("one_stage", "balanced"):
            raise InstanceError(f"{self.design} balances every time and takes none", key="constant")
        if self.agents and self.design == "balanced":
            raise InstanceError("balanced is for a [sequence] of three or more jobs, without agents", key="design")

    def _check_agents(self) -> None:
        if len(self.agents) != 2:
            raise InstanceError(
                f"{len(self.agents)} agents; beliefs are for two, more than two go into [sequence]", key="agents"
            )
        if self.shares and len(self.shares) != 2:
            raise InstanceError("two shares are needed, one an agent", key="shares")
        for number, agent in enumerate(self.agents, 1):
            self._check_beliefs(agent, f"agents[{number}].beliefs", Fraction(0), Fraction(2))

    def _check_beliefs(self, agent: Agent, key: str, low: Fraction, high: Fraction) -> None:
        """Probabilities that sum to one, of value functions that are known between two times."""
        total = sum((p for _, p in agent.beliefs), Fraction(0))
        if total != 1:
            raise InstanceError(f"probabilities sum to {show(total)}, not 1", key=key)
        for name, probability in agent.beliefs:
            if name not in self.values:
                raise InstanceError(f"{name!r} is not in values", key=key)
            if probability < 0:
                raise InstanceError(f"the probability of {name} is below 0", key=key)
            self.values[name].need(low, high)

    def _check_queue(self, queue: Queue) -> None:
        horizon = self.horizon(queue)
        if queue.horizon is not None and not queue.inserted_idle:
            raise InstanceError("ends the search where inserted_idle = true; nothing else uses it",
                                key="sequence.horizon")  # fmt: skip
        for row, job in enumerate(queue.jobs, 1):
            if job.value not in self.values:
                raise InstanceError(f"{job.value!r} is not in values", key="sequence.jobs.value", row=row)
            try:
                first = Fraction(0) if queue.since_release else job.release
                self.values[job.value].need(first + job.duration, horizon - (job.release if queue.since_release else 0))
            except InstanceError as error:
                raise InstanceError(f"{error.problem} (job {job.name})", key=error.key, row=row) from None
        count = len(queue.jobs)
        if queue.separation and (len(queue.separation) != count or any(len(row) != count for row in queue.separation)):
            raise InstanceError(f"must be {count} rows of {count} numbers", key="sequence.separation")
        if queue.beliefs:
            self._check_job_beliefs(queue)

    def _check_job_beliefs(self, queue: Queue) -> None:
        if queue.inserted_idle:
            raise InstanceError("are for queues without inserted idle", key="sequence.beliefs")
        extra = sum((belief.times.high - job.duration for job, belief in zip(queue.jobs, queue.beliefs, strict=True)
                     if belief.times.high > job.duration), Fraction(0))  # fmt: skip
        for job, belief in zip(queue.jobs, queue.beliefs, strict=True):
            since = job.release if queue.since_release else Fraction(0)
            key = f"sequence.beliefs ({job.name})"
            if belief.times.low < 0:
                raise InstanceError("a duration is at least 0", key=f"{key}.time")
            try:
                self._check_beliefs(belief, key, job.release - since + belief.times.low,
                                    self.horizon(queue) + extra - since)  # fmt: skip
            except InstanceError as error:
                if error.key == key:
                    raise
                raise InstanceError(f"{error.problem} (job {job.name})", key=error.key) from None

    @staticmethod
    def horizon(queue: Queue) -> Fraction:
        """The latest completion that an order without idling can have."""
        last = max((job.release for job in queue.jobs), default=Fraction(0))
        gaps = sum((max(row) for row in queue.separation), Fraction(0)) if queue.separation else Fraction(0)
        return last + sum((job.duration for job in queue.jobs), Fraction(0)) + gaps

    @property
    def pairs(self) -> list[tuple[ValueFunction, ValueFunction, Fraction]]:
        """Pairs of value functions with their probability, those of probability zero left out."""
        one, two = self.agents
        return [(self.values[f], self.values[g], p * q) for f, p in one.beliefs for g, q in two.beliefs if p * q]
