"""Run independent tasks on any `concurrent.futures.Executor`; serial by default.

The result does not depend on the executor, the number of workers or the chunk size: every task has a random stream
of its own, and results come back in the order of the items. What is finished is never lost, see `run`.
"""

from __future__ import annotations

import pickle
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar, overload
from uuid import uuid4

from mechopt.errors import InstanceError, MechoptError
from mechopt.workers import Attention, Processes, cluster, on_cluster, pool, processes, size

if TYPE_CHECKING:
    from numpy.random import Generator, SeedSequence

__all__ = ["Interrupted", "Progress", "WorkerLost", "cluster", "on_cluster", "pool", "processes", "run"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], object]

GRACE = 1.0  # seconds that an interrupted run waits for work that is about to end
CHUNK_SECONDS = 0.5  # of work that travel together: an engine's overhead of some milliseconds is little beside it
SCHEDULER_SECONDS = 0.01  # a worker and chunk: one scheduler serves all workers, a chunk costs it some milliseconds
AHEAD = 3  # chunks a worker that are sent before results are back
DEATHS = 3  # of the worker, after which a task is taken to be the cause


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
    work = list(items)
    total = len(work)
    results: MutableMapping[int, Result] = {} if finished is None else finished
    if chunk is None:
        chunk = 0 if executor is not None and executor is on_cluster() else 1
    if chunk < 0:
        raise InstanceError(f"{chunk} is not a number of items; it must be at least 0", key="chunk")
    if any(position not in range(total) for position in results):
        raise InstanceError(f"holds a position that is not among the {total} items of this run", key="finished")

    streams = _streams(seed, total)
    waiting = [(position, work[position], streams[position]) for position in range(total) if position not in results]
    report = progress or (lambda _done, _total: None)
    try:
        report(len(results), total)
        if executor is None:
            for single in waiting:
                _enter(_work(task, [single]), results)
                report(len(results), total)
        elif waiting:
            sender = _Sender(task, executor, chunk, results, lambda: report(len(results), total))
            try:
                sender.send(waiting)
            except _Loss as loss:
                raise WorkerLost(str(loss), results, total) from loss.__cause__
    except KeyboardInterrupt as interrupt:
        raise Interrupted(results, total) from interrupt
    return [results[position] for position in range(total)]


Numbered = tuple[int, Item, "SeedSequence | None"]
Done = tuple[list[tuple[int, Result]], bool, float]  # results, whether interrupted before the end, seconds


def _streams(seed: int | None, total: int) -> Sequence[SeedSequence | None]:
    if seed is None:
        return [None] * total
    from numpy.random import SeedSequence

    return SeedSequence(seed).spawn(total)


# Runs interrupted in this process: a pool hands its workers a few tasks ahead that can no longer be cancelled,
# and a worker that has seen Ctrl-C must not start them.
_INTERRUPTED: set[str] = set()


def _work(task: Callable[..., Result], chunk: list[Numbered[Item]], name: str = "") -> Done[Result]:
    """Runs where the executor says: the results of a chunk, and whether the run was interrupted before its end."""
    done: list[tuple[int, Result]] = []
    started = time.perf_counter()
    try:
        Attention.working = True
        for position, item, stream in chunk:
            if name in _INTERRUPTED:
                return done, True, time.perf_counter() - started
            done.append((position, _one(task, position, item, stream)))
    except KeyboardInterrupt:  # a terminal sends Ctrl-C to the workers too: hand over what is there
        if name:
            _INTERRUPTED.add(name)
        return done, True, time.perf_counter() - started
    except Exception as error:
        if not name:
            raise
        raise _portable(error) from None
    finally:
        Attention.working = False
    return done, False, time.perf_counter() - started


def _one(task: Callable[..., Result], position: int, item: Item, stream: SeedSequence | None) -> Result:
    try:
        if stream is None:
            return task(item)
        from numpy.random import default_rng

        return task(item, default_rng(stream))
    except Exception as error:
        error.add_note(f"in task {position} (counted from 0)")
        raise


