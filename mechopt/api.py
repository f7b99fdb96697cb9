"""The verbs as functions: what the command line calls, for use from Python."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mechopt import catalog, instance, mechanisms
from mechopt.errors import CatalogError, InstanceError
from mechopt.outcome import Outcome

if TYPE_CHECKING:
    from mechopt.claims import Ledger

Source = str | Path | Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A model document, read and validated.

    Attributes:
        mechanism: its name.
        environment: the mechanism's data.
        document: as it was written.
    """

    mechanism: str
    environment: Any
    document: instance.Document

    @property
    def title(self) -> str:
        """The document's title, else its file name, else the mechanism."""
        path = self.document.path
        return str(self.document.data.get("title") or (path.stem if path else self.mechanism))


def load(source: Source | Model) -> Model:
    """Read and validate a model: a path, the name of a shipped model, or a dict.

    Raises:
        InstanceError: the document is wrong; names file, key and row.
        CatalogError: neither a file nor a shipped model has that name.
    """
    if isinstance(source, Model):
        return source
    if not isinstance(source, Mapping):
        source = _find(source)
    document = instance.read_document(source)
    if "mechanism" not in document.data:
        known = ", ".join(mechanisms.MECHANISMS)
        raise document.error(f"is missing; it names one of: {known}", "mechanism")
    name = document.data["mechanism"]
    mechanism = mechanisms.get(name, file=document.path)
    return Model(mechanism=name, environment=mechanism.from_document(document), document=document)


def _find(source: str | Path) -> Path:
    """The file of a path or of a shipped model's name."""
    if "\0" in str(source):
        raise InstanceError("is not a file name that this system can open", file=repr(str(source)[:80]))
    try:
        path = Path(source)
        if path.exists():
            return path
    except (OSError, ValueError):
        raise InstanceError("is not a file name that this system can open", file=repr(str(source)[:80])) from None
    if path.suffix in catalog.DOCUMENTS:
        raise InstanceError("there is no such file", file=path)
    try:
        return catalog.model(str(source))
    except CatalogError as error:
        raise CatalogError(f"{source}: {error}") from None


def solve(source: Source | Model) -> Outcome:
    """Run the mechanism on a model.

    Raises:
        MechoptError: the input is wrong, or no result with a guarantee could be reached.
    """
    model = load(source)
    started = time.perf_counter()
    try:
        outcome = mechanisms.get(model.mechanism).run(model.environment)
    except InstanceError as error:
        raise error.at(file=model.document.path) from None
    provenance = {
        "instance_sha256": instance.fingerprint(model.environment),
        "seed": model.document.data.get("seed"),
        **outcome.provenance,
        "source": model.document.data.get("source", ""),
        "seconds": round(time.perf_counter() - started, 6),
    }
    return replace(outcome, title=model.title, provenance=provenance)


def check(source: Source | Model) -> Outcome:
    """Run the mechanism and check the properties that apply: the outcome with its findings."""
    model = load(source)
    outcome = solve(model)
    return outcome.with_checks(mechanisms.get(model.mechanism).check(model.environment, outcome))


def report(source: Source | Model) -> str:
    """One self-contained HTML page: result, checks and pictures of a model."""
    from mechopt.report import page

    model = load(source)
    outcome = check(model)
    return page(outcome, mechanisms.get(model.mechanism).pictures(model.environment, outcome))


def verify(*what: str, **options: Any) -> Ledger:
    """Run the ledger: all, a mechanism, one statement, or a file of claims. Options as in `mechopt.claims.verify`."""
    from mechopt import claims

    return claims.verify(what, **options)
