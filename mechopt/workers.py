"""Where tasks run: processes of this machine, or a cluster that is running already."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType
from typing import Any

from mechopt import arguments
from mechopt.errors import InstanceError

CONNECT_SECONDS = 10  # for a scheduler to answer


class Processes(Executor):
    """Processes of this machine to run tasks in. After `stop`, or once one has died, fresh ones do what is sent next.

    Args:
        workers: how many.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, function: Callable[..., Any], /, *args: Any, **keywords: Any) -> Future[Any]:
        """Send one call to a process."""
        if self._pool is None:
            import multiprocessing

            # spawn: solvers and numeric libraries run threads, which do not survive a fork.
            fresh = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=fresh, initializer=_listen)
        return self._pool.submit(function, *args, **keywords)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, once they have done what they do."""
        if self._pool is not None:
            self._pool.shutdown(wait, cancel_futures=cancel_futures)

    def stop(self) -> None:
        """End the processes at once, whatever they do."""
        if self._pool is None:
            return
        for process in list((self._pool._processes or {}).values()):  # terminate_workers() from Python 3.14 on
            process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = None


class Attention:
    """Whether this process may be interrupted: a worker with nothing to do leaves Ctrl-C to its parent."""

    working = False


def _listen() -> None:
    """In a fresh worker: Ctrl-C at a terminal reaches it too, and must end a task but not the worker."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if Attention.working:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Workers elsewhere: where to send tasks, and how many run at a time."""

    executor: Executor
    workers: int


_CLUSTER: ContextVar[Cluster | None] = ContextVar("cluster", default=None)


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
    try:
        from distributed import Client
    except ImportError:
        raise InstanceError(
            "distributed is not installed; pip install 'mechopt[cluster]' brings it", key="--executor"
        ) from None
    try:
        client = Client(f"tcp://{place}", timeout=f"{CONNECT_SECONDS}s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise InstanceError(f"nobody answers at {place}: {' '.join(str(error).split())}", key="--executor") from None
    with client:
        _check_workers(client, place)
        executor = client.get_executor(pure=False)
        token = _CLUSTER.set(Cluster(executor=executor, workers=max(1, sum(client.ncores().values()))))
        try:
            yield
        finally:
            _CLUSTER.reset(token)
            executor.shutdown(wait=False)  # whoever wanted a result has it; what still runs there is not waited for


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
    there = _CLUSTER.get()
    return None if there is None else there.executor


def size(executor: Executor) -> int | None:
    """How many tasks an executor runs at a time; None where it does not say."""
    there = _CLUSTER.get()
    if there is not None and executor is there.executor:
        return there.workers
    found: int | None = getattr(executor, "workers", None) or getattr(executor, "_max_workers", None)
    return found


@contextmanager
def pool(workers: int) -> Iterator[Executor | None]:
    """Processes to run tasks in, closed at the end; None, which means here and now, for one worker.

    Inside `cluster` it is the cluster, whatever the number of workers.

    Raises:
        InstanceError: the number of workers is no whole number of at least 1.
    """
    workers = arguments.workers(workers)
    elsewhere = on_cluster()
    if elsewhere is not None:
        yield elsewhere
        return
    if workers == 1:
        yield None
        return
    with processes(workers) as executor:
        yield executor


def processes(workers: int) -> Processes:
    """Fresh processes to run tasks in, the caller's to close."""
    return Processes(workers)
