"""Run independent tasks on any `concurrent.futures.Executor`; serial by default.

The result does not depend on the executor, the number of workers or the chunk size: every task has a random stream
of its own, and results come back in the order of the items. What is finished is never lost, see `run`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from concurrent.futures import Executor, Future, as_completed, wait
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, overload
from uuid import uuid4

from mechopt.errors import InstanceError, MechoptError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

    from numpy.random import Generator, SeedSequence

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], object]

GRACE = 1.0  # seconds that an interrupted run waits for work that is about to end
CONNECT_SECONDS = 10  # for a scheduler to answer
CHUNK_SECONDS = 0.1  # of work that travel together: an engine's overhead of some milliseconds stays below a twentieth


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
        chunk: how many items travel together, where a task is short beside the cost of sending it; 0 measures the
            first tasks and takes what fills CHUNK_SECONDS. By default that on a `cluster`, and 1 elsewhere.
        finished: results already known, by position: they are not computed again, and new ones are entered the
            moment they arrive. So it survives Ctrl-C, a failing task and a broken pool; with a mapping kept on disk
            it survives the process.

    Raises:
        Interrupted: on Ctrl-C; it carries `finished`.
        InstanceError: the chunk is below 1, or `finished` belongs to another run.
        Exception: what a task raised, with a note that says which. Work not started is cancelled.
    """
    work = list(items)
    total = len(work)
    results: MutableMapping[int, Result] = {} if finished is None else finished
    if chunk is None:
        chunk = 0 if executor is not None and executor is _CLUSTER.get() else 1
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
            if chunk == 0:
                chunk, waiting = _measured(task, waiting, executor, results)
                report(len(results), total)
            chunks = [waiting[start : start + chunk] for start in range(0, len(waiting), chunk)]
            _spread(task, chunks, executor, results, lambda: report(len(results), total))
    except KeyboardInterrupt as interrupt:
        raise Interrupted(results, total) from interrupt
    return [results[position] for position in range(total)]


_CLUSTER: ContextVar[Executor | None] = ContextVar("cluster", default=None)


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """Inside, `pool` hands out the workers of a cluster that is running already.

    Args:
        address: "dask://HOST:PORT" of a Dask scheduler whose workers have this mechopt too; None changes nothing.

    Raises:
        InstanceError: another kind of address, nobody answers there, or its workers lack this mechopt.
    """
    if address is None:
        yield
        return
    kind, slashes, place = address.partition("://")
    if kind != "dask" or not slashes or not place:
        raise InstanceError(f"{address!r} is not of the form dask://HOST:PORT", key="--executor")
    from distributed import Client

    try:
        client = Client(f"tcp://{place}", timeout=f"{CONNECT_SECONDS}s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise InstanceError(f"nobody answers at {place}: {' '.join(str(error).split())}", key="--executor") from None
    with client, client.get_executor(pure=False) as executor:
        _check_workers(client, place)
        token = _CLUSTER.set(executor)
        try:
            yield
        finally:
            _CLUSTER.reset(token)


def _check_workers(client: Any, place: str) -> None:
    """Every worker must have this mechopt: one that cannot import a task would be waited for without end."""
    from importlib import metadata

    from mechopt import __version__

    try:
        found = client.run(metadata.version, "mechopt")
    except metadata.PackageNotFoundError:
        raise InstanceError(f"mechopt is not installed where the workers of {place} run", key="--executor") from None
    if not found:
        raise InstanceError(f"the scheduler at {place} has no workers", key="--executor")
    for worker, version in found.items():
        if version != __version__:
            raise InstanceError(f"{worker} has mechopt {version}; {__version__} is needed", key="--executor")


def on_cluster() -> Executor | None:
    """The workers of the cluster that `cluster` has connected to; None where there is none."""
    return _CLUSTER.get()


@contextmanager
def pool(workers: int) -> Iterator[Executor | None]:
    """Processes to run tasks in, closed at the end; None, which means here and now, for one worker.

    Inside `cluster` it is the cluster, whatever the number of workers.

    Raises:
        InstanceError: the number of workers is below 1.
    """
    if workers < 1:
        raise InstanceError(f"{workers} is not a number of processes; it must be at least 1", key="--workers")
    elsewhere = on_cluster()
    if elsewhere is not None:
        yield elsewhere
        return
    if workers == 1:
        yield None
        return
    with processes(workers) as executor:
        yield executor


def processes(workers: int) -> ProcessPoolExecutor:
    """Fresh processes to run tasks in, the caller's to close."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # spawn: solvers and numeric libraries run threads, which do not survive a fork.
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


Numbered = tuple[int, Item, "SeedSequence | None"]
Done = tuple[list[tuple[int, Result]], bool]


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
    for position, item, stream in chunk:
        if name in _INTERRUPTED:
            return done, True
        try:
            if stream is None:
                result = task(item)
            else:
                from numpy.random import default_rng

                result = task(item, default_rng(stream))
        except KeyboardInterrupt:  # a terminal sends Ctrl-C to the workers too: hand over what is there
            if name:
                _INTERRUPTED.add(name)
            return done, True
        except Exception as error:
            error.add_note(f"in task {position} (counted from 0)")
            raise
        done.append((position, result))
    return done, False


def _measured(
    task: Callable[..., Result],
    waiting: list[Numbered[Item]],
    executor: Executor,
    results: MutableMapping[int, Result],
) -> tuple[int, list[Numbered[Item]]]:
    """Send the first two tasks alone, and say how many like the second fill a chunk; the first warms a worker up."""
    seconds = CHUNK_SECONDS
    for single in waiting[:2]:
        done = executor.submit(_timed, task, [single]).result()
        seconds = done[1]
        _enter(done[0], results)
    return max(1, round(CHUNK_SECONDS / max(seconds, 1e-6))), waiting[2:]


def _timed(task: Callable[..., Result], chunk: list[Numbered[Item]]) -> tuple[Done[Result], float]:
    started = time.perf_counter()
    return _work(task, chunk), time.perf_counter() - started


def _enter(done: Done[Result], results: MutableMapping[int, Result]) -> None:
    for position, result in done[0]:
        results[position] = result
    if done[1]:
        raise KeyboardInterrupt


def _spread(
    task: Callable[..., Result],
    chunks: list[list[Numbered[Item]]],
    executor: Executor,
    results: MutableMapping[int, Result],
    report: Callable[[], object],
) -> None:
    """Send the chunks out and take the results in; however it ends, whatever is done by then is taken in."""
    name = uuid4().hex
    futures: list[Future[Done[Result]]] = []
    try:
        for chunk in chunks:
            futures.append(executor.submit(_work, task, chunk, name))
        for future in as_completed(futures):
            _enter(future.result(), results)
            report()
    except BaseException:
        _INTERRUPTED.add(name)  # for threads, which do not get the signal
        running = [future for future in futures if not future.cancel()]
        try:
            wait(running, timeout=GRACE)
        finally:  # a second Ctrl-C ends the wait, not the harvest
            for future in running:
                if future.done() and not future.cancelled() and future.exception() is None:
                    results.update(future.result()[0])
        raise
