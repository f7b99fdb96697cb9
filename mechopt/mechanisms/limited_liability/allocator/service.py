"""The allocator over HTTP: an agent reports for itself by its token, the operator runs the periods by another.

Meant for the loopback interface, or behind a proxy that ends TLS. Every request is one step of the protocol, answered
after its event is durable. The OpenAPI description is at /openapi.json.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt
from starlette.exceptions import HTTPException

from mechopt import __version__
from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.allocator.allocator import Allocator
from mechopt.mechanisms.limited_liability.allocator.journal import Event

LARGEST_REQUEST = 2**20  # bytes
LONGEST_NAME = 200
OPERATOR = "operator"
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class Body(BaseModel):
    """What all requests have in common: no unknown keys."""

    model_config = ConfigDict(extra="forbid")


class CommitBody(Body):
    """A sealed report."""

    agent: Name
    commitment: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ReportBody(Body):
    """The values of all decisions, whole units, and the nonce of the commitment."""

    agent: Name
    values: Annotated[list[StrictInt], Field(max_length=10_000)]
    nonce: Annotated[str, Field(max_length=LONGEST_NAME)]


class DecideBody(Body):
    """Whether agents that have not reported count with values of 0."""

    absent: StrictBool = False


class ObserveBody(Body):
    """Outputs of all agents, in their order, under every decision asked for."""

    outputs: dict[Name, Annotated[list[StrictInt], Field(max_length=10_000)]]


class Problem(BaseModel):
    """An error: one line, and the key at fault where there is one."""

    error: str
    key: str | None = None


class Written(BaseModel):
    """An event that is durable now."""

    event: int
    period: int
    kind: str
    hash: str
    body: dict[str, Any]


PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": text}
    for code, text in {
        401: "no token, or a wrong one",
        403: "the token is another agent's",
        409: "the step does not fit the state or the journal",
        413: "the request is too large",
        422: "the request is not of the right form",
    }.items()
}


class Refused(Exception):
    """A request without the right to what it asks for."""

    def __init__(self, code: int, text: str) -> None:
        self.code, self.text = code, text
        super().__init__(text)


async def caller(request: Request, authorization: Annotated[str | None, Header()] = None) -> str:
    """Who a token belongs to."""
    given = (authorization or "").removeprefix("Bearer ").encode()
    for name, token in request.app.state.tokens.items():
        if hmac.compare_digest(given, token.encode()):
            return str(name)
    raise Refused(401, "a valid token is needed: Authorization: Bearer TOKEN")


Caller = Annotated[str, Depends(caller)]


def application(journal: Path, tokens: Mapping[str, str]) -> FastAPI:
    """The service for one journal.

    Args:
        journal: of an allocator that was made with `init`; it is opened when the service starts, for it alone.
        tokens: a secret each for "operator" and every agent.

    Raises:
        InstanceError: a token is missing, shorter than 16 characters, or the same for two.
    """
    short = [name for name, token in tokens.items() if len(token) < 16]
    if OPERATOR not in tokens or short:
        raise InstanceError("needs a token of 16 characters or more for the operator and each agent", key="tokens")
    if len(set(tokens.values())) < len(tokens):
        raise InstanceError("two have the same token; each needs one of its own", key="tokens")

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        # Opened here, in the thread that will use it; requests are handled one after another.
        with Allocator.open(journal) as allocator:
            check_names(allocator, tokens)
            app.state.allocator = allocator
            yield

    app = FastAPI(title="mechopt allocator", version=__version__, lifespan=life, responses=PROBLEMS)
    _handle_errors(app)
    app.state.tokens = dict(tokens)
    _routes(app)
    return app


def check_names(allocator: Allocator, tokens: Mapping[str, str]) -> None:
    """See that every agent of a journal can be served.

    Raises:
        InstanceError: an agent has the operator's name, or no token.
    """
    if OPERATOR in allocator.configuration.agents:  # its token would run the periods
        raise InstanceError(f"an agent is called {OPERATOR!r}, which is who runs the periods here", key="agents")
    missing = [name for name in allocator.configuration.agents if name not in tokens]
    if missing:
        raise InstanceError(f"there is no token for {missing[0]!r}", key="tokens")


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(InstanceError)
    async def wrong_step(_: Request, error: Exception) -> JSONResponse:
        problem = error if isinstance(error, InstanceError) else InstanceError(str(error))
        return JSONResponse({"error": problem.problem, "key": problem.key}, status_code=409)

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Exception) -> JSONResponse:
        code = error.code if isinstance(error, Refused) else 401
        return JSONResponse({"error": str(error), "key": "authorization"}, status_code=code)

    @app.exception_handler(HTTPException)
    async def nowhere(_: Request, error: Exception) -> JSONResponse:
        code = error.status_code if isinstance(error, HTTPException) else 404
        return JSONResponse({"error": getattr(error, "detail", "not found").lower(), "key": None}, status_code=code)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: Exception) -> JSONResponse:
        found = error.errors()[0] if isinstance(error, RequestValidationError) else {"msg": str(error), "loc": ()}
        key = ".".join(str(part) for part in found["loc"][1:]) or None
        return JSONResponse({"error": str(found["msg"]), "key": key}, status_code=422)

    @app.middleware("http")
    async def limit(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        length = request.headers.get("content-length", "0")
        too_large = not length.isdecimal() or len(length) > 10 or int(length) > LARGEST_REQUEST
        if too_large or "chunked" in request.headers.get("transfer-encoding", ""):
            return JSONResponse(
                {"error": f"a request may have {LARGEST_REQUEST} bytes, and must say how many", "key": None},
                status_code=413,
            )
        return await proceed(request)


def _routes(app: FastAPI) -> None:
    def only(name: str, asking: str) -> None:
        if asking != name:
            raise Refused(403, f"only {name} may do that")

    def written(event: Event) -> Written:
        return Written(event=event.seq, period=event.period, kind=event.kind, hash=event.hash, body=dict(event.body))

    def allocator() -> Allocator:
        found: Allocator = app.state.allocator
        return found

    @app.get("/status")
    async def status(asking: Caller) -> dict[str, Any]:
        """Where things stand."""
        return allocator().status()

    @app.post("/commitments")
    async def commit(body: CommitBody, asking: Caller) -> Written:
        """Seal a report."""
        only(body.agent, asking)
        return written(allocator().commit(body.agent, body.commitment))

    @app.post("/reports")
    async def report(body: ReportBody, asking: Caller) -> Written:
        """State values."""
        only(body.agent, asking)
        return written(allocator().report(body.agent, body.values, body.nonce))

    @app.post("/decide")
    async def decide(body: DecideBody, asking: Caller) -> Written:
        """Choose the decision of the period."""
        only(OPERATOR, asking)
        return written(allocator().decide(absent=body.absent))

    @app.post("/observe")
    async def observe(body: ObserveBody, asking: Caller) -> Written:
        """Enter outputs."""
        only(OPERATOR, asking)
        return written(allocator().observe(body.outputs))

    @app.post("/settle")
    async def settle(asking: Caller) -> Written:
        """End the period."""
        only(OPERATOR, asking)
        return written(allocator().settle())

    @app.get("/statements/{agent:path}")
    async def statement(agent: Name, asking: Caller) -> list[dict[str, Any]]:
        """One agent's account, for itself and the operator."""
        if asking != OPERATOR:
            only(agent, asking)
        return allocator().statement(agent)

    @app.get("/alarms")
    async def alarms(asking: Caller) -> list[dict[str, Any]]:
        """Signs that are worth a look, for the operator."""
        only(OPERATOR, asking)
        return allocator().alarms()

    @app.get("/health")
    async def health() -> dict[str, Literal[True]]:
        """Whether the service answers; needs no token."""
        return {"alive": True}
