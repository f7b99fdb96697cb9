"""Seed faults into a mechanism's engine, one at a time, and see whether the ledger or the tests notice.

Each fault of <mechanism>_faults.toml is put into a temporary copy of the checkout. The quick claims of the mechanism's
ledger run first, its tests after them; the first that fails has caught it. Before that the copy without a fault has to
pass both, or nothing would be shown.

    python benchmarks/mutation.py                          all faults of overage, two at a time
    python benchmarks/mutation.py --only collar            those whose file or reason contains a word
    python benchmarks/mutation.py --mechanism linked_vcg   another mechanism
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parent.parent
ENGINES = Path("mechopt/mechanisms")
COPIED = ("mechopt", "models", "verification", "tests", "docs", "benchmarks", "pyproject.toml", "README.md")
LIMIT = 900  # seconds per run; a fault that makes the code run for ever is noticed
ENOUGH = 5  # times what the sound copy takes, if that is more: on a loaded machine all is slow without any fault

LEDGER = """
import sys
from mechopt import catalog
from mechopt.claims.examine import examine
from mechopt.claims.select import shelf
from mechopt.evidence import Run

held = shelf([sys.argv[1]])
shared = [file.read_text() for file in catalog.root("verification").glob(f"{sys.argv[1]}/_*.py")]
for name, claim in held.claims.items():
    # A claim whose file and whose folder's shared files never import an engine cannot notice.
    if not any("mechopt.mechanisms" in text for text in [*shared, claim.file.read_text()]):
        continue
    if claim.tier == "quick" and not examine(claim, Run()).as_expected:
        sys.exit(name)
sys.exit(f"cannot be loaded: {list(held.broken)}" if held.broken else 0)
"""
TESTS = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not slow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A replacement in the engine's source.

    Attributes:
        mechanism: whose engine it is.
        file: in that package.
        old: the text that is replaced; it occurs exactly once.
        new: what stands there instead.
        why: what is wrong with that.
        tests: the test file that is tried first, by default that of the same name.
        equivalent: why no result changes, where that is so.
    """

    mechanism: str
    file: str
    old: str
    new: str
    why: str
    tests: str = ""
    equivalent: str = ""

    def seed(self, tree: Path) -> Callable[[], None]:
        """Write the faulty file into a copy of the checkout; gives the function that puts the sound one back."""
        path = tree / ENGINES / self.mechanism / self.file
        sound = path.read_text(encoding="utf-8")
        if sound.count(self.old) != 1:
            raise SystemExit(f"{self.file} has changed since the list was read: {self.why}")
        path.write_text(sound.replace(self.old, self.new), encoding="utf-8")

        def restore() -> None:
            path.write_text(sound, encoding="utf-8")

        return restore


def read(mechanism: str) -> list[Fault]:
    """The faults listed for a mechanism.

    Raises:
        SystemExit: a text to be replaced does not occur exactly once: the list is out of date.
    """
    path = Path(__file__).with_name(f"{mechanism}_faults.toml")
    faults = [Fault(mechanism=mechanism, **entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["fault"]]
    engine = ROOT / ENGINES / mechanism
    stale = [f for f in faults if (engine / f.file).read_text(encoding="utf-8").count(f.old) != 1]
    if stale:
        sys.exit("\n".join(f"{f.file}: not found exactly once: {f.old!r} ({f.why})" for f in stale))
    return faults


def call(tree: Path, limit: float | None, *arguments: str) -> tuple[bool, str]:
    """Whether a Python process fails there, and the last thing it says."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tree, env=environment, capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return True, f"no end in {limit:.0f} s"
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    failed = [line for line in said if line.startswith(("FAILED", "ERROR"))]
    return done.returncode != 0, (failed or said or [""])[-1]


def noticed(tree: Path, mechanism: str, file: str = "", *, limit: float | None = None) -> tuple[str, str]:
    """("ledger" or "tests", what noticed), or ("", "") where nothing does; that file of tests comes first."""
    failed, what = call(tree, limit, "-c", LEDGER, mechanism)
    if failed:
        return "ledger", what
    own = f"tests/{mechanism}/{file}"
    first = [own] if (tree / own).is_file() else []
    failed, what = call(tree, limit, *TESTS, *first, f"tests/{mechanism}", f"--ignore=tests/{mechanism}/test_ledger.py")
    return ("tests", what) if failed else ("", "")


def copy(folder: Path) -> Path:
    """A copy of the checkout without what is built from it."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        elif source.is_file():
            shutil.copyfile(source, folder / name)
    return folder


def hunt(faults: list[Fault], workers: int) -> list[tuple[Fault, str, str]]:
    """Every fault with who noticed it, in the order of the list; a line is written as each is done.

    Raises:
        SystemExit: the copy without a fault fails.
    """
    results: dict[int, tuple[Fault, str, str]] = {}
    with tempfile.TemporaryDirectory(prefix="mechopt-mutation-") as folder:
        trees: Queue[Path] = Queue()
        for worker in range(workers):
            (Path(folder) / str(worker)).mkdir()
            trees.put(copy(Path(folder) / str(worker)))
        tree, started = trees.get(), time.perf_counter()
        by, what = noticed(tree, faults[0].mechanism)
        limit = max(LIMIT, ENOUGH * (time.perf_counter() - started))
        trees.put(tree)
        if by:
            sys.exit(f"without any fault the {by} fail: {what}")

        def one(position: int) -> int:
            fault, tree = faults[position], trees.get()
            restore, file = fault.seed(tree), fault.tests or f"test_{fault.file}"
            try:
                results[position] = (fault, *noticed(tree, fault.mechanism, file, limit=limit))
            finally:
                restore()
                # An example that Hypothesis kept would fail for the next fault as well, whatever that is.
                shutil.rmtree(tree / ".hypothesis", ignore_errors=True)
                trees.put(tree)
            return position

        with ThreadPoolExecutor(workers) as pool:
            for done in as_completed([pool.submit(one, position) for position in range(len(faults))]):
                fault, by, what = results[done.result()]
                state = by or ("equivalent" if fault.equivalent else "SURVIVED")
                print(f"{len(results):3}/{len(faults)}  {state:10} {fault.file}: {fault.why}  [{what}]", flush=True)
    return [results[position] for position in sorted(results)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mechanism", default="overage", help="whose faults")
    parser.add_argument("--only", default="", help="a word in the file or the reason")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the result here")
    options = parser.parse_args()
    started = time.perf_counter()
    faults = read(options.mechanism)
    faults = [fault for fault in faults if options.only in f"{fault.file} {fault.why}"]
    if not faults:
        sys.exit(f"no fault has {options.only!r} in its file or reason")
    results = hunt(faults, options.workers)
    survived = [fault for fault, by, _ in results if not by and not fault.equivalent]
    wrong = [fault for fault, by, _ in results if by and fault.equivalent]
    counts = {
        "faults": len(results),
        "caught_by_ledger": sum(by == "ledger" for _, by, _ in results),
        "caught_by_tests_only": sum(by == "tests" for _, by, _ in results),
        "equivalent": sum(bool(fault.equivalent) for fault, _, _ in results),
        "survived": len(survived),
        "seconds": round(time.perf_counter() - started),
    }
    print(", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in counts.items()))
    for fault in wrong:
        print(f"said to be equivalent, but noticed: {fault.file}: {fault.why}")
    if options.json:
        found = [{"file": f.file, "why": f.why, "caught_by": by or None, "what": what} for f, by, what in results]
        options.json.write_text(json.dumps({**counts, "results": found}, indent=1), encoding="utf-8")
    return 1 if survived or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
