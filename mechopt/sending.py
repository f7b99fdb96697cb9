"""Send tasks to an executor, a few chunks ahead of each worker, and take their results in; `tasks` says for whom."""

from __future__ import annotations

import pickle
import time
import traceback
from collections import Counter
from collections.abc import Callable, MutableMapping
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from mechopt.workers import Attention, Processes, size

if TYPE_CHECKING:
    from numpy.random import SeedSequence

Item = TypeVar("Item")
Result = TypeVar("Result")

GRACE = 1.0  # seconds that an interrupted run waits for work that is about to end
CHUNK_SECONDS = 1.0  # of work that travel together: an engine's overhead of some milliseconds is little beside it
SCHEDULER_SECONDS = 0.01  # a worker and chunk: one scheduler serves all workers, a chunk costs it some milliseconds
AHEAD = 3  # chunks a worker that are sent before results are back
DEATHS = 3  # of the worker, after which a task is taken to be the cause

Numbered = tuple[int, Item, "SeedSequence | None"]
Done = tuple[list[tuple[int, Result]], bool, float]  # results, whether interrupted before the end, seconds


# Runs interrupted in this process: a pool hands its workers a few tasks ahead that can no longer be cancelled,
# and a worker that has seen Ctrl-C must not start them.
_INTERRUPTED: set[str] = set()


def work(task: Callable[..., Result], chunk: list[Numbered[Item]], name: str = "") -> Done[Result]:
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


def enter(done: Done[Result], results: MutableMapping[int, Result]) -> None:
    """Take in what came back of a chunk; raises KeyboardInterrupt where it was interrupted there."""
    for position, result in done[0]:
        results[position] = result
    if done[1]:
        raise KeyboardInterrupt


class Loss(Exception):
    """Workers are gone, and trying again does not help; the words say what was seen."""


class Sender:
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
            Loss: it does not help.
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
                    raise Loss(self._why(again)) from error
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
                    future = self.executor.submit(work, self.task, chunk, name)
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
            raise Loss("the cluster is gone, or has forgotten its work") from error
        except Exception as error:
            if type(error).__name__ == "KilledWorker":  # Dask has tried some times
                raise Loss("workers of the cluster die whenever they have some task: out of memory?") from error
            raise
        if done[0]:
            self.each = done[2] / len(done[0])
        enter(done, self.results)

    def _harvest(self, flying: list[Future[Any]]) -> None:
        # Python's pool fails aloud on futures that were cancelled when its processes end; ours are ended anyhow.
        own = isinstance(self.executor, Processes)
        running = [future for future in flying if own or not future.cancel()]
        try:
            wait(running, timeout=GRACE)
        finally:  # a second Ctrl-C ends the wait, not the harvest
            for future in running:
                if future.done() and not future.cancelled() and future.exception() is None:
                    self.results.update(future.result()[0])
