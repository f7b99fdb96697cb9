"""A borrowing model document as an environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, get_args

import msgspec
import numpy as np

from mechopt import distributions, exact
from mechopt.errors import InstanceError
from mechopt.instance import Common, Document
from mechopt.mechanisms.borrowing import landing, values as value
from mechopt.mechanisms.borrowing.environment import Agent, Design, Environment, Job, Queue, Rounds
from mechopt.mechanisms.borrowing.orders import METHODS
from mechopt.mechanisms.borrowing.times import Times, from_distribution, sure
from mechopt.mechanisms.borrowing.values import ValueFunction

FIRST = ["value_1", "time_1", "value_2", "time_2"]
REPORTS = [f"report_{what}_{agent}" for what in ("value", "time", "payoff") for agent in (1, 2)]


class Schema(Common):
    """The keys of a borrowing document."""

    design: str | dict[str, Any] = "two_stage"
    values: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    agents: list[dict[str, Any]] = msgspec.field(default_factory=list)
    rounds: Any = None
    sequence: dict[str, Any] | None = None
    constant: Any = None
    shares: list[Any] = msgspec.field(default_factory=list)
    fine: Any = None
    simulate: Any = None


class _Reader:
    """Reads parts of one document; errors name it and the key."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def number(self, given: object, key: str) -> Fraction:
        return Fraction(self.document.number(given, key))

    def numbers(self, given: object, key: str) -> list[Fraction]:
        if not isinstance(given, list | tuple) or not given:
            raise self.document.error("must be a list of numbers", key)
        return [self.number(item, f"{key}[{place}]") for place, item in enumerate(given, 1)]

    def known(self, given: Mapping[str, Any], allowed: Sequence[str], needed: Sequence[str], key: str) -> None:
        for name in given:
            if name not in allowed:
                from mechopt.catalog import nearest

                raise self.document.error(f"unknown key {exact.show(name)}{nearest(str(name), allowed)}", key)
        for name in needed:
            if name not in given:
                raise self.document.error(f"{name} is missing", key)


def from_document(document: Document) -> Environment:
    """The environment that a model document describes.

    Raises:
        InstanceError: names the file, the key and the row at fault.
    """
    schema = document.convert(Schema)
    reader = _Reader(document)
    try:
        values = {name: _value(name, spec, reader) for name, spec in schema.values.items()}
        return Environment(
            design=_design(schema.design, reader),
            values=values,
            agents=tuple(_agent(spec, f"agents[{number}]", reader) for number, spec in enumerate(schema.agents, 1)),
            rounds=None if schema.rounds is None else _rounds(schema.rounds, values, document),
            sequence=None if schema.sequence is None else _sequence(schema.sequence, reader),
            constant=_constant(schema.constant, reader),
            shares=tuple(reader.numbers(schema.shares, "shares")) if schema.shares else (),
            fine=None if schema.fine is None else reader.number(schema.fine, "fine"),
            arithmetic=schema.arithmetic,
            units=schema.units,
            seed=schema.seed or 0,
        )
    except InstanceError as error:
        raise error.at(file=document.path) from None


def _design(given: str | Mapping[str, Any], reader: _Reader) -> Any:
    """The design's name; where [design] is a table for `mechopt design`, its key `rule`."""
    name = given if isinstance(given, str) else given.get("rule", "two_stage")
    if name not in get_args(Design):
        raise reader.document.error(
            f"{exact.show(name)} is not allowed; choose from {', '.join(get_args(Design))}",
            "design" if isinstance(given, str) else "design.rule",
        )
    return name


def _constant(given: Any, reader: _Reader) -> Any:
    return given if given in (None, "balanced", "printed") else reader.number(given, "constant")


def _value(name: str, spec: Mapping[str, Any], reader: _Reader) -> ValueFunction:
    key = f"values.{name}"
    kind = spec.get("kind")
    keys = {"polynomial": ["coefficients"], "points": ["points"], "pieces": ["breaks", "polynomials"]}
    if not isinstance(kind, str) or kind not in keys:
        raise reader.document.error(f"{exact.show(kind)} is none of {', '.join(keys)}", f"{key}.kind")
    reader.known(spec, ["kind", *keys[kind]], keys[kind], key)
    if kind == "polynomial":
        return value.polynomial(name, reader.numbers(spec["coefficients"], f"{key}.coefficients"))
    if kind == "points":
        pairs = _lists(spec["points"], f"{key}.points", reader)
        if any(len(pair) != 2 for pair in pairs):
            raise reader.document.error("each point is [time, value]", f"{key}.points")
        return value.points(name, [(pair[0], pair[1]) for pair in pairs])
    given = spec["breaks"]
    breaks = [] if given == [] else reader.numbers(given, f"{key}.breaks")
    return value.pieces(name, breaks, _lists(spec["polynomials"], f"{key}.polynomials", reader))


