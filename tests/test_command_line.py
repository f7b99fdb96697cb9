"""Mistakes that users make on the command line: one clear line each, exit status 2, nothing written; completion."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from mechopt.cli import app, main

DOCUMENT = """
mechanism = "overage"
[[accounts]]
account = "a"
entitlement = 10
claim = 7
"""
# The command, and what its one line must say.
MISTAKES = {
    "solv m.toml": 'Did you mean "solve"',
    "Solve m.toml": 'Did you mean "solve"',
    "help": "mechopt --help",
    "version": "mechopt --version",
    "--vershun": "Unknown command",
    "m.toml": "mechopt solve m.toml",
    "overage/cap_and_share": "mechopt solve overage/cap_and_share",
    "solve": "MODEL requires an argument",
    "solve overage/cap_and_shar": "did you mean overage/cap_and_share",
    "solve cap_and_share": "did you mean overage/cap_and_share",
    "solve nosuch.toml": "nosuch.toml: there is no such file",
    "solve .": "is a folder",
    "solve t.csv": "mechopt new",
    "solve m.toml extra": "'extra' is one word too many; see mechopt solve --help",
    "solve m.toml --jsn": "Did you mean --json",
    "solve m.toml --explain": "--explain requires an argument",
    "solve m.toml --explain aa": "there is no account 'aa'; did you mean a",
    "solve m.toml --rows many": "a whole number is needed, not 'many'",
    "solve m.toml --rows -3": "must be >= 0",
    "solve m.toml --seed 1.5": "a whole number is needed, not '1.5'",
    "solve m.toml --seed -1": "must be at least 0",
    "solve m.toml --workers 0": "must be at least 1",
    "solve m.toml --executor localhost:1": "dask://HOST:PORT",
    "solve m.toml --out t.csv": "--out: cannot be made a folder",
    "check m.toml --tolerance abc": "'abc' is not a number",
    "check m.toml --tolerance -1": "-1 is below 0",
    "new": "MECHANISM requires an argument",
    "new overge": "did you mean overage",
    "new overage -o m.toml": "exists already",
    "new overage -o no/such/x.toml": "cannot be written",
    "design m.toml": "the table [design] is missing; it needs",
    "simulate m.toml --workers 1.9": "a whole number is needed, not '1.9'",
    "report m.toml -o no/such/x.html": "cannot be written",
    "verify overge": "did you mean overage",
    "verify overage.theorem_44": "did you mean overage.theorem_4",
    "audit m.toml --model m.toml": "unknown kind of table '.toml'",
    "audit nosuch.csv --model m.toml": "there is no such file",
    "audit t.csv --model m.toml": "needs a column of names, one of account",
    "audit t.csv": "--model requires an argument",
    "audit t.csv --model m.toml --tolerance abc": "--tolerance: 'abc' is not a number",
    "audit t.csv --model m.toml --tolerance -1": "-1 is below 0",
    "audit t.csv --model m.toml --decimal ;": "must be one of",
    "formulate m.toml --to gams": "is not one of lp, mps, pyomo, cvxpy",
    "formulate m.toml --program clering_lp": "did you mean clearing_lp",
    "formulate m.toml --set date": "is not of the form name=value",
    "axioms talmudd": "did you mean talmud",
    "axioms --property consistancy": "did you mean consistency",
    "axioms --claimants 9": "must be from 1 to 5",
    "explore m.toml --port 99999999": "must be from 1 to 65535",
    "doctor now": "'now' is one word too many",
    "allocator decid": 'Did you mean "decide"',
}


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_is_one_clear_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.toml").write_text(DOCUMENT)
    (tmp_path / "t.csv").write_text("plant,payoff\na,7\n")
    assert main(shlex.split(command)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("mechopt: ")
    assert len(printed.err.splitlines()) == 1
    assert MISTAKES[command].casefold() in printed.err.casefold()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.toml", "t.csv"]


COMMANDS = [name for name in app if not name.startswith("-")]


def test_every_command_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(COMMANDS) >= 14
    for command in COMMANDS:
        assert main([command, "--help"]) == 0
        shown = capsys.readouterr().out
        assert f"mechopt {command}" in shown.partition("╭")[0].replace("Usage: mechopt", ""), command


def completed(script: Path, *words: str) -> list[str]:
    """What bash offers behind some words."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    lines = [
        f"source {script}",
        "COMP_WORDS=(" + " ".join(shlex.quote(word) for word in words) + ")",
        f"COMP_CWORD={len(words) - 1}",
        "_mechopt",
        'printf "%s\\n" "${COMPREPLY[@]}"',
    ]
    run = subprocess.run([bash, "-c", "\n".join(lines)], capture_output=True, text=True, check=True, timeout=60)
    return run.stdout.split()


def test_the_shell_completes_commands_and_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / "completion.bash"
    assert main(["--install-completion", "--shell", "bash", "--output", str(script)]) == 0
    assert str(script) in capsys.readouterr().out
    assert completed(script, "mechopt", "s") == ["solve", "simulate"]
    assert set(completed(script, "mechopt", "")) >= set(COMMANDS)
    assert {"--explain", "--json", "--out"} <= set(completed(script, "mechopt", "solve", "--"))
    assert completed(script, "mechopt", "formulate", "--pro") == ["--program"]
    assert main(["--install-completion", "--shell", "tcsh"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
