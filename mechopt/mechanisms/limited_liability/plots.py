"""The pictures of an allocated horizon: regrets against bounds, exclusion, payments. Source: chassang2021."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.mechanisms.limited_liability.bounds import step_constant
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.outcome import Outcome
from mechopt.picture import Picture, canvas
from mechopt.program import to_float

# Okabe and Ito's colours, told apart with every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9")
GREY = "#666666"
POINTS = 400
Array = NDArray[np.float64]


def pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The plots of a report.

    Args:
        environment: the instance.
        outcome: of `mechanism.run`; its tables are read.
    """
    drawn = [_regrets(environment, outcome)]
    if environment.rules.variant not in ("pivot", "bounded_values"):
        drawn.append(_exclusion(environment, outcome))
    return [*drawn, _payments(environment, outcome)]


def column(outcome: Outcome, name: str) -> Array:
    """A column of `tables.periods` as floats."""
    rows = outcome.tables["periods"][name]
    return to_float(np.array([row if np.ndim(row) == 0 else list(row) for row in rows], dtype=object))


def picked(periods: int) -> NDArray[np.int64]:
    """Positions to draw: all, or evenly spread ones."""
    return np.unique(np.linspace(0, periods - 1, min(periods, POINTS)).round().astype(np.int64))


def label(quantity: str, units: str) -> str:
    """An axis label with its unit."""
    return f"{quantity} ({units})" if units else f"{quantity} (units of output)"


def legend(axes: Any, count: int) -> None:
    """A legend below the axes, where it hides nothing and is taken for no data."""
    axes.figure.legend(loc="outside lower center", ncols=min(count, 4), frameon=False, fontsize=8)


def _regrets(environment: Environment, outcome: Outcome) -> Picture:
    at = picked(len(environment.values))
    allocation, transfer = column(outcome, "regret_allocation")[at], column(outcome, "regret_transfer")[at]
    limit = _limit(environment, at + 1)
    figure, axes = canvas()
    axes.plot(at + 1, allocation, color=GREY, linewidth=1.6, label="allocation")
    shown = environment.agent_names[: len(COLOURS)]
    for place, name in enumerate(shown):
        axes.plot(at + 1, transfer[:, place], color=COLOURS[place], linewidth=1.3, label=name)
    numbers: dict[str, Sequence[Any]] = {"period": (at + 1).tolist(), "allocation": allocation.tolist()}
    numbers |= {name: transfer[:, place].tolist() for place, name in enumerate(shown)}
    worst = max(float(allocation.max()), float(transfer.max()))
    if limit is not None:
        axes.plot(at + 1, limit, "--", color="black", linewidth=1.0, label="bound")
        numbers["bound"] = limit.tolist()
        axes.set_yscale("symlog", linthresh=max(1e-6, worst or 1.0))
    axes.set_xlabel("period")
    axes.set_ylabel(label("regret", environment.units))
    legend(axes, len(shown))
    return Picture(
        title="Regrets against their bound",
        caption="Efficiency lost so far (allocation) and externality not yet paid, by agent; above 0 is debt. "
        "The axis is linear up to the largest regret, logarithmic beyond.",
        alt=f"The largest regret is {worst:.4g}"
        + ("" if limit is None else f", against a bound of {limit[-1]:.4g} at the end")
        + "; numbers in the table.",
        figure=figure,
        numbers=numbers,
    )


def _limit(environment: Environment, periods: NDArray[np.int64]) -> Array | None:
    """The proven bound on every positive regret after so many periods."""
    rules, bound = environment.rules, exact.as_float(environment.output_bound)
    if rules.variant in ("pivot", "exploration"):
        return None
    if rules.variant == "bounded_values":
        return np.full(periods.size, rules.agents * bound)
    effective = periods.astype(np.float64)
    if rules.variant == "discounted" and rules.discount is not None:
        square = float(rules.discount) ** 2
        effective = (1 - square**effective) / (1 - square)
    return bound * np.sqrt(step_constant(rules) * effective)


def _exclusion(environment: Environment, outcome: Outcome) -> Picture:
    """The probability that an agent is left out, averaged over stretches of periods."""
    shares = column(outcome, "probability")[:, 1:]
    edges = np.unique(np.linspace(0, len(shares), min(len(shares), 60) + 1).round().astype(np.int64))
    means = np.add.reduceat(shares, edges[:-1], axis=0) / np.diff(edges)[:, None]
    middle = (edges[:-1] + 1 + edges[1:]) / 2
    figure, axes = canvas()
    shown = environment.agent_names[: len(COLOURS)]
    for place, name in enumerate(shown):
        axes.plot(middle, means[:, place], color=COLOURS[place], linewidth=1.4, label=name)
    axes.set_xlabel("period")
    axes.set_ylabel("probability of being left out")
    axes.set_ylim(-0.02, 1.02)
    legend(axes, len(shown))
    most = int(np.argmax(shares.mean(axis=0)))
    return Picture(
        title="Who is left out",
        caption="Probability that the decision ignores an agent, averaged over stretches of periods. It costs the "
        "others nothing where the decision would be the same.",
        alt=f"{environment.agent_names[most]} is left out most, with a mean probability of "
        f"{shares.mean(axis=0)[most]:.3f}; numbers in the table.",
        figure=figure,
        numbers={"period": middle.tolist()} | {name: means[:, place].tolist() for place, name in enumerate(shown)},
    )


def _payments(environment: Environment, outcome: Outcome) -> Picture:
    table = outcome.tables["agents"]
    paid, payoff = (to_float(np.asarray(table[name], dtype=object)) for name in ("paid", "payoff"))
    figure, axes = canvas()
    places = np.arange(paid.size)
    axes.bar(places, payoff, color=COLOURS[0], label="kept")
    axes.bar(places, paid, bottom=payoff, color=COLOURS[1], hatch="//", edgecolor="white", label="paid")
    axes.set_xticks(places, environment.agent_names, rotation=30 if paid.size > 4 else 0, ha="right" if paid.size > 4
                    else "center")  # fmt: skip
    axes.set_ylabel(label("output over all periods", environment.units))
    legend(axes, 2)
    share = paid.sum() / (paid.sum() + payoff.sum()) if paid.sum() + payoff.sum() > 0 else 0.0
    return Picture(
        title="Payments by agent",
        caption="What each agent produced, split into what it kept and what it paid.",
        alt=f"{share:.1%} of the output was paid; numbers in the table.",
        figure=figure,
        numbers={"agent": environment.agent_names, "kept": payoff.tolist(), "paid": paid.tolist()},
    )
