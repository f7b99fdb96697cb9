"""How a verdict follows from evidence, and from what a claim rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mechopt.claims.record import Record
from mechopt.claims.statement import Verdict
from mechopt.evidence import Evidence


def weigh(evidence: Sequence[Evidence]) -> tuple[Verdict, str]:
    """The verdict that sound evidence without a refutation gives, and the range it covers.

    A proof of the whole statement proves it; a proof or a full enumeration of a part proves that part; samples
    support. A piece that could not be decided may be a step that the others need: then the whole is not proved.
    """
    holding = [piece for piece in evidence if piece.holds]
    undecided = any(piece.holds is None for piece in evidence)
    # A finite statement can be proved by enumeration; samples never prove.
    whole = [piece for piece in holding if piece.complete and piece.kind != "sampled"]
    if whole and not undecided:
        return "proved", _ranges(whole)
    part = [piece for piece in holding if not piece.complete and piece.kind != "sampled"]
    if part:
        return "proved_in_range", _ranges(part)
    samples = [piece for piece in holding if piece.kind == "sampled"]
    if samples:
        return "supported", _ranges(samples)
    return "not_checked", ""


def _ranges(pieces: Sequence[Evidence]) -> str:
    return "; ".join(dict.fromkeys(piece.range for piece in pieces))


def settle(records: Mapping[str, Record]) -> dict[str, Record]:
    """Carry verdicts along `rests_on`: no claim is worth more than what it rests on.

    A refuted claim stays refuted: its counterexample does not rest on anything.
    """
    settled: dict[str, Record] = {}

    def visit(name: str, path: tuple[str, ...]) -> Record:
        if name in settled:
            return settled[name]
        record = records[name]
        if record.skipped:
            settled[name] = record
            return record
        if name in path:
            return replace(record, verdict="not_checked", error=f"rests on itself: {' -> '.join((*path, name))}")
        missing = [other for other in record.rests_on if other not in records]
        if missing:
            record = replace(record, verdict="not_checked", error=f"rests on {', '.join(missing)}: no such claim")
        else:
            below = [visit(other, (*path, name)) for other in record.rests_on]
            record = _lowered(record, below)
        settled[name] = record
        return record

    for name in records:
        visit(name, ())
    return settled


def _lowered(record: Record, below: Sequence[Record]) -> Record:
    """The record with the verdicts of what it rests on, and its own lowered to the weakest of them."""
    if not below:
        return record
    rests_on: dict[str, Verdict | None] = {other.id: other.verdict for other in below}
    record = replace(record, rests_on=rests_on)
    circular = next((other.error for other in below if other.error and other.error.startswith("rests on itself")), None)
    if circular:
        return replace(record, verdict="not_checked", error=circular)
    if record.error is not None or record.skipped or record.verdict in ("refuted", "not_checked"):
        return record
    order: list[Verdict] = ["proved", "proved_in_range", "supported", "not_checked"]
    weakest = max(below, key=lambda other: order.index(_worth(other)))
    if order.index(_worth(weakest)) <= order.index(record.verdict):
        return record
    state = "broken" if weakest.error else weakest.verdict.replace("_", " ")
    reason = (
        f"its own evidence gives {record.verdict.replace('_', ' ')}, but it rests on {weakest.id}, which is {state}"
    )
    return replace(record, verdict=_worth(weakest), reason=reason)


def _worth(record: Record) -> Verdict:
    """What a claim is worth to one that rests on it."""
    return "not_checked" if record.verdict == "refuted" or record.error is not None else record.verdict
