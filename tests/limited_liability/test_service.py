"""The allocator over HTTP: who may do what, what is refused how, and fuzzed requests."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.allocator.allocator import Allocator, commitment

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx2")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the client's own libraries

AGENTS = ["north", "south"]
TOKENS = {name: f"token-of-{name}-0123456789" for name in ["operator", *AGENTS]}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "fund.journal"
    Allocator.create(path, {"agents": AGENTS, "decisions": ["roads", "wells"], "output_bound": 9}).close()
    return path


@pytest.fixture
def client(journal: Path) -> Iterator[Any]:
    from fastapi.testclient import TestClient

    from mechopt.mechanisms.limited_liability.allocator.service import application

    with TestClient(application(journal, TOKENS)) as found:
        yield found


def as_(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[name]}"}


def period(client: Any, values: dict[str, list[int]]) -> dict[str, Any]:
    for name, stated in values.items():
        body = {"agent": name, "commitment": commitment(stated, "n")}
        assert client.post("/commitments", json=body, headers=as_(name)).status_code == 200
    for name, stated in values.items():
        report: dict[str, Any] = {"agent": name, "values": stated, "nonce": "n"}
        assert client.post("/reports", json=report, headers=as_(name)).status_code == 200
    assert client.post("/decide", json={}, headers=as_("operator")).status_code == 200
    needed = client.get("/status", headers=as_("operator")).json()["outputs_needed"]
    outputs = {name: [1, 2] for name in needed}
    assert client.post("/observe", json={"outputs": outputs}, headers=as_("operator")).status_code == 200
    settled: dict[str, Any] = client.post("/settle", headers=as_("operator")).json()
    return settled


def test_a_period_over_http_is_in_the_journal(client: Any, journal: Path) -> None:
    settled = period(client, {"north": [3, 0], "south": [0, 5]})
    assert settled["kind"] == "settle"
    assert client.get("/statements/south", headers=as_("south")).json()[0]["period"] == 1
    assert {alarm["rings"] for alarm in client.get("/alarms", headers=as_("operator")).json()} == {False}
    assert client.get("/alarms", headers=as_("south")).status_code == 403
    client.__exit__(None, None, None)
    with Allocator.open(journal) as allocator:
        assert len(allocator.periods) == 1
        assert allocator.periods[0]["paid"] == settled["body"]["paid"]


def test_an_agent_acts_for_itself_only(client: Any) -> None:
    body = {"agent": "south", "commitment": "0" * 64}
    refused = client.post("/commitments", json=body, headers=as_("north"))
    assert (refused.status_code, refused.json()["error"]) == (403, "only south may do that")
    assert client.get("/statements/south", headers=as_("north")).status_code == 403
    assert client.get("/statements/south", headers=as_("operator")).status_code == 200
    for path in ("/decide", "/settle"):
        assert client.post(path, json={}, headers=as_("north")).status_code == 403
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKENS["north"][:-1]}):
        assert client.get("/status", headers=headers).status_code == 401
    assert client.get("/health").json() == {"alive": True}


@pytest.mark.parametrize(
    ("path", "body", "code", "key"),
    [
        ("/commitments", {"agent": "north", "commitment": "xyz"}, 422, "commitment"),
        ("/commitments", {"agent": "north"}, 422, "commitment"),
        ("/commitments", {"agent": "north", "commitment": "0" * 64, "more": 1}, 422, "more"),
        ("/reports", {"agent": "north", "values": [1.5, 2], "nonce": "n"}, 422, "values.0"),
        ("/reports", {"agent": "north", "values": [True, 2], "nonce": "n"}, 422, "values.0"),
        ("/reports", {"agent": "north", "values": [1, 2], "nonce": "n"}, 409, "agent"),
    ],
)
def test_wrong_requests_are_named(client: Any, path: str, body: Any, code: int, key: str) -> None:
    answer = client.post(path, json=body, headers=as_("north"))
    assert (answer.status_code, answer.json()["key"]) == (code, key)


def test_large_requests_are_refused_before_they_are_read(client: Any) -> None:
    large = {"agent": "north", "values": [1] * 2_000_000, "nonce": "n"}
    assert client.post("/reports", json=large, headers=as_("north")).status_code == 413
    chunked = client.post("/reports", content=iter([b"{", b"}"]), headers=as_("north"))
    assert chunked.status_code == 413
    assert client.get("/status", headers=as_("north")).json()["events"] == 1


def test_steps_out_of_order_leave_nothing(client: Any) -> None:
    for path, body in (("/decide", {}), ("/observe", {"outputs": {}}), ("/settle", None)):
        assert client.post(path, json=body, headers=as_("operator")).status_code == 409
    assert client.get("/status", headers=as_("operator")).json()["events"] == 1


@pytest.mark.parametrize("tokens", [{}, {"operator": "short"}, {"operator": "x" * 20}])
def test_tokens_are_needed_for_all(journal: Path, tokens: dict[str, str]) -> None:
    from fastapi.testclient import TestClient

    from mechopt.mechanisms.limited_liability.allocator.service import application

    with pytest.raises(InstanceError, match="token"), TestClient(application(journal, tokens)):
        pytest.fail("the service has started")


def test_the_description_is_complete(client: Any) -> None:
    description = client.get("/openapi.json").json()
    assert set(description["paths"]) >= {"/commitments", "/reports", "/decide", "/observe", "/settle", "/status"}
    answers = description["paths"]["/reports"]["post"]["responses"]
    assert {"200", "401", "403", "409", "413", "422"} <= set(answers)


def test_fuzzed_requests_get_an_answer_of_the_description(client: Any) -> None:
    """Requests made from the OpenAPI description, right and wrong ones: never a 5xx, never an undocumented answer."""
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, given, settings

    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    for operation in schema.get_all_operations():
        strategy = operation.ok().as_strategy()

        @given(case=strategy)
        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        def fuzz(case: Any) -> None:
            answer = client.request(
                case.method, case.formatted_path, headers=as_("operator"),
                json=case.body if isinstance(case.body, dict | list | str | int | float | type(None)) else None,
            )  # fmt: skip
            assert answer.status_code in (200, 401, 403, 404, 405, 409, 413, 422), (case, answer.text)

        fuzz()


def test_the_command_serves_and_ends_on_ctrl_c(journal: Path, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps(TOKENS))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mechopt", "allocator", "serve", str(journal), "--tokens", str(tokens)]
    process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        for _ in range(150):
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/status", headers=as_("operator"), timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.2)
        else:
            pytest.fail("the service did not answer")
        assert answer.json()["period"] == 1
    finally:
        os.kill(process.pid, signal.SIGINT)
        _, complaints = process.communicate(timeout=30)
    assert b"Traceback" not in complaints
    with Allocator.open(journal) as allocator:
        assert allocator.status()["events"] == 1


@pytest.mark.parametrize(
    ("agents", "tokens", "word"),
    [
        (["operator", "south"], {"operator": "o" * 16, "south": "s" * 16}, "an agent is called 'operator'"),
        (AGENTS, {"operator": "o" * 16, "north": "o" * 16, "south": "s" * 16}, "two have the same token"),
    ],
)
def test_nobody_holds_two_offices(tmp_path: Path, agents: list[str], tokens: dict[str, str], word: str) -> None:
    """An agent with the operator's token would run the periods."""
    from fastapi.testclient import TestClient

    from mechopt.mechanisms.limited_liability.allocator.service import application

    path = tmp_path / "j.journal"
    Allocator.create(path, {"agents": agents, "decisions": ["roads"], "output_bound": 9}).close()
    with pytest.raises(InstanceError, match=word), TestClient(application(path, tokens)):
        pytest.fail("the service has started")


