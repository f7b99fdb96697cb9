"""Compute the counterexamples that the ledger's pages show, and keep them beside the pages: `make counterexamples`.

Minutes of work, so the pages are built from what is kept. The tests run each one's Python and compare what it prints.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mechopt
from mechopt.claims.select import shelf

KEPT = Path(__file__).parents[1] / "counterexamples.json"


def main() -> None:
    """Write the file."""
    refuted = [claim.id for claim in shelf().claims.values() if claim.expected == "refuted" and claim.tier != "full"]
    keep(mechopt.verify(*refuted, workers=2).to_dict()["claims"])


def keep(records: list[dict[str, Any]]) -> None:
    """Write the witnesses of records, each with its numbers, the steps by hand and the Python that rebuilds it."""
    kept = {
        record["id"]: {name: record["witness"][name] for name in ("instance", "steps", "python")}
        for record in records
        if record["witness"]
    }
    KEPT.write_text(json.dumps(dict(sorted(kept.items())), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
