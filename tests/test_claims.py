"""The ledger: verdicts follow from sound evidence and from nothing else."""

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mechopt import claims
from mechopt.claims import Claim, Control, Evidence, Record, claim
from mechopt.claims.examine import examine, toml
from mechopt.claims.verdict import settle
from mechopt.errors import CatalogError, InstanceError
from mechopt.evidence import Instance, Irrational, Run, exhaustive, sampled

SOUND = Control(text="broken on purpose", refuted=True)


def piece(kind: Any = "symbolic", holds: bool | None = True, **rest: Any) -> Evidence:
    """Evidence as a claim would give it; sound unless told otherwise."""
    given: dict[str, Any] = {"range": "n = 1", "control": SOUND, "instance": {"x": 1}, "complete": True, **rest}
    return Evidence(kind=kind, holds=holds, **given)


def run(*evidence: Evidence, **rest: Any) -> Record:
    """The record of a claim with this evidence."""
    made = claim(label="Lemma 1", statement="S", reading="R", **rest)(lambda: iter(evidence))
    return examine(made, Run())


@pytest.mark.parametrize(
    ("kind", "complete", "verdict"),
    [
        ("symbolic", True, "proved"),
        ("smt", True, "proved"),
        ("certified", True, "proved"),
        ("exhaustive", True, "proved"),
        ("smt", False, "proved_in_range"),
        ("exhaustive", False, "proved_in_range"),
        ("sampled", False, "supported"),
        ("sampled", True, "supported"),
    ],
)
def test_verdict_follows_from_kind_and_range(kind: str, complete: bool, verdict: str) -> None:
    """Samples never prove; a part proves a part; the whole proves the whole."""
    assert run(piece(kind, complete=complete)).verdict == verdict


def test_unknown_is_not_proved() -> None:
    """Evidence that could not decide gives no verdict, whatever it would have covered."""
    record = run(piece("smt", None, detail="Z3: not decided within 20 s"))
    assert record.verdict == "not_checked"
    assert "not decided" in record.reason
    assert run(piece("smt", None), piece("exhaustive", complete=False)).verdict == "proved_in_range"


@pytest.mark.parametrize("beside", ["symbolic", "smt", "certified", "exhaustive"])
def test_a_step_that_is_not_decided_leaves_the_whole_unproved(beside: Any) -> None:
    """Proofs of the other steps do not make up for it; what was enumerated or sampled counts as far as it goes."""
    lost = piece("smt", None, range="step 2", detail="Z3: not decided within 20 s")
    for order in ([piece(beside), lost], [lost, piece(beside)]):
        record = run(*order, expected="proved")
        assert (record.verdict, record.as_expected) == ("not_checked", False)
        assert "smt: step 2: Z3: not decided" in record.reason
    assert run(piece(beside), lost, piece("exhaustive", complete=False)).verdict == "proved_in_range"
    assert run(piece(beside), lost, piece("sampled", complete=False)).verdict == "supported"


def test_a_proof_in_steps_covers_what_all_of_them_cover() -> None:
    """Not only what the first one does."""
    record = run(piece("smt", range="step 1"), piece("symbolic", range="step 2"), piece("exhaustive", complete=False))
    assert (record.verdict, record.range) == ("proved", "step 1; step 2")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("holds", "yes"),
        ("holds", np.bool_(False)),
        ("complete", 1),
        ("range", None),
        ("detail", 3),
        ("control", "c"),
        ("instance", [1]),
        ("witness", [1]),
    ],
)
def test_evidence_of_the_wrong_kind_is_refused(field: str, value: Any) -> None:
    """Not taken for true, and not printed as a traceback."""
    with pytest.raises(ValueError, match=f"symbolic: {field} is "):
        piece(**{field: value})


@pytest.mark.parametrize(
    ("argument", "word"),
    [
        ({"label": None}, "label is text"),
        ({"label": "!"}, "no letter or digit"),
        ({"statement": None}, "statement is text"),
        ({"proof": 3}, "proof is text"),
        ({"part": 3}, "part is text"),
        ({"repaired_by": 3}, "repaired_by is text"),
        ({"rests_on": [1]}, "list of ids"),
        ({"rests_on": "overage.theorem_4"}, "rests_on is a list"),
        ({"hypotheses": ["x > 0"]}, "list of functions"),
        ({"hypotheses": callable}, "hypotheses is a list"),
    ],
)
def test_a_claim_of_the_wrong_kind_is_refused(argument: dict[str, Any], word: str) -> None:
    """In one line that names the argument."""
    with pytest.raises(ValueError, match=word):
        claim(**{"label": "L", "statement": "S", "reading": "R", **argument})


