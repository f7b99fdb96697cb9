"""The numbers that README and docs show of the peers are the recorded ones, and the room measures what it says."""

import importlib
import time
import tomllib

import pytest

pytestmark = pytest.mark.checkout


def test_readme_and_page_show_what_was_recorded() -> None:
    """Both blocks are what the script writes from results.json, to the letter."""
    from benchmarks.peers import record

    results = record.load()
    for path, block in record.blocks(results).items():
        assert record.shown(path) == block, f"{path.name}: run `make peers RECORD=1`, or undo the edit"


def test_the_record_is_of_every_comparison_and_of_the_pinned_versions() -> None:
    from benchmarks.peers import record, run

    results = record.load()
    assert tuple(results) == record.ORDER
    for recorded in results.values():
        assert recorded["tables"]
        for requirement in run.pinned():
            name, version = requirement.split("==")
            assert recorded["versions"][name] in (version, "not installed")


def test_every_recorded_cell_and_every_skipped_peer_is_shown() -> None:
    from benchmarks.peers import record

    results = record.load()
    page = record.full(results)
    for recorded in results.values():
        for table in recorded["tables"]:
            assert all(f"| {' | '.join(row)} |" in page for row in (table["head"], *table["rows"]))
            assert all(reason in page for reason in table["skipped"])


def test_peers_are_pinned_and_are_nobody_elses_dependency() -> None:
    """Exact versions, and what is a peer only is in no other group and no extra."""
    from benchmarks.peers import record, run

    project = tomllib.loads((record.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert all(requirement.count("==") == 1 for requirement in run.pinned())
    extras = project["project"]["optional-dependencies"].values()
    others = [*project["project"]["dependencies"], *(requirement for extra in extras for requirement in extra)]
    for name in ("linopy", "pyoptinterface", "highsbox", "ortools", "coopgame-py", "pyblackwell"):
        assert not any(str(requirement).startswith(name) for requirement in others)


def test_a_missing_peer_is_named_and_the_others_are_measured() -> None:
    from benchmarks.peers.room import peer, side_by_side

    taken, skipped = side_by_side({"here": lambda: 1, "away": lambda: peer("no_such_library")}, rounds=1)
    assert list(taken) == ["here"]
    assert [reason.split(":")[0] for reason in skipped] == ["away"]
    assert "no_such_library" in skipped[0]


def spin() -> int:
    """A hundredth of a second of CPU."""
    end = time.process_time() + 0.01
    turns = 0
    while time.process_time() < end:
        turns += 1
    return turns


def test_times_are_cpu_seconds_and_the_check_sees_every_result() -> None:
    from benchmarks.peers.room import side_by_side

    seen: list[str] = []
    taken, _ = side_by_side(
        {"work": spin, "sleep": lambda: time.sleep(0.01)}, rounds=2, check=lambda name, _: seen.append(name)
    )
    assert taken["work"] >= 0.01
    assert taken["sleep"] < 0.005
    assert set(seen) == {"work", "sleep"}
    assert seen.count("work") == 3  # the first run and two rounds


def test_ratios_are_written_with_three_digits_at_most() -> None:
    from benchmarks.peers.room import ratio

    assert [ratio(x) for x in (0.0312, 0.996, 3.456, 12.34, 9876.5)] == ["0.03", "1.00", "3.46", "12.3", "9,876"]


@pytest.mark.parametrize("seed", range(3))
def test_the_textbook_formulas_agree_with_the_engine(seed: int) -> None:
    """The benchmark's own transcription, which it holds against 10,000 problems."""
    from benchmarks.peers import claims_rules
    from mechopt.mechanisms.overage import award

    for estate, claims in claims_rules.problems(60)[seed::3]:
        for rule in claims_rules.RULES:
            ours = award(rule, estate, claims, arithmetic="exact").tolist()
            assert ours == claims_rules.textbook(rule, estate, claims)
            assert sum(ours) == estate


def test_the_shared_programs_have_the_same_optimum_in_mechopt_and_in_raw_highspy() -> None:
    from benchmarks.peers import layers, linear_programs as programs

    for task in (programs.leave_one_out, programs.right_hand_sides):
        assert task(layers.Mechopt) == pytest.approx(task(layers.HandWritten), rel=1e-9)
    assert programs.batch_without_each() == pytest.approx(programs.leave_one_out(layers.Mechopt), rel=1e-9)


def test_installed_peers_are_not_needed_to_import_the_comparisons() -> None:
    for name in ("linear_programs", "claims_rules", "approachability", "sequencing", "certificates"):
        assert importlib.import_module(f"benchmarks.peers.{name}").tables
