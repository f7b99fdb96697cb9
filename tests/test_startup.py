"""`import mechopt`, `mechopt --help` and `mechopt --version` stay light."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

HEAVY = {
    "numpy", "scipy", "cvxpy", "pyomo", "sympy", "z3", "pandas", "polars", "matplotlib", "numba",
    "flint", "highspy", "pyarrow", "duckdb", "ibis", "jinja2",
}  # fmt: skip
COMMANDS = [["--help"], ["--version"]]

# What a command line of this size costs with the library alone.
BARE = """
import cyclopts
app = cyclopts.App(name="bare", version="0")
@app.command
def solve(model: str, *, json: bool = False, out: str | None = None) -> None:
    '''Solve.'''
@app.command
def check(model: str, *, json: bool = False, out: str | None = None) -> None:
    '''Check.'''
app()
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=True)


def loaded(code: str, *arguments: str) -> set[str]:
    """The top-level modules loaded once the code has run, even if it exits."""
    ending = "import atexit, sys\natexit.register(lambda: print('LOADED', *sorted(sys.modules), file=sys.stderr))\n"
    line = python("-c", ending + code, *arguments).stderr.rpartition("LOADED ")[2]
    names = {name.split(".")[0] for name in line.split()}
    assert "sys" in names
    return names


def seconds(*arguments: str) -> float:
    """Least CPU time of a fresh interpreter over a few runs; other work on the machine only ever adds to it."""
    times = []
    for _ in range(7):
        process = subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        times.append(usage.ru_utime + usage.ru_stime)
    return min(times)


def test_importing_mechopt_loads_nothing_heavy() -> None:
    assert not loaded("import mechopt") & (HEAVY | {"msgspec", "cyclopts", "rich"})


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_command_line_starts_without_the_heavy_libraries(command: list[str]) -> None:
    assert (
        not loaded("import runpy; runpy.run_module('mechopt', run_name='__main__', alter_sys=True)", *command) & HEAVY
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_import_times_name_no_heavy_library(command: list[str]) -> None:
    done = python("-X", "importtime", "-m", "mechopt", *command)
    named = {name.split(".")[0] for name in re.findall(r"^import time:.*\|\s*(\S+)$", done.stderr, re.MULTILINE)}
    assert "cyclopts" in named
    assert not named & HEAVY
    assert done.stdout.strip()


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="CPU time of a child process")
def test_importing_mechopt_is_quick() -> None:
    assert seconds("-c", "import mechopt") < 3 * seconds("-c", "import numpy")


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="CPU time of a child process")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_command_line_is_quick(command: list[str]) -> None:
    assert seconds("-m", "mechopt", *command) < 2.5 * seconds("-c", BARE, *command)
