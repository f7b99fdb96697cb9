"""All comparisons with peers, one after another; what is not installed is named.

python benchmarks/peers/run.py              print every table
python benchmarks/peers/run.py --record     also renew results.json and what README.md and docs/peers.md show
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import tomllib
from dataclasses import asdict
from datetime import date
from typing import Any

from benchmarks.peers import record
from benchmarks.peers.room import show


def pinned() -> list[str]:
    """The requirements of the dependency group `peers`."""
    project = tomllib.loads((record.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["dependency-groups"]["peers"])


def circumstances() -> dict[str, Any]:
    """When, on what, and with which versions of the peers and of what mechopt itself stands on."""
    versions = {}
    for name in ("mechopt", "highspy", "numpy", *(requirement.split("==")[0] for requirement in pinned())):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {"date": date.today().isoformat(), "python": platform.python_version(), "processors": os.cpu_count(),
            "load": f"{os.getloadavg()[0]:.1f}", "versions": versions}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="renew results.json, README.md and docs/peers.md")
    parser.add_argument("--only", choices=record.ORDER, nargs="*", default=record.ORDER, help="these comparisons")
    options = parser.parse_args()
    for name in options.only:
        tables = importlib.import_module(f"benchmarks.peers.{name}").tables()
        show(tables)
        if options.record:
            record.write({name: circumstances() | {"tables": [asdict(table) for table in tables]}})


if __name__ == "__main__":
    main()