def test_every_error_has_the_same_form(client: Any) -> None:
    for answer in (
        client.get("/nowhere"),
        client.put("/status"),
        client.post("/settle", headers=as_("operator") | {"content-length": "9" * 5000}),
    ):
        assert answer.status_code in (404, 405, 413)
        assert set(answer.json()) == {"error", "key"}


def test_an_agent_with_a_slash_in_its_name_reads_its_statement(tmp_path: Path) -> None:
    from fastapi.testclient import TestClient

    from mechopt.mechanisms.limited_liability.allocator.service import application

    path, tokens = tmp_path / "journal", {"operator": "o" * 16, "left/bank": "l" * 16}
    Allocator.create(path, {"agents": ["left/bank"], "decisions": ["roads"], "output_bound": 9}).close()
    with TestClient(application(path, tokens)) as client:
        answer = client.get("/statements/left%2Fbank", headers={"Authorization": "Bearer " + "l" * 16})
    assert (answer.status_code, answer.json()) == (200, [])


def test_the_command_names_a_missing_token_before_it_serves(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("uvicorn")
    from mechopt.cli import main

    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps({"operator": "o" * 16, "north": "n" * 16}))
    assert main(["allocator", "serve", str(journal), "--tokens", str(tokens)]) == 2
    assert capsys.readouterr().err == "mechopt: tokens: there is no token for 'south'\n"
