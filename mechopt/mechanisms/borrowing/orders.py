"""What a solved order is: who uses the resource when, what it is worth, and the proof behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from mechopt.errors import SolveError
from mechopt.mechanisms.borrowing.environment import Job, Queue
from mechopt.mechanisms.borrowing.values import ValueFunction
from mechopt.outcome import Guarantee

METHODS = (
    "smith", "shortest_first", "assignment", "subset_dp", "longest_path", "labels", "idle_grid", "time_indexed",
)  # fmt: skip
EARLIER = "of equally good orders, the job given earlier goes first"
FOUND_BY_HIGHS = "of equally good orders, the one that HiGHS found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order of jobs with its proof.

    Attributes:
        sequence: numbers of the jobs as given, in the order of use.
        start: of each job in that order.
        completion: of each job in that order.
        value: of each job in that order.
        method: how it was found.
        guarantee: what the order's welfare is worth.
        optimal_orders: how many orders are as good, where the method counts them; None where it does not.
        tie_rule: which of them this one is.
    """

    sequence: tuple[int, ...]
    start: tuple[Fraction, ...]
    completion: tuple[Fraction, ...]
    value: tuple[Fraction, ...]
    method: str
    guarantee: Guarantee
    optimal_orders: int | None = None
    tie_rule: str = EARLIER

    @property
    def welfare(self) -> Fraction:
        """The sum of values, exactly."""
        return sum(self.value, Fraction(0))

    def by_job(self) -> list[Fraction]:
        """Values by the number of the job as given."""
        found = [Fraction(0)] * len(self.sequence)
        for job, worth in zip(self.sequence, self.value, strict=True):
            found[job] = worth
        return found


class Problem:
    """A queue with its value functions looked up, and its times as whole numbers of a common step.

    Args:
        queue: jobs.
        values: value functions by name.
    """

    def __init__(self, queue: Queue, values: dict[str, ValueFunction]) -> None:
        self.queue = queue
        self.jobs: Sequence[Job] = queue.jobs
        self.functions = [values[job.value] for job in queue.jobs]
        self._kept: dict[tuple[int, Fraction], Fraction] = {}

    def __len__(self) -> int:
        return len(self.jobs)

    @property
    def released(self) -> bool:
        """Whether jobs are released at different times."""
        return len({job.release for job in self.jobs}) > 1

    @property
    def plain(self) -> bool:
        """Whether the completion of a set of jobs does not depend on their order."""
        return not (self.released or self.queue.separation or self.queue.inserted_idle)

    @property
    def begin(self) -> Fraction:
        """The earliest release."""
        return min((job.release for job in self.jobs), default=Fraction(0))

    def worth(self, job: int, completion: Fraction) -> Fraction:
        """The exact value of a job that is done at a time."""
        key = (job, completion)
        if key not in self._kept:
            since = self.jobs[job].release if self.queue.since_release else Fraction(0)
            self._kept[key] = self.functions[job].at(completion - since)
        return self._kept[key]

    def without(self, job: int) -> Problem:
        """The same queue without one job."""
        keep = [k for k in range(len(self)) if k != job]
        gaps = self.queue.separation and tuple(tuple(self.queue.separation[a][b] for b in keep) for a in keep)
        queue = Queue(
            jobs=tuple(self.jobs[k] for k in keep), since_release=self.queue.since_release,
            inserted_idle=self.queue.inserted_idle, separation=gaps, horizon=self.queue.horizon,
        )  # fmt: skip
        return Problem(queue, {job.value: function for job, function in zip(self.jobs, self.functions, strict=True)})

    def timed(self, sequence: Sequence[int]) -> tuple[list[Fraction], list[Fraction]]:
        """Starts and completions of an order in which nothing waits but for releases and separations."""
        starts, ends = [], []
        clock, before = self.begin, -1
        for job in sequence:
            gap = self.queue.separation[before][job] if self.queue.separation and before >= 0 else 0
            begin = max(clock + gap, self.jobs[job].release)
            clock, before = begin + self.jobs[job].duration, job
            starts.append(begin)
            ends.append(clock)
        return starts, ends

    def order(
        self,
        sequence: Sequence[int],
        method: str,
        guarantee: Guarantee,
        optimal_orders: int | None = None,
        starts: Sequence[Fraction] | None = None,
        tie_rule: str = EARLIER,
    ) -> Order:
        """An order as a result, every number recomputed exactly from the sequence (and its starts, if any wait)."""
        if sorted(sequence) != list(range(len(self))):
            raise SolveError(f"{method}: the order does not hold every job once")
        begun, ends = self.timed(sequence)
        if starts is not None:
            begun = list(starts)
            ends = [s + self.jobs[j].duration for s, j in zip(begun, sequence, strict=True)]
        return Order(
            sequence=tuple(sequence), start=tuple(begun), completion=tuple(ends),
            value=tuple(self.worth(j, end) for j, end in zip(sequence, ends, strict=True)),
            method=method, guarantee=guarantee, optimal_orders=optimal_orders, tie_rule=tie_rule,
        )  # fmt: skip
