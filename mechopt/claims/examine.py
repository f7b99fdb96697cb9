"""Run one claim: gather its evidence, check the controls, shrink and replay its counterexample."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from typing import Any

from mechopt.claims.record import Record, Witness
from mechopt.claims.statement import Claim, describe
from mechopt.claims.verdict import weigh
from mechopt.evidence import Evidence, Instance, Irrational, Run, satisfied, text
from mechopt.evidence.shrink import shrink


class Broken(Exception):
    """The claim itself is at fault, so its evidence counts for nothing; says why in one line."""


def examine(claim: Claim, run: Run) -> Record:
    """The record of one claim, what it rests on left aside.

    Whatever goes wrong inside the claim is reported on its record; nothing but an interruption is raised.
    """
    if claim.not_checked_reason is not None:
        return Record.of(claim, reason=claim.not_checked_reason)
    started = time.perf_counter()
    evidence: list[Evidence] = []
    found: dict[str, Any]
    try:
        _gather(claim, run, evidence)
        found = _judge(claim, evidence)
    except Broken as fault:
        found = {"error": str(fault)}
    except (Exception, SystemExit) as error:  # a claim that ends the program would end the run, with its status
        if _interruption(error):
            raise KeyboardInterrupt from error
        found = {"error": _one_line(error, claim)}
    carried = tuple(replace(piece, violates=None) for piece in evidence)
    return Record.of(claim, evidence=carried, seconds=time.perf_counter() - started, **found)


def _gather(claim: Claim, run: Run, evidence: list[Evidence]) -> None:
    """Walk the claim's evidence into the list, with the time of each piece."""
    started = time.perf_counter()
    for piece in claim.evidence(run):
        if not isinstance(piece, Evidence):
            raise Broken(f"gives {type(piece).__name__} where Evidence is due")
        evidence.append(replace(piece, seconds=time.perf_counter() - started))
        started = time.perf_counter()


def _judge(claim: Claim, evidence: list[Evidence]) -> dict[str, Any]:
    """Verdict, range, reason and witness that the evidence gives."""
    if not evidence:
        raise Broken("gives no evidence and no reason why it is not checked")
    for piece in evidence:
        if piece.fault is not None:
            raise Broken(piece.fault)
        if piece.holds and piece.instance is not None:
            _check_instance(claim, piece.instance, piece.kind)
    against = [piece for piece in evidence if piece.holds is False]
    if against:
        proof = next((piece for piece in evidence if piece.holds and piece.complete), None)
        if proof is not None:
            raise Broken(f"contradicts itself: {proof.kind} proves it, {against[0].kind} refutes it")
        return {"verdict": "refuted", "witness": _refute(claim, against[0])}
    verdict, covered = weigh(evidence)
    open_steps = [f"{piece.kind}: {piece.range}: {piece.detail}" for piece in evidence if piece.holds is None]
    reason = f"could not be decided: {'; '.join(open_steps)}" if open_steps else ""
    return {"verdict": verdict, "range": covered, "reason": reason}


def _check_instance(claim: Claim, instance: Instance, kind: str) -> None:
    for hypothesis in claim.hypotheses:
        try:
            met = hypothesis(instance)
        except Exception as error:
            raise Broken(
                f"{kind}: its example ({text(instance)}) is not in the terms of the hypothesis "
                f"{describe(hypothesis)!r}: {type(error).__name__}: {error}"
            ) from error
        if not met:
            raise Broken(f"{kind}: vacuous: its example ({text(instance)}) fails {describe(hypothesis)!r}")


