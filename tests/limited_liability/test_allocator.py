"""The allocator: the protocol's rules, equality with the mechanism, and a journal that loses and hides nothing."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from mechopt.cli import main
from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.allocator.allocator import Allocator, commitment, drawn, seed_file
from mechopt.mechanisms.limited_liability.allocator.journal import Journal, JournalError
from mechopt.mechanisms.limited_liability.arithmetic import GRID, Ledger
from mechopt.mechanisms.limited_liability.online import Online

AGENTS, DECISIONS = ["north", "south", "west"], ["roads", "wells"]
SEED = bytes(range(32))


def table(**more: Any) -> dict[str, Any]:
    return {"agents": AGENTS, "decisions": DECISIONS, "output_bound": 9} | more


def report_all(allocator: Allocator, stated: list[list[int]]) -> None:
    for name, values in zip(AGENTS, stated, strict=True):
        allocator.commit(name, commitment(values, f"secret of {name}"))
    for name, values in zip(AGENTS, stated, strict=True):
        allocator.report(name, values, f"secret of {name}")


def play(allocator: Allocator, periods: int, seed: int = 0, *, truthful: bool = False) -> list[dict[str, Any]]:
    """Some periods with random values, and outputs that are random or the values; what was stated and produced."""
    generator = random.Random(seed)
    played = []
    for _ in range(periods):
        stated = [[generator.randrange(10) for _ in DECISIONS] for _ in AGENTS]
        report_all(allocator, stated)
        decide = allocator.decide().body
        outputs = {
            name: [row[DECISIONS.index(name)] if truthful else generator.randrange(10) for row in stated]
            for name in allocator.candidates
        }
        allocator.observe(outputs)
        played.append({"stated": stated, "outputs": outputs, **decide, **allocator.settle().body})
    return played


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fund.journal"


@pytest.mark.parametrize(
    "more",
    [
        {"variant": "baseline"}, {"variant": "baseline", "payment": "debt"}, {"variant": "consistent"},
        {"variant": "discounted", "discount": "9/10"}, {"variant": "exploration"}, {"variant": "bounded_values"},
        {"variant": "strategic"},
    ],
    ids=lambda more: "-".join(more.values()),
)  # fmt: skip
def test_it_pays_what_the_online_mechanism_pays(path: Path, more: dict[str, Any]) -> None:
    with Allocator.create(path, table(**more), seed=SEED) as allocator:
        played = play(allocator, 12)
        rules = allocator.configuration.rules()
    online = Online(rules, Ledger())
    for period in played:
        proposal = online.propose(period["stated"])
        assert [int(share) for share in proposal.shares] == period["shares"]
        assert online.draw(proposal, period["draw"]) == period["group"]
        chosen = [DECISIONS[k] for k in proposal.decisions]
        realised = period["outputs"][chosen[period["group"]]]
        outputs = realised if rules.realised_only else [period["outputs"][name] for name in chosen]
        settled = online.settle(proposal, period["group"], outputs)
        assert list(settled.paid) == period["paid"]
        assert list(online.transfer) == period["debt"]
        assert all(0 <= paid <= output for paid, output in zip(period["paid"], realised, strict=True))


def test_a_reopened_allocator_goes_on_as_if_it_had_not_been_closed(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    with Allocator.create(whole, table(), seed=SEED) as allocator:
        play(allocator, 4, seed=1)
        play(allocator, 3, seed=2)
        expected = allocator.journal.last
    with Allocator.create(parts, table(), seed=SEED) as allocator:
        play(allocator, 4, seed=1)
    with Allocator.open(parts) as allocator:
        play(allocator, 3, seed=2)
        assert allocator.journal.last == expected


def test_draws_are_fixed_by_seed_period_and_reports_and_can_be_checked_at_the_end(path: Path) -> None:
    with Allocator.create(path, table(), seed=SEED) as allocator:
        played = play(allocator, 5)
        for number, period in enumerate(played, 1):
            assert period["draw"] == drawn(SEED, number, period["reports"])
        allocator.end()
        assert allocator.status()["state"] == "closed"
        with pytest.raises(InstanceError, match="closed"):
            allocator.commit("north", "0" * 64)
    Allocator.open(path).close()
    draws = [drawn(SEED, t, "same reports") for t in range(1, 4001)]
    assert abs(sum(draws) / len(draws) / GRID - 0.5) < 0.03


def test_a_statement_says_what_was_paid_and_why(path: Path) -> None:
    with Allocator.create(path, table(variant="baseline"), seed=SEED) as allocator:
        played = play(allocator, 40, truthful=True)
        lines = allocator.statement("south")
    assert [line["paid"] for line in lines] == [period["paid"][1] for period in played]
    for line in lines:
        assert (line["paid"] > 0) <= (line["debt_before"] > 0)
        assert ("in debt" in line["why"]) is (line["debt_before"] > 0)
    assert any(line["paid"] for line in lines)


# -- the protocol ----------------------------------------------------------------------------------------------------


STEPS: dict[str, Callable[[Allocator], Any]] = {
    "commit": lambda a: a.commit("north", commitment([1, 2], "n")),
    "report": lambda a: a.report("north", [1, 2], "n"),
    "decide": lambda a: a.decide(),
    "observe": lambda a: a.observe({"roads": [1, 1, 1], "wells": [1, 1, 1]}),
    "settle": lambda a: a.settle(),
}


def test_steps_out_of_order_are_refused_and_leave_nothing(path: Path) -> None:
    with Allocator.create(path, table(), seed=SEED) as allocator:
        for step in ("report", "decide", "observe", "settle"):
            with pytest.raises(InstanceError):
                STEPS[step](allocator)
        STEPS["commit"](allocator)
        for step in ("commit", "report", "decide", "settle"):
            with pytest.raises(InstanceError):
                STEPS[step](allocator)
        assert allocator.status()["events"] == 2


def test_a_report_must_be_what_was_committed_to(path: Path) -> None:
    with Allocator.create(path, table(), seed=SEED) as allocator:
        for name in AGENTS:
            allocator.commit(name, commitment([1, 2], "n"))
        for values, nonce in (([1, 3], "n"), ([1, 2], "m")):
            with pytest.raises(InstanceError, match="not what north has committed to"):
                allocator.report("north", values, nonce)
        allocator.report("north", [1, 2], "n")
        with pytest.raises(InstanceError, match="reported already"):
            allocator.report("north", [1, 2], "n")


def test_absent_agents_count_as_zero_only_where_asked(path: Path) -> None:
    with Allocator.create(path, table(), seed=SEED) as allocator:
        for name in AGENTS:
            allocator.commit(name, commitment([0, 9], "n"))
        allocator.report("north", [0, 9], "n")
        with pytest.raises(InstanceError, match="south has not reported"):
            allocator.decide()
        assert allocator.decide(absent=True).body["decisions"][0] == 1


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"agents": []}, "agents"),
        ({"agents": ["a", "a"]}, "differ"),
        ({"decisions": [""]}, "decisions"),
        ({"output_bound": 0}, "output_bound"),
        ({"output_bound": 1.5}, "output_bound"),
        ({"variant": "pivot"}, "variant"),
        ({"variant": "discounted"}, "discount"),
        ({"discount": "x"}, "discount"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_bad_configurations_are_named_and_nothing_is_written(path: Path, change: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word):
        Allocator.create(path, table(**change))
    assert not path.exists()
    assert not seed_file(path).exists()


@given(values=st.one_of(st.lists(st.one_of(st.integers(), st.booleans(), st.floats(), st.text(max_size=3)), max_size=3),
                        st.text(max_size=3), st.none()))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_values_of_any_kind_are_taken_or_refused_by_name(values: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    fine = isinstance(values, list) and len(values) == 2 and all(type(v) is int and 0 <= v <= 9 for v in values)
    with Allocator.create(tmp_path_factory.mktemp("j") / "j", table(agents=["north"]), seed=SEED) as allocator:
        allocator.commit("north", commitment(values, "n") if fine else "0" * 64)
        if fine:
            allocator.report("north", values, "n")
        else:
            with pytest.raises(InstanceError, match="values"):
                allocator.report("north", values, "n")


# -- the journal -----------------------------------------------------------------------------------------------------


def test_a_second_process_is_refused(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Allocator.create(path, table(), seed=SEED):
        for command in ("status", "verify"):
            assert main(["allocator", command, str(path)]) == 2
            assert "open in another process" in capsys.readouterr().err
    assert main(["allocator", "status", str(path)]) == 0


def test_a_journal_is_never_overwritten(path: Path) -> None:
    Allocator.create(path, table(), seed=SEED).close()
    with pytest.raises(InstanceError, match="exists already"):
        Allocator.create(path, table(), seed=SEED)
    assert oct(os.stat(seed_file(path)).st_mode & 0o777) == "0o600"


def test_a_journal_whose_init_was_cut_off_says_what_to_do(path: Path) -> None:
    Journal.create(path).close()
    with pytest.raises(JournalError, match="init was cut off; remove it"):
        Allocator.open(path)


def test_the_database_itself_refuses_changes(path: Path) -> None:
    Allocator.create(path, table(), seed=SEED).close()
    connection = sqlite3.connect(path)
    for statement in ("UPDATE event SET body = '{}'", "DELETE FROM event"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def forge(path: Path, statement: str) -> None:
    """What somebody with the file in hand could do."""
    connection = sqlite3.connect(path)
    connection.executescript(f"DROP TRIGGER no_update; DROP TRIGGER no_delete; {statement};")
    connection.close()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE event SET body = replace(body, '\"paid\":[', '\"paid\":[0') WHERE kind = 'settle' AND period = 2",
         "settle, period 2"),
        ("DELETE FROM event WHERE seq = 9", "event 9 is missing"),
        ("UPDATE event SET hash = previous WHERE seq = 5", "event 5"),
        ("UPDATE event SET period = 7 WHERE seq = 4", "event 4"),
    ],
)  # fmt: skip
def test_forged_events_are_found_and_named(
    path: Path, statement: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Allocator.create(path, table(variant="baseline"), seed=SEED) as allocator:
        play(allocator, 4)
    forge(path, statement)
    assert main(["allocator", "verify", str(path)]) == 3
    assert words in capsys.readouterr().err


def rewrite(path: Path, statement: str) -> None:
    """A forger who knows the format: the events are changed, and a new journal is written with them."""
    forge(path, statement)
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT period, kind, body FROM event ORDER BY seq").fetchall()
    connection.close()
    path.unlink()
    journal = Journal.create(path)
    for period, kind, body in rows:
        journal.append(period, kind, json.loads(body))
    journal.close()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE event SET body = '{\"debt\":[0,0,0],\"paid\":[0,0,0]}' WHERE kind = 'settle' AND period = 3",
         "does not follow from the outputs"),
        ("UPDATE event SET body = replace(body, '\"group\":0', '\"group\":1') WHERE kind = 'decide' AND period = 1",
         "does not follow from the reports"),
        ("UPDATE event SET body = '{}' WHERE kind = 'observe' AND period = 1", "makes no sense"),
        ("UPDATE event SET body = replace(body, 'secret of south', 'another') WHERE kind = 'report' AND period = 2",
         "not what south has committed to"),
        ("UPDATE event SET body = replace(body, '[', '[7') WHERE kind = 'observe' AND period = 2", "from 0 to 9"),
        ("UPDATE event SET period = 9 WHERE seq = 4", "period 1 is open"),
        ("UPDATE event SET kind = 'remark' WHERE kind = 'settle' AND period = 4", "no event 'remark'"),
    ],
)  # fmt: skip
def test_a_forger_who_repairs_the_chain_is_found_by_replay(path: Path, statement: str, words: str) -> None:
    with Allocator.create(path, table(variant="baseline"), seed=SEED) as allocator:
        play(allocator, 4)
    rewrite(path, statement)
    with pytest.raises(JournalError, match=words):
        Allocator.open(path)


def test_a_draw_that_was_chosen_is_found_once_the_seed_is_revealed(path: Path) -> None:
    with Allocator.create(path, table(), seed=SEED) as allocator:
        play(allocator, 2)
        (draw,) = [event.body["draw"] for event in allocator.journal.events() if event.kind == "decide"][:1]
    # Probabilities of period 1 are (1, 0, 0, 0): another draw picks the same group, so only the seed gives it away.
    rewrite(path, f"UPDATE event SET body = replace(body, '\"draw\":{draw}', '\"draw\":1') WHERE seq = 8")
    with Allocator.open(path) as allocator:
        allocator.end()
    with pytest.raises(JournalError, match="draw of period 1"):
        Allocator.open(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
@pytest.mark.parametrize("kills", [25, pytest.param(600, marks=pytest.mark.slow)])
def test_a_process_killed_at_any_instant_loses_no_acknowledged_event(tmp_path: Path, kills: int) -> None:
    script = Path(__file__).parent / "killed.py"
    command = [sys.executable, str(script), str(tmp_path), str(kills), "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    events, periods = map(int, done.stdout.split())
    assert events > kills
    assert periods >= 2


def test_the_commands_print_json(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "fund.json"
    config.write_text(json.dumps(table()))

    def run(*words: str, status: int = 0) -> Any:
        assert main(["allocator", *words]) == status, capsys.readouterr().err
        printed = capsys.readouterr()
        return json.loads(printed.out) if status == 0 else printed.err

    assert run("init", str(path), "--config", str(config))["kind"] == "init"
    for name in AGENTS:
        digest = run("seal", "--values", "[1,2]", "--nonce", name)["commitment"]
        run("commit", str(path), "--agent", name, "--commitment", digest)
    for name in AGENTS:
        run("report", str(path), "--agent", name, "--values", "[1,2]", "--nonce", name)
    needed = run("decide", str(path))["outputs_needed"]
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps({name: [1, 2, 3] for name in needed}))
    run("observe", str(path), "--outputs", f"@{outputs}")
    assert set(run("settle", str(path))["paid"]) == set(AGENTS)
    assert run("statement", str(path), "--agent", "west")["periods"][0]["output"] == 3
    assert run("verify", str(path))["periods"] == 1
    assert "valid JSON" in run("observe", str(path), "--outputs", "{", status=2)
    assert "no agent 'east'" in run("statement", str(path), "--agent", "east", status=2)
    assert "no such journal" in run("status", str(tmp_path / "none"), status=2)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["seal", "--values", "[1.5,2]", "--nonce", "n"], "values: must be whole, not 1.5 (entry 1)"),
        (["seal", "--values", "[true,2]", "--nonce", "n"], "values: must be whole, not True (entry 1)"),
        (["seal", "--values", '[{"a":1e400}]', "--nonce", "n"], "values: must be whole"),
        (["seal", "--values", "[1,2]", "--nonce", os.fsdecode(b"\xff")], "nonce: must be Unicode text"),
        (["report", "JOURNAL", "--agent", "north", "--values", "[1,2]", "--nonce", os.fsdecode(b"\xff")],
         "nonce: must be Unicode text"),
        (["init", "", "--config", "CONFIG"], "name the file"),
        (["init", "JOURNAL", "--config", "CONFIG"], "fund.journal: exists already; a journal is never overwritten"),
    ],
)  # fmt: skip
def test_what_nobody_means_is_answered_in_one_line(
    path: Path, tmp_path: Path, words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "fund.json"
    config.write_text(json.dumps(table()))
    with Allocator.create(path, table(), seed=SEED) as allocator:
        for name in AGENTS:
            allocator.commit(name, "0" * 64)
    places = {"JOURNAL": str(path), "CONFIG": str(config)}
    assert main(["allocator", *(places.get(word, word) for word in words)]) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("discount", ["0.99999999999", "1e-12"])
def test_a_discount_that_the_grid_cannot_hold_is_refused(path: Path, discount: str) -> None:
    """Rounded to 1 it would be another variant, with another bound."""
    with pytest.raises(InstanceError, match="on the grid of the integer ledger"):
        Allocator.create(path, table(variant="discounted", discount=discount))
    assert not path.exists()