def _portable(error: Exception) -> Exception:
    """The error itself, or its words where it would not come back whole: that would break the parent's pool."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        told = RuntimeError("".join(traceback.format_exception(error)).rstrip())
        told.__notes__ = list(getattr(error, "__notes__", []))
        return told
    return error


def _enter(done: Done[Result], results: MutableMapping[int, Result]) -> None:
    for position, result in done[0]:
        results[position] = result
    if done[1]:
        raise KeyboardInterrupt


class _Loss(Exception):
    """Workers are gone, and trying again does not help; the words say what was seen."""


class _Sender:
    """Sends work out, a few chunks ahead of each worker, and takes results in."""

    def __init__(
        self, task: Callable[..., Any], executor: Executor, chunk: int, results: MutableMapping[int, Any],
        report: Callable[[], object],
    ) -> None:  # fmt: skip
        self.task, self.executor, self.results, self.report = task, executor, results, report
        self.chunk = chunk
        self.workers = size(executor)
        self.each: float | None = None  # seconds a task, as the last chunk took
        self.deaths: Counter[int] = Counter()  # of workers, by the tasks that were out

    def send(self, waiting: list[Numbered[Any]]) -> None:
        """All of the work; where a worker of our own dies, again what was lost with it.

        Raises:
            _Loss: it does not help.
        """
        while waiting:
            flying: dict[Future[Any], list[Numbered[Any]]] = {}
            try:
                self._send(waiting, flying)
                return
            except BrokenExecutor as error:
                if not isinstance(self.executor, Processes):
                    raise  # somebody else's, to whom it means something
                lost = [position for chunk in flying.values() for position, *_ in chunk if position not in self.results]
                self.deaths.update(lost)
                again = sorted(position for position, deaths in self.deaths.items()
                               if deaths >= DEATHS and position not in self.results)  # fmt: skip
                if again:
                    raise _Loss(self._why(again)) from error
                waiting = [single for single in waiting if single[0] not in self.results]
                waiting.sort(key=lambda single: self.deaths[single[0]])  # what may have been the cause comes last

    def _why(self, positions: list[int]) -> str:
        few = ", ".join(map(str, positions[:5])) + (", ..." if len(positions) > 5 else "")
        reason = "was it killed, or out of memory?" if self.results else (
            "could it start? A script of your own starts processes below `if __name__ == '__main__':` only"
        )  # fmt: skip
        return f"{DEATHS} times a worker process died while it had task {few} (counted from 0): {reason}"

    def _send(self, waiting: list[Numbered[Any]], flying: dict[Future[Any], list[Numbered[Any]]]) -> None:
        """However it ends, whatever is done by then is taken in, and what has not begun is cancelled."""
        name = uuid4().hex
        arrived: SimpleQueue[Future[Any]] = SimpleQueue()
        ahead = len(waiting) if self.workers is None else AHEAD * self.workers
        start = 0
        try:
            while start < len(waiting) or flying:
                while start < len(waiting) and len(flying) < ahead:
                    chunk = waiting[start : start + self._length(len(waiting) - start)]
                    future = self.executor.submit(_work, self.task, chunk, name)
                    flying[future], start = chunk, start + len(chunk)
                    future.add_done_callback(arrived.put)
                future = arrived.get()
                self._take(future)
                del flying[future]
                self.report()
        except BaseException:
            _INTERRUPTED.add(name)  # for threads, which do not get the signal
            self._harvest(list(flying))
            if isinstance(self.executor, Processes):
                self.executor.stop()
            raise

    def _length(self, left: int) -> int:
        """Items of the next chunk: one until it is known how long they take, then what fills the time, towards the end
        less."""
        if self.chunk:
            return self.chunk
        if self.each is None:
            return 1
        workers = self.workers or 1
        seconds = max(CHUNK_SECONDS, SCHEDULER_SECONDS * workers)
        return max(1, min(round(seconds / max(self.each, 1e-6)), -(-left // (2 * workers))))

    def _take(self, future: Future[Any]) -> None:
        try:
            done = future.result()
        except CancelledError as error:  # not by us: a scheduler that went away cancels what it had
            raise _Loss("the cluster is gone, or has forgotten its work") from error
        except Exception as error:
            if type(error).__name__ == "KilledWorker":  # Dask has tried some times
                raise _Loss("workers of the cluster die whenever they have some task: out of memory?") from error
            raise
        if done[0]:
            self.each = done[2] / len(done[0])
        _enter(done, self.results)

    def _harvest(self, flying: list[Future[Any]]) -> None:
        running = [future for future in flying if not future.cancel()]
        try:
            wait(running, timeout=GRACE)
        finally:  # a second Ctrl-C ends the wait, not the harvest
            for future in running:
                if future.done() and not future.cancelled() and future.exception() is None:
                    self.results.update(future.result()[0])