def _refute(claim: Claim, piece: Evidence) -> Witness:
    """The witness, once the independent checker has confirmed it, as small as both codes allow."""
    if piece.witness is None:
        raise Broken(f"{piece.kind}: a refutation without a witness")
    if claim.replay is None:
        raise Broken("a refutation counts only when it is replayed: the claim has no `replay`")
    checker = claim.replay
    if not exact(piece.witness):
        raise Broken(f"{piece.kind}: its counterexample is not in exact rational numbers ({text(piece.witness)})")
    for hypothesis in claim.hypotheses:
        if not hypothesis(piece.witness):
            raise Broken(f"{piece.kind}: its counterexample ({text(piece.witness)}) fails {describe(hypothesis)!r}")
    confirmed = checker(deepcopy(dict(piece.witness)))
    if not confirmed:
        raise Broken(f"{piece.kind}: the replay does not confirm its counterexample ({text(piece.witness)})")
    if not isinstance(confirmed, str):
        raise Broken(f"{piece.kind}: the replay gives {confirmed!r} where what goes wrong is due, in words")

    def violates(instance: Instance) -> bool:
        return (
            satisfied(claim.hypotheses, instance)
            and bool(checker(deepcopy(dict(instance))))
            and (piece.violates is None or piece.violates(instance))
        )

    smallest = shrink(piece.witness, violates)
    steps = checker(deepcopy(smallest))
    document = None if claim.document is None else toml(claim.document(smallest))
    return Witness(instance=smallest, steps=str(steps), python=rebuild(claim, smallest), document=document)


def exact(value: Any) -> bool:
    """True where a witness holds rationals and words only: no float, nothing irrational."""
    if isinstance(value, Mapping):
        return all(map(exact, value.values()))
    if isinstance(value, list | tuple):
        return all(map(exact, value))
    return value is None or (isinstance(value, int | Fraction | str) and not isinstance(value, Irrational))


def rebuild(claim: Claim, instance: Instance) -> str:
    """Python that rebuilds a counterexample and replays it."""
    name = claim.id if claim.paper is not None else f"{claim.file}::{claim.id}"
    body = ",\n".join(f"    {key!r}: {_python(value)}" for key, value in instance.items())
    fractions = "from fractions import Fraction\n\n" if "Fraction(" in body else ""
    return (
        f"{fractions}from mechopt import claims\n\nwitness = {{\n{body},\n}}\nprint(claims.replay({name!r}, witness))"
    )


def _python(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_python(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_python(item)}" for key, item in value.items()) + "}"
    return f"Fraction({value.numerator}, {value.denominator})" if isinstance(value, Fraction) else repr(value)


def toml(document: Mapping[str, Any]) -> str:
    """A model document as TOML: plain keys first, then its tables; fractions as text such as "1/3"."""
    import json

    def scalar(value: Any) -> str:
        if isinstance(value, Fraction):
            value = value.numerator if value.denominator == 1 else str(value)
        if isinstance(value, Mapping):
            return "{ " + ", ".join(f"{key} = {scalar(item)}" for key, item in value.items()) + " }"
        if isinstance(value, list | tuple):
            if value and all(isinstance(item, Mapping) for item in value):
                return "[\n" + "".join(f"  {scalar(item)},\n" for item in value) + "]"
            return "[" + ", ".join(map(scalar, value)) + "]"
        return json.dumps(value, ensure_ascii=False)

    return "".join(f"{key} = {scalar(value)}\n" for key, value in document.items())


def _interruption(error: BaseException) -> bool:
    """True where Ctrl-C came while Z3 was being called: ctypes reports it as an argument that it cannot convert."""
    import ctypes

    return isinstance(error, ctypes.ArgumentError) and "KeyboardInterrupt" in str(error)


def _one_line(error: BaseException, claim: Claim) -> str:
    """An exception as one line, with the line of the claim's file that it passed through."""
    if isinstance(error, ModuleNotFoundError) and error.name in ("z3", "sympy", "hypothesis", "cvxpy"):
        return f"needs {error.name}: pip install 'mechopt[verify]'"
    file = str(claim.file) if claim.file else ""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    place = f"{claim.file.name}:{lines[-1]}: " if claim.file and lines else ""
    message = " ".join(str(error).split())
    return f"{place}{type(error).__name__}: {message}"[:400]
