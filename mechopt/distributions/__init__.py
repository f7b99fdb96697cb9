"""Type distributions: named families and samples, with cdf, quantile, moments, support and draws.

A document writes a table such as `{ family = "beta", a = 2, b = "3/2", low = 0, high = 10 }`:

    family            keys
    uniform           low = 0, high = 1
    power             p; low = 0, high = 1: F(u) = u^p, then scaled
    beta              a, b; low = 0, high = 1: on the unit interval, then scaled
    truncated_normal  mu, sigma; low, high, either of which may be left out
    lognormal         mu, sigma of the logarithm; low, high, likewise
    exponential       scale (the mean before the cut); low = 0, high, likewise
    piecewise_linear  points, levels (the cdf at each)
    discrete          points, probs
    empirical         samples
    mixture           components (a list of such tables), weights
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

import msgspec

from mechopt import exact
from mechopt.catalog import nearest
from mechopt.distributions.base import Distribution
from mechopt.distributions.mixture import Mixture
from mechopt.distributions.ranged import Beta, Power, Uniform
from mechopt.distributions.stepwise import Discrete, Empirical, PiecewiseLinear
from mechopt.distributions.truncated import Exponential, Lognormal, TruncatedNormal
from mechopt.errors import InstanceError

__all__ = [
    "FAMILIES", "Beta", "Discrete", "Distribution", "Empirical", "Exponential", "Lognormal", "Mixture",
    "PiecewiseLinear", "Power", "TruncatedNormal", "Uniform", "from_table",
]  # fmt: skip

FAMILIES: dict[str, type[Distribution]] = {
    str(family.__struct_config__.tag): family
    for family in (Uniform, Power, Beta, TruncatedNormal, Lognormal, Exponential, PiecewiseLinear, Discrete,
                   Empirical, Mixture)
}  # fmt: skip


def from_table(
    table: object,
    key: str,
    *,
    file: object | None = None,
    row: int | None = None,
    support: tuple[int | Fraction, int | Fraction] | None = None,
) -> Distribution:
    """The distribution that a table of a document describes.

    Args:
        table: with `family` and the family's keys; numbers of any spelling.
        key: where the table stands, for messages.
        file: the document, for messages.
        row: the record, counted from 1, for messages.
        support: an interval that stands elsewhere in the document: the default of `low` and `high`, and no point may
            lie outside.

    Raises:
        InstanceError: names the file, the row, the key and what is allowed.
    """
    try:
        found = _convert(table, support)
        if support is not None:
            _check_inside(found, support)
    except InstanceError as error:
        name = ".".join(part for part in (key, error.key) if part)
        raise InstanceError(error.problem, file=file, key=name.replace(".[", "["), row=row) from None
    return found


def _convert(table: object, support: tuple[int | Fraction, int | Fraction] | None) -> Distribution:
    if not isinstance(table, Mapping):
        raise InstanceError('must be a table such as { family = "uniform", low = 0, high = 1 }')
    keys = dict(table)
    if "family" not in keys:
        raise InstanceError(f"is missing; choose from {', '.join(FAMILIES)}", key="family")
    name = keys.pop("family")
    family = FAMILIES.get(name) if isinstance(name, str) else None
    if family is None:
        raise InstanceError(
            f"there is no family {exact.show(name)}{nearest(str(name), FAMILIES)}; choose from {', '.join(FAMILIES)}",
            key="family",
        )
    known = family.__struct_fields__
    if support is not None and {"low", "high"} <= set(known):
        keys = {"low": support[0], "high": support[1], **keys}
    if family is Mixture and isinstance(keys.get("components"), list | tuple):
        keys["components"] = [_component(part, place, support) for place, part in enumerate(keys["components"], 1)]
    try:
        return msgspec.convert(keys, family, strict=True)
    except msgspec.ValidationError as error:
        raise _explain(error, known) from None


def _component(table: object, place: int, support: tuple[int | Fraction, int | Fraction] | None) -> Distribution:
    if isinstance(table, Distribution):
        return table
    try:
        return _convert(table, support)
    except InstanceError as error:
        name = ".".join(part for part in (f"components[{place}]", error.key) if part)
        raise InstanceError(error.problem, key=name) from None


def _explain(error: msgspec.ValidationError, known: tuple[str, ...]) -> InstanceError:
    if isinstance(error.__cause__, InstanceError):
        return error.__cause__
    text = str(error)
    unknown = re.search(r"unknown field `(.*)`", text)
    if unknown:
        return InstanceError(f"unknown key {unknown[1]!r}{nearest(unknown[1], known)}")
    missing = re.search(r"missing required field `(.*)`", text)
    if missing:
        return InstanceError("is missing", key=missing[1])
    return InstanceError(text)


def _check_inside(found: Distribution, support: tuple[int | Fraction, int | Fraction]) -> None:
    for name, end, limit in zip(("low", "high"), found.ends, support, strict=True):
        if end is None or (end < limit if name == "low" else end > limit):
            reach = "without end" if end is None else f"to {exact.show(end)}"
            raise InstanceError(
                f"reaches {reach}, outside the support [{exact.show(support[0])}, {exact.show(support[1])}]",
                key=name if hasattr(found, name) else None,
            )
