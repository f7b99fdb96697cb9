from __future__ import annotations

import math
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mechopt import sending, tasks
from mechopt.errors import InstanceError, LimitError, MechoptError
from mechopt.solver import InfeasibleError
from mechopt.tasks import Interrupted, WorkerLost, pool, run
from mechopt.workers import Processes


def square(number: int) -> int:
    return number * number


def draw(number: int, generator: np.random.Generator) -> float:
    return number + float(generator.random())


def test_results_come_in_the_order_of_the_items() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.05 if number == 0 else 0)
        return number

    with ThreadPoolExecutor(4) as pool:
        assert run(slow_first, range(8), executor=pool) == list(range(8))
    assert run(square, range(5)) == [0, 1, 4, 9, 16]
    assert run(square, iter([3])) == [9]


def test_no_items() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert run(square, [], executor=pool) == run(square, []) == []


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_random_streams_do_not_depend_on_who_runs_them(chunk: int) -> None:
    serial = run(draw, range(10), seed=7)
    with ThreadPoolExecutor(3) as pool:
        assert run(draw, range(10), seed=7, executor=pool, chunk=chunk) == serial
    # the streams are the spawned ones, and a task keeps its stream when others are already finished
    spawned = np.random.SeedSequence(7).spawn(10)
    assert serial == [i + np.random.default_rng(child).random() for i, child in enumerate(spawned)]
    assert run(draw, range(10), seed=7, finished=dict(enumerate(serial[:4]))) == serial
    assert len({value % 1 for value in serial}) == 10
    assert run(draw, range(10), seed=8) != serial


def test_processes() -> None:
    script = (
        "import math\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from multiprocessing import get_context\n"
        "from mechopt.tasks import run\n"
        "if __name__ == '__main__':\n"
        "    with ProcessPoolExecutor(2, mp_context=get_context('spawn')) as pool:\n"
        "        print(run(math.factorial, range(6), executor=pool, chunk=2))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[1, 1, 2, 6, 24, 120]"


def test_progress_counts_up_to_the_total() -> None:
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))

    run(square, range(3), progress=progress)
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    seen.clear()
    with ThreadPoolExecutor(1) as pool:
        run(square, range(5), executor=pool, progress=progress, chunk=2)
    assert seen[0] == (0, 5)
    assert seen[-1] == (5, 5)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_ctrl_c_keeps_finished_work_and_the_next_run_goes_on() -> None:
    calls: list[int] = []

    def impatient(number: int) -> int:
        calls.append(number)
        if number == 3 and calls.count(3) == 1:
            raise KeyboardInterrupt
        return -number

    with pytest.raises(Interrupted) as caught:
        run(impatient, range(6))
    assert caught.value.finished == {0: 0, 1: -1, 2: -2}
    assert str(caught.value) == "interrupted with 3 of 6 tasks finished"
    assert isinstance(caught.value, MechoptError)
    assert pickle.loads(pickle.dumps(caught.value)).finished == caught.value.finished
    assert run(impatient, range(6), finished=caught.value.finished) == [0, -1, -2, -3, -4, -5]
    assert calls == [0, 1, 2, 3, 3, 4, 5]


def test_ctrl_c_inside_a_chunk_keeps_the_part_that_is_done() -> None:
    def impatient(number: int) -> int:
        if number == 2:
            raise KeyboardInterrupt
        return number

    with ThreadPoolExecutor(1) as pool, pytest.raises(Interrupted) as caught:
        run(impatient, range(4), executor=pool, chunk=4)
    assert caught.value.finished == {0: 0, 1: 1}