def test_texts_of_several_lines_are_one_line() -> None:
    """The reason of a statement that is not checked, too."""
    open_one = claims.unchecked(label="L", statement="S\n  s", reason="nobody\n    knows")
    assert (open_one.statement, open_one.not_checked_reason) == ("S s", "nobody knows")


def test_a_claim_that_ends_the_program_is_broken(tmp_path: Path) -> None:
    """It must not end the run, and with the status of a run where all is well."""
    leaves = claim(label="Lemma 1", statement="S", reading="R")(lambda: sys.exit(0))
    assert "SystemExit" in (examine(leaves, Run()).error or "")
    file = tmp_path / "leaves.py"
    file.write_text("raise SystemExit(0)\n")
    with pytest.raises(CatalogError, match="SystemExit"):
        claims.verify(file)


def test_a_property_that_gives_nothing_is_no_property() -> None:
    """A forgotten `return` would refute every control."""
    with pytest.raises(ValueError, match="not None"):
        exhaustive.check(lambda i: True, grid=[{"x": 1}], control=("c", lambda i: None))  # type: ignore[arg-type,return-value]


def test_a_replay_says_what_goes_wrong() -> None:
    """True is no explanation."""
    against = piece("smt", False, witness={"x": 12})
    assert "in words" in (run(against, replay=lambda instance: True).error or "")


def test_a_repair_that_does_not_exist_leaves_nothing_proved(tmp_path: Path) -> None:
    """The counts say so too."""
    file = tmp_path / "mine.py"
    file.write_text(
        "from mechopt.claims import Control, Evidence, claim\n"
        "@claim(label='L', statement='S', reading='R', repaired_by='overage.nowhere')\n"
        "def one():\n"
        "    return Evidence(kind='smt', holds=True, range='r', complete=True, instance={'x': 1},\n"
        "                    control=Control(text='c', refuted=True))\n"
    )
    ledger = claims.verify(file)
    assert (ledger.counts["proved"], ledger.counts["errors"]) == (0, 1)


@pytest.mark.parametrize("witness", [{}, {"claims": [1]}, {"entitlement": "x", "claim": None, "alpha": 2}])
def test_replay_of_an_instance_in_other_terms_is_one_clear_line(witness: Any) -> None:
    with pytest.raises(InstanceError, match="witness: Equation"):
        claims.replay("overage.equation_4", witness)


def test_evidence_without_a_control_is_broken() -> None:
    """A check that nobody has seen fail proves nothing."""
    record = run(piece(control=None), expected="proved")
    assert (record.verdict, record.as_expected) == ("not_checked", False)
    assert "no control" in (record.error or "")


def test_control_that_is_not_refuted_is_broken() -> None:
    """A check that accepts the broken variant proves nothing."""
    record = run(piece(control=Control(text="sign swapped", refuted=False)))
    assert record.verdict == "not_checked"
    assert "sign swapped" in (record.error or "")


def test_one_broken_piece_breaks_the_claim() -> None:
    """Sound evidence beside it does not hide it."""
    assert run(piece(), piece("sampled", control=None)).error


def impossible(instance: Instance) -> bool:
    """The number is below itself."""
    return bool(instance["x"] < instance["x"])


@pytest.mark.parametrize("instance", [None, {}, {"x": 1}])
def test_vacuous_hypotheses_are_caught(instance: Instance | None) -> None:
    """Without an instance of the hypotheses there is no proof, and the runner evaluates them itself."""
    record = run(piece(instance=instance), hypotheses=[impossible])
    assert record.verdict == "not_checked"
    assert "vacuous" in (record.error or "")


def test_example_in_other_terms_is_caught() -> None:
    """An example that the hypotheses cannot read is no example."""
    assert "not in the terms" in (run(piece(instance={"y": 1}), hypotheses=[impossible]).error or "")


