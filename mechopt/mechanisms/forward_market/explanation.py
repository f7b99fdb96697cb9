"""Why an agent holds what it holds and is paid what it is paid, in words: its worst-off type, the money, what if.

Source: liu2020, Sections 3 and 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mechopt.errors import InstanceError
from mechopt.mechanisms.forward_market.anticipated import Anticipated, prospect_of
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.market import Market
from mechopt.outcome import Outcome

STEP = 0.01  # share of the supply by which the endowment is moved


def explain(environment: Environment, outcome: Outcome, agent: str) -> str:
    """An agent's result in words.

    Args:
        environment: the market.
        outcome: of `mechanism.run`.
        agent: its name.

    Raises:
        InstanceError: there is no such agent.
    """
    if agent not in environment.name:
        from mechopt.catalog import nearest

        raise InstanceError(f"there is no agent {agent!r}{nearest(agent, environment.name)}", key="agents")
    place = list(environment.name).index(agent)
    row = {name: float(column[place]) for name, column in outcome.tables["agents"].items() if name != "agent"}
    prospect = prospect_of(environment)
    lines = [
        _owns(agent, row),
        *_holding(prospect, place, row, outcome),
        *_money(environment, row, outcome),
        _worst_off(prospect, row),
        *_spot(outcome, place),
        *_otherwise(prospect, place, row),
    ]
    return "\n".join(lines)


def _owns(agent: str, row: dict[str, float]) -> str:
    text = f"{agent} can use {_share(row['demand'])} of the supply and owns {_share(row['endowment'])}"
    beyond = row["endowment"] - row["demand"]
    return f"{text}, {_share(beyond)} more than it can use." if beyond > 1e-12 else f"{text}."


def _holding(prospect: Anticipated | Market, place: int, row: dict[str, float], outcome: Outcome) -> list[str]:
    held, traded = row["holding"], row["holding"] - row["endowment"]
    hat = float(outcome.summary["worst_off_type"])
    way = "buys" if traded > 0 else "sells"
    does = f"{way} {_share(abs(traded))}" if abs(traded) > 1e-9 else "trades nothing"
    lines = [f"It is to hold {_share(held)} when the spot market opens, so it {does} in the forward market."]
    if isinstance(prospect, Anticipated):
        lines.append(
            f"Before the state is known one unit more is worth {_number(hat)} to every agent at these holdings: the "
            "mean over the states of the worst-off type. No other holdings earn the spot market more on average."
        )
        if bool(prospect.at_limit[place]):
            lines.append("It holds all that it can use in some state; beyond, a unit would be worth less to it.")
        return lines
    above = [law.sf(np.array([hat]))[0] for law in prospect.environment.distribution]
    lines.append(
        f"A type of {_number(hat)} expects to be allocated just that: it has a higher value with probability "
        f"{float(above[place]):.3g}, and what others with higher values leave is {_share(held)} on average."
    )
    lines.append(
        "That type neither buys nor sells on average, and gains least from the spot market. It is the same for all "
        "agents, which is why the spot market never loses money at these holdings."
    )
    return lines


def _money(environment: Environment, row: dict[str, float], outcome: Outcome) -> list[str]:
    units = f" {environment.units}" if environment.units else ""
    forward = f"receives {_number(row['forward_payment'])}" if row["forward_payment"] > 0 else (
        f"pays {_number(-row['forward_payment'])}" if row["forward_payment"] < 0 else "pays nothing"
    )  # fmt: skip
    fee = f"pays a fee of {_number(-row['fee'])}" if row["fee"] < 0 else f"is given {_number(row['fee'])} of the fees"
    lines = [f"In the forward market it {forward}{units}"]
    traded = row["holding"] - row["endowment"]
    if abs(traded) > 1e-9:
        lines[0] += f", {_number(abs(row['forward_payment'] / traded))} a unit"
    lines[0] += f"; it {fee} and a rebate of {_number(row['rebate'])} of what the spot market earns."
    if row["fee"] < 0:
        lines[0] = lines[0].replace(" and a rebate", " and gets a rebate")
    lines.append(
        f"Keeping its endowment would be worth {_number(row['outside_payoff'])}; spot market, forward payment, fee and "
        f"rebate together are worth {_number(row['gain'])} more. Fees and rebates are set so that all gain the same."
    )
    if -float(outcome.summary["forward_budget"]) > 1e-9 * environment.high:
        lines.append("Fees are needed because the forward market pays out more than it takes in.")
    if any("no equilibrium" in line for line in outcome.warnings):
        lines.append("Under this tariff the holdings are no equilibrium (see the warnings); amounts are at them.")
    return lines


def _worst_off(prospect: Anticipated | Market, row: dict[str, float]) -> str:
    now = row["worst_off_type_at_endowment"]
    mean = "mean " if isinstance(prospect, Anticipated) else ""
    if abs(row["endowment"] - row["holding"]) <= 1e-9:
        return f"Its {mean}worst-off type at its endowment is {_number(now)} already."
    end = {prospect.low: ", the lowest value there is", prospect.high: ", the highest value there is"}.get(now, "")
    side = "seller" if row["endowment"] > row["holding"] else "buyer"
    return (
        f"With its endowment it would enter the spot market as a {side}, and the type to gain least from it would be "
        f"{_number(now)} (its {mean}worst-off type){end}."
    )


def _spot(outcome: Outcome, place: int) -> list[str]:
    if "spot" not in outcome.tables:
        return []
    table = {name: column[place] for name, column in outcome.tables["spot"].items()}
    agv, vcg = float(table["agv_transfer"]), float(table["vcg_transfer"])
    return [
        f"At its realised value of {_number(table['value'])} the spot market allocates "
        f"{_share(float(table['allocation']))} to it; it {_receives(agv)} under AGV, and {_receives(vcg)} under VCG."
    ]


def _receives(amount: float) -> str:
    return f"receives {_number(amount)}" if amount >= 0 else f"pays {_number(-amount)}"


def _otherwise(prospect: Anticipated | Market, place: int, row: dict[str, float]) -> list[str]:
    """What would change it: the demand, and who owns what."""
    environment = prospect.environment
    lines = ["The holding does not depend on who owns what: only forward payment and fee do."]
    giver = int(np.argmax(environment.endowments - 2.0 * (np.arange(environment.agents) == place)))
    step = min(STEP, float(environment.endowments[giver]))
    if step > 0:
        moved = environment.endowments.copy()
        moved[place] += step
        moved[giver] -= step
        change = prospect.surplus(moved) - prospect.surplus(environment.endowments)
        than = f"{_number(abs(change))} {'more' if change > 0 else 'less'}"
        if abs(change) <= 2 * prospect.error:
            than = "the same"
        lines.append(
            f"If it owned {_share(step)} more and {environment.name[giver]} that much less, a spot market at the "
            f"endowments would earn {than}."
        )
    if isinstance(prospect, Market):
        more = min(row["demand"] * 1.1, 1.0)
        if more > row["demand"]:
            demand = list(environment.demand)
            demand[place] = min(demand[place] * 11 / 10, type(demand[place])(1))
            again = Market(environment, demand=demand).common.holding[place]
            lines.append(f"If it could use {_share(more)}, it would hold {_share(float(again))}.")
    return lines


def _share(value: float) -> str:
    return f"{100 * value:.4g}%"


def _number(value: Any) -> str:
    return f"{float(value):,.5g}"
