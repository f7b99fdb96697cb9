"""The ledger as pages, one for each paper, from the claims' own data; a run of the ledger adds evidence and witnesses.

Without a run (`mechopt verify --json`, kept as a file and named by LEDGER=file to `make docs`) a page shows the verdict
on record, which the tests hold against the computed one, and the counterexamples kept in counterexamples.json.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mechopt.claims.coverage import statements
from mechopt.claims.select import shelf
from mechopt.claims.statement import Claim, describe
from mechopt.errors import CatalogError
from mechopt.paper import PAPERS

KEPT = Path(__file__).parents[1] / "counterexamples.json"
MARKS = {"proved": "✓", "proved in range": "◐", "supported": "~", "refuted": "✗", "not checked": "–"}


def write(folder: Path, run: str | None) -> None:
    """Write the index and a page for each paper, and only those that changed.

    Raises:
        CatalogError: a file of claims cannot be loaded; the site would be silent about its statements.
    """
    folder.mkdir(exist_ok=True)
    records = {} if run is None else _records(Path(run))
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    known = shelf()
    if known.broken:
        file, problem = next(iter(known.broken.values()))
        raise CatalogError(f"{file}: {problem}")
    own = {name: [claim for claim in known.claims.values() if claim.mechanism == name] for name in PAPERS}
    pages = {f"{name}.md": _page(name, claims, known.claims, records, kept) for name, claims in own.items()}
    pages["index.md"] = _index(own, records)
    for name, text in pages.items():
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text:
            (folder / name).write_text(text, encoding="utf-8")


def _records(run: Path) -> dict[str, Mapping[str, Any]]:
    return {record["id"]: record for record in json.loads(run.read_text(encoding="utf-8"))["claims"]}


def _index(own: Mapping[str, list[Claim]], records: Mapping[str, Mapping[str, Any]]) -> str:
    claims = [claim for paper in own.values() for claim in paper]
    ran = sum(claim.id in records for claim in claims)
    recorded = "the verdicts on record, which the tests hold against the computed ones"
    if ran == len(claims):
        source = "a run of all evidence"
    else:
        source = f"a run of {ran} of the {len(claims)} claims, and for the rest {recorded}" if ran else recorded
    lines = [
        "# The ledger",
        "",
        f"Every numbered statement of the five papers, and what became of it. These pages show {source}. "
        "What the verdicts mean: [evidence and verdicts](../concepts/evidence.md).",
        "",
        "| paper | numbered statements | claims | " + " | ".join(f"{m} {v}" for v, m in MARKS.items()) + " |",
        "|---|---|---|" + "---|" * len(MARKS),
    ]
    for name, claims in own.items():
        counts = Counter(_verdict(claim, records.get(claim.id)) for claim in claims)
        cells = [
            f"[{_text(f'{PAPERS[name].authors} ({PAPERS[name].year})')}]({name}.md)",
            str(len(statements(name))),
            str(len(claims)),
        ]
        lines.append("| " + " | ".join([*cells, *(str(counts[verdict]) for verdict in MARKS)]) + " |")
    lines += ["", "```{toctree}", ":hidden:", "", *own, "```", ""]
    return "\n".join(lines)


def _page(
    name: str,
    claims: list[Claim],
    known: Mapping[str, Claim],
    records: Mapping[str, Mapping[str, Any]],
    kept: Mapping[str, Mapping[str, Any]],
) -> str:
    lines = [f"# {_text(str(PAPERS[name]))}", "", "How to read it: [evidence and verdicts](../concepts/evidence.md)."]
    if (Path(__file__).parents[1] / f"{name}.md").exists():
        lines[-1] += f" The mechanism in use: [{name}](../{name}.md)."
    lines.append("")
    refuted = [claim for claim in claims if claim.expected == "refuted"]
    if refuted:
        lines += [
            "## Errata: what is refuted, and what is true instead",
            "",
            "| as printed | repaired by |",
            "|---|---|",
        ]
        lines += [f"| {_link(claim.id, claim, name)} | {_repair(claim, known, name)} |" for claim in refuted]
        lines.append("")
    lines += ["## Statements", ""]
    for claim in claims:
        lines += _claim(claim, known, records.get(claim.id), kept.get(claim.id), name)
    return "\n".join(lines)


def _claim(
    claim: Claim,
    known: Mapping[str, Claim],
    record: Mapping[str, Any] | None,
    kept: Mapping[str, Any] | None,
    page: str,
) -> list[str]:
    verdict = _verdict(claim, record)
    lines = [f"({_anchor(claim.id)})=", f"### {_text(claim.title)}: {MARKS[verdict]} {verdict}", ""]
    for label, value in (
        ("Statement", claim.statement),
        ("Reading", claim.reading),
        ("Hypotheses", "; ".join(describe(predicate) for predicate in claim.hypotheses)),
        ("Proof", claim.proof),
        ("Why it is not checked", claim.not_checked_reason or ""),
        ("Covers", record["range"] if record else ""),
    ):
        if value:
            lines += [f"**{label}.** {_text(value)}", ""]
    if claim.repaired_by:
        lines += [f"**True instead.** {_repair(claim, known, page)}", ""]
    if claim.rests_on:
        lines += ["**Rests on.** " + ", ".join(_link(other, known.get(other), page) for other in claim.rests_on), ""]
    witness = record["witness"] if record else kept if claim.expected == "refuted" else None
    if witness:
        lines += _witness(witness)
    if claim.expected != "not_checked":
        full = " --full" if claim.tier == "full" else ""
        what = "the counterexample, step by step" if claim.expected == "refuted" else "the evidence"
        file = f"verification/{page}/{claim.file.name}" if claim.file else ""
        lines += [f"To rebuild {what}: `mechopt verify {claim.id} --explain{full}` (`{file}`).", ""]
    return lines


def _witness(witness: Mapping[str, Any]) -> list[str]:
    values = [f"{name} = {_value(value)}" for name, value in witness["instance"].items()]
    block = [
        "**Counterexample**, shrunk, and replayed by independent code:",
        "",
        "```text",
        *values,
        "",
        witness["steps"],
    ]
    return [*block, "```", "", "In Python:", "", "```python", witness["python"].rstrip(), "```", ""]


def _value(value: Any) -> str:
    """As `mechopt verify --explain` writes it: fractions as 1/3, lists in brackets."""
    return "(" + ", ".join(map(_value, value)) + ")" if isinstance(value, list) else str(value)


def _repair(claim: Claim, known: Mapping[str, Claim], page: str) -> str:
    if claim.repaired_by is None:
        return "none on record"
    return _link(claim.repaired_by, known.get(claim.repaired_by), page)


def _link(name: str, claim: Claim | None, page: str) -> str:
    if claim is None:
        return f"`{name}`"
    return f"[{_text(claim.title)}](#{_anchor(name)})"


def _verdict(claim: Claim, record: Mapping[str, Any] | None) -> str:
    """In words: what a run of the claim gave, else the verdict on record; none on record is not checked."""
    return str((record["verdict"] if record else claim.expected) or "not_checked").replace("_", " ")


def _anchor(name: str) -> str:
    return "claim-" + re.sub(r"[^a-z0-9]+", "-", name)


def _text(value: str) -> str:
    """Plain text in Markdown: nothing of it is markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~^!])", r"\\\1", " ".join(value.split()))
