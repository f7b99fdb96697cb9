"""The explorer: what can be moved in a document, what the page shows, and the page in a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from mechopt import api, catalog
from mechopt.cli import main
from mechopt.errors import InstanceError
from mechopt.explorer import controls, page

MODEL = "overage/cap_and_share"
CLAIM = ("accounts", 0, "claim")


def test_every_number_and_every_word_that_chooses_a_rule_can_be_moved() -> None:
    found = {control.label: control for control in controls.controls(api.load(MODEL).document.data)}
    assert found["rule"].value == "linear"
    assert found["accounts / Ada / claim"].path == CLAIM
    assert found["accounts / Ada / claim"].steps == (0.0, 18.0, 1.0)
    assert found["accounts / Ada / entitlement"].steps is None, "an exact fraction is typed"
    assert not {"mechanism", "title", "units", "accounts / Ada / account"} & set(found)


def test_a_moved_claim_changes_the_result_and_leaves_the_document_alone() -> None:
    document = api.load(MODEL).document
    before = controls.outcome(document)
    now = controls.outcome(controls.changed(document, {CLAIM: 5.0}))
    assert Fraction(now.summary["slack_total"]) == Fraction(before.summary["slack_total"]) + 4
    assert controls.outcome(document).summary == before.summary
    shown = page.summary(before, now)
    assert "<strong>" in shown
    assert "changed" in shown
    assert "changed" not in page.summary(before, before)


def test_a_float_of_a_slider_counts_as_the_decimal_that_it_shows() -> None:
    document = api.load(
        {"mechanism": "overage", "penalty": 0.5, "accounts": [{"account": "a", "entitlement": 1, "claim": 2}]}
    )
    moved = controls.changed(document.document, {("penalty",): 0.1})
    assert moved.data["penalty"] == Decimal("0.1")


@pytest.mark.parametrize(("value", "step"), [("1.25", 0.01), ("9.5", 0.1), ("0.5", 0.01), ("350.125", 0.001)])
def test_a_slider_can_show_the_value_it_starts_from(value: str, step: float) -> None:
    (found,) = controls.controls({"mechanism": "overage", "penalty": Decimal(value)})
    assert found.steps is not None
    assert found.steps[2] == pytest.approx(step)
    assert controls.controls({"penalty": Decimal("0.123456789")})[0].steps is None


def test_records_of_one_name_are_told_apart_by_their_position() -> None:
    records = [{"value": "f", "time": 1}, {"value": "f", "time": 2}]
    assert [control.label for control in controls.controls({"rounds": records})] == [
        "rounds / 1 / time",
        "rounds / 2 / time",
    ]


def test_what_is_shown_is_text_and_no_markup() -> None:
    assert "<b>" not in page.grid({"<b>": ["<b>"]})


@pytest.mark.parametrize("name", sorted(catalog.models()))
def test_the_controls_of_each_shipped_model_lead_to_its_values(name: str) -> None:
    document = api.load(name).document
    found = controls.controls(document.data)
    assert len({control.label for control in found}) == len(found)
    for control in found:
        value: Any = document.data
        for key in control.path:
            value = value[key]
        assert value == control.value
        if control.steps is not None:
            low, high, step = control.steps
            assert low <= float(control.value) <= high
            assert step > 0


def test_a_model_without_a_number_to_move_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("account,entitlement,claim\na,1,2\n", encoding="utf-8")
    model = tmp_path / "m.toml"
    model.write_text('mechanism = "overage"\naccounts = { file = "t.csv" }\n', encoding="utf-8")
    with pytest.raises(InstanceError, match="no number"):
        controls.open_document(str(model))


def test_a_port_that_is_taken_is_one_line_and_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["explore", MODEL, "--no-browser", "--port", str(port)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"mechopt: --port: {port} cannot be had (")
    assert printed.err.endswith("); choose another\n")


def test_a_wrong_model_is_one_line_and_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "overage/cap_and_shar", "--no-browser"]) == 2
    assert "cap_and_share" in capsys.readouterr().err


@contextmanager
def served(model: str) -> Iterator[str]:
    """The address of a page that explores a model."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mechopt", "explore", model, "--no-browser", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and server.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)


@contextmanager
def opened(model: str) -> Iterator[Any]:
    """The page of a model in a browser; in the end there was no console error and no request to anywhere else."""
    pytest.importorskip("marimo")
    driver = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium")
    errors: list[str] = []
    away: list[str] = []
    with served(model) as address, driver.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        sheet = browser.new_page(viewport={"width": 1280, "height": 1000})
        sheet.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        sheet.on("pageerror", lambda error: errors.append(str(error)))
        sheet.on("request", lambda sent: away.append(sent.url) if sent.url.startswith("http") else None)
        sheet.goto(address)
        yield sheet
        browser.close()
        assert errors == []
        assert [url for url in away if not url.startswith(address)] == []


