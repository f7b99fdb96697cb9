"""What came out: a Record per claim, and the Ledger of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from mechopt.claims.statement import Claim, Verdict, describe
from mechopt.evidence import Evidence, Instance
from mechopt.outcome import plain

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A counterexample that was shrunk and replayed.

    Attributes:
        instance: in the claim's own terms, exact.
        steps: what the independent checker found there, to be followed by hand.
        python: rebuilds the instance and replays it.
        document: the same as a model document (TOML), where the mechanism has one.
    """

    instance: Instance
    steps: str
    python: str
    document: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The witness as plain JSON types."""
        return {
            "instance": plain_instance(self.instance),
            "steps": self.steps,
            "python": self.python,
            "document": self.document,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """A claim with its evidence and the verdict that follows. It holds no functions: it can travel and be printed.

    Attributes:
        id, mechanism, paper, label, title, statement, reading, proof, hypotheses, expected, repaired_by: the claim's.
        rests_on: the claims it rests on, with their verdicts once these are known.
        verdict: computed from the evidence and from what the claim rests on.
        range: what the verdict covers.
        reason: why it is not checked, or why it is less than its evidence alone would give.
        error: what went wrong in the claim itself, in one line; such a claim is never proved.
        evidence: the pieces, in order.
        witness: the counterexample of a refuted claim.
        skipped: True where the run left it out (another tier, an interruption).
        seconds: wall time.
        file: the name of its file.
    """

    id: str
    mechanism: str
    paper: str | None
    label: str
    title: str
    statement: str
    reading: str
    proof: str
    hypotheses: tuple[str, ...]
    expected: Verdict | None
    repaired_by: str | None
    rests_on: Mapping[str, Verdict | None]
    file: str
    verdict: Verdict = "not_checked"
    range: str = ""
    reason: str = ""
    error: str | None = None
    evidence: tuple[Evidence, ...] = ()
    witness: Witness | None = None
    skipped: bool = False
    seconds: float = 0.0

    @classmethod
    def of(cls, claim: Claim, **rest: Any) -> Record:
        """The record of a claim; `rest` is what running it gave."""
        return cls(
            id=claim.id,
            mechanism=claim.mechanism,
            paper=claim.paper.key if claim.paper else None,
            label=claim.label,
            title=claim.title,
            statement=claim.statement,
            reading=claim.reading,
            proof=claim.proof,
            hypotheses=tuple(describe(hypothesis) for hypothesis in claim.hypotheses),
            expected=claim.expected,
            repaired_by=claim.repaired_by,
            rests_on=dict.fromkeys(claim.rests_on),
            file=claim.file.name if claim.file else "",
            **rest,
        )

    @property
    def checked(self) -> bool:
        """True where there is a verdict: it ran, it did not break, and its evidence decided something."""
        return self.error is None and self.verdict != "not_checked"

    @property
    def as_expected(self) -> bool:
        """True where the verdict is the one on record (without one: where the claim is not refuted nor unchecked)."""
        if self.skipped:
            return True
        if self.error is not None:
            return False
        if self.expected is None:
            return self.verdict not in ("refuted", "not_checked")
        return self.verdict == self.expected

    def to_dict(self) -> dict[str, Any]:
        """The record as the contract prints it."""
        return {
            "id": self.id,
            "paper": self.paper,
            "label": self.title,
            "statement": self.statement,
            "reading": self.reading,
            "hypotheses": list(self.hypotheses),
            "proof": self.proof,
            "verdict": self.verdict,
            "range": self.range,
            "reason": self.reason,
            "error": self.error,
            "expected": self.expected,
            "as_expected": self.as_expected,
            "evidence": [_evidence(piece) for piece in self.evidence],
            "witness": self.witness.to_dict() if self.witness else None,
            "repaired_by": self.repaired_by,
            "rests_on": dict(self.rests_on),
            "skipped": self.skipped,
            "seconds": round(self.seconds, 3),
            "file": self.file,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ledger:
    """The records of a run, in the order of the files.

    Attributes:
        records: one per claim that was asked for.
        numbered: per mechanism, the labels of its paper's numbered statements that this run is about, in order.
        tier: "quick" or "full".
        seed: of the random searches.
        interrupted: True where Ctrl-C ended the run; what was finished is kept.
        seconds: wall time.
        provenance: versions of what took part.
    """

    records: tuple[Record, ...]
    tier: str
    seed: int
    interrupted: bool = False
    seconds: float = 0.0
    provenance: Mapping[str, str]
    numbered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many claims have each verdict; "errors" counts those that broke (they are not_checked as well)."""
        found = {str(verdict): sum(record.verdict == verdict for record in self.records) for verdict in VERDICTS}
        return {**found, "errors": sum(record.error is not None for record in self.records)}

    @property
    def coverage(self) -> dict[str, dict[str, Any]]:
        """Per paper (or file): its numbered statements in this run, which are not checked, its claims by verdict.

        A statement is checked where some claim about it has a verdict; a file of the user's has its labels counted.
        """
        papers = dict.fromkeys((record.paper or record.mechanism, record.mechanism) for record in self.records)
        table = {}
        for paper, mechanism in papers:
            own = [record for record in self.records if (record.paper or record.mechanism) == paper]
            labels = self.numbered.get(mechanism, tuple(dict.fromkeys(record.label for record in own)))
            checked = {record.label for record in own if record.checked}
            table[paper] = {
                "statements": len(labels),
                "checked": sum(label in checked for label in labels),
                "unchecked": [label for label in labels if label not in checked],
                "claims": sum(record.evidence != () for record in own),
                **{str(verdict): sum(record.verdict == verdict for record in own) for verdict in VERDICTS},
            }
        return table

    @property
    def as_expected(self) -> bool:
        """True where every verdict is the one on record and the run was not cut short."""
        return not self.interrupted and all(record.as_expected for record in self.records)

    @property
    def exit_status(self) -> int:
        """0, or 1 where a verdict is not the one on record."""
        return 0 if self.as_expected else 1

    def __getitem__(self, name: str) -> Record:
        """The record of an id.

        Raises:
            KeyError: no such claim was asked for.
        """
        for record in self.records:
            if record.id == name:
                return record
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """The ledger as the contract prints it."""
        from mechopt import __version__

        return {
            "mechopt": __version__,
            "claims": [record.to_dict() for record in self.records],
            "counts": self.counts,
            "coverage": self.coverage,
            "as_expected": self.as_expected,
            "tier": self.tier,
            "seed": self.seed,
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 3),
            "provenance": dict(self.provenance),
        }


def _evidence(piece: Evidence) -> dict[str, Any]:
    control = piece.control
    return {
        "kind": piece.kind,
        "holds": piece.holds,
        "range": piece.range,
        "complete": piece.complete,
        "detail": piece.detail,
        "seconds": round(piece.seconds, 3),
        "instance": plain_instance(piece.instance),
        "witness": plain_instance(piece.witness),
        "control": None
        if control is None
        else {"text": control.text, "refuted": control.refuted, "witness": plain_instance(control.witness)},
    }


def plain_instance(instance: Instance | None) -> Any:
    """An instance as plain JSON types; what has no plain form is shown as text."""
    if instance is None:
        return None
    try:
        return plain(instance)
    except TypeError:
        return {str(key): repr(value) for key, value in instance.items()}
