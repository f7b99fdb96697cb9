"""`design`: penalty collars from scenarios, side by side, with what each can and cannot do in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.instance import Document
from mechopt.mechanisms.overage import collar, scenarios
from mechopt.mechanisms.overage.collar import Collar
from mechopt.mechanisms.overage.environment import Environment
from mechopt.mechanisms.overage.scenarios import Scenarios
from mechopt.outcome import Guarantee, Outcome
from mechopt.picture import COLOURS, Picture, canvas

Kind = Literal["constant", "state_contingent", "cvar", "robust", "chance"]
SHOWN = 1000  # scenarios in the result's table


class Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of [design].

    Attributes:
        price: forward price, money per unit.
        collar: lower and upper end of the penalty, money per unit.
        scenarios: records with probability, overage and slack (and own: the largest account's overage); or
        claims, common: distributions of factors that the document's claims are multiplied by, each its own and all
            the same one.
        draws: how many scenarios are drawn then.
        largest: for how many large accounts the collar must be right.
        designs: which; all by default.
        level: of "cvar" and "chance".
        distance: in total variation, of "robust".
    """

    price: Any
    collar: list[Any]
    scenarios: Any = None
    claims: Any = None
    common: Any = None
    draws: int = 1000
    largest: int = 3
    designs: list[Kind] = msgspec.field(default_factory=lambda: list(get_args(Kind)))
    level: float = 0.95
    distance: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settings:
    """The checked table."""

    price: float
    bounds: tuple[float, float]
    designs: Sequence[Kind]
    level: float
    distance: float


def read(environment: Environment, document: Document, seed: int) -> tuple[Settings, Scenarios]:
    """The [design] table of a document, and its scenarios.

    Raises:
        InstanceError: names the file, the key and the row at fault.
    """
    table = document.section("design", Table)
    environment.need_linear("the collar")
    if len(table.collar) != 2:
        raise document.error("needs two numbers: the lower and the upper end", "design.collar")
    price = document.number(table.price, "design.price", minimum=0)
    low, high = (document.number(end, "design.collar", minimum=0) for end in table.collar)
    if low > high:
        ends = f"the lower end {exact.show(low)} is above the upper end {exact.show(high)}"
        raise document.error(ends, "design.collar")
    for name, value in (("level", table.level), ("distance", table.distance)):
        if not 0 <= value < 1:
            raise document.error(f"must be from 0 up to, but not, 1, not {value:g}", f"design.{name}")
    if table.largest < 1:
        raise document.error(f"must be at least 1, not {table.largest}", "design.largest")
    factors = (table.claims, table.common)
    if (table.scenarios is None) == (factors == (None, None)):
        raise document.error("give either scenarios, or claims or common to draw them from", "design.scenarios")
    if table.scenarios is not None:
        found = scenarios.from_table(table.scenarios, document, "design.scenarios")
    else:
        found = scenarios.drawn(
            environment, document, factors, key="design", draws=table.draws, largest=table.largest, seed=seed
        )
    bounds = exact.as_float(low), exact.as_float(high)
    for name, value in (("price", exact.as_float(price)), ("collar", bounds[1] * float(found.residual.max()))):
        if not np.isfinite(value):
            raise document.error("is too large for floats, or charges are", f"design.{name}")
    settings = Settings(
        price=exact.as_float(price),
        bounds=bounds,
        designs=table.designs,
        level=table.level,
        distance=table.distance,
    )
    return settings, found


