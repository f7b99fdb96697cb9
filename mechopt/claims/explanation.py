"""A record as text: what a reader needs to follow the verdict by hand."""

from __future__ import annotations

import textwrap

from mechopt.claims.record import Record
from mechopt.evidence import Evidence, text

WIDTH = 80


def explain(record: Record) -> str:
    """Statement, reading, hypotheses, evidence with controls, counterexample and repair of a claim, as plain text."""
    shown = record.verdict.replace("_", " ") if record.error is None else "ERROR"
    lines = [f"{record.id}: {record.title}: {shown}", ""]
    if not record.as_expected:
        lines += _field("on record", (record.expected or "not refuted").replace("_", " "))
    for name, value in (
        ("error", record.error),
        ("reason", record.reason),
        ("covers", record.range),
        ("statement", record.statement),
        ("reading", record.reading),
        ("hypotheses", "; ".join(record.hypotheses)),
        ("proof", record.proof),
    ):
        if value:
            lines += _field(name, value)
    for name, verdict in record.rests_on.items():
        lines += _field("rests on", f"{name}" + (f", which is {verdict.replace('_', ' ')}" if verdict else ""))
    for piece in record.evidence:
        lines += _evidence(piece)
    if record.witness is not None:
        lines += ["", "counterexample (shrunk, replayed by independent code)"]
        lines += [f"    {name} = {text(value)}" for name, value in record.witness.instance.items()]
        lines += ["  step by step", textwrap.indent(record.witness.steps.strip(), "    ")]
        lines += ["  in Python", textwrap.indent(record.witness.python, "    ")]
        if record.witness.document:
            lines += ["  as a model document", textwrap.indent(record.witness.document.rstrip(), "    ")]
    if record.repaired_by:
        lines += ["", f"true instead: see {record.repaired_by}"]
    return "\n".join([*lines, ""])


def _field(name: str, value: str, indent: str = "  ") -> list[str]:
    body = textwrap.wrap(value, WIDTH - len(indent) - 12, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{indent}{name:<11} {body[0]}", *(f"{indent}{'':<11} {line}" for line in body[1:])]


def _evidence(piece: Evidence) -> list[str]:
    state = {True: "holds", False: "does not hold", None: "not decided"}[piece.holds]
    lines = ["", f"  {piece.kind}: {state} ({piece.seconds:.2f} s)", *_field("range", piece.range, "    ")]
    if piece.detail:
        lines += _field("how", piece.detail, "    ")
    if piece.instance:
        lines += _field("example", text(piece.instance), "    ")
    if piece.control is not None:
        outcome = "refuted, as it must be" if piece.control.refuted else "NOT refuted: the check cannot fail"
        where = f" at {text(piece.control.witness)}" if piece.control.witness else ""
        lines += _field("control", f"{piece.control.text}: {outcome}{where}", "    ")
    return lines
