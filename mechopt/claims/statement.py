"""A claim: one statement of a paper (or of a user), what we read in it, and the functions that give evidence."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from mechopt.evidence import Evidence, Instance, Predicate, Run, Tier
from mechopt.paper import PAPERS, Paper

Verdict = Literal["proved", "proved_in_range", "supported", "refuted", "not_checked"]
Gather = Callable[..., "Iterable[Evidence] | Evidence | None"]
Replay = Callable[[Instance], "str | None"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Claim:
    """A statement with its reading, and how evidence for it is gathered.

    Attributes:
        label: as printed: "Theorem 4", "Equation (2)", "Lemma A.1"; or "Beyond the paper: Nash set".
        part: which part of the statement; shown in brackets behind the label.
        paper: where it is printed; None for a user's own statement.
        statement: as printed; in our own words where the text is long.
        reading: our formalisation, with the quantifiers.
        hypotheses: executable predicates on an instance; their docstrings are shown.
        proof: the argument in a few sentences, for readers: what joins the steps that the evidence shows.
        gather: gives the evidence; called with a `Run` if it takes a parameter.
        replay: the independent checker: what goes wrong at a counterexample, step by step, or None if nothing does.
        document: turns a counterexample into a model document, where the mechanism has one.
        expected: the verdict on record; None accepts whatever is not refuted.
        repaired_by: id of the claim that states what is true instead.
        rests_on: ids of the claims that this one uses.
        tier: "full" where it takes more than seconds.
        not_checked_reason: why there is no evidence.
        file: the file it comes from; filled in when it is loaded.
    """

    label: str
    statement: str
    reading: str
    gather: Gather
    part: str | None = None
    paper: Paper | None = None
    hypotheses: tuple[Predicate, ...] = ()
    proof: str = ""
    replay: Replay | None = None
    document: Callable[[Instance], Mapping[str, Any]] | None = None
    expected: Verdict | None = None
    repaired_by: str | None = None
    rests_on: tuple[str, ...] = ()
    tier: Tier = "quick"
    not_checked_reason: str | None = None
    file: Path | None = None

    @property
    def mechanism(self) -> str:
        """The mechanism of the paper, or the name of the user's file."""
        if self.paper is not None:
            return self.paper.mechanism
        return self.file.stem if self.file is not None else "claims"

    @property
    def title(self) -> str:
        """The label with its part: "Proposition 4 (budget balance)"."""
        return f"{self.label} ({self.part})" if self.part else self.label

    @property
    def id(self) -> str:
        """The name that commands and other claims use: "overage.theorem_4"."""
        return f"{self.mechanism}.{slug(self.title)}"

    def at(self, file: Path) -> Claim:
        """The same claim, with the file it comes from."""
        return replace(self, file=file)

    def evidence(self, run: Run) -> Iterable[Evidence]:
        """The evidence, piece by piece; the work is done while it is walked."""
        run = replace(run, hypotheses=self.hypotheses)
        found = self.gather(run) if inspect.signature(self.gather).parameters else self.gather()
        if isinstance(found, Evidence):
            return (found,)
        return found if found is not None else ()


MADE: list[Claim] = []  # every claim ever made: two functions of one name must not lose one silently


def slug(title: str) -> str:
    """A label as a name: "Equation (2)" gives equation_2, "Lemma A.1" gives lemma_a_1."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def claim(
    *,
    label: str,
    statement: str,
    reading: str,
    paper: str | None = None,
    part: str | None = None,
    hypotheses: Sequence[Predicate] = (),
    proof: str = "",
    replay: Replay | None = None,
    document: Callable[[Instance], Mapping[str, Any]] | None = None,
    expected: Verdict | None = None,
    repaired_by: str | None = None,
    rests_on: Sequence[str] = (),
    tier: Tier = "quick",
    not_checked_reason: str | None = None,
) -> Callable[[Gather], Claim]:
    """Make a claim of a function that returns or yields `Evidence`. Args as the attributes of `Claim`.

    Args:
        paper: a key of the bibliography, such as "lengyel2025"; None for a statement of your own.

    Raises:
        ValueError: an argument is none of the words allowed; the file is then reported as broken.
    """
    if expected is not None and expected not in get_args(Verdict):
        raise ValueError(f"{label}: expected = {expected!r} is none of {', '.join(get_args(Verdict))}")
    if tier not in get_args(Tier):
        raise ValueError(f"{label}: tier = {tier!r} is none of {', '.join(get_args(Tier))}")
    _words(label=label, statement=statement, reading=reading, proof=proof, part=part, repaired_by=repaired_by)
    if not slug(label):
        raise ValueError(f"label = {label!r} has no letter or digit to be called by")
    for name, items, due in (("rests_on", rests_on, "ids"), ("hypotheses", hypotheses, "functions")):
        if isinstance(items, str) or callable(items):
            raise ValueError(f"{label}: {name} is a list")
        wrong = [item for item in items if not (isinstance(item, str) if due == "ids" else callable(item))]
        if wrong:
            raise ValueError(f"{label}: {name} is a list of {due}, not of {wrong[0]!r}")

    def make(gather: Gather) -> Claim:
        made = Claim(
            label=label,
            part=part,
            paper=_paper(paper, label),
            statement=" ".join(statement.split()),
            reading=" ".join(reading.split()),
            hypotheses=tuple(hypotheses),
            proof=" ".join(proof.split()),
            gather=gather,
            replay=replay,
            document=document,
            expected=expected,
            repaired_by=repaired_by,
            rests_on=tuple(rests_on),
            tier=tier,
            not_checked_reason=None if not_checked_reason is None else " ".join(not_checked_reason.split()),
        )
        MADE.append(made)
        return made

    return make


def unchecked(
    *, label: str, statement: str, reason: str, paper: str | None = None, part: str | None = None, reading: str = ""
) -> Claim:
    """A statement that is listed but not checked, with the reason: coverage stays visible."""
    decorate = claim(
        label=label,
        part=part,
        paper=paper,
        statement=statement,
        reading=reading,
        expected="not_checked",
        not_checked_reason=reason,
    )
    return decorate(lambda: None)


def describe(predicate: Predicate) -> str:
    """A hypothesis in words: the first line of its docstring, else its name."""
    document = inspect.getdoc(predicate)
    if document and predicate.__doc__:
        return document.splitlines()[0].rstrip(".")
    return str(getattr(predicate, "__name__", predicate)).replace("_", " ")


def _words(**given: object) -> None:
    """Refuse an argument that is not text; part and repaired_by may be None.

    Raises:
        ValueError: names it, and the label.
    """
    for name, value in given.items():
        if not isinstance(value, str) and not (value is None and name in ("part", "repaired_by")):
            raise ValueError(f"{given['label']}: {name} is text, not {value!r}")


def _paper(key: str | None, label: str) -> Paper | None:
    if key is None:
        return None
    by_key = {paper.key: paper for paper in PAPERS.values()}
    if key not in by_key:
        raise ValueError(f"{label}: paper = {key!r} is none of {', '.join(by_key)}")
    return by_key[key]
