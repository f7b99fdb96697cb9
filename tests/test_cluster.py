"""Work on a Dask cluster of separate processes: the same results to the last bit, and nothing lost with a worker."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mechopt
from mechopt import tasks, workers
from mechopt.cli import main
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage import axiom_matrix
from mechopt.mechanisms.overage.awards.matrix import Search

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of the cluster's own libraries
    pytest.mark.checkout,  # the workers import this file's functions, which only a checkout lets them find
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield "dask://" + cluster.scheduler_address.removeprefix("tcp://")


def draw(item: int, generator: np.random.Generator) -> tuple[int, float]:
    return item, float(generator.normal())


def slow(item: int) -> tuple[int, int]:
    time.sleep(0.2)
    return item, os.getpid()


def test_results_are_those_of_a_serial_run_to_the_last_bit(address: str) -> None:
    serial = tasks.run(draw, range(50), seed=3)
    with tasks.cluster(address), tasks.pool(1) as executor:
        assert executor is not None
        assert tasks.run(draw, range(50), seed=3, executor=executor) == serial
        assert tasks.run(draw, range(50), seed=3, executor=executor, chunk=7) == serial


def test_short_tasks_travel_together(address: str) -> None:
    with tasks.cluster(address), tasks.pool(1) as executor:
        seen: list[int] = []
        tasks.run(draw, range(4000), seed=1, executor=executor, progress=lambda done, total: seen.append(done))
    assert seen[-1] == 4000
    assert len(seen) < 200  # not one message a task


def test_a_worker_killed_in_the_middle_loses_nothing(address: str) -> None:
    victims: list[int] = []

    def kill(done: int, total: int) -> None:
        if done >= 2 and not victims:
            with distributed.Client("tcp://" + address.removeprefix("dask://"), set_as_default=False) as client:
                victims.append(next(iter(client.run(os.getpid).values())))
            threading.Timer(0.05, os.kill, (victims[0], signal.SIGKILL)).start()

    with tasks.cluster(address), tasks.pool(1) as executor:
        found = tasks.run(slow, range(24), executor=executor, progress=kill, chunk=1)
    assert [item for item, _ in found] == list(range(24))
    assert victims


def test_a_simulation_and_the_axioms_are_the_same_there(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    play: dict[str, Any] = {
        "mechanism": "overage",
        "accounts": [{"account": "a", "entitlement": 5, "claim": 6}, {"account": "b", "entitlement": 5, "claim": 4}],
        "simulate": {"periods": 3, "replications": 1500, "claims": {"family": "lognormal", "mu": 0, "sigma": "1/3"}},
    }
    here = mechopt.simulate(play)
    with tasks.cluster(address):
        there = mechopt.simulate(play)
        matrix = axiom_matrix(rules=["talmud", "piniles"], search=Search(claimants=2))
    assert here.tables == there.tables
    assert matrix.tables == axiom_matrix(rules=["talmud", "piniles"], search=Search(claimants=2)).tables
    assert main(["axioms", "talmud", "--claimants", "1", "--executor", address, "--quiet"]) == 0


def test_claims_are_verified_there(address: str) -> None:
    with tasks.cluster(address):
        ledger = mechopt.verify("overage.lemma_10", "overage.remark_7")
    assert {record.verdict for record in ledger.records} == {"proved"}


LITTLE: dict[str, dict[str, Any]] = {
    "overage/cap_and_share_collar": {"replications": 20, "periods": 2},
    "linked_vcg/growing_market": {"replications": 2, "agents": [3, 4]},
    "borrowing/paper_example": {"rounds": 20, "replications": 5},
    "forward_market/electricity": {"rounds": 100},
    "limited_liability/development_fund": {"periods": 20, "replications": 4, "strategies": ["truth", "overclaim"]},
}


def shortened(model: str, keys: dict[str, Any]) -> mechopt.Model:
    """A shipped model whose simulation takes a moment."""
    loaded = mechopt.load(model)
    document = {**loaded.document.data, "simulate": {**loaded.document.data.get("simulate", {}), **keys}}
    return replace(loaded, document=replace(loaded.document, data=document))


@contextmanager
def taken_for_a_cluster(executor: ThreadPoolExecutor, size: int) -> Iterator[None]:
    token = workers._CLUSTER.set(workers.Cluster(executor=executor, workers=size))
    try:
        yield
    finally:
        workers._CLUSTER.reset(token)


@pytest.mark.parametrize("model", LITTLE)
def test_every_simulation_goes_to_the_workers_that_are_there(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []

    class Watched(ThreadPoolExecutor):
        def submit(self, *args: Any, **keywords: Any) -> Any:
            sent.append(args)
            return super().submit(*args, **keywords)

    little = shortened(model, LITTLE[model])
    here = mechopt.simulate(little, seed=1)
    with Watched(2) as executor, taken_for_a_cluster(executor, 2):
        there = mechopt.simulate(little, seed=1)
    assert sent
    assert here.to_dict()["tables"] == there.to_dict()["tables"]


# Two blocks or more each.
BLOCKS: dict[str, dict[str, Any]] = LITTLE | {
    "overage/cap_and_share_collar": {"replications": 600, "periods": 1},
    "borrowing/paper_example": {"rounds": 4000, "replications": 200},
    "forward_market/electricity": {"rounds": 10_000},
}


@pytest.mark.parametrize("model", BLOCKS)
def test_a_cluster_that_goes_away_leaves_what_is_finished(model: str) -> None:
    """As Ctrl-C does: the outcome of the finished blocks, whose status and warnings say so."""

    class Leaving(ThreadPoolExecutor):
        sent = 0

        def submit(self, *args: Any, **keywords: Any) -> Any:
            self.sent += 1
            if self.sent == 1:
                future = super().submit(*args, **keywords)
                future.result()
                return future
            gone: Future[Any] = Future()
            gone.cancel()
            return gone

    with Leaving(1) as executor, taken_for_a_cluster(executor, 1):
        outcome = mechopt.simulate(shortened(model, BLOCKS[model]), seed=1)
    assert outcome.status == "incomplete"
    assert any("the cluster is gone" in warning for warning in outcome.warnings)
    assert any("what is missing may differ" in warning for warning in outcome.warnings)
    assert outcome.to_json()
    assert all(picture.numbers for picture in outcome.pictures())  # what is drawn of it is there


def wait_for(place: str) -> str:
    deadline = time.monotonic() + 60
    while not os.path.exists(place) and time.monotonic() < deadline:
        time.sleep(0.05)
    return place


def test_ctrl_c_here_does_not_wait_for_what_runs_there(address: str, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    ready, never = tmp_path / "ready", tmp_path / "never"
    ready.touch()
    with pytest.raises(tasks.Interrupted) as caught, tasks.cluster(address), tasks.pool(1) as executor:
        tasks.run(wait_for, [str(ready), *[str(never)] * 20], executor=executor, progress=interrupt)
    assert caught.value.finished == {0: str(ready)}
    never.touch()  # only now can the tasks that were running end


def test_workers_without_this_mechopt_are_refused_and_not_waited_for(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mechopt, "__version__", "99.0")
    with pytest.raises(InstanceError, match="is needed"), tasks.cluster(address):
        pytest.fail("the workers have another version")


@pytest.mark.parametrize("wrong", ["127.0.0.1:1", "spark://here:1", "dask://", "dask://127.0.0.1:9"])
def test_wrong_addresses_are_named(
    wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers, "CONNECT_SECONDS", 1)
    with pytest.raises(InstanceError, match="--executor"), tasks.cluster(wrong):
        pytest.fail("there is no cluster")
    assert main(["axioms", "talmud", "--claimants", "1", "--executor", wrong]) == 2
    assert "--executor" in capsys.readouterr().err


def die(_item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_task_that_kills_workers_there_is_one_clear_line(address: str) -> None:
    """The last test of this file: it leaves no worker."""
    with tasks.cluster(address), tasks.pool(1) as executor, pytest.raises(tasks.WorkerLost, match="workers of the cl"):
        tasks.run(die, [1], executor=executor)
