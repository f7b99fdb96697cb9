"""Evidence for a claim: what was shown, for which range, and how we know that the check can fail.

One module per kind: `symbolic`, `smt`, `certified`, `exhaustive`, `sampled`. Each imports its library only when it
is called, so that listing claims stays light.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, get_args

from mechopt.finding import Finding

Kind = Literal["symbolic", "smt", "certified", "exhaustive", "sampled"]
Tier = Literal["quick", "full"]
Instance = Mapping[str, Any]
Predicate = Callable[[Instance], bool]
Property = Callable[[Instance], "bool | Finding"]


class Irrational(str):
    """A value that a solver found and that is no fraction, as text; it may be shown, it cannot refute."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A deliberately broken variant of the statement, put to the same code.

    Attributes:
        text: what was broken, in one line.
        refuted: True where the code refuted it, as it should.
        witness: the counterexample to the variant, where the code gives one.
    """

    text: str
    refuted: bool
    witness: Instance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One piece of evidence for (or against) a statement.

    Attributes:
        kind: symbolic, smt, certified, exhaustive or sampled.
        holds: True, False, or None where it could not be decided (time, an unknown).
        range: what is covered: sizes, quantifiers, grids, numbers of samples.
        complete: True where the range is the whole statement as read, not a part of it. Where the claim's `proof` joins
            several steps, each that is shown for all sizes and values is complete, and none may be left undecided.
        control: the broken variant and what became of it; None is a fault.
        instance: an instance of the hypotheses in the claim's own terms: what keeps the proof from being vacuous.
        witness: the counterexample in the claim's own terms, where holds is False.
        detail: how it was shown, in one line.
        seconds: wall time; filled in by the runner.
        violates: True on instances that violate the statement, by the code that searched; the runner shrinks with it.
    """

    kind: Kind
    holds: bool | None
    range: str
    complete: bool = False
    control: Control | None = None
    instance: Instance | None = None
    witness: Instance | None = None
    detail: str = ""
    seconds: float = 0.0
    violates: Predicate | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"evidence {self.kind!r} is none of {', '.join(get_args(Kind))}")
        for name, allowed, what in (
            ("holds", bool | None, "True, False or None"),
            ("complete", bool, "True or False"),
            ("range", str, "text"),
            ("detail", str, "text"),
            ("control", Control | None, "a Control"),
            ("instance", Mapping | None, "names to values"),
            ("witness", Mapping | None, "names to values"),
        ):
            value = getattr(self, name)
            if not isinstance(value, allowed):
                raise ValueError(f"{self.kind}: {name} is {what}, not {value!r}")

    @property
    def fault(self) -> str | None:
        """Why this evidence cannot be trusted, in one line; None where it can."""
        if self.holds and not self.instance:
            return f"{self.kind}: vacuous: no instance satisfies the hypotheses"
        if self.control is None:
            return f"{self.kind}: it has no control, so nobody knows that the check can fail"
        if not self.control.refuted:
            return f"{self.kind}: the control was not refuted ({self.control.text}): the check cannot fail"
        if self.holds is False and not self.witness:
            return f"{self.kind}: a refutation without a witness"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How the ledger is being run: handed to a claim that has a parameter.

    Attributes:
        tier: "quick" (minutes for the whole ledger) or "full".
        seed: of all random searches.
        hypotheses: of the claim.
    """

    tier: Tier = "quick"
    seed: int = 0
    hypotheses: tuple[Predicate, ...] = ()

    @property
    def full(self) -> bool:
        """True in the full tier, where a claim may take its time."""
        return self.tier == "full"


def satisfied(hypotheses: tuple[Predicate, ...] | list[Predicate], instance: Instance) -> bool:
    """True where every hypothesis holds at the instance."""
    return all(hypothesis(instance) for hypothesis in hypotheses)


def holds_at(statement: Property, instance: Instance) -> bool:
    """Whether a statement, given as a function to bool or Finding, holds at the instance.

    Raises:
        ValueError: it gives None, as where a `return` was forgotten.
    """
    answer = statement(instance)
    if answer is None:
        raise ValueError(f"a property gives True or False, not None (at {text(instance)})")
    return answer.holds if isinstance(answer, Finding) else bool(answer)


def numbers(value: Any) -> list[Any]:
    """All numbers inside a nest of mappings and lists, in order."""
    if isinstance(value, Mapping):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list | tuple):
        return [number for item in value for number in numbers(item)]
    return [] if isinstance(value, str | bool) or value is None else [value]


def generic(instance: Instance) -> bool:
    """True where no number of the instance is 0 and some two differ: not a degenerate example."""
    found = numbers(instance)
    return bool(found) and all(found) and (len(found) == 1 or len(set(found)) > 1)


def text(value: Any) -> str:
    """A value of an instance as a reader writes it: fractions as 1/3, text in quotes."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "(" + ", ".join(text(item) for item in value) + ")"
    if isinstance(value, Fraction):
        return str(value)
    return repr(value)
