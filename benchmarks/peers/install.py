"""Install the pinned peers one by one into this environment; one that cannot be installed is named, and skipped.

python benchmarks/peers/install.py
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.peers.run import pinned


def main() -> None:
    for requirement in pinned():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            reason = next((line for line in ended.stderr.splitlines() if line.startswith("ERROR")), "no reason given")
            print(f"{requirement}: skipped, {reason}")


if __name__ == "__main__":
    main()
