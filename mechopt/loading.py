"""A model document found, read and turned into its mechanism's environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mechopt import arguments, catalog, exact, instance, mechanisms
from mechopt.errors import CatalogError, InstanceError

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


def load(source: Source | Model, *, seed: int | None = None, exactly: bool = False) -> Model:
    """Read and validate a model: a path, the name of a shipped model, or a dict.

    Args:
        source: where it is; a model that is loaded already is itself.
        seed: in place of the document's.
        exactly: calculate in rational numbers, whatever the document's `arithmetic`.

    Raises:
        InstanceError: the document is wrong; names file, key and row.
        CatalogError: neither a file nor a shipped model has that name.
    """
    if isinstance(source, Model):
        if seed is None and not exactly:
            return source
        document = source.document
    elif not isinstance(source, str | Path | Mapping):
        problem = f"a model is a path, the name of a shipped model or a dict, not {exact.show(source)}"
        raise InstanceError(problem)
    else:
        document = instance.read_document(source if isinstance(source, Mapping) else _find(source))
    if seed is not None:
        document = replace(document, data={**document.data, "seed": arguments.seed(seed)})
    if exactly:
        document = replace(document, data={**document.data, "arithmetic": "exact"})
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
    except OSError as error:
        raise InstanceError(f"cannot be opened: {error.strerror}", file=repr(str(source)[:80])) from None
    if path.suffix in catalog.DOCUMENTS:
        raise InstanceError("there is no such file", file=path)
    try:
        return catalog.model(str(source))
    except CatalogError as error:
        raise CatalogError(f"{source}: {error}") from None
