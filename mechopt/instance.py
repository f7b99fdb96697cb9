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
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec

from mechopt import exact
from mechopt.catalog import nearest
from mechopt.errors import InstanceError

if TYPE_CHECKING:
    from mechopt import tables

DEEPEST = 50  # levels of nesting; far more than any document needs, far less than what repr() can walk
LARGEST_DOCUMENT = 2**30  # bytes; a larger table belongs in a CSV or Parquet file beside the document


class Common(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys that every model document may have."""

    mechanism: str
    title: str = ""
    source: str = ""
    units: str = ""
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    arithmetic: Literal["float", "exact"] = "float"


Schema = TypeVar("Schema", bound=Common)
Section = TypeVar("Section", bound=msgspec.Struct)


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

    def section(self, name: str, schema: type[Section]) -> Section:
        """One table of the document, such as [design], as a schema of its own; all defaults where it is not there."""
        given = self.data.get(name)
        table: Any = {} if given is None else given
        if not isinstance(table, Mapping):
            raise self.error(f"must be a table: [{name}] and keys below it", name)
        try:
            return msgspec.convert(table, schema, strict=True)
        except msgspec.ValidationError as error:
            found = self._explain(error, schema)
            if given is None:
                needed = ", ".join(field.name for field in msgspec.structs.fields(schema) if field.required)
                raise self.error(f"the table [{name}] is missing; it needs {needed}", name) from None
            raise self.error(found.problem, f"{name}.{found.key}" if found.key else name) from None

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
            raise self.error(f"must be above 0, not {exact.show(value)}", key)
        if minimum is not None and number < minimum:
            raise self.error(f"must be at least {minimum}, not {exact.show(value)}", key)
        return number

    def table(self, spec: object, key: str, columns: list[str]) -> tables.Table:
        """A table of records of the document: inline, a file, or a frame."""
        from mechopt import tables

        return tables.read(spec, key=key, folder=self.folder, file=self.path, columns=columns)

    def _explain(self, error: msgspec.ValidationError, schema: type[msgspec.Struct]) -> InstanceError:
        text, _, place = str(error).partition(" - at `")
        if place.startswith("key` in"):
            return InstanceError("a key must be text", file=self.path)
        place = place.removeprefix("$")
        key = place.rstrip("`").lstrip(".") or None
        unknown = re.search(r"unknown field `(.*)`", text)
        if unknown:
            text = f"unknown key {unknown[1]!r}{nearest(unknown[1], schema.__struct_fields__)}"
        missing = re.search(r"missing required field `(.*)`", text)
        if missing:
            text, key = "is missing", missing[1]
        wrong = re.fullmatch(r"Expected `(.+?)`(.*), got `(.+)`|Expected `(.+?)`(.*)", text)
        if wrong:
            wanted, size, found = wrong[1] or wrong[4], wrong[2] or wrong[5] or "", wrong[3]
            text = f"must be {_words(wanted)}{size}" + (f", not {_words(found)}" if found else "")
        enum = re.search(r"Invalid enum value (.*)", text)
        if enum and key in schema.__struct_fields__:
            text = f"{enum[1]} is not allowed; choose from {_choices(schema, key)}"
        return InstanceError(text, file=self.path, key=key)


KINDS = {
    "str": "text", "int": "a whole number", "float": "a number", "decimal": "a number with a decimal point",
    "bool": "true or false", "array": "a list", "object": "a table", "null": "nothing",
}  # fmt: skip


def _words(types: str) -> str:
    """Kinds of values as msgspec names them ("int | null"), in the words of a document's author."""
    named = [kind for kind in types.split(" | ") if kind != "null"] or ["null"]
    return " or ".join(KINDS.get(kind, kind) for kind in named)


def _choices(schema: type[msgspec.Struct], key: str) -> str:
    from typing import get_args, get_type_hints

    return ", ".join(str(choice) for choice in get_args(get_type_hints(schema)[key]))


def read_document(source: str | Path | Mapping[str, Any]) -> Document:
    """A model document from a file or from a dict.

    Raises:
        InstanceError: the file is missing, a folder, not UTF-8, or not valid TOML or JSON.
    """
    if isinstance(source, Mapping):
        try:
            _sane(source)
        except ValueError as error:
            raise InstanceError(str(error), file="document") from None
        return Document(data=source, path=None)
    path = Path(source)
    if path.is_dir():
        raise InstanceError("is a folder; a model document (.toml or .json) is needed", file=path)
    if not path.exists():
        raise InstanceError("there is no such file", file=path)
    if not path.is_file():
        return _read_stream(path)
    if path.suffix.lower() not in (".toml", ".json"):
        problem = "a model document is a .toml or .json file"
        tables = (".csv", ".tsv", ".gz", ".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".ods")
        advice = "; a table is named in one, as `mechopt new` shows" if path.suffix.lower() in tables else ""
        raise InstanceError(problem + advice, file=path)
    return Document(data=_parse(_text(path), path, json=path.suffix.lower() == ".json"), path=path)


def _read_stream(path: Path) -> Document:
    """A document from a pipe, such as /dev/stdin: JSON where it begins with a brace, its tables beside the user."""
    text = _text(path)
    return Document(data=_parse(text, path, json=text.lstrip().startswith("{")), path=None)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as source:
            content = source.read(LARGEST_DOCUMENT + 1)
    except OSError as error:
        raise InstanceError(f"cannot be read: {error.strerror}", file=path) from None
    if len(content) > LARGEST_DOCUMENT:
        raise InstanceError("is larger than 1 GiB; put its tables into files of their own", file=path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InstanceError(f"is not UTF-8 text (byte {error.start})", file=path) from None


def _parse(text: str, path: Path, *, json: bool) -> dict[str, Any]:
    try:
        data = parse_json(text) if json else _parse_toml(text)
    except RecursionError:
        raise InstanceError("is nested too deeply", file=path) from None
    except ValueError as error:  # TOMLDecodeError and JSONDecodeError are ValueErrors that name line and column
        raise InstanceError(f"cannot be parsed: {error}", file=path) from None
    if not isinstance(data, dict):
        raise InstanceError("the document must be an object with keys", file=path)
    return data


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:  # an exponent that not even Decimal holds
        raise ValueError(f"{exact.show(text)} is out of range") from None


def _parse_toml(text: str) -> dict[str, Any]:
    data = tomllib.loads(text, parse_float=_decimal)
    _sane(data)
    return data


def _sane(data: object) -> None:
    """Refuse what cannot be shown to anybody: deep nesting, endless integers, text that is not Unicode.

    Raises:
        ValueError: says what was found, and under which top-level key.
    """
    level: list[tuple[object, object]] = [("", data)]
    for _ in range(DEEPEST):
        deeper: list[tuple[object, object]] = []
        for key, value in level:
            if isinstance(value, Mapping):
                for name, item in value.items():
                    if isinstance(name, str) and not name.isascii():
                        _unicode(name, name)
                    deeper.append((key or name, item))
            elif isinstance(value, list | tuple):
                deeper.extend((key, item) for item in value)
            elif isinstance(value, str):
                if not value.isascii():
                    _unicode(value, key)
            elif isinstance(value, int) and value.bit_length() > exact.LARGEST_BITS:
                raise ValueError(f"{key}: a whole number of more than {exact.LARGEST_DIGITS} digits is out of range")
        level = deeper
        if not level:
            return
    raise ValueError(f"{exact.show(level[0][0])} is nested too deeply (more than {DEEPEST} levels)")


def _unicode(text: str, key: object) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{key!a}: the text {ascii(text)[:40]} is not Unicode (half of a surrogate pair)") from None


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

    data = json.loads(text, parse_float=_decimal, parse_constant=constant, object_pairs_hook=pairs)
    _sane(data)
    return data


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
    elif hasattr(value, "dtype") and hasattr(value, "shape"):
        _feed_array(digest, value)
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            digest.update(f"\0{key}:".encode())
            _feed(digest, value[key])
    elif isinstance(value, list | tuple) or hasattr(value, "tolist"):
        if all(type(item) is str for item in value):  # names, of which there may be millions: the same bytes in blocks
            for start in range(0, len(value), 65_536):
                digest.update("".join(f"\0{item}" for item in value[start : start + 65_536]).encode())
            return
        for item in value:
            _feed(digest, item)
    else:
        digest.update(f"\0{_number(value) if isinstance(value, float | Decimal | Fraction) else value}".encode())


def _number(value: float | Decimal | Fraction) -> object:
    """Its exact value; what is not finite stays as it is: whoever reads it refuses it, by name."""
    try:
        return exact.parse(value)
    except ValueError:
        return value


def _feed_array(digest: Any, array: Any) -> None:
    """int64 where all numbers are whole and fit, float64 where floats stand for them, else text: by value, not type."""
    import numpy as np

    kept: Any = exact.integers(array)
    if kept is None and array.dtype.kind == "f" and not np.array_equal(np.rint(array), array):
        kept = array.astype(np.float64) + 0.0  # no negative zeros
    if kept is None:
        kept = _canonical(array.ravel().tolist())
    digest.update(f"\0{array.shape}".encode())
    if isinstance(kept, list):
        for item in kept:
            digest.update(f"\0{item}".encode())
    else:
        digest.update(kept.dtype.str.encode())
        digest.update(np.ascontiguousarray(kept).tobytes())


def _canonical(items: list[Any]) -> Any:
    """Numbers as an int64 or float64 array where it holds their values, else a list."""
    import numpy as np

    try:
        numbers = [exact.parse(item) for item in items]
    except ValueError:  # names, not numbers
        return items
    if all(isinstance(number, int) and abs(number) < 2**63 for number in numbers):
        return np.array(numbers, dtype=np.int64)
    floats = np.array([exact.as_float(number) for number in numbers])
    if np.isfinite(floats).all() and all(exact.parse(f) == n for f, n in zip(floats.tolist(), numbers, strict=True)):
        return floats
    return numbers