def _lists(given: object, key: str, reader: _Reader) -> list[list[Fraction]]:
    if not isinstance(given, list | tuple) or not given:
        raise reader.document.error("must be a list of lists of numbers", key)
    return [reader.numbers(item, f"{key}[{place}]") for place, item in enumerate(given, 1)]


def _agent(spec: Mapping[str, Any], key: str, reader: _Reader) -> Agent:
    reader.known(spec, ["beliefs", "time", "name"], ["beliefs", "time"], key)
    name = spec.get("name", "")
    if not isinstance(name, str):
        raise reader.document.error("must be text", f"{key}.name")
    probabilities = _probabilities(spec["beliefs"], f"{key}.beliefs", reader)
    return Agent(beliefs=probabilities, times=_time(spec["time"], f"{key}.time", reader, (0, 1)), name=name)


def _probabilities(beliefs: Any, key: str, reader: _Reader) -> tuple[tuple[str, Fraction], ...]:
    if isinstance(beliefs, str):
        beliefs = {beliefs: 1}
    if not isinstance(beliefs, Mapping) or not beliefs:
        raise reader.document.error('must be a table such as { f = "1/2", g = "1/2" }', key)
    return tuple((str(f), reader.number(p, f"{key}.{f}")) for f, p in beliefs.items())


def _time(spec: object, key: str, reader: _Reader, support: tuple[int, int] | None) -> Times:
    law = distributions.from_table(spec, key, file=reader.document.path, support=support)
    try:
        return from_distribution(law)
    except InstanceError as error:
        raise reader.document.error(error.problem, f"{key}.{error.key}") from None


def _rounds(spec: Any, values: Mapping[str, ValueFunction], document: Document) -> Rounds:
    table = document.table(spec, "rounds", [*FIRST, *_given(spec, document)])
    count = len(table)

    def names(column: str) -> list[str]:
        raw = table.columns[column]
        found = [str(item) for item in (raw if isinstance(raw, list) else raw.to_list())]
        for row, name in enumerate(found):
            if name not in values:
                raise table.error(f"{exact.show(name)} is not in values", column, row)
        return found

    def times(column: str) -> list[Fraction]:
        found = [Fraction(exact.parse(item)) for item in table.numbers(column).tolist()]
        for row, time in enumerate(found):
            if not 0 <= time <= 1:
                raise table.error(f"times lie in [0, 1]; {exact.show(time)} does not", column, row)
        return found

    def pair(what: str, read: Any, default: Any) -> Any:
        result = np.empty((count, 2), dtype=object)
        for agent in (1, 2):
            column = f"{what}_{agent}"
            given = column in table.columns
            result[:, agent - 1] = read(column) if given else default if default is None else default[:, agent - 1]
        result.flags.writeable = False
        return result

    value_, time = pair("value", names, None), pair("time", times, None)
    payoff = pair(
        "report_payoff", lambda column: [Fraction(exact.parse(v)) for v in table.numbers(column).tolist()], None
    )
    return Rounds(value=value_, time=time, report_value=pair("report_value", names, value_),
                  report_time=pair("report_time", times, time), report_payoff=payoff)  # fmt: skip


def _given(spec: Any, document: Document) -> list[str]:
    """Which of the optional report columns are there."""
    if isinstance(spec, list):
        return [name for name in REPORTS if any(isinstance(row, Mapping) and name in row for row in spec)]
    if isinstance(spec, Mapping) and "file" not in spec:
        return [name for name in REPORTS if name in spec]
    renamed = spec.get("columns", {}) if isinstance(spec, Mapping) else {}
    found = [name for name in REPORTS if isinstance(renamed, Mapping) and name in renamed]
    for name in REPORTS:
        if name in found:
            continue
        try:
            document.table(spec, "rounds", [*FIRST, *found, name])
        except InstanceError as error:
            if f"column {exact.show(name)} is missing" not in error.problem:
                raise
        else:
            found.append(name)
    return found


