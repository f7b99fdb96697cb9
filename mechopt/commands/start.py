"""Commands to start with: list, new, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mechopt import console
from mechopt.commands.options import Json, Output, Quiet, Whole
from mechopt.errors import InstanceError


def list_(*, json: Json = False) -> int:
    """List the mechanisms, the ready-to-run models and the claims.

    Examples: `mechopt list`; `mechopt list --json`.
    """
    from mechopt import catalog, mechanisms

    shelves = {
        "mechanisms": [f"{name}: {mechanisms.get(name).PAPER}" for name in mechanisms.MECHANISMS],
        "models": list(catalog.models()),
        "programs": list(catalog.programs()),
        "claims": list(catalog.claim_files()),
    }
    if json:
        console.say_json(shelves)
    else:
        console.say("\n".join("\n  ".join([shelf, *names]) for shelf, names in shelves.items()))
    return 0


def new(mechanism: str, /, *, output: Output = None, quiet: Quiet = False) -> int:
    """Write a commented starting document that solves as it is.

    Example: `mechopt new overage -o mine.toml`. An existing file is never overwritten.

    Args:
        mechanism: one of those that `mechopt list` shows.
    """
    from mechopt import catalog, mechanisms

    mechanisms.get(mechanism)
    path = output or Path(f"{mechanism}.toml")
    if path.exists():
        raise InstanceError("exists already; choose another name with -o", file=path)
    console.write(path, catalog.starter(mechanism).read_text(encoding="utf-8"))
    if not quiet:
        console.say(f"wrote {path}; try: mechopt solve {path}")
    return 0


def doctor(*, json: Json = False, quiet: Quiet = False) -> int:
    """Examine this installation: versions, and a ten-second test of solver, certificates, proofs and models.

    Exit status 1 where something is wrong. Example: `mechopt doctor`.
    """
    from mechopt import doctor as practice

    outcome = practice.examine()
    console.show(outcome, json=json, quiet=quiet, rows=40)
    return 0 if outcome.status == "healthy" else 1


def explore(
    model: str, /, *, port: Whole = 2718, browser: Annotated[bool, Parameter(negative="--no-browser")] = True
) -> int:
    """Open a local page on which the numbers of a model can be moved, and the result is seen to change; Ctrl-C ends it.

    Needs no network. Examples: `mechopt explore overage/cap_and_share`; `mechopt explore mine.toml --no-browser`.

    Args:
        model: a model document, or the name of a shipped model.
        port: of this machine, where the page is; nobody else can reach it.
        browser: open it in the browser.
    """
    import importlib

    from mechopt.explorer import controls, serve

    importlib.import_module("marimo")  # a missing library is one line here, and not the server's traceback
    controls.open_document(model)
    return serve.serve(model, port, browser=browser)