def below_ten(instance: Instance) -> str | None:
    """An independent checker of "x < 10"."""
    return None if instance["x"] < 10 else f"{instance['x']} is not below 10"


def test_refutation_needs_a_replay() -> None:
    """Without a checker, or against its word, nothing is refuted."""
    against = piece("smt", False, witness={"x": Fraction(25, 2)})
    assert "no `replay`" in (run(against).error or "")
    assert "does not confirm" in (run(piece("smt", False, witness={"x": 9}), replay=below_ten).error or "")
    assert run(against, replay=below_ten).verdict == "refuted"


def test_refutation_needs_exact_numbers() -> None:
    """Neither a float nor a root is a witness, even if the checker takes it."""
    for value in (12.5, Irrational("root 12.5?")):
        record = run(piece("smt", False, witness={"x": [value]}), replay=lambda instance: "so it seems")
        assert "not in exact rational numbers" in (record.error or "")


def test_refutation_is_shrunk_and_replayed() -> None:
    """The witness is the smallest one, and the steps are the checker's words about it."""
    witness = run(piece("smt", False, witness={"x": Fraction(25, 2)}), replay=below_ten).witness
    assert witness is not None
    assert witness.instance == {"x": 10}
    assert witness.steps == "10 is not below 10"


def test_shrinking_stays_within_the_hypotheses() -> None:
    """The smallest counterexample is one of the statement, not of something else."""
    hypotheses = [lambda instance: instance["x"] > 15]
    witness = run(piece("smt", False, witness={"x": 90}), replay=below_ten, hypotheses=hypotheses).witness
    assert witness is not None
    assert witness.instance == {"x": 16}


def test_search_and_checker_both_confirm_the_shrunk_witness() -> None:
    """Where the search can look again, shrinking stays within what it refutes too."""
    against = piece("sampled", False, witness={"x": 40}, violates=lambda instance: instance["x"] >= 12)
    witness = run(against, replay=below_ten).witness
    assert witness is not None
    assert witness.instance == {"x": 12}


def test_witness_outside_the_hypotheses_refutes_nothing() -> None:
    """A counterexample has to be an instance of the statement."""
    record = run(piece("smt", False, witness={"x": 20}), replay=below_ten, hypotheses=[lambda i: i["x"] < 15])
    assert record.verdict == "not_checked"
    assert "counterexample" in (record.error or "")


def test_proof_and_refutation_together_are_an_error() -> None:
    """A claim that contradicts itself has no verdict."""
    record = run(piece(), piece("sampled", False, complete=False, witness={"x": 20}), replay=below_ten)
    assert "contradicts itself" in (record.error or "")


def test_crash_is_one_line_on_its_claim() -> None:
    """Whatever a claim raises ends up on its record; earlier evidence stays visible."""

    def gather() -> Iterator[Evidence]:
        yield piece()
        raise ZeroDivisionError("slack\nis zero")

    record = examine(claim(label="Lemma 1", statement="S", reading="R")(gather), Run())
    assert record.error == "ZeroDivisionError: slack is zero"
    assert record.verdict == "not_checked"
    assert len(record.evidence) == 1


def test_no_evidence_is_an_error_and_a_reason_is_not() -> None:
    """Silence is not a verdict; a reason is shown."""
    assert run().error
    listed = claims.unchecked(label="Remark 9", statement="S", reason="it is about history")
    record = examine(listed, Run())
    assert (record.verdict, record.reason, record.as_expected) == ("not_checked", "it is about history", True)


def test_changed_verdict_is_not_as_expected() -> None:
    """The verdict on record is compared, in both directions."""
    assert run(piece(complete=False), expected="proved_in_range").as_expected
    assert not run(piece(complete=True), expected="proved_in_range").as_expected
    assert not run(piece(complete=False), expected="proved").as_expected
    assert run(piece(complete=False)).as_expected
    assert not run(piece(control=None), expected="not_checked").as_expected
    assert not run(piece(control=None)).as_expected


def linked(**verdicts: tuple[str, list[str]]) -> dict[str, Record]:
    """Settled records by name, from their own verdicts and what they rest on."""
    records = {}
    for name, (verdict, rests_on) in verdicts.items():
        made = claim(label=name, statement="S", reading="R", rests_on=[f"claims.{other}" for other in rests_on])
        records[f"claims.{name}"] = Record.of(made(lambda: None), verdict=verdict)
    return {name.partition(".")[2]: record for name, record in settle(records).items()}


