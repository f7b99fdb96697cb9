"""What is printed and written where things go wrong: closed pipes, full disks, other encodings, two runs at once."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mechopt import console
from mechopt.cli import main
from mechopt.errors import InstanceError

FAILING = """
mechanism = "overage"
title = "Größe → 東京"
rule = "power"
alpha = 2
arithmetic = "exact"
accounts = [
  { account = "Zoë 東京", entitlement = 10, claim = 11 },
  { account = "b", entitlement = 10, claim = 12 },
  { account = "c", entitlement = 10, claim = 7 },
]
"""
NEEDS_SHELL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a POSIX shell and /dev/full")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "failing.toml"
    path.write_text(FAILING, encoding="utf-8")
    return path


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`mechopt` behind it and in front of it whatever a shell can do to its output."""
    command = command.replace("mechopt", f"{shlex.quote(sys.executable)} -m mechopt")
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=120, check=False, encoding="utf-8", errors="replace",
    )  # fmt: skip


@NEEDS_SHELL
@pytest.mark.parametrize("options", ["", " --json"])
def test_a_reader_who_leaves_changes_no_status(options: str, model: Path, tmp_path: Path) -> None:
    """A failed check is a failed check, whether or not somebody read on: 1, and nothing on standard error."""
    run = shell(f"mechopt check {model.name}{options} | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert (run.returncode, run.stderr) == (1, "")
    run = shell("mechopt solve --help | true; exit ${PIPESTATUS[0]}", tmp_path)
    assert (run.returncode, run.stderr) == (0, "")


@NEEDS_SHELL
@pytest.mark.parametrize("command", ["check failing.toml", "check failing.toml --json", "list", "--help"])
def test_output_that_finds_no_room_is_one_line(command: str, model: Path, tmp_path: Path) -> None:
    run = shell(f"mechopt {command} >/dev/full", tmp_path)
    assert run.returncode == 2
    assert run.stderr == "mechopt: standard output: No space left on device\n"


@NEEDS_SHELL
def test_standard_error_may_be_closed_or_full(model: Path, tmp_path: Path) -> None:
    assert shell("mechopt check failing.toml 2>&-", tmp_path).returncode == 1
    for there in ("2>&-", "2>/dev/full"):
        run = shell(f"mechopt solve nosuch.toml {there}", tmp_path)
        assert (run.returncode, run.stdout) == (2, "")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_every_encoding_can_carry_every_name(encoding: str, model: Path) -> None:
    def run(*words: str) -> bytes:
        found = subprocess.run(
            [sys.executable, "-m", "mechopt", *words], env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        assert (found.returncode, found.stderr) == (0, b"")
        return found.stdout

    told = json.loads(run("solve", str(model), "--json").decode(encoding))
    assert told["title"] == "Größe → 東京"
    assert told["tables"]["accounts"]["account"][0] == "Zoë 東京"
    assert run("solve", str(model)).decode(encoding)
    shown = run("solve", str(model), "--explain", "Zoë 東京").decode(encoding)
    assert "東京" in shown or "\\u6771\\u4eac" in shown


def test_a_narrow_terminal_cuts_no_name(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for columns in ("0", "1", "12"):
        monkeypatch.setenv("COLUMNS", columns)
        assert main(["solve", str(model)]) == 0
        shown = capsys.readouterr().out
        assert "entitlement_total" in shown
        assert "payoff" in shown


def test_a_device_or_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    """`-o /dev/null` must leave a device behind, and not a file of that name."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    console.write(pipe, "a page")
    reader.join(30)
    assert read == ["a page"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_what_a_link_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    console.write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(path: Path, text: str, **_options: object) -> None:
        with path.open("w") as file:
            file.write(text[:3])
        raise OSError(28, "No space left on device")

    page = tmp_path / "page.html"
    page.write_text("old")
    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(InstanceError, match=r"page\.html: --output: cannot be written: No space left on device"):
        console.write(page, "new and long")
    assert page.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_two_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    texts = [str(k) * 200_000 for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: console.write(page, text), texts * 5))
    assert page.read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    "words",
    [
        ("solve", "m.toml", "--out", "file"), ("simulate", "m.toml", "--out", "file/deeper"),
        ("design", "m.toml", "--out", "file"), ("axioms", "--out", "file"), ("report", "m.toml", "-o", "folder"),
        ("audit", "m.toml", "--model", "m.toml", "--out", "file"), ("report", "axioms", "-o", "nosuch/page.html"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_place_that_cannot_be_written_is_said_before_the_work(
    words: tuple[str, ...], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from mechopt import api

    for verb in ("solve", "simulate", "design", "axioms", "report", "audit", "verify"):
        monkeypatch.setattr(api, verb, lambda *_a, **_k: pytest.fail("the work was done first"))
    monkeypatch.chdir(tmp_path)
    model.rename("m.toml")
    Path("file").write_text("")
    Path("folder").mkdir()
    assert main(list(words)) == 2
    assert "cannot be" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "m.toml"]


@NEEDS_SHELL
def test_a_document_comes_from_a_pipe(model: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("account,entitlement,claim\na,10,12\nb,10,7\n")
    own = '{"mechanism": "overage", "accounts": "t.csv"}'
    run = shell(f"echo '{own}' | mechopt solve /dev/stdin --json", tmp_path)
    assert json.loads(run.stdout)["summary"]["accounts"] == 2
    run = shell("mechopt check <(cat failing.toml) --json", tmp_path)
    assert (run.returncode, json.loads(run.stdout)["summary"]["accounts"]) == (1, 3)
    run = shell("cat failing.toml | mechopt solve -", tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "mechopt: '-' is no file; write /dev/stdin to read a document from standard input\n"
    run = shell("mechopt solve /dev/null", tmp_path)
    assert run.stderr.startswith("mechopt: mechanism: is missing")
