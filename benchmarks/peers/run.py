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
from datetime import date

from benchmarks.peers import record
from benchmarks.peers.room import Table, show

COMPARISONS = ("linear_programs", "claims_rules", "approachability", "sequencing", "certificates")


def pinned() -> list[str]:
    """The requirements of the dependency group `peers`."""
    project = tomllib.loads((record.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["dependency-groups"]["peers"])


def versions() -> dict[str, str]:
    """What is installed of the peers and of what mechopt itself stands on."""
    found = {}
    for name in ("mechopt", "highspy", "numpy", *(requirement.split("==")[0] for requirement in pinned())):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="renew results.json, README.md and docs/peers.md")
    parser.add_argument("--only", choices=COMPARISONS, nargs="*", default=COMPARISONS, help="these comparisons")
    options = parser.parse_args()
    if options.record and tuple(options.only) != COMPARISONS:
        parser.error("--record needs all comparisons")
    found: list[Table] = []
    for name in options.only:
        tables = importlib.import_module(f"benchmarks.peers.{name}").tables()
        show(tables)
        found += tables
    if options.record:
        record.write({
            "date": date.today().isoformat(), "python": platform.python_version(), "processors": os.cpu_count(),
            "load": f"{os.getloadavg()[0]:.1f}", "versions": versions(), "tables": [t.as_dict() for t in found],
        })  # fmt: skip


if __name__ == "__main__":
    main()
