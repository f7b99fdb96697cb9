"""One long path at speed: numba where it is installed and pays, the plain protocol otherwise. The same bits either way.

`Single` keeps the state between chunks of periods, so that inputs may be streamed and memory stays flat.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.arithmetic import GRID, Floats, Ledger, grid_rate
from mechopt.mechanisms.limited_liability.period import discount
from mechopt.mechanisms.limited_liability.record import VECTORS, Record, kept
from mechopt.mechanisms.limited_liability.rules import Rules

PACKAGE = "mechopt.mechanisms.limited_liability"
Engine = Literal["auto", "python", "compiled"]
Module = Literal["compiled", "compiled_ledger"]
Array = NDArray[np.float64]
# Periods; below, loading the kernels takes longer than the plain loop. The first call ever compiles: 6 to 16 seconds.
WORTH_COMPILED = 20_000


def kernels(engine: Engine, periods: int, module: Module = "compiled") -> ModuleType | None:
    """The numba kernels, of floats or of the integer ledger, where they are asked for or pay.

    Raises:
        InstanceError: they are asked for and cannot be used.
    """
    if engine not in ("auto", "python", "compiled"):
        raise InstanceError(f"{engine!r} is none of auto, python and compiled", key="engine")
    if engine == "python" or (engine == "auto" and periods < WORTH_COMPILED):
        return None
    if importlib.util.find_spec("numba") is None:
        if engine == "compiled":
            raise InstanceError("numba is not installed; pip install 'mechopt[compiled]' brings it", key="engine")
        return None
    try:
        return importlib.import_module(f"{PACKAGE}.{module}")
    except (ImportError, RuntimeError) as error:  # unfit for this numpy, or no place for its cache
        if engine == "compiled":
            raise InstanceError(f"numba cannot be used: {error}", key="engine") from error
        return None


class Single:
    """A path by the compiled kernels, chunk by chunk.

    Args:
        rules: the variant.
        module: of `kernels`.

    Attributes:
        period: number of periods settled.
        allocation: R^I, shape (1,).
        vectors: transfer, first, second, value, held, idle, shape (6, agents).
    """

    def __init__(self, rules: Rules, module: ModuleType) -> None:
        self.rules, self.module, self.period = rules, module, 0
        self.allocation: Array = np.zeros(1)
        self.vectors: Array = np.zeros((len(VECTORS), rules.agents))
        fade = float(rules.discount) if rules.variant == "discounted" and rules.discount is not None else 1.0
        self._options = _options(module, rules, fade)

    def run(self, values: Array, outputs: Array, draws: Array, *, record: bool = False) -> Record:
        """The next periods.

        Args:
            values: stated, shape (periods, agents, decisions).
            outputs: observed or reported, the same shape.
            draws: shape (periods,).
            record: keep every period; the last one only otherwise.
        """
        written = _rows(self.module, self.rules, len(values) if record else 1, values.shape[1], np.float64)
        self.module.path(
            self._options, self._rates(len(values)), np.ascontiguousarray(values), np.ascontiguousarray(outputs),
            np.ascontiguousarray(draws), self.allocation, self.vectors, written,
        )  # fmt: skip
        self.period += len(values)
        return _record(written, self.rules)

    def _rates(self, periods: int) -> Array:
        """nu_t, by the same power function as the reference."""
        if self.rules.variant != "exploration":
            return np.zeros(periods)
        numbers, first = Floats(), self.period + 1
        rates: list[Any] = [numbers.rate(first + t, self.rules.exploration_exponent) for t in range(periods)]
        return np.array(rates)


class SingleLedger:
    """The same in the integer ledger; see `compiled_ledger`.

    Args:
        rules: the variant.
        module: of `kernels`, "compiled_ledger".
    """

    def __init__(self, rules: Rules, module: ModuleType) -> None:
        self.rules, self.module = rules, module
        fade = GRID if rules.variant != "discounted" else discount(rules, Ledger())
        self._floats = importlib.import_module(f"{PACKAGE}.compiled")
        self._options = _options(self._floats, rules, fade)

    def run(
        self, values: NDArray[Any], outputs: NDArray[Any], draws: Sequence[int], *, record: bool = False
    ) -> Record | None:
        """A path from its first period; None where its numbers do not fit into words of 64 bits.

        Args:
            values: stated, integers, shape (periods, agents, decisions); in units of output where the variant pays or
                books by them, else of any unit.
            outputs: whole units, the same shape.
            draws: grid points, one a period.
            record: keep every period; the last one only otherwise.
        """
        module, rules = self.module, self.rules
        booked = rules.variant in ("pivot", "bounded_values")
        limits = (values, module.LARGEST if booked else module.COMPARED), (outputs, module.LARGEST)
        if not all(module.fits(array, limit) for array, limit in limits):
            return None
        periods, agents, _ = values.shape
        rates: Any = np.zeros(periods, dtype=np.int64)
        if rules.variant == "exploration":
            rates = np.array([grid_rate(period, rules.exploration_exponent) for period in range(1, periods + 1)])
        written = _rows(
            importlib.import_module(f"{PACKAGE}.compiled"), rules, periods if record else 1, agents, np.int64
        )
        done = module.path(
            self._options, rates, np.ascontiguousarray(values, dtype=np.int64),
            np.ascontiguousarray(outputs, dtype=np.int64), np.array(draws, dtype=np.int64),
            np.zeros(1, dtype=np.int64), np.zeros((len(VECTORS), agents), dtype=np.int64), written,
        )  # fmt: skip
        return _record(written, rules) if done == periods else None


def _options(module: ModuleType, rules: Rules, fade: float) -> Any:
    codes = {"pivot": module.PIVOT, "bounded_values": module.BOUNDED, "exploration": module.ESTIMATED,
             "consistent": module.SMOOTHED, "discounted": module.SMOOTHED}  # fmt: skip
    return module.Options(
        code=codes.get(rules.variant, module.PLAIN), debt=rules.payment == "debt",
        by_action=rules.propensity == "action", use_b=rules.use_regret_b, fade=fade,
    )  # fmt: skip


def _rows(module: ModuleType, rules: Rules, rows: int, agents: int, kind: type[np.generic]) -> Any:
    names, groups = kept(rules), agents + 1
    return module.Rows(
        decisions=np.zeros((rows, groups), dtype=np.int64), group=np.zeros(rows, dtype=np.int64),
        shares=np.zeros((rows, groups), kind), weights=np.zeros((rows, agents), kind),
        expected=np.zeros((rows, agents), kind), paid=np.zeros((rows, agents), kind), allocation=np.zeros(rows, kind),
        histories=np.zeros((rows, len(names), agents), kind), kept=np.array([VECTORS.index(name) for name in names]),
    )  # fmt: skip


def _record(rows: Any, rules: Rules) -> Record:
    """Integers become Python's, as everywhere in the ledger."""
    grid = rows.allocation.dtype.kind == "i"
    kind: Any = object if grid else np.float64
    return Record(
        decisions=rows.decisions, group=rows.group, shares=rows.shares.astype(kind), weights=rows.weights.astype(kind),
        expected=rows.expected.astype(kind), paid=rows.paid.astype(kind), allocation=rows.allocation.astype(kind),
        vectors={name: rows.histories[:, place].astype(kind) for place, name in enumerate(kept(rules))}, grid=grid,
    )  # fmt: skip
