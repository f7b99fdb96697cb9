"""One long path at speed: numba where it is installed and pays, the plain protocol otherwise. The same bits either way.

`Single` keeps the state between chunks of periods, so that inputs may be streamed and memory stays flat.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.arithmetic import Floats
from mechopt.mechanisms.limited_liability.record import VECTORS, Record, kept
from mechopt.mechanisms.limited_liability.rules import Rules

Engine = Literal["auto", "python", "compiled"]
Array = NDArray[np.float64]
WORTH_COMPILED = 20_000  # periods; below, loading the kernels takes longer than the plain loop


def kernels(engine: Engine, periods: int) -> ModuleType | None:
    """The numba kernels where they are asked for or pay.

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
        return importlib.import_module("mechopt.mechanisms.limited_liability.compiled")
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
        codes = {"pivot": module.PIVOT, "bounded_values": module.BOUNDED, "exploration": module.ESTIMATED,
                 "consistent": module.SMOOTHED, "discounted": module.SMOOTHED}  # fmt: skip
        self._code = codes.get(rules.variant, module.PLAIN)

    def run(self, values: Array, outputs: Array, draws: Array, *, record: bool = False) -> Record:
        """The next periods.

        Args:
            values: stated, shape (periods, agents, decisions).
            outputs: observed or reported, the same shape.
            draws: shape (periods,).
            record: keep every period; the last one only otherwise.
        """
        rules = self.rules
        periods, agents, _ = values.shape
        rows, groups = periods if record else 1, agents + 1
        names = kept(rules)
        where = np.array([VECTORS.index(name) for name in names])
        decisions, drawn = np.zeros((rows, groups), dtype=np.int64), np.zeros(rows, dtype=np.int64)
        shares, weights = np.zeros((rows, groups)), np.zeros((rows, agents))
        expected, paid, allocations = np.zeros((rows, agents)), np.zeros((rows, agents)), np.zeros(rows)
        histories = np.zeros((rows, len(names), agents))
        self.module.path(
            self._code, rules.payment == "debt", rules.propensity == "action", rules.use_regret_b,
            rules.variant == "discounted", float(rules.discount or 1.0), self._rates(periods),
            np.ascontiguousarray(values), np.ascontiguousarray(outputs), np.ascontiguousarray(draws),
            self.allocation, self.vectors, where, decisions, drawn, shares, weights, expected, paid, allocations,
            histories,
        )  # fmt: skip
        self.period += periods
        return Record(
            decisions=decisions, group=drawn, shares=shares, weights=weights, expected=expected, paid=paid,
            allocation=allocations, vectors={name: histories[:, place] for place, name in enumerate(names)},
        )  # fmt: skip

    def _rates(self, periods: int) -> Array:
        """nu_t, by the same power function as the reference."""
        if self.rules.variant != "exploration":
            return np.zeros(periods)
        numbers, first = Floats(), self.period + 1
        rates: list[Any] = [numbers.rate(first + t, self.rules.exploration_exponent) for t in range(periods)]
        return np.array(rates)
