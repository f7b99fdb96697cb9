"""The pictures of a forward market. Source: liu2020, Sections 3 to 5 and Figure 1."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.forward_market.anticipated import Anticipated, Prospect, prospect_of
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.schedule import Programs
from mechopt.mechanisms.forward_market.tariff import Tariff
from mechopt.outcome import Outcome
from mechopt.picture import Picture, canvas

# Okabe and Ito's colours, told apart with every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#666666")
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
SWEPT = 8  # agents up to which the first one's demand is swept
Floats = NDArray[np.float64]


def pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The plots of a report: allocations with holdings, the tariff, the money, and for few agents the surplus.

    Args:
        environment: the instance.
        outcome: of `mechanism.run`; the payments are read from it.
    """
    prospect = prospect_of(environment)
    tariff = environment.tariff or Programs(prospect).least_subsidy().tariff
    found = [
        _marginal_values(prospect) if isinstance(prospect, Anticipated) else _allocations(prospect),
        _tariff(Forward(prospect, tariff)),
        _payments(environment, outcome),
    ]
    if environment.agents == 3:
        found.append(_simplex(prospect))
    if environment.agents <= SWEPT and not environment.anticipated:
        found.append(_sweep(environment))
    return found


def _shown(market: Prospect) -> Sequence[int]:
    return market.representatives[: len(COLOURS)]


def _money(environment: Environment) -> str:
    return f" ({environment.units})" if environment.units else ""


def _allocations(market: Market) -> Picture:
    """q_i over the types, and where the common worst-off type cuts them."""
    figure, axes = canvas()
    types = np.linspace(market.low, market.high, 201)
    value = market.interim.spread(market.interim.at(types).value)
    hat, numbers = market.common.type, {"type": types.tolist()}
    for place, agent in enumerate(_shown(market)):
        name = market.environment.name[agent]
        axes.plot(types, value[:, agent], color=COLOURS[place], linestyle=STYLES[place], label=name)
        axes.plot([hat], [market.common.holding[agent]], "o", color=COLOURS[place], markersize=5)
        numbers[name] = value[:, agent].tolist()
    axes.axvline(hat, color="#444444", linewidth=0.8, label="worst-off type")
    axes.set_xlabel(f"value of a unit{_money(market.environment)}")
    axes.set_ylabel("expected allocation (share of the supply)")
    axes.legend(frameon=False, fontsize=7)
    return Picture(
        title="Interim allocations and holdings",
        caption="What a type expects to be allocated; the dots are the holdings r*, where the common worst-off type "
        "neither buys nor sells on average. Of identical agents one is drawn.",
        alt=f"Rising curves of {len(_shown(market))} agents, cut at the type {hat:.4g}; the numbers are in the table.",
        figure=figure,
        numbers=numbers,
    )


def _marginal_values(market: Anticipated) -> Picture:
    """What holdings are worth on average over the states, and the common value that decides them."""
    figure, axes = canvas()
    holdings = np.linspace(0.0, max(limit for agent in _shown(market) for limit, _ in market.limits(agent)), 401)
    numbers = {"holding": holdings.tolist()}
    for place, agent in enumerate(_shown(market)):
        name = market.environment.name[agent]
        value = market.marginal_value(agent, holdings, side="right")
        axes.plot(holdings, value, color=COLOURS[place], linestyle=STYLES[place], label=name)
        axes.plot([market.target[agent]], [market.price], "o", color=COLOURS[place], markersize=5)
        numbers[name] = value.tolist()
    axes.axhline(market.price, color="#444444", linewidth=0.8, label="common value")
    axes.set_xlabel("holding (share of the supply)")
    axes.set_ylabel(f"mean marginal value{_money(market.environment)}")
    axes.legend(frameon=False, fontsize=7)
    return Picture(
        title="Mean marginal values over the states, and holdings",
        caption="What a unit more is worth before the state is known: the mean over the states of the worst-off type, "
        "0 in states whose demand is exceeded. The dots are the holdings that the forward market is to bring about.",
        alt=f"Curves of {len(_shown(market))} agents, cut at {market.price:.4g}; the numbers are in the table.",
        figure=figure,
        numbers=numbers,
    )