def test_ctrl_c_here_cancels_what_has_not_started() -> None:
    started: list[int] = []
    hold = threading.Event()

    def task(number: int) -> int:
        started.append(number)
        if number > 0:
            hold.wait(10)
        return number

    def interrupt(done: int, _total: int) -> None:
        if done == 1:
            hold.set()
            raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as pool, pytest.raises(Interrupted) as caught:
        run(task, range(50), executor=pool, progress=interrupt)
    assert sorted(caught.value.finished) == started
    assert len(started) < 50


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to a process group")
def test_ctrl_c_at_a_terminal_with_worker_processes(tmp_path: Path) -> None:
    script = tmp_path / "study.py"
    script.write_text(
        "import time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from mechopt.tasks import Interrupted, run\n"
        "def task(number):\n"
        "    time.sleep(60 if number >= 4 else 0)\n"
        "    return number\n"
        "def progress(done, total):\n"
        "    print('done', done, flush=True)\n"
        "if __name__ == '__main__':\n"
        "    with ProcessPoolExecutor(2) as pool:\n"
        "        try:\n"
        "            run(task, range(8), executor=pool, progress=progress)\n"
        "        except Interrupted as interrupted:\n"
        "            print('kept', sorted(interrupted.finished.items()), flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "done 4":
                time.sleep(0.3)
                os.killpg(process.pid, signal.SIGINT)
                break
        rest = process.communicate(timeout=60)[0]
    assert "kept [(0, 0), (1, 1), (2, 2), (3, 3)]" in rest


@pytest.mark.parametrize("threads", [0, 1])
def test_a_failing_task_is_named_and_the_finished_work_is_kept(threads: int) -> None:
    def task(number: int) -> float:
        return 1 / (number - 2)

    finished: dict[int, float] = {}
    executor: Executor | None = ThreadPoolExecutor(threads) if threads else None
    with pytest.raises(ZeroDivisionError) as caught:
        run(task, range(3), executor=executor, finished=finished)
    assert caught.value.__notes__ == ["in task 2 (counted from 0)"]
    assert finished == {0: -0.5, 1: -1.0}
    if executor is not None:
        executor.shutdown()


def test_a_broken_pool_loses_no_finished_work() -> None:
    class Breaking(ThreadPoolExecutor):
        def submit(self, *args: object, **keywords: object) -> object:  # type: ignore[override]
            if args[2][0][0] == 2:  # type: ignore[index]
                raise BrokenExecutor("gone")
            return super().submit(*args, **keywords)  # type: ignore[arg-type]

    finished: dict[int, int] = {}
    with Breaking(1) as pool, pytest.raises(BrokenExecutor):
        run(square, range(4), executor=pool, finished=finished)
    assert set(finished) <= {0, 1}
    assert run(square, range(4), finished=finished) == [0, 1, 4, 9]


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(InstanceError, match="chunk"):
        run(square, [1], chunk=-1)
    with pytest.raises(InstanceError, match="finished"):
        run(square, [1], finished={1: 1})


def test_one_worker_is_here_and_more_are_processes() -> None:
    with pool(1) as here:
        assert here is None
    with pool(2) as executor:
        assert isinstance(executor, Processes)
        assert run(math.factorial, range(4), executor=executor) == [1, 1, 2, 6]
    with pytest.raises(InstanceError, match="at least 1"), pool(0):
        pytest.fail("no pool of no processes")


STUDY = """
import os, signal, sys, time
from pathlib import Path
from mechopt.tasks import Interrupted, WorkerLost, pool, run

def dies_once(number):
    mark = Path(sys.argv[1]) / "died"
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number, number * number

def dies_always(number):
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number

class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(one + two)

def odd(number):
    raise Odd(3, 4)

def waits(number):
    time.sleep(600 if number == 5 else 0)
    return number

if __name__ == "__main__":
    with pool(3) as executor:
        EXPRESSION
"""


def study(tmp_path: Path, expression: str) -> subprocess.Popen[str]:
    script = tmp_path / "study.py"
    script.write_text(STUDY.replace("EXPRESSION", expression.replace("\n", "\n        ")))
    return subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_a_killed_worker_is_replaced_and_nothing_is_lost(tmp_path: Path) -> None:
    with study(tmp_path, "print(run(dies_once, range(20), executor=executor))") as process:
        out, err = process.communicate(timeout=120)
    assert out.strip() == str([(number, number * number) for number in range(20)])
    assert (tmp_path / "died").exists()
    assert err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_a_task_that_kills_its_worker_is_named_and_the_rest_is_done(tmp_path: Path) -> None:
    lines = (
        "try:\n    run(dies_always, range(30), executor=executor)\n"
        "except WorkerLost as lost:\n    print(lost)\n    print(len(lost.finished), 1 in lost.finished)\n"
        "print(run(waits, range(3), executor=executor))"
    )
    with study(tmp_path, lines) as process:
        out = process.communicate(timeout=120)[0].splitlines()
    assert re.match(r"3 times a worker process died while it had task ([0-9]+, )*1[ ,]", out[0])
    count, known = out[1].split()
    assert int(count) >= 30 - 3 * sending.AHEAD  # the others that were out at the last death
    assert known == "False"
    assert out[2] == "[0, 1, 2]"  # the pool goes on


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to a process group")
@pytest.mark.parametrize("whole_group", [True, False])
def test_ctrl_c_is_quiet_in_idle_workers_and_does_not_wait_for_a_long_task(tmp_path: Path, whole_group: bool) -> None:
    """At a terminal every process gets the signal; a batch system may signal only the one it has started."""
    lines = (
        "try:\n    run(waits, range(6), executor=executor, progress=lambda done, total: print(done, flush=True))\n"
        "except Interrupted as interrupted:\n    print('kept', sorted(interrupted.finished))"
    )
    with study(tmp_path, lines) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "5":
                time.sleep(0.2)
                (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
                break
        out, err = process.communicate(timeout=60)
    assert out.strip() == "kept [0, 1, 2, 3, 4]"
    assert err == ""


def test_a_script_without_a_guard_is_told_what_it_lacks(tmp_path: Path) -> None:
    script = tmp_path / "study.py"
    script.write_text("import math\nfrom mechopt.tasks import pool, run\n"
                      "with pool(2) as executor:\n    run(math.factorial, range(3), executor=executor)\n")  # fmt: skip
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert "A script of your own starts processes below `if __name__ == '__main__':` only" in done.stderr


def test_errors_of_mechopt_come_back_whole_from_another_process() -> None:
    """One that does not would break the pool, and be taken for a dead worker."""
    found: list[MechoptError] = [
        InstanceError("bad", file="f.toml", key="k", row=3), LimitError("late", bound=2.5),
        WorkerLost("died", {0: 1}, 2), Interrupted({1: 2}, 3), InfeasibleError("no point", ("a",)),
    ]  # fmt: skip
    for error in found:
        back = pickle.loads(pickle.dumps(error))
        assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))