def design(
    environment: Environment,
    document: Document,
    *,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Outcome:
    """Calibrate the penalty collar.

    Args:
        environment: the accounts.
        document: its [design] table says what is asked for, see `Table`.
        seed: of drawn scenarios.
        workers: not used: every design takes a moment.
        progress: called as progress(done, total), a design each.

    Returns:
        `tables.designs`: the penalty, what it charges, and why; `tables.scenarios`: the penalty by scenario where it
        depends on it. Guarantee: bounded by the programs' certificates, for these scenarios.

    Raises:
        InstanceError: the table is wrong.
    """
    settings, found = read(environment, document, seed)
    report = progress or (lambda _done, _total: None)
    makers: dict[Kind, Callable[[], Collar]] = {
        "constant": lambda: collar.constant(found, settings.price, settings.bounds),
        "state_contingent": lambda: collar.by_state(found, settings.price, settings.bounds),
        "cvar": lambda: collar.conditional_value_at_risk(found, settings.price, settings.bounds, settings.level),
        "robust": lambda: collar.robust(found, settings.price, settings.bounds, settings.distance),
        "chance": lambda: collar.chance(found, settings.price, settings.bounds, settings.level),
    }
    designs = []
    for number, kind in enumerate(settings.designs):
        report(number, len(settings.designs))
        designs.append(makers[kind]())
    report(len(designs), len(designs))
    feasible = [one for one in designs if one.penalty is not None]
    return Outcome(
        mechanism="overage",
        title="",
        status="designed" if feasible else "infeasible",
        guarantee=_guarantee(designs),
        summary={
            "price": settings.price,
            "collar_low": settings.bounds[0],
            "collar_high": settings.bounds[1],
            "scenarios": found.overage.size,
            "expected_scarcity": float(found.mean(found.scarcity)),
            "expected_scarcity_without_largest": float(found.mean(found.scarcity_without).min()),
            "feasible_designs": len(feasible),
            "waiting_at_upper_end": _finite(collar.waiting(found, settings.price, settings.bounds[1])),
        },
        tables={"designs": _designs(designs, found, settings), "scenarios": _scenarios(designs, found)},
        warnings=_words(found, settings, feasible),
        provenance={"level": settings.level, "distance": settings.distance, "solver": {"name": "HiGHS"}},
    )


def _guarantee(designs: Sequence[Collar]) -> Guarantee:
    error = max((one.error for one in designs), default=0.0)
    return Guarantee(
        kind="certified" if error == 0 else "bounded",
        detail="expected charges, for the scenarios as given; programs certified, the rest closed forms in floats",
        error=error,
    )


def _finite(value: float) -> float | str:
    return value if np.isfinite(value) else "without limit"


def _designs(designs: Sequence[Collar], found: Scenarios, settings: Settings) -> dict[str, list[Any]]:
    def of(one: Collar, what: Callable[[NDArray[np.float64]], Any]) -> Any:
        return None if one.penalty is None else what(one.penalty)

    def tail(penalty: NDArray[np.float64]) -> float:
        return collar_tail(penalty * found.residual, found.probability, settings.level)

    return {
        "design": [one.kind for one in designs],
        "feasible": [one.penalty is not None for one in designs],
        "penalty_low": [of(one, lambda k: float(k.min())) for one in designs],
        "penalty_high": [of(one, lambda k: float(k.max())) for one in designs],
        "expected_charge": [of(one, lambda k: float(found.mean(k * found.residual))) for one in designs],
        f"mean_of_worst_{1 - settings.level:.3g}": [of(one, tail) for one in designs],
        "margin": [one.margin for one in designs],
        "why": [one.reason for one in designs],
    }


def collar_tail(charge: NDArray[np.float64], probability: NDArray[np.float64], level: float) -> float:
    """Conditional value at risk: the mean charge in the worst (1 - level) of the probability."""
    order = np.argsort(-charge, kind="stable")
    taken = np.diff(np.minimum(np.cumsum(np.concatenate([[0.0], probability[order]])), 1 - level))
    return float(taken @ charge[order] / (1 - level))


def _scenarios(designs: Sequence[Collar], found: Scenarios) -> dict[str, Any]:
    order = np.argsort(-found.residual, kind="stable")[:SHOWN]
    varying = [one for one in designs if one.penalty is not None and np.ptp(one.penalty) > 0]
    return {
        "probability": found.probability[order],
        "overage": found.overage[order],
        "slack": found.slack[order],
        "scarcity": found.scarcity[order],
        **{f"penalty_{one.kind}": one.penalty[order] for one in varying if one.penalty is not None},
    }


def _words(found: Scenarios, settings: Settings, feasible: Sequence[Collar]) -> list[str]:
    """What the collar can and cannot do."""
    words = []
    if not feasible:
        words.append("no collar within these ends makes buying forward at least as cheap as waiting: see why")
    free = float(found.probability[found.residual == 0].sum())
    if free > 0:
        words.append(
            f"with probability {free:.4g} there is slack for all: no penalty is due then, at any height of the collar"
        )
    left = collar.waiting(found, settings.price, settings.bounds[1])
    if left > 0:
        words.append(
            "scarcity is taken as given; if many small accounts wait at the upper end of the collar, "
            + ("without limit" if not np.isfinite(left) else f"{left:.6g} units more are left to the clearing")
        )
    words.append("a collar prices residual overage; it does not stop it: emissions exceed the cap by X - I when X > I")
    return words


def design_pictures(environment: Environment, outcome: Outcome) -> Sequence[Picture]:
    """The penalty against the overage, by design."""
    table = outcome.tables["scenarios"]
    overage = np.asarray(table["overage"], dtype=np.float64)
    order = np.argsort(overage, kind="stable")
    designs = outcome.tables["designs"]
    figure, axes = canvas()
    numbers: dict[str, Sequence[Any]] = {"overage": overage[order].tolist()}
    marks = zip(("o", "s", "^", "D", "v"), COLOURS, strict=False)
    for kind, high in zip(designs["design"], designs["penalty_high"], strict=True):
        if high is None:
            continue
        marker, colour = next(marks)
        values = np.asarray(table.get(f"penalty_{kind}", np.full(overage.size, high)), dtype=np.float64)[order]
        axes.plot(overage[order], values, linewidth=0, marker=marker, color=colour, markersize=4, alpha=0.7,
                  label=kind.replace("_", " "))  # fmt: skip
        numbers[kind] = values.tolist()
    axes.axhline(outcome.summary["price"], color="#555555", linewidth=1, linestyle="--", label="forward price")
    axes.set_xlabel(f"overage X in the scenario, {environment.units or 'units'}")
    axes.set_ylabel("penalty, money per unit of residual")
    axes.legend(frameon=False, fontsize=8)
    picture = Picture(
        title="Penalties by scenario",
        caption="A mark is a scenario. State-contingent penalties are high where overage is small: there a unit of "
        "incentive costs least in charges.",
        alt=f"Penalties of {len(numbers) - 1} designs against overage.",
        figure=figure,
        numbers=numbers,
    )
    return (picture,)
