"""What the last recorded run found, and the blocks of README.md and docs/peers.md that show it.

The numbers in both files are written here, from `results.json`; a test holds them to it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("results.json")
ORDER = ("linear_programs", "claims_rules", "approachability", "sequencing", "certificates")
BEGIN, END = "<!-- peers: measured, written by `make peers RECORD=1` -->", "<!-- peers: end -->"


def load() -> Any:
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def grid(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def full(results: Any) -> str:
    """Every table, under the circumstances of the run that made it."""
    parts: list[str] = []
    for run in results.values():
        versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
        circumstances = (f"Measured on {run['date']}: Python {run['python']}, {run['processors']} processors, load "
                         f"{run['load']}; {versions}.")  # fmt: skip
        parts += [] if circumstances in parts else [circumstances]
        for table in run["tables"]:
            parts += [f"### {table['title']}", table["about"], grid(table["head"], table["rows"])]
            parts += [f"Skipped: {reason}." for reason in table["skipped"]]
    return "\n\n".join(parts)


def short(results: Any) -> str:
    """A line a task: CPU time of each peer over mechopt's."""
    lines: dict[str, list[str]] = {}
    for table in (table for run in results.values() for table in run["tables"]):
        for task, peer, quotient in table["headlines"]:
            lines.setdefault(task, []).append(f"{peer} {quotient}")
    rows = [f"| {task} | {'; '.join(found)} |" for task, found in lines.items()]
    dates = sorted({run["date"] for run in results.values()})
    return "\n".join([f"| task | CPU time on {' and '.join(dates)}, mechopt = 1 |", "|---|---|", *rows])


def blocks(results: Any) -> dict[Path, str]:
    """What each file must show between the marks."""
    return {ROOT / "README.md": short(results), ROOT / "docs" / "peers.md": full(results)}


def shown(path: Path) -> str:
    """What a file does show."""
    return path.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()


def write(found: dict[str, Any]) -> None:
    """Keep the results of some comparisons beside those that are there, and renew the blocks."""
    kept = load() if RESULTS.exists() else {}
    results = {name: run for name in ORDER if (run := found.get(name, kept.get(name)))}
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for path, block in blocks(results).items():
        before, rest = path.read_text(encoding="utf-8").split(BEGIN)
        path.write_text(f"{before}{BEGIN}\n\n{block}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