def test_an_error_that_cannot_travel_is_told_in_words(tmp_path: Path) -> None:
    lines = (
        "try:\n    run(odd, range(3), executor=executor)\n"
        "except RuntimeError as error:\n    print(error, error.__notes__)"
    )
    with study(tmp_path, lines) as process:
        out = process.communicate(timeout=120)[0]
    assert "Odd: 7" in out
    assert re.search(r"in task [0-2] \(counted from 0\)", out)


def test_chunks_grow_with_what_short_tasks_take_and_shrink_towards_the_end() -> None:
    sizes: list[int] = []

    class Counting(ThreadPoolExecutor):
        def submit(self, *args: object, **keywords: object) -> object:  # type: ignore[override]
            sizes.append(len(args[2]))  # type: ignore[arg-type]
            return super().submit(*args, **keywords)  # type: ignore[arg-type]

    with Counting(2) as executor:
        assert run(square, range(5000), executor=executor, chunk=0) == [number * number for number in range(5000)]
    assert sizes[: 2 * sending.AHEAD] == [1] * 2 * sending.AHEAD
    assert max(sizes) > 100
    assert sizes[-1] < max(sizes)
    assert len(sizes) < 200


def test_ctrl_c_makes_no_noise_in_the_threads_of_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's pool raised InvalidStateError in its thread where futures were cancelled before its processes ended."""
    heard: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda unraised: heard.append(unraised.exc_value))

    def stop(done: int, _total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pool(2) as executor:
        for _ in range(3):
            with pytest.raises(Interrupted) as caught:
                run(math.factorial, [3] * 40, executor=executor, progress=stop)
            assert caught.value.finished[0] == 6
    assert heard == []


def test_what_is_finished_is_kept_where_a_run_breaks_off() -> None:
    finished: dict[int, int] = {}

    def third(number: int) -> int:
        if number == 2:
            raise KeyboardInterrupt
        return number

    with tasks.keeping(finished) as ending:
        run(third, range(5), finished=finished)
    assert (ending.status, ending.warnings) == ("interrupted", ("interrupted with 2 of 5 tasks finished",))
    assert finished == {0: 0, 1: 1}
    with tasks.keeping(finished) as ending:
        run(square, range(2, 4), finished=(rest := dict[int, int]()))
    assert (ending.status, ending.warnings, rest) == ("", (), {0: 4, 1: 9})
    nothing: dict[int, int] = {}
    with pytest.raises(Interrupted), tasks.keeping(nothing):
        run(third, [2], finished=nothing)
    with pytest.raises(ValueError, match="its own"), tasks.keeping(finished):
        raise ValueError("its own")


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_ctrl_c_while_the_command_is_loaded_is_one_line() -> None:
    """`mechopt.cli` imports a library or two: a tenth of a second in which an impatient user may press Ctrl-C."""
    code = (
        "import sys, signal, os, importlib.abc\n"
        "class Impatient(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'cyclopts': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "from mechopt.__main__ import start\n"
        "sys.exit(start())\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (130, "", "mechopt: interrupted\n")
