"""Run independent tasks on any `concurrent.futures.Executor`; serial by default.

The result does not depend on the executor, the number of workers or the chunk size: every task has a random stream
of its own, and results come back in the order of the items. What is finished is never lost, see `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

from mechopt.errors import InstanceError, MechoptError
from mechopt.sending import Loss, Sender, enter, work
from mechopt.workers import cluster, on_cluster, pool, processes

if TYPE_CHECKING:
    from numpy.random import Generator, SeedSequence

__all__ = ["Interrupted", "Progress", "WorkerLost", "cluster", "keeping", "on_cluster", "pool", "processes", "run"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], object]


class Interrupted(MechoptError):
    """The run was interrupted (Ctrl-C); `finished` holds the results so far, by position among the items.

    Hand `finished` to the next `run` of the same items and it goes on where this one stopped.
    """

    exit_status = 130  # what a shell reports after Ctrl-C

    def __init__(self, finished: MutableMapping[int, Any], total: int) -> None:
        self.finished, self.total = finished, total
        super().__init__(finished, total)

    def __str__(self) -> str:
        return f"interrupted with {len(self.finished)} of {self.total} tasks finished"


class WorkerLost(MechoptError):
    """The workers died, or the cluster went away, again and again; `finished` holds the results so far, by position."""

    exit_status = 3

    def __init__(self, problem: str, finished: MutableMapping[int, Any], total: int) -> None:
        self.problem, self.finished, self.total = problem, finished, total
        super().__init__(problem, finished, total)

    def __str__(self) -> str:
        return f"{self.problem}; {len(self.finished)} of {self.total} tasks were finished"


@overload
def run(
    task: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    executor: Executor | None = None,
    seed: None = None,
    progress: Progress | None = None,
    chunk: int | None = None,
    finished: MutableMapping[int, Result] | None = None,
) -> list[Result]: ...


@overload
def run(
    task: Callable[[Item, Generator], Result],
    items: Iterable[Item],
    *,
    executor: Executor | None = None,
    seed: int,
    progress: Progress | None = None,
    chunk: int | None = None,
    finished: MutableMapping[int, Result] | None = None,
) -> list[Result]: ...


def run(
    task: Callable[..., Result],
    items: Iterable[Item],
    *,
    executor: Executor | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
    chunk: int | None = None,
    finished: MutableMapping[int, Result] | None = None,
) -> list[Result]:
    """The results of a task for each item, in the order of the items.

    Args:
        task: called as `task(item)`, or as `task(item, generator)` if there is a seed. A process pool needs it to be
            defined at the top of a module.
        items: what to do; one task each.
        executor: where to do it: a thread or process pool, `dask.distributed.Client().get_executor()`,
            `mpi4py.futures`, ... It stays yours to close. None works through the items here, one by one.
        seed: root of the random streams. Task i draws from the i-th stream spawned from it, whoever runs it.
        progress: called as `progress(done, total)` in this thread, at the start and whenever work has come back.
        chunk: how many items travel together, where a task is short beside the cost of sending it; 0 goes by how long
            the tasks before took. By default that on a `cluster`, and 1 elsewhere.
        finished: results already known, by position: they are not computed again, and new ones are entered the
            moment they arrive. So it survives Ctrl-C, a failing task and a broken pool; with a mapping kept on disk
            it survives the process.

    Raises:
        Interrupted: on Ctrl-C; it carries `finished`.
        WorkerLost: workers of `pool` or `cluster` die whenever they are at some task, or the cluster is gone. A worker
            that dies once or twice is replaced, and its tasks run again, from the same random streams.
        InstanceError: the chunk is below 1, or `finished` belongs to another run.
        Exception: what a task raised, with a note that says which. Work not started is cancelled.
    """
    todo = list(items)
    total = len(todo)
    results: MutableMapping[int, Result] = {} if finished is None else finished
    if chunk is None:
        chunk = 0 if executor is not None and executor is on_cluster() else 1
    if chunk < 0:
        raise InstanceError(f"{chunk} is not a number of items; it must be at least 0", key="chunk")
    if any(position not in range(total) for position in results):
        raise InstanceError(f"holds a position that is not among the {total} items of this run", key="finished")

    streams = _streams(seed, total)
    waiting = [(position, todo[position], streams[position]) for position in range(total) if position not in results]
    report = progress or (lambda _done, _total: None)
    try:
        report(len(results), total)
        if executor is None:
            for single in waiting:
                enter(work(task, [single]), results)
                report(len(results), total)
        elif waiting:
            sender = Sender(task, executor, chunk, results, lambda: report(len(results), total))
            try:
                sender.send(waiting)
            except Loss as loss:
                raise WorkerLost(str(loss), results, total) from loss.__cause__
    except KeyboardInterrupt as interrupt:
        raise Interrupted(results, total) from interrupt
    return [results[position] for position in range(total)]


@dataclass
class Ending:
    """How a run ended whose finished work is kept.

    Attributes:
        status: "" where it ran to its end, "interrupted" after Ctrl-C, "incomplete" where workers died again and again.
        warnings: a line that says so.
    """

    status: str = ""
    warnings: tuple[str, ...] = ()


@contextmanager
def keeping(finished: MutableMapping[int, Any]) -> Iterator[Ending]:
    """Inside, a `run` that breaks off ends the block and not its caller, who goes on with what is finished.

    Args:
        finished: the mapping that `run` enters its results into.

    Yields:
        How it ended, once the block is left.

    Raises:
        Interrupted, WorkerLost: as `run`, where nothing is finished.
    """
    ending = Ending()
    try:
        yield ending
    except (Interrupted, KeyboardInterrupt) as error:  # the latter while processes are closed
        if not finished:
            raise
        ending.status, ending.warnings = "interrupted", (str(error) or "interrupted",)
    except WorkerLost as error:
        if not finished:
            raise
        ending.status = "incomplete"
        ending.warnings = (
            str(error),
            "what is missing may differ from what is there: a mean is one over the rest only",
        )


def _streams(seed: int | None, total: int) -> Sequence[SeedSequence | None]:
    if seed is None:
        return [None] * total
    from numpy.random import SeedSequence

    return SeedSequence(seed).spawn(total)