def _tariff(forward: Forward) -> Picture:
    """P beside every agent's marginal value of a forward unit."""
    market = forward.market
    figure, axes = canvas()
    held = forward.holding
    # Beyond every demand nothing is worth anything: a little of that is enough.
    end = max(limit - float(held[agent]) for agent in market.representatives for limit, _ in market.limits(agent))
    positions = np.linspace(-float(held.max()), min(end * 1.5, 1.0 - float(held.min())), 301)
    price = forward.tariff.price(positions)
    numbers: dict[str, list[Any]] = {"position": positions.tolist(), "price": price.tolist()}
    for place, agent in enumerate(_shown(market)):
        demanded = positions + held[agent]
        inside = (demanded >= 0) & (demanded <= 1)
        worth = np.full(positions.size, np.nan)
        worth[inside] = market.marginal_value(agent, demanded[inside], side="right")
        name = market.environment.name[agent]
        axes.plot(positions, worth, color=COLOURS[place], linestyle=STYLES[place], linewidth=1.1, label=name)
        numbers[f"marginal value, {name}"] = [None if np.isnan(number) else number for number in worth.tolist()]
    axes.step(positions, price, where="post", color="#000000", linewidth=1.8, label="price P")
    axes.set_ylim(min(0.0, float(price.min())) - 0.02 * market.high, market.high * 1.05)
    axes.axvline(0.0, color="#444444", linewidth=0.8)
    axes.set_xlabel("aggregate position y (share of the supply)")
    axes.set_ylabel(f"price of a forward unit{_money(market.environment)}")
    axes.legend(frameon=False, fontsize=7)
    return Picture(
        title="Forward tariff and marginal values",
        caption="At y = 0 all hold r*. To the right the price must make further units cost more than they are worth, "
        "to the left it must make units sold bring less; on average over a step, not at every point.",
        alt="A rising price schedule among the agents' marginal values; the numbers are in the table.",
        figure=figure,
        numbers=numbers,
    )


