"""What the ledger of every paper must keep: verdicts on record, controls, witnesses that rebuild, proved repairs."""

from __future__ import annotations

import functools
import re
import tomllib
import types
from collections.abc import Iterator
from typing import Any

import pytest

import mechopt
from mechopt import claims
from mechopt.claims.select import CONTENT, shelf
from mechopt.paper import PAPERS

pytest.importorskip("z3")
pytest.importorskip("sympy")
pytest.importorskip("cvxpy")

LEDGER = {
    name: claim
    for mechanism in PAPERS
    for name, claim in shelf([mechanism]).claims.items()
    if claim.not_checked_reason is None
}
NAMES = sorted(LEDGER)
REFUTED = [name for name in NAMES if LEDGER[name].expected == "refuted"]
# How many claims there are at least, and what a claim of the paper may be expected to be.
SIZES = {"overage": 80, "linked_vcg": 60, "borrowing": 60, "forward_market": 60, "limited_liability": 85}
IN_RANGE = ("overage",)


@functools.cache
def ledger(mechanism: str) -> claims.Ledger:
    """The whole ledger of a paper, run once in a process."""
    return claims.verify(mechanism)


def record_of(name: str) -> claims.Record:
    return ledger(name.split(".")[0])[name]


@pytest.mark.parametrize("mechanism", PAPERS)
def test_the_ledger_is_whole(mechanism: str) -> None:
    assert sum(name.startswith(f"{mechanism}.") for name in NAMES) >= SIZES[mechanism]
    assert not shelf([mechanism]).broken


@pytest.mark.parametrize("mechanism", PAPERS)
def test_nothing_is_without_an_expectation_a_proof_or_hypotheses(mechanism: str) -> None:
    allowed = {"proved", "refuted", *(["proved_in_range"] if mechanism in IN_RANGE else [])}
    for name, claim in LEDGER.items():
        if name.startswith(f"{mechanism}."):
            assert claim.expected in allowed, name
            assert claim.proof or claim.expected == "refuted", name
            assert claim.hypotheses, name


# What a slip of an edit leaves behind: a module's name, an escape twice, two strings that were one, a word cut in two.
SLIPS = re.compile(r"\b[a-z]+\.[a-z]+\(|\\\\|\" \"|[a-z]- [A-Z]|``")


@pytest.mark.parametrize("name", NAMES)
def test_what_a_claim_says_is_for_readers(name: str) -> None:
    claim = LEDGER[name]
    for text in (claim.statement, claim.reading, claim.proof):
        assert SLIPS.search(text) is None, text


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_is_the_one_on_record(name: str) -> None:
    record = record_of(name)
    assert record.error is None
    assert record.verdict == record.expected, record.reason
    assert all(piece.control is not None and piece.control.refuted for piece in record.evidence)
    if record.verdict == "refuted":
        assert record.witness is not None
        assert record.witness.steps
    else:
        assert all(piece.holds and piece.instance for piece in record.evidence)


@pytest.mark.parametrize("name", REFUTED)
def test_a_refuted_statement_has_a_replay_and_a_proved_repair(name: str) -> None:
    claim = LEDGER[name]
    assert claim.replay is not None
    assert claim.repaired_by is not None
    assert LEDGER[claim.repaired_by].expected == "proved"


def content_reached(start: Any) -> set[types.FunctionType]:
    """The functions of verification/ that a function calls by name, directly or not."""
    found: set[types.FunctionType] = set()
    waiting = [start]
    while waiting:
        value = waiting.pop()
        if isinstance(value, property | classmethod | staticmethod):
            value = value.fget if isinstance(value, property) else value.__func__
        value = getattr(value, "__wrapped__", value)
        if not isinstance(value, types.FunctionType) or value in found or not value.__module__.startswith(CONTENT):
            continue
        found.add(value)
        names = {name for code in nested(value.__code__) for name in code.co_names}
        waiting += [cell.cell_contents for cell in value.__closure__ or ()]
        modules = [module for module in value.__globals__.values() if isinstance(module, types.ModuleType)]
        for scope in (value.__globals__, *(vars(module) for module in modules if module.__name__.startswith(CONTENT))):
            for reached in (scope[name] for name in names & scope.keys()):
                waiting.append(reached)
                if isinstance(reached, type):
                    waiting += [vars(reached)[name] for name in names & vars(reached).keys()]
    return found


def nested(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from nested(constant)


@pytest.mark.parametrize("name", REFUTED)
def test_a_counterexample_is_replayed_by_other_code_than_found_it(name: str) -> None:
    """What the two share is at most the hypotheses, which say where the statement applies."""
    claim = LEDGER[name]
    search, checker = content_reached(claim.gather), content_reached(claim.replay)
    assert search
    assert checker
    shared = search & checker - set().union(*map(content_reached, claim.hypotheses))
    assert not shared, sorted(function.__qualname__ for function in shared)


@pytest.mark.parametrize("name", REFUTED)
def test_what_explain_prints_rebuilds_the_counterexample(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The Python runs and says the same; the model document can be solved."""
    witness = record_of(name).witness
    assert witness is not None
    exec(witness.python, {})
    assert capsys.readouterr().out.strip() == witness.steps.strip()
    if witness.document is not None:
        outcome = mechopt.solve(tomllib.loads(witness.document))
        if name.startswith("overage."):
            assert outcome.guarantee.kind == "exact"
        if name.startswith("forward_market."):
            assert sum(outcome.tables["agents"]["holding"]) == pytest.approx(1)
