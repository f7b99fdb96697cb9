"""Arrays in documents: nested lists of numbers of any spelling, or long tables with a record for each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError

if TYPE_CHECKING:
    from mechopt.instance import Document
    from mechopt.tables import Table


def axis_names(given: Any, kinds: Sequence[str], document: Document) -> dict[str, list[str]]:
    """The `names` of a document: for each kind (agents, dates, ...) a list, where there is one.

    Raises:
        InstanceError: another kind, or something that is no list of names.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not set(given) <= set(kinds):
        raise document.error(f"must be a table with lists {', '.join(kinds)}", "names")
    for kind, names in given.items():
        if not isinstance(names, list) or not all(
            isinstance(name, str | int) and not isinstance(name, bool) for name in names
        ):
            raise document.error("must be a list of names", f"names.{kind}")
    return {kind: [str(name) for name in names] for kind, names in given.items()}


def is_table(spec: Any) -> bool:
    """Whether a value is a long table rather than nested lists or an array."""
    if hasattr(spec, "dtype"):
        return False
    if isinstance(spec, list | tuple):
        return any(isinstance(row, Mapping) for row in spec)
    return isinstance(spec, str | Mapping) or hasattr(spec, "__arrow_c_stream__")


def nested(values: Any, key: str, document: Document, *, exactly: bool) -> NDArray[Any]:
    """Nested lists of numbers of any spelling as an array of float64 or, exactly, of Fraction.

    Raises:
        InstanceError: a cell is no number, or lists on one level have different lengths; says where.
    """
    if hasattr(values, "dtype"):
        return np.asarray(values)

    def parse(value: Any, place: str) -> Any:
        if isinstance(value, list | tuple):
            return [parse(item, f"{place}[{number}]") for number, item in enumerate(value, 1)]
        try:
            number = exact.parse(value)
        except ValueError as error:
            raise document.error(f"{error} (at {place or 'top'})", key) from None
        return Fraction(number) if exactly else exact.as_float(number)

    parsed = parse(values, "")
    if not isinstance(parsed, list):
        raise document.error("must be nested lists of numbers, or a table", key)
    try:
        array = np.array(parsed, dtype=object if exactly else np.float64)
    except ValueError:
        raise document.error("lists on one level must have equal lengths", key) from None
    if exactly and any(isinstance(item, list) for item in array.ravel().tolist()):
        raise document.error("lists on one level must have equal lengths", key)
    return array


def cells(table: Table, axes: Sequence[str], names: dict[str, list[str]]) -> tuple[NDArray[np.intp], tuple[int, ...]]:
    """Where each record of a long table belongs: its place in the flat array, and the array's shape.

    Args:
        table: with a column for each axis.
        axes: such as ("agent", "date").
        names: the known names by axis, in the plural ("agents"); an axis that is not there gets those of this table.

    Raises:
        InstanceError: a name that is not known, or a cell that occurs twice.
    """
    places = []
    for axis in axes:
        found = table.columns[axis]
        labels = [str(label).strip() for label in (found if isinstance(found, list) else found.to_list())]
        known = names.setdefault(f"{axis}s", ordered(labels))
        position = {name: number for number, name in enumerate(known)}
        for row, label in enumerate(labels):
            if label not in position:
                raise table.error(f"{label!r} is not one of the {len(known)} {axis}s", axis, row)
        places.append(np.array([position[label] for label in labels], dtype=np.intp))
    shape = tuple(len(names[f"{axis}s"]) for axis in axes)
    flat = np.ravel_multi_index(places, shape)
    order = np.argsort(flat, kind="stable")
    twice = np.flatnonzero(np.diff(flat[order]) == 0)
    if twice.size:
        raise table.error(f"this {', '.join(axes)} occurs twice", axes[0], int(order[twice[0] + 1]))
    return flat, shape


def ordered(labels: Sequence[str]) -> list[str]:
    """Whole numbers in their order, other names as they first occur."""
    seen = list(dict.fromkeys(labels))
    return sorted(seen, key=int) if all(name.isdecimal() for name in seen) else seen


def numbers(values: Any, name: str, *, exactly: bool, axes: int | None = None) -> NDArray[Any]:
    """A read-only array of finite numbers of one arithmetic, float64 or Fractions, that nobody else can change.

    Args:
        values: an array, or nested lists.
        name: of the key, for messages.
        exactly: whether Fractions are wanted.
        axes: how many nested levels it must have; any where it is None.

    Raises:
        InstanceError: not numbers, not finite, or the wrong number of nested levels.
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise InstanceError("lists on one level must have equal lengths", key=name) from None
    if array.dtype.kind not in "iufO":
        raise InstanceError("must be nested lists of numbers", key=name)
    if axes is not None and array.ndim != axes:
        raise InstanceError(f"needs {axes} nested levels, not {array.ndim}", key=name)
    if exactly:
        try:
            parsed = [Fraction(exact.parse(value)) for value in array.ravel().tolist()]
        except ValueError as error:
            raise InstanceError(str(error), key=name) from None
        result: NDArray[Any] = np.empty(array.size, dtype=object)
        result[:] = parsed
        result = result.reshape(array.shape)
    else:
        try:
            frozen = array.dtype == np.float64 and not array.flags.writeable and array.base is None
            result = array if frozen else np.array(array, dtype=np.float64)  # what the caller can change is copied
        except (TypeError, ValueError, OverflowError):
            raise InstanceError("must be nested lists of numbers", key=name) from None
        if result.size and not np.isfinite(result).all():
            index = np.argwhere(~np.isfinite(result))[0]
            raise InstanceError(f"must be finite, not {result[tuple(index)]} (at {position(index)})", key=name)
    result.flags.writeable = False
    return result


def position(index: NDArray[np.intp]) -> str:
    """A position in nested lists as people count it: "[1][3]"."""
    return "".join(f"[{number + 1}]" for number in index.tolist())