def photograph(sheet: Any, name: str) -> None:
    """A picture of the whole page, where MECHOPT_SCREENSHOTS names a folder."""
    if "MECHOPT_SCREENSHOTS" in os.environ:
        sheet.screenshot(path=Path(os.environ["MECHOPT_SCREENSHOTS"]) / f"{name}.png", full_page=True)


@pytest.mark.browser
def test_a_moved_number_changes_the_page() -> None:
    """Start, change a control, see the number change, be told of a wrong one, read it at phone width."""
    with opened(MODEL) as sheet:
        slack = sheet.locator("tr[data-name=slack_total] td")
        slack.first.wait_for(timeout=90_000)
        assert slack.nth(1).inner_text() == "103/14"
        claim = sheet.get_by_role("textbox", name="accounts / Ada / claim").last
        claim.fill("5")
        claim.press("Enter")
        sheet.locator("tr[data-name=slack_total] strong").wait_for(timeout=30_000)
        assert slack.nth(0).inner_text() == "103/14"
        assert slack.nth(1).inner_text() == "159/14"  # 4 more
        rule = sheet.get_by_label("rule", exact=True)
        rule.fill("liner")
        rule.press("Enter")
        sheet.get_by_text("These values do not go together").wait_for(timeout=30_000)
        sheet.get_by_text("'liner'").wait_for(timeout=30_000)
        rule.fill("linear")
        rule.press("Enter")
        slack.first.wait_for(timeout=30_000)
        photograph(sheet, "explore_1280")
        sheet.set_viewport_size({"width": 390, "height": 900})
        assert sheet.evaluate("document.documentElement.scrollWidth") <= 390
        photograph(sheet, "explore_390")


# A starting document (with changes to its text), the control that is moved, what it is moved to, what must change.
MOVES = {
    "alpha": (
        "overage",
        [('rule = "linear"', 'rule = "power"'), ("claim = 6", "claim = 0")],
        "alpha",
        "2",
        "accounts_short",
    ),
    "bound": ("linked_vcg", [], "upper / agent sales / type own code", "1", "cost_linked"),
    "belief": ("borrowing", [], "agents / 2 / time / points / 1", "0.125", "constant"),
    "demand": ("forward_market", [], "agents / mill / demand", "0.8", "surplus_at_holding"),
    "tariff": (
        "forward_market",
        [(f"# {line}", line) for line in ("[tariff]", 'kind = "linear"', "y = [-1, 0, 1]", "p = [0, 47, 130]")],
        "tariff / p / 3",
        "200",
        "forward_budget",
    ),
    "output": ("limited_liability", [], "output_bound", "2", "epsilon_certified"),
}


def moved(name: str, folder: Path) -> tuple[Path, str, str, str]:
    mechanism, changes, label, value, shown = MOVES[name]
    text = catalog.starter(mechanism).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path, label, value, shown


@pytest.mark.parametrize("name", MOVES)
def test_each_mechanisms_own_controls_change_its_result(name: str, tmp_path: Path) -> None:
    path, label, value, shown = moved(name, tmp_path)
    document = controls.open_document(str(path))
    control = next(found for found in controls.controls(document.data) if found.label == label)
    before = controls.outcome(document)
    now = controls.outcome(controls.changed(document, {control.path: float(value)}))
    assert now.summary[shown] != before.summary[shown]


@pytest.mark.browser
@pytest.mark.parametrize("name", MOVES)
def test_each_mechanism_is_explored_in_a_browser(name: str, tmp_path: Path) -> None:
    path, label, value, shown = moved(name, tmp_path)
    with opened(str(path)) as sheet:
        row = sheet.locator(f"tr[data-name={shown}]")
        row.first.wait_for(timeout=90_000)
        assert row.locator("strong").count() == 0
        for panel in sheet.get_by_role("button", expanded=False).all():
            panel.click()
        box = sheet.get_by_role("textbox", name=label).last
        box.fill(value)
        box.press("Enter")
        row.locator("strong").wait_for(timeout=60_000)
        photograph(sheet, f"explore_{name}_1280")
        sheet.set_viewport_size({"width": 390, "height": 900})
        assert sheet.evaluate("document.documentElement.scrollWidth") <= 390
        photograph(sheet, f"explore_{name}_390")