def test_a_claim_is_worth_no_more_than_what_it_rests_on() -> None:
    """Through any number of steps; and the reason names the weak one."""
    found = linked(a=("proved", ["b"]), b=("proved", ["c"]), c=("supported", []))
    assert [found[name].verdict for name in "abc"] == ["supported"] * 3
    assert "claims.c, which is supported" in found["b"].reason
    assert found["a"].rests_on == {"claims.b": "supported"}


def test_the_weakest_support_counts() -> None:
    """Whatever the order; and a claim that is no better than its support keeps its verdict without a remark."""
    found = linked(
        a=("proved", ["c", "b"]),
        b=("proved", []),
        c=("supported", []),
        d=("proved", ["b", "c"]),
        e=("supported", ["c"]),
    )
    assert found["a"].verdict == found["d"].verdict == "supported"
    assert (found["e"].verdict, found["e"].reason) == ("supported", "")


def test_a_proof_that_rests_on_a_refuted_claim_proves_nothing() -> None:
    """It says so; a refutation needs no support."""
    found = linked(a=("proved", ["b"]), b=("refuted", []), c=("refuted", ["b"]))
    assert found["a"].verdict == "not_checked"
    assert "rests on claims.b, which is refuted" in found["a"].reason
    assert found["c"].verdict == "refuted"


def test_circles_and_unknown_claims_are_errors() -> None:
    """A claim cannot rest on itself, nor on what does not exist."""
    found = linked(a=("proved", ["b"]), b=("proved", ["a"]), c=("proved", ["d"]))
    assert all("rests on itself" in (found[name].error or "") for name in "ab")
    assert "no such claim" in (found["c"].error or "")


def test_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout without the provers gets a line to act on."""

    def gather() -> Iterator[Evidence]:
        raise ModuleNotFoundError("No module named 'z3'", name="z3")
        yield

    record = examine(claim(label="Lemma 1", statement="S", reading="R")(gather), Run())
    assert "mechopt[verify]" in (record.error or "")


def test_false_property_of_a_rule_is_refuted_from_search_to_witness() -> None:
    """From a random search through the shrinker to the checker: "the sum of two is below 7" fails first at 7."""
    made: Claim = claim(
        label="Total below seven",
        statement="x + y < 7",
        reading="For x, y >= 0.",
        hypotheses=[lambda instance: min(instance["x"]) >= 0],
        replay=lambda instance: f"total {sum(instance['x'])}" if sum(instance["x"]) >= 7 else None,
    )(
        lambda run: sampled.search(
            lambda instance: sum(instance["x"]) < 7,
            lambda generator: {"x": [sampled.rational(generator, 0, 5) for _ in [0, 1]]},
            control=("below one", lambda instance: sum(instance["x"]) < 1),
            range="halves to quarters up to 5",
            hypotheses=run.hypotheses,
        )
    )
    record = examine(made, Run())
    assert record.verdict == "refuted"
    assert record.witness is not None
    assert record.witness.instance == {"x": [7]}


def test_exhaustive_proof_of_a_finite_statement() -> None:
    """A statement about finitely many instances is proved by looking at all of them."""
    grid = exhaustive.Grid(agents=(1, 2), each={"x": [0, 1]})
    evidence = exhaustive.check(
        lambda instance: sum(instance["x"]) <= 2,
        grid=grid,
        complete=True,
        control=("strictly", lambda instance: sum(instance["x"]) < 2),
    )
    assert run(evidence).verdict == "proved"
    assert "6 instances" in run(evidence).range


def test_document_is_toml() -> None:
    """What is written can be read back; fractions become text."""
    import tomllib

    document = {"mechanism": "m", "alpha": Fraction(1, 2), "rows": [{"a": 'x "y"', "b": Fraction(4)}], "v": [1, 2.5]}
    assert tomllib.loads(toml(document)) == {
        "mechanism": "m",
        "alpha": "1/2",
        "rows": [{"a": 'x "y"', "b": 4}],
        "v": [1, 2.5],
    }