def design_pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The plots of a design: the tariff among the marginal values, or the holdings beside the endowments.

    Args:
        environment: the instance.
        outcome: of `calibration.design`.
    """
    if "tariff" in outcome.tables:
        table = outcome.tables["tariff"]
        tariff = Tariff(knots=[*table["from"], table["to"][-1]], prices=list(table["price"]), kind="block")
        return [_tariff(Forward(prospect_of(environment), tariff))]
    return [_holdings(environment, outcome)] if "agents" in outcome.tables else []


def _holdings(environment: Environment, outcome: Outcome) -> Picture:
    """Designed holdings beside endowments and demands."""
    held = np.asarray(outcome.tables["agents"]["holding"], dtype=np.float64)
    order = np.argsort(-held, kind="stable")[:20]
    names = [environment.name[place] for place in order]
    figure, axes = canvas()
    rows = np.arange(len(names))
    axes.barh(rows - 0.2, held[order], height=0.38, color=COLOURS[0], label="designed holding")
    axes.barh(rows + 0.2, environment.endowments[order], height=0.38, color=COLOURS[1], hatch="//", edgecolor="white",
              label="endowment")  # fmt: skip
    axes.plot(environment.demands[order], rows, "|", color="#000000", markersize=16, label="maximum demand")
    axes.set_yticks(rows, [name if len(name) <= 18 else name[:17] + "…" for name in names])
    axes.invert_yaxis()
    axes.set_xlabel("share of the supply")
    axes.legend(frameon=False, fontsize=7)
    return Picture(
        title="Designed holdings",
        caption=f"What agents hold when the goal is {outcome.summary['goal']}, beside what they own now and can use.",
        alt=f"Bars of {len(names)} agents; the numbers are in the table.",
        figure=figure,
        numbers={
            "agent": names,
            "holding": held[order].tolist(),
            "endowment": environment.endowments[order].tolist(),
            "demand": environment.demands[order].tolist(),
        },
    )


def _payments(environment: Environment, outcome: Outcome) -> Picture:
    """Forward payment, fee and rebate of each agent as bars around 0, and the gain."""
    table = outcome.tables["agents"]
    order = np.argsort(-np.asarray(table["forward_payment"], dtype=np.float64), kind="stable")[:20]
    names = [environment.name[place] for place in order]
    figure, axes = canvas()
    rows = np.arange(len(names))
    above, below = np.zeros(len(names)), np.zeros(len(names))
    parts = {"forward_payment": "forward market", "fee": "fee", "rebate": "rebate"}
    for place, (column, label) in enumerate(parts.items()):
        value = np.asarray(table[column], dtype=np.float64)[order]
        left = np.where(value >= 0, above, below)
        axes.barh(rows, value, left=left, color=COLOURS[place], label=label, hatch=("", "//", "..")[place], height=0.6,
                  edgecolor="white")  # fmt: skip
        above, below = above + np.maximum(value, 0), below + np.minimum(value, 0)
    gain = np.asarray(table["gain"], dtype=np.float64)[order]
    axes.plot(gain, rows, "D", color="#000000", label="gain", markersize=4)
    axes.axvline(0.0, color="#444444", linewidth=0.8)
    axes.set_yticks(rows, [name if len(name) <= 18 else name[:17] + "…" for name in names])
    axes.invert_yaxis()
    axes.set_xlabel(f"received{_money(environment)}")
    axes.legend(frameon=False, fontsize=7)
    return Picture(
        title="Who pays whom",
        caption="Money received from the forward market, the flat fee that closes its budget, and the rebate of the "
        "spot market's expected surplus; the diamond is what the whole scheme adds to keeping the endowment.",
        alt=f"Bars of {len(names)} agents; the numbers are in the table.",
        figure=figure,
        numbers={"agent": names} | {
            column: np.asarray(table[column], dtype=np.float64)[order].tolist()
            for column in ("forward_payment", "fee", "rebate", "gain")
        },
    )  # fmt: skip


def _simplex(market: Prospect) -> Picture:
    """Pi_r over all holdings of three agents."""
    figure, axes = canvas()
    steps = 40
    points = [(first / steps, second / steps) for first in range(steps + 1) for second in range(steps + 1 - first)]
    holdings = np.array([(first, second, 1.0 - first - second) for first, second in points])
    surplus = market.welfare - np.sum([market.payoff(agent, holdings[:, agent]) for agent in range(3)], axis=0)
    across, up = holdings[:, 1] + holdings[:, 2] / 2, holdings[:, 2] * 3**0.5 / 2
    filled = axes.tricontourf(across, up, surplus, levels=14, cmap="cividis")
    axes.tricontour(across, up, surplus, levels=[0.0], colors="white", linewidths=1.4)
    for share, mark, label in (
        (market.target, "o", "r*"),
        (market.environment.endowments, "s", "endowment"),
    ):
        axes.plot(share[1] + share[2] / 2, share[2] * 3**0.5 / 2, mark, color="#D55E00", markeredgecolor="white",
                  label=label, markersize=7, linestyle="none")  # fmt: skip
    figure.colorbar(filled, ax=axes, label=f"expected surplus{_money(market.environment)}")
    names = market.environment.name
    corners = ((0.0, -0.05, "left", "top"), (1.0, -0.05, "right", "top"), (0.5, 3**0.5 / 2 + 0.03, "center", "bottom"))
    for name, (x, y, side, edge) in zip(names, corners, strict=True):
        axes.text(x, y, name[:16], ha=side, va=edge, fontsize=7)
    axes.set_ylim(-0.12, 0.98)
    axes.set_axis_off()
    axes.legend(frameon=False, fontsize=7, loc="upper left")
    return Picture(
        title="Spot surplus over all holdings",
        caption="Each corner is one agent holding everything. Inside the white line the spot market operates.",
        alt=f"A triangle; the surplus at r* is {market.surplus_at_target:.4g}, the largest below the demands.",
        figure=figure,
        numbers={name: holdings[:, place].tolist() for place, name in enumerate(names)} | {"surplus": surplus.tolist()},
    )  # fmt: skip


def _sweep(environment: Environment) -> Picture:
    """Figure 1: the surplus of the interior holdings and of agent 1 holding everything, over agent 1's demand."""
    from scipy.optimize import brentq

    others = sum(environment.demand[1:])
    top = max(environment.demand)
    least = max(Fraction(0), 1 - others) + top / 200
    others_sums = {Fraction(0)}
    for value in environment.demand[1:]:
        others_sums |= {total + value for total in others_sums if total + value < 1}
    grid = {least + (top - least) * Fraction(step, 40) for step in range(41)}
    # Where agent 1's demand just fills what others leave, both curves have a kink.
    demands = sorted(grid | {1 - total for total in others_sums if least < 1 - total < top})

    def both(demand: Fraction) -> tuple[float, float]:
        market = Market(environment, demand=(demand, *environment.demand[1:]))
        return market.surplus_at_common, float(market.cornered[0])

    interior, corner = (list(column) for column in zip(*map(both, demands), strict=True))
    gaps = [inner - outer for inner, outer in zip(interior, corner, strict=True)]
    crossings = [
        float(brentq(lambda demand: -float(np.diff(both(Fraction(demand)))[0]), float(start), float(end), xtol=1e-10))
        for start, end, left, right in zip(demands, demands[1:], gaps, gaps[1:], strict=False)
        if left * right < 0
    ]
    figure, axes = canvas()
    across = [float(demand) for demand in demands]
    axes.plot(across, interior, "-", color=COLOURS[0], label="interior r*")
    axes.plot(across, corner, "--", color=COLOURS[1], label=f"{environment.name[0]} holds everything")
    for place in crossings:
        axes.axvline(place, color="#444444", linewidth=0.8, linestyle=":")
    axes.set_xlabel(f"maximum demand of {environment.name[0]} (share of the supply)")
    axes.set_ylabel(f"expected spot surplus{_money(environment)}")
    axes.legend(frameon=False)
    return Picture(
        title="Interior and cornered holdings",
        caption=f"The spot market's expected surplus as the demand of {environment.name[0]} varies, the other demands "
        "unchanged (Figure 1 of the paper)."
        + (f" The curves cross at {', '.join(f'{place:.8g}' for place in crossings)}." if crossings else ""),
        alt="Two curves, one of the interior holdings, one of the corner; the numbers are in the table.",
        figure=figure,
        numbers={"demand": across, "interior": interior, "cornered": corner},
    )
