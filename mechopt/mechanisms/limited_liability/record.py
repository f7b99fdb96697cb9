"""One path of the mechanism, period by period, with everything an auditor asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability import groups, whole
from mechopt.mechanisms.limited_liability.arithmetic import GRID, Arithmetic, Floats, Fractions, Ledger, grid_draw
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.online import STATE, Online
from mechopt.mechanisms.limited_liability.period import Proposal
from mechopt.mechanisms.limited_liability.rules import Rules

VECTORS = STATE
LARGEST_BITS = 14_000  # of an exact fraction: Python prints 4,300 decimal digits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """A path.

    Attributes:
        decisions: a*(G), shape (periods, groups).
        group: drawn, shape (periods,).
        shares: mu_t, shape (periods, groups).
        weights: lambda, shape (periods, agents).
        expected: tau_i(mu_t), shape (periods, agents).
        paid: tau_i(a_t), shape (periods, agents).
        allocation: R^I after each period, shape (periods,).
        vectors: transfer, first, second, value, held, idle: regrets after each period, shape (periods, agents); those
            the variant has.
        limited: sum_a s_a of `response.respond`, shape (periods,), or None without limits.
        grid: whether shares, weights, expected and regrets count 2^-32 and `paid` counts output units.
    """

    decisions: NDArray[np.int64]
    group: NDArray[np.int64]
    shares: NDArray[Any]
    weights: NDArray[Any]
    expected: NDArray[Any]
    paid: NDArray[Any]
    allocation: NDArray[Any]
    vectors: Mapping[str, NDArray[Any]]
    limited: NDArray[np.float64] | None = None
    grid: bool = False

    @property
    def decision(self) -> NDArray[np.int64]:
        """The decision taken, shape (periods,)."""
        return self.decisions[np.arange(len(self.group)), self.group]


def kept(rules: Rules) -> tuple[str, ...]:
    """Which regrets a variant keeps besides R^I."""
    if rules.smoothed:
        return "transfer", "first", "second"
    if rules.variant == "bounded_values":
        return ("transfer", "value", "held", "idle") if rules.use_regret_b else ("transfer", "value", "held")
    return ("transfer",)


def trace(environment: Environment) -> Record:
    """The path that the environment's values, outputs and draws give, in its arithmetic and ledger.

    Raises:
        InstanceError: the integer ledger meets outputs that are not whole.
    """
    rules, outputs = environment.rules, environment.outputs
    draws: Any = environment.draws
    if environment.ledger == "integer":
        return _ledger(environment)
    exactly = environment.arithmetic == "exact"
    if not exactly and (fast := _compiled(environment)) is not None:
        return fast
    numbers: Arithmetic = Fractions() if exactly else Floats()
    chosen = groups.decisions(whole.comparable(environment) if exactly else environment.values)
    return walk(rules, numbers, environment.values, outputs, draws.tolist(), chosen)


def _compiled(environment: Environment) -> Record | None:
    """The path by numba, where it is long and numba is there: the same numbers to the last bit."""
    from mechopt.mechanisms.limited_liability import single

    module = single.kernels("auto", len(environment.values))
    if module is None or environment.rules.limits is not None:
        return None
    draws: Any = environment.draws
    return single.Single(environment.rules, module).run(environment.values, environment.outputs, draws, record=True)


def _ledger(environment: Environment) -> Record:
    """The integer ledger: decisions by exact comparison, everything else in Python integers."""
    rules, unit = environment.rules, environment.output_unit
    outputs = whole.in_units(environment.outputs, unit, "outputs")
    values = environment.values
    if rules.variant in ("pivot", "bounded_values"):  # stated values enter the regrets
        values = whole.in_units(values, unit, "values")
    draws: Any = environment.draws
    points = [grid_draw(draw) for draw in draws.tolist()]
    compared = whole.comparable(environment)
    fast = _compiled_ledger(
        rules, values if rules.variant in ("pivot", "bounded_values") else compared, outputs, points
    )
    return walk(rules, Ledger(), values, outputs, points, groups.decisions(compared)) if fast is None else fast


def _compiled_ledger(rules: Rules, values: NDArray[Any], outputs: NDArray[Any], points: list[int]) -> Record | None:
    """The same integers by numba, where the path is long, numba is there, and numbers fit into words."""
    from mechopt.mechanisms.limited_liability import single

    module = single.kernels("auto", len(points), "compiled_ledger")
    return None if module is None else single.SingleLedger(rules, module).run(values, outputs, points, record=True)


def walk(
    rules: Rules,
    numbers: Arithmetic,
    values: NDArray[Any],
    outputs: NDArray[Any],
    draws: list[Any],
    chosen: NDArray[np.int64],
    *,
    forced: bool = False,
) -> Record:
    """A path by the plain protocol.

    Args:
        rules: the variant.
        numbers: the arithmetic.
        values: stated, shape (periods, agents, decisions).
        outputs: observed or reported, the same shape.
        draws: one a period; the groups themselves where `forced`.
        chosen: a*(G) with weights 1, shape (periods, groups); bounded_values decides for itself.
        forced: whether the groups are given instead of numbers to draw them.
    """
    online = Online(rules, numbers)
    propose = _proposer(online, values, chosen)
    rows: dict[str, list[Any]] = {
        name: [] for name in ("decisions", "group", "shares", "weights", "expected", "paid", "allocation")
    }
    vectors: dict[str, list[Any]] = {name: [] for name in kept(rules)}
    limited = []
    columns = range(values.shape[1])
    for period, draw in enumerate(draws):
        proposal = propose(period)
        group = draw if forced else online.draw(proposal, draw)
        table = outputs[period].tolist()
        wanted = proposal.decisions if not rules.realised_only else [proposal.decisions[group]]
        produced = [[table[agent][decision] for agent in columns] for decision in wanted]
        settlement = online.settle(proposal, group, produced[0] if rules.realised_only else produced)
        limited.append(proposal.limited)
        rows["decisions"].append(proposal.decisions)
        rows["group"].append(group)
        rows["shares"].append(proposal.shares)
        rows["weights"].append(proposal.weights)
        rows["expected"].append(settlement.expected)
        rows["paid"].append(settlement.paid)
        rows["allocation"].append(online.allocation)
        if type(numbers) is Fractions:
            _printable([*proposal.shares, *settlement.expected, online.allocation, *online.transfer], period)
        for name, kept_rows in vectors.items():
            kept_rows.append(list(getattr(online, name)))
    kind: Any = np.float64 if type(numbers) is Floats else object
    exact_arrays = {name: np.array(rows[name], dtype=kind) for name in rows if name not in ("decisions", "group")}
    return Record(
        decisions=np.array(rows["decisions"], dtype=np.int64),
        group=np.array(rows["group"], dtype=np.int64),
        vectors={name: np.array(kept_rows, dtype=kind) for name, kept_rows in vectors.items()},
        limited=None if rules.limits is None else np.array(limited),
        grid=isinstance(numbers, Ledger),
        **exact_arrays,
    )


def _printable(values: Sequence[Any], period: int) -> None:
    """Refuse fractions that have grown beyond what can be written down.

    Raises:
        InstanceError: says in which period.
    """
    bits = max(max(value.numerator.bit_length(), value.denominator.bit_length()) for value in values)
    if bits > LARGEST_BITS:
        raise InstanceError(
            f"the fractions have grown beyond {LARGEST_BITS} binary digits in period {period + 1}; "
            'ledger = "integer" is exact over any horizon',
            key="arithmetic",
        )


def retrace(environment: Environment, record: Record) -> Record:
    """The same path in floats with the agents, and with them the groups, in reverse order; groups as recorded."""
    agents = environment.rules.agents
    order = np.concatenate([[0], np.arange(agents, 0, -1)])
    drawn = np.where(record.group == 0, 0, agents + 1 - record.group)
    return walk(
        environment.rules, Floats(), environment.values[:, ::-1], environment.outputs[:, ::-1], drawn.tolist(),
        record.decisions[:, order], forced=True,
    )  # fmt: skip


def _proposer(online: Online, values: NDArray[Any], chosen: NDArray[np.int64]) -> Callable[[int], Proposal]:
    """How a period's proposal comes about: from decisions found at once for all periods where they do not depend on
    the state."""
    if online.rules.variant == "bounded_values":
        return lambda period: online.propose(values[period].tolist())
    if online.rules.variant != "pivot":
        return lambda period: online.propose_decisions(chosen[period].tolist())

    def pivot(period: int) -> Proposal:
        stated = groups.taken(values[period], chosen[period]).tolist()
        return online.propose_decisions(chosen[period].tolist(), stated=stated)

    return pivot


def as_floats(array: NDArray[Any], *, grid: bool) -> NDArray[np.float64]:
    """Regrets, probabilities or payments as floats; integers of the grid count 2^-32."""
    if array.dtype != object:
        return array.astype(np.float64)
    flat = [value / GRID if grid else float(value) for value in array.ravel().tolist()]
    return np.array(flat, dtype=np.float64).reshape(array.shape)
