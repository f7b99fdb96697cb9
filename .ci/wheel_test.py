"""Test the installed wheel from a folder that is not the checkout: run by `make wheel-test` in its environment."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}


def run(*command: str, folder: Path) -> str:
    """Run an installed command in a folder and return what it printed; any failure ends the test."""
    print("$", " ".join(command), flush=True)
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def main() -> None:
    """Check the import names, the content, the commands, and then the tests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", default="2")
    jobs = parser.parse_args().jobs

    for name in ("models", "verification", "tests", "benchmarks"):
        found = importlib.util.find_spec(name)
        if found is not None:
            sys.exit(f"the wheel installed `{name}` as an import name: {found}")

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        home = Path(run("python", "-c", "import mechopt; print(mechopt.__file__)", folder=folder).strip()).parent
        if home == CHECKOUT / "mechopt" or not home.is_relative_to(BIN.parent):
            sys.exit(f"mechopt came from {home}, not from the wheel")
        for shelf in ("models", "verification"):
            kept = {
                path.relative_to(CHECKOUT / shelf)
                for path in (CHECKOUT / shelf).rglob("*")
                if path.is_file() and "__pycache__" not in path.parts
            }
            missing = sorted(str(path) for path in kept if not (home / "_bundled" / shelf / path).is_file())
            if missing or not kept:
                sys.exit(f"the wheel lacks content of {shelf}/: {missing or 'all of it'}")
        if not (home / "py.typed").is_file():
            sys.exit("the wheel lacks py.typed")

        if "overage/eu_ets_2019" not in run("mechopt", "list", folder=folder):
            sys.exit("`mechopt list` does not show overage/eu_ets_2019")
        summary = json.loads(run("mechopt", "solve", "overage/eu_ets_2019", "--json", folder=folder))["summary"]
        if summary["accounts"] != 11011:
            sys.exit(f"`mechopt solve` settled {summary['accounts']} accounts, not 11011")
        run("mechopt", "new", "overage", folder=folder)
        written = sorted(folder.glob("*.toml"))
        if len(written) != 1:
            sys.exit(f"`mechopt new overage` left {len(written)} documents")
        run("mechopt", "solve", written[0].name, "--json", folder=folder)

        away = folder / "elsewhere"
        away.mkdir()
        shutil.copytree(CHECKOUT / "tests", away / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(CHECKOUT / "pyproject.toml", away)
        command = [str(BIN / "pytest"), "-q", "-n", jobs, "-m", "not slow and not checkout", "tests"]
        print("$", *command, flush=True)
        sys.exit(subprocess.run(command, cwd=away, env=ENVIRONMENT).returncode)


if __name__ == "__main__":
    main()
