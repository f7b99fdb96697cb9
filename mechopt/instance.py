"""Model documents: TOML or JSON text -> plain data -> a mechanism's validated environment.

What is wrong is said in one line that names file, key and row; what is written is read exactly.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from mechopt import exact
from mechopt.catalog import nearest
from mechopt.errors import InstanceError

if TYPE_CHECKING:
    from mechopt import tables

LARGEST_DOCUMENT = 2**30  # bytes; a larger table belongs in a CSV or Parquet file beside the document


class Common(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys that every model document may have."""

    mechanism: str
    title: str = ""
    source: str = ""
    units: str = ""
    seed: int | None = None
    arithmetic: Literal["float", "exact"] = "float"


Schema = TypeVar("Schema", bound=Common)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Document:
    """A model document as plain data.

    Attributes:
        data: its keys; numbers with a decimal point are Decimal.
        path: the file, or None for a dict.
    """

    data: Mapping[str, Any]
    path: Path | None

    @property
    def folder(self) -> Path:
        """Where relative file names in the document start."""
        return self.path.parent if self.path is not None else Path()

    def convert(self, schema: type[Schema]) -> Schema:
        """The document as a mechanism's schema: unknown keys and wrong types are refused by name."""
        try:
            return msgspec.convert(self.data, schema, strict=True)
        except msgspec.ValidationError as error:
            raise self._explain(error, schema) from None

    def error(self, problem: str, key: str) -> InstanceError:
        """The error that names this document and one of its keys."""
        return InstanceError(problem, file=self.path, key=key)

    def number(self, value: object, key: str, *, minimum: int | None = None, positive: bool = False) -> int | Fraction:
        """The exact value of a single number in the document.

        Raises:
            InstanceError: it is not a finite number, or out of its range.
        """
        try:
            number = exact.parse(value)
        except ValueError as error:
            raise self.error(str(error), key) from None
        if positive and number <= 0:
            raise self.error(f"must be above 0, not {value}", key)
        if minimum is not None and number < minimum:
            raise self.error(f"must be at least {minimum}, not {value}", key)
        return number

    def table(self, spec: object, key: str, columns: list[str]) -> tables.Table:
        """A table of records of the document: inline, a file, or a frame."""
        from mechopt import tables

        return tables.read(spec, key=key, folder=self.folder, file=self.path, columns=columns)

    def _explain(self, error: msgspec.ValidationError, schema: type[Common]) -> InstanceError:
        text, _, place = str(error).partition(" - at `$")
        key = place.rstrip("`").lstrip(".") or None
        unknown = re.search(r"unknown field `(.*)`", text)
        if unknown:
            text = f"unknown key {unknown[1]!r}{nearest(unknown[1], schema.__struct_fields__)}"
        missing = re.search(r"missing required field `(.*)`", text)
        if missing:
            text, key = "is missing", missing[1]
        enum = re.search(r"Invalid enum value (.*)", text)
        if enum and key in schema.__struct_fields__:
            text = f"{enum[1]} is not allowed; choose from {_choices(schema, key)}"
        return InstanceError(text, file=self.path, key=key)


def _choices(schema: type[Common], key: str) -> str:
    from typing import get_args, get_type_hints

    return ", ".join(str(choice) for choice in get_args(get_type_hints(schema)[key]))


def read_document(source: str | Path | Mapping[str, Any]) -> Document:
    """A model document from a file or from a dict.

    Raises:
        InstanceError: the file is missing, a folder, not UTF-8, or not valid TOML or JSON.
    """
    if isinstance(source, Mapping):
        return Document(data=source, path=None)
    path = Path(source)
    if path.is_dir():
        raise InstanceError("is a folder; a model document (.toml or .json) is needed", file=path)
    if not path.is_file():
        raise InstanceError("there is no such file", file=path)
    if path.suffix.lower() not in (".toml", ".json"):
        raise InstanceError("a model document is a .toml or .json file", file=path)
    try:
        if path.stat().st_size > LARGEST_DOCUMENT:
            raise InstanceError("is larger than 1 GiB; put its tables into files of their own", file=path)
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InstanceError(f"is not UTF-8 text (byte {error.start})", file=path) from None
    except OSError as error:
        raise InstanceError(f"cannot be read: {error.strerror}", file=path) from None
    try:
        data = parse_json(text) if path.suffix.lower() == ".json" else tomllib.loads(text, parse_float=Decimal)
    except RecursionError:
        raise InstanceError("is nested too deeply", file=path) from None
    except ValueError as error:  # TOMLDecodeError and JSONDecodeError are ValueErrors that name line and column
        raise InstanceError(f"cannot be parsed: {error}", file=path) from None
    if not isinstance(data, dict):
        raise InstanceError("the document must be an object with keys", file=path)
    return Document(data=data, path=path)


def parse_json(text: str) -> Any:
    """JSON with exact decimals; repeated keys, NaN and infinities are refused with ValueError."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            names = [name for name, _ in items]
            raise ValueError(f"key {next(n for n in names if names.count(n) > 1)!r} occurs twice")
        return found

    def constant(name: str) -> None:
        raise ValueError(f"{name} is not a number that JSON or mechopt allows")

    return json.loads(text, parse_float=Decimal, parse_constant=constant, object_pairs_hook=pairs)


def fingerprint(environment: object) -> str:
    """SHA-256 of the canonical form of an environment: the same for the same numbers, however they were written."""
    digest = hashlib.sha256()
    _feed(digest, environment)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    if is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            digest.update(f"\0{item.name}=".encode())
            _feed(digest, getattr(value, item.name))
    elif hasattr(value, "dtype") and value.dtype.kind != "O":
        whole = exact.integers(value)
        kept: Any = value if whole is None else whole
        digest.update(f"{kept.dtype.str}{kept.shape}".encode())
        digest.update(kept.tobytes())
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            digest.update(f"\0{key}:".encode())
            _feed(digest, value[key])
    elif isinstance(value, list | tuple) or hasattr(value, "tolist"):
        for item in value:
            _feed(digest, item)
    else:
        digest.update(f"\0{exact.parse(value) if isinstance(value, float | Decimal | Fraction) else value}".encode())
