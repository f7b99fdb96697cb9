"""`mechopt allocator`: the limited-liability mechanism period by period, with a durable journal. JSON in and out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from mechopt import console
from mechopt.commands.options import Whole
from mechopt.errors import InstanceError

if TYPE_CHECKING:
    from mechopt.mechanisms.limited_liability.allocator.allocator import Allocator

HELP = """
Allocate period by period, paid only out of realised output, with a journal that proves every step.

A period: every agent commits (a hash), then reports; decide; observe outputs; settle. Amounts are whole units. An
example of one period:

    mechopt allocator init fund.journal --config fund.json
    mechopt allocator seal --values '[3,0]' --nonce s3cret
    mechopt allocator commit fund.journal --agent north --commitment HASH
    mechopt allocator report fund.journal --agent north --values '[3,0]' --nonce s3cret
    mechopt allocator decide fund.journal
    mechopt allocator observe fund.journal --outputs '{"roads": [2,1]}'
    mechopt allocator settle fund.journal

fund.json holds agents, decisions, output_bound and optionally variant, payment, discount. Every command prints one
JSON object. Texts may also come from a file: --values @values.json.
"""

app = App(name="allocator", help=HELP, help_format="plaintext")
Text = Annotated[str, Parameter(help="JSON, or @FILE.")]


def _json(text: str, key: str) -> Any:
    from mechopt import instance

    path = None
    if text.startswith("@"):
        path = Path(text[1:])
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InstanceError(f"cannot be read: {error}", file=path, key=key) from None
    try:
        return instance.parse_json(text)
    except (ValueError, RecursionError) as error:
        raise InstanceError(f"is not valid JSON: {error}", file=path, key=key) from None


def _print(value: Any) -> int:
    console.say_json(value)
    return 0


def _open(journal: Path) -> Allocator:
    from mechopt.mechanisms.limited_liability.allocator.allocator import Allocator

    return Allocator.open(journal)


def _event(event: Any) -> int:
    return _print({"event": event.seq, "period": event.period, "kind": event.kind, "hash": event.hash, **event.body})


@app.command
def init(journal: Path, /, *, config: Path) -> int:
    """Make a new journal, and its secret seed beside it; prints the hash of the seed to publish.

    Args:
        journal: the file to make.
        config: a JSON file with agents, decisions, output_bound, and optionally variant and its parameters.
    """
    from mechopt.mechanisms.limited_liability.allocator.allocator import Allocator

    table = _json("@" + str(config), "--config")
    if not isinstance(table, dict):
        raise InstanceError("must hold one JSON object", file=config)
    from mechopt.mechanisms.limited_liability.allocator import configuration

    try:
        configuration.read(table)
    except InstanceError as error:
        raise InstanceError(error.problem, file=config, key=error.key) from None
    with Allocator.create(journal, table) as allocator:
        last = allocator.journal.last
        return _event(last)


@app.command
def seal(*, values: Text, nonce: str) -> int:
    """Print the commitment to some values: what an agent publishes before it reports. Nothing is written.

    Args:
        values: of all decisions, whole units.
        nonce: a secret of the agent's own.
    """
    from mechopt.mechanisms.limited_liability.allocator.allocator import commitment

    stated = _json(values, "--values")
    if not isinstance(stated, list):
        raise InstanceError("must be a list of whole numbers", key="--values")
    return _print({"commitment": commitment(stated, nonce)})


@app.command
def commit(journal: Path, /, *, agent: str, commitment: str) -> int:
    """Enter an agent's commitment."""
    with _open(journal) as allocator:
        return _event(allocator.commit(agent, commitment))


@app.command
def report(journal: Path, /, *, agent: str, values: Text, nonce: str) -> int:
    """Enter an agent's report; it must be what it has committed to."""
    with _open(journal) as allocator:
        return _event(allocator.report(agent, _json(values, "--values"), nonce))


@app.command
def decide(journal: Path, /, *, absent: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Choose the decision of the period; says under which decisions outputs are needed.

    Args:
        absent: count agents that have not reported with values of 0.
    """
    with _open(journal) as allocator:
        allocator.decide(absent=absent)
        return _print(allocator.status())


@app.command
def observe(journal: Path, /, *, outputs: Text) -> int:
    """Enter outputs: decision -> output of each agent, in the order of the agents."""
    table = _json(outputs, "--outputs")
    if not isinstance(table, dict):
        raise InstanceError("must be a JSON object: decision -> list of outputs", key="--outputs")
    with _open(journal) as allocator:
        return _event(allocator.observe(table))


@app.command
def settle(journal: Path, /) -> int:
    """End the period: prints what each agent pays."""
    with _open(journal) as allocator:
        names = allocator.configuration.agents
        event = allocator.settle()
        return _print({"period": event.period, "paid": dict(zip(names, event.body["paid"], strict=True))})


@app.command
def status(journal: Path, /) -> int:
    """Where things stand."""
    with _open(journal) as allocator:
        return _print(allocator.status())


@app.command
def statement(journal: Path, /, *, agent: str) -> int:
    """One agent's account, period by period: what was decided with and without it, what it paid and why."""
    with _open(journal) as allocator:
        return _print({"agent": agent, "periods": allocator.statement(agent)})


@app.command
def alarms(journal: Path, /) -> int:
    """Signs that somebody does not tell the truth, or that the books run away, each with the level that is alarming."""
    with _open(journal) as allocator:
        return _print({"alarms": allocator.alarms()})


@app.command
def end(journal: Path, /) -> int:
    """Reveal the seed: no further period, and everybody can check every draw."""
    with _open(journal) as allocator:
        return _event(allocator.end())


@app.command
def verify(journal: Path, /) -> int:
    """Replay the journal: the chain, every decision, payment and debt; exit status 3 where something was changed."""
    with _open(journal) as allocator:
        found = allocator.status()
        draws = "checked" if found["state"] == "closed" else "can be checked once the seed is revealed (end)"
        return _print(
            {"verified": True, "events": found["events"], "periods": len(allocator.periods), "draws": draws,
             "last_hash": found["last_hash"]}
        )  # fmt: skip


@app.command
def serve(journal: Path, /, *, tokens: Path, port: Whole = 8470, host: str = "127.0.0.1") -> int:
    """Serve one journal over HTTP, on this machine unless told otherwise; Ctrl-C ends it, nothing is lost.

    Args:
        journal: made with init.
        tokens: a JSON file: a secret of 16 characters or more for "operator" and for each agent.
        port: to listen on.
        host: to listen on; put a proxy with TLS in front before you change it.
    """
    table = _json("@" + str(tokens), "--tokens")
    if not isinstance(table, dict) or not all(isinstance(token, str) for token in table.values()):
        raise InstanceError("must hold one JSON object: name -> token", file=tokens)
    import uvicorn

    from mechopt.mechanisms.limited_liability.allocator.service import application, check_names

    served = application(journal, table)
    with _open(journal) as allocator:
        check_names(allocator, table)  # what is wrong with the journal is said here, not in a server's log
    uvicorn.run(served, host=host, port=port, log_level="warning")
    return 0
