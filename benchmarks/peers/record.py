"""What the last recorded run found, and the blocks of README.md and docs/peers.md that show it.

The numbers in both files are written here, from `results.json`; a test holds them to it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("results.json")
BEGIN, END = "<!-- peers: measured, written by `make peers RECORD=1` -->", "<!-- peers: end -->"


def load() -> Any:
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def grid(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def full(results: Any) -> str:
    """Every table."""
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    parts = [f"Measured on {results['date']}: Python {results['python']}, {results['processors']} processors, "
             f"load {results['load']}; {versions}."]  # fmt: skip
    for table in results["tables"]:
        parts += [f"### {table['title']}", table["about"], grid(table["head"], table["rows"])]
        parts += [f"Skipped: {reason}." for reason in table["skipped"]]
    return "\n\n".join(parts)


def short(results: Any) -> str:
    """A line a task: CPU time of each peer over mechopt's."""
    lines: dict[str, list[str]] = {}
    for table in results["tables"]:
        for task, peer, quotient in table["headlines"]:
            lines.setdefault(task, []).append(f"{peer} {quotient}")
    rows = [f"| {task} | {'; '.join(found)} |" for task, found in lines.items()]
    return "\n".join([f"| task ({results['date']}) | CPU time, mechopt = 1 |", "|---|---|", *rows])


def blocks(results: Any) -> dict[Path, str]:
    """What each file must show between the marks."""
    return {ROOT / "README.md": short(results), ROOT / "docs" / "peers.md": full(results)}


def shown(path: Path) -> str:
    """What a file does show."""
    return path.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()


def write(results: Any) -> None:
    """Keep the results and renew the blocks."""
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for path, block in blocks(results).items():
        before, rest = path.read_text(encoding="utf-8").split(BEGIN)
        path.write_text(f"{before}{BEGIN}\n\n{block}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
