"""What of a model document can be moved: every number, and the words that choose a rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from mechopt import api, exact, instance, mechanisms
from mechopt.errors import InstanceError
from mechopt.outcome import Outcome

# What changes no result, is asked for by other commands, or says where a table comes from.
FIXED = {"mechanism", "title", "source", "units", "seed", "names", "design", "simulate"}
FINEST = -4  # decimals of a slider, as power of ten
MOST = 40  # controls under one key of the document
# What the positions in nested lists of numbers stand for; the document's `names` may name them.
AXES = {
    "stock": ("resource",),
    "types": ("type", "resource"),
    "endowments": ("agent", "date", "type"),
    "lower": ("agent", "type"),
    "upper": ("agent", "type"),
    "values": ("period", "agent", "decision"),
    "outputs": ("period", "agent", "decision"),
    "true_values": ("period", "agent", "decision"),
    "true_outputs": ("period", "agent", "decision"),
    "draws": ("period",),
}
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One value of a document that can be changed.

    Attributes:
        path: keys and positions that lead to it.
        label: for people: "accounts / Ada / claim".
        value: as the document has it.
        steps: lowest and highest of a slider and its step; None where it is typed, as exact fractions and words are.
    """

    path: Path
    label: str
    value: Any
    steps: tuple[float, float, float] | None

    @property
    def group(self) -> str:
        """The key of the document under which it stands."""
        return str(self.path[0])


def controls(data: Mapping[str, Any]) -> list[Control]:
    """The controls of a document, in its order: under each key at most `MOST`, those of the first records."""
    found: list[Control] = []
    numbers = Counter[str]()
    for path, label, value in _leaves(data, (), ()):
        word = isinstance(value, str) and _number(value) is None
        if path[0] in FIXED or isinstance(value, bool) or (word and len(path) > 1) or value is None:
            continue
        numbers[str(path[0])] += 1
        if numbers[str(path[0])] <= MOST:
            words = _positions(data, path) or label
            found.append(Control(path=path, label=" / ".join(words), value=value, steps=_steps(value)))
    return found


def _positions(data: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """The words for a place in nested lists: "agent sales", "date 1", "type 3"; none elsewhere."""
    key, places = str(path[0]), path[1:]
    axes = AXES.get(key, ())
    if not places or len(axes) != len(places) or not all(isinstance(place, int) for place in places):
        return ()
    names = data.get("names")
    words = [key]
    for axis, place in zip(axes, places, strict=True):
        known = names.get(f"{axis}s", ()) if isinstance(names, Mapping) else ()
        words.append(f"{axis} {known[int(place)] if int(place) < len(known) else int(place) + 1}")
    return tuple(words)


def changed(document: instance.Document, values: Mapping[Path, Any]) -> instance.Document:
    """The document with other values at some places; a slider's float counts as the decimal that it shows."""
    data: Any = _copy(document.data)
    for path, value in values.items():
        place = data
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = _like(place[path[-1]], value)
    return instance.Document(data=data, path=document.path)


def outcome(document: instance.Document) -> Outcome:
    """The outcome of a document, with its checks.

    Raises:
        MechoptError: the values do not fit together; the message is a line for the page.
    """
    name = document.data["mechanism"]
    environment = mechanisms.get(name).from_document(document)
    return api.check(api.Model(mechanism=name, environment=environment, document=document))


def _leaves(value: Any, path: Path, label: tuple[str, ...]) -> Iterator[tuple[Path, tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        if "file" in value:
            return  # a table in a file: its columns are no numbers of the document
        for key, item in value.items():
            yield from _leaves(item, (*path, key), (*label, str(key)))
    elif isinstance(value, list):
        for place, (item, name) in enumerate(zip(value, _names(value), strict=True)):
            yield from _leaves(item, (*path, place), (*label, name))
    elif path:
        yield path, label, value


def _names(records: list[Any]) -> list[str]:
    """What records are called: the first word of each that is no number, where these differ, else positions from 1."""
    words = [
        next((word for word in record.values() if isinstance(word, str) and _number(word) is None), "")
        for record in records
        if isinstance(record, Mapping)
    ]
    distinct = len(words) == len(records) == len(set(words)) and "" not in words
    return words if distinct else [str(place) for place in range(1, len(records) + 1)]


def _number(value: Any) -> int | Fraction | None:
    try:
        return exact.parse(value)
    except ValueError:
        return None


def _steps(value: Any) -> tuple[float, float, float] | None:
    """From 0 to twice the value (on its own side of 0) in steps of whole units, or of a hundredth of a round number.

    The value itself is a step: a slider between two steps would show a number that is not there.
    """
    if isinstance(value, str):
        return None
    size = abs(float(value))
    if isinstance(value, int):
        high, step = max(2 * size, 10.0), 1.0
    else:
        power = 10.0 ** len(str(int(size))) if size >= 1 else 1.0
        written = Decimal(str(value)).as_tuple().exponent
        if not isinstance(written, int) or written < FINEST:
            return None  # typed: a slider would show another number
        high, step = max(2 * size, power), min(power / 100, 10.0**written)
    return (-high, high, step) if value < 0 else (0.0, high, step)


def _like(old: Any, new: Any) -> Any:
    """A value of a control as the document would have it written."""
    if isinstance(new, float):
        return int(new) if isinstance(old, int) and new.is_integer() else Decimal(repr(new))
    return new


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def open_document(name: str) -> instance.Document:
    """The document of a model that can be explored.

    Raises:
        InstanceError: nothing in it can be moved.
        MechoptError: the model is wrong.
    """
    document = api.load(name).document
    if not controls(document.data):
        raise InstanceError("has no number that could be moved; its tables are in files", file=document.path or name)
    return document