class _SequenceSchema(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of [sequence]."""

    jobs: Any = None
    since_release: bool = False
    inserted_idle: bool = False
    aircraft_landing: str | None = None
    separation: Any = None
    horizon: Any = None
    method: str | None = None
    beliefs: list[dict[str, Any]] = msgspec.field(default_factory=list)


def _sequence(spec: Mapping[str, Any], reader: _Reader) -> Any:
    document = reader.document
    reader.known(spec, list(_SequenceSchema.__struct_fields__), [], "sequence")
    try:
        schema = msgspec.convert(spec, _SequenceSchema, strict=True)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        raise document.error(text, f"sequence{place.rstrip('`')}") from None
    if (schema.jobs is None) == (schema.aircraft_landing is None):
        raise document.error("give either jobs or aircraft_landing", "sequence")
    if schema.aircraft_landing is not None:
        if "\0" in schema.aircraft_landing or not schema.aircraft_landing:
            raise document.error("a file name is needed", "sequence.aircraft_landing")
        for name in spec:
            if name != "aircraft_landing":
                raise document.error("is about jobs; a landing file says all about its planes", f"sequence.{name}")
        return landing.read(document.folder / schema.aircraft_landing)
    jobs = _jobs(schema.jobs, document)
    separation = () if schema.separation is None else tuple(
        tuple(row) for row in _lists(schema.separation, "sequence.separation", reader)
    )  # fmt: skip
    if any(gap < 0 for row in separation for gap in row):
        raise document.error("must be at least 0", "sequence.separation")
    if schema.method is not None and schema.method not in METHODS:
        raise document.error(
            f"{exact.show(schema.method)} is not allowed; choose from {', '.join(METHODS)}", "sequence.method"
        )
    horizon = None if schema.horizon is None else reader.number(schema.horizon, "sequence.horizon")
    return Queue(jobs=jobs, since_release=schema.since_release, inserted_idle=schema.inserted_idle,
                 separation=separation, horizon=horizon, method=schema.method,
                 beliefs=_job_beliefs(schema.beliefs, jobs, reader) if schema.beliefs else ())  # fmt: skip


def _job_beliefs(spec: Sequence[Mapping[str, Any]], jobs: Sequence[Job], reader: _Reader) -> tuple[Agent, ...]:
    """What is thought of each job; of one that is not named, that it is as it stands."""
    number = {job.name: place for place, job in enumerate(jobs)}
    found = [Agent(beliefs=((job.value, Fraction(1)),), times=sure(job.duration), name=job.name) for job in jobs]
    named: set[str] = set()
    for row, given in enumerate(spec, 1):
        key = f"sequence.beliefs[{row}]"
        reader.known(given, ["job", "beliefs", "time"], ["job"], key)
        name = given["job"]
        if not isinstance(name, str) or name not in number:
            raise reader.document.error(f"{exact.show(name)} is none of the jobs", f"{key}.job")
        if name in named:
            raise reader.document.error(f"job {exact.show(name)} is there twice", f"{key}.job")
        named.add(name)
        known = found[number[name]]
        found[number[name]] = Agent(
            beliefs=_probabilities(given["beliefs"], f"{key}.beliefs", reader) if "beliefs" in given else known.beliefs,
            times=_time(given["time"], f"{key}.time", reader, None) if "time" in given else known.times, name=name,
        )  # fmt: skip
    return tuple(found)


def _jobs(spec: Any, document: Document) -> tuple[Job, ...]:
    columns = ["name", "value", "duration"]
    if isinstance(spec, list):  # release may be left out, in some rows or in all
        rows = [{"release": 0, **row} if isinstance(row, Mapping) else row for row in spec]
        table = document.table(rows, "sequence.jobs", [*columns, "release"])
    else:
        try:
            table = document.table(spec, "sequence.jobs", [*columns, "release"])
        except InstanceError as error:
            if "column 'release' is missing" not in error.problem:
                raise
            table = document.table(spec, "sequence.jobs", columns)
    raw = table.columns["value"]
    named = [str(item) for item in (raw if isinstance(raw, list) else raw.to_list())]
    lengths = table.numbers("duration", minimum=0).tolist()
    releases = table.numbers("release", minimum=0).tolist() if "release" in table.columns else [0] * len(named)
    return tuple(
        Job(name=name, value=v, duration=Fraction(exact.parse(p)), release=Fraction(exact.parse(r)))
        for name, v, p, r in zip(table.names("name"), named, lengths, releases, strict=True)
    )
