"""The forward market followed by the efficient spot market: holdings, surpluses, payments, fees and rebates.

Source: liu2020, Sections 3 to 5.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.forward_market.anticipated import Anticipated, state_markets
from mechopt.mechanisms.forward_market.cautions import cautions
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.holdings import radius
from mechopt.mechanisms.forward_market.polynomial import Enclosure, ExactMarket
from mechopt.mechanisms.forward_market.solved import Solved
from mechopt.mechanisms.forward_market.spot import Spot
from mechopt.outcome import Guarantee, Outcome

Floats = NDArray[np.float64]
RADIUS_CLASSES = 12  # classes of agents up to which the radius is reported
INTERIM_TYPES, INTERIM_AGENTS = 65, 50  # rows an agent, and agents, of tables.interim


def run(environment: Environment) -> Outcome:
    """The forward market at the holdings r*, and the spot market that follows.

    Args:
        environment: the instance.

    Returns:
        `summary`, `tables.agents` (holdings, payments RECEIVED, fees, rebates, gains), `tables.tariff`, with `values`
        `tables.spot`, with `states` `tables.states`, and `tables.interim`.

    Source: liu2020, Propositions 1, 2 and 4 (repaired), 9 and 10 (corrected), 11.
    """
    solved = Solved(environment=environment)
    return Outcome(
        mechanism="forward_market",
        title="",
        status="settled",
        guarantee=_guarantee(solved),
        summary=_summary(solved),
        tables={
            "agents": _agents(solved),
            "tariff": tariff_table(solved.forward.tariff),
            **({} if environment.values is None else {"spot": _spot(solved)}),
            **({"states": _states(solved)} if environment.states else {}),
            **({"interim": _interim(solved)} if environment.agents <= INTERIM_AGENTS else {}),
        },
        warnings=cautions(solved),
        provenance={
            "arithmetic": environment.arithmetic,
            "method": solved.market.interim.method,
            "evaluations": solved.market.interim.evaluations,
            "tie_rule": "agents of one value share pro rata to demand; the first of equal corners",
            "solver": {"name": "HiGHS"},
        },
    )


def _money(solved: Solved, exact: Callable[[ExactMarket], Enclosure | Fraction], number: float) -> Any:
    """The exact number where the document asks for exact arithmetic and there is one, else the float."""
    if solved.environment.arithmetic != "exact" or solved.exact is None:
        return float(number)
    found = exact(solved.exact)
    return found.value if isinstance(found, Enclosure) else found


def _summary(solved: Solved) -> dict[str, Any]:
    market, environment = solved.prospect, solved.environment
    cornered = market.cornered
    corner = int(np.flatnonzero(cornered >= cornered.max() - 2 * market.error)[0])  # the first where floats cannot tell
    interior = market.surplus_at_target >= cornered[corner]
    gain = solved.settlement.gain
    return {
        "agents": environment.agents,
        "demand_total": _money(solved, lambda _: Fraction(sum(environment.demand)), float(sum(environment.demand))),
        "worst_off_type": _money(solved, lambda exact: exact.common, market.price),
        "surplus_at_endowment": _money(
            solved, lambda exact: exact.surplus(environment.endowment), solved.surplus_at_endowment
        ),
        "surplus_at_holding": _money(solved, lambda exact: exact.surplus_at_common, market.surplus_at_target),
        "spot_operates_at_endowment": solved.surplus_sign != -1 if solved.surplus_sign is not None else None,
        "expected_welfare": _money(solved, lambda exact: exact.welfare, market.welfare),
        "forward_budget": solved.forward.budget(),
        "fees": 0.0 - float(solved.settlement.fee.sum()),
        "rebates": float(solved.settlement.rebate.sum()),
        "gain_total": float(gain.sum()),
        "least_spot_subsidy_at_endowment": max(0.0, -solved.surplus_at_endowment),
        "market_power": market.surplus_at_target - solved.surplus_at_endowment,
        **_radius(solved),
        "boundary_agent": environment.name[corner],
        "boundary_surplus": _money(solved, lambda exact: exact.cornered(corner), float(cornered[corner])),
        "best": "interior" if interior else "boundary",
    }


def _radius(solved: Solved) -> dict[str, float]:
    """How far holdings may be from r*, where that is one market's question and it has few classes of agents."""
    if solved.environment.anticipated or len(solved.market.representatives) > RADIUS_CLASSES:
        return {}
    return {"holding_radius": radius(solved.market)}


def _agents(solved: Solved) -> dict[str, Any]:
    market, exact, environment = solved.prospect, solved.exact, solved.environment
    settlement, rational = solved.settlement, environment.arithmetic == "exact"
    holding: Any = market.target
    worst: Any = market.worst_off_types(environment.endowments)
    if rational and exact is not None:
        holding = [part.value for part in exact.holding]
        worst = [exact.worst_off_type(agent, held).value for agent, held in enumerate(environment.endowment)]
    return {
        "agent": list(environment.name),
        "demand": list(environment.demand) if rational else environment.demands,
        "endowment": list(environment.endowment) if rational else environment.endowments,
        "holding": holding,
        "forward_payment": settlement.forward_payment,
        "fee": settlement.fee,
        "rebate": settlement.rebate,
        "gain": settlement.gain,
        "worst_off_type_at_endowment": worst,
        "spot_payoff": settlement.payoff,
        "outside_payoff": settlement.outside,
    }


def tariff_table(tariff: Any) -> dict[str, list[float]]:
    """The price schedule, block by block: neighbouring blocks of one price are one."""
    knots, prices = tariff.knots, tariff.prices
    if tariff.kind == "linear":
        return {"position": list(knots), "price": list(prices)}
    same = 1e-9 * max(abs(prices[0]), abs(prices[-1]))
    starts = [place for place in range(len(prices)) if place == 0 or prices[place] > prices[place - 1] + same]
    ends = [*starts[1:], len(prices)]
    return {
        "from": [knots[place] for place in starts],
        "to": [knots[place] for place in ends],
        "price": [prices[place] for place in starts],
    }


def _spot(solved: Solved) -> dict[str, Any]:
    """The spot market at the document's values, agents holding r*."""
    from mechopt.mechanisms.forward_market.spot import allocate

    environment, market = solved.environment, solved.market
    values = environment.values or ()
    rational = environment.arithmetic == "exact"
    exact_values, exact_demand = (
        np.array([*numbers, None], dtype=object)[:-1] for numbers in (values, environment.demand)
    )
    allocation = allocate(exact_values, exact_demand)
    types = np.array([float(value) for value in values])
    spot = Spot(market=market, holding=solved.prospect.target)
    return {
        "agent": list(environment.name),
        "value": list(values) if rational else types,
        "holding": solved.prospect.target,
        "allocation": allocation.tolist() if rational else np.array([float(part) for part in allocation]),
        "vcg_transfer": spot.vcg(types),
        "agv_transfer": spot.agv(types),
    }


def _states(solved: Solved) -> dict[str, Any]:
    """Each state's spot market at the holdings that were bought before the state is known."""
    environment, prospect = solved.environment, solved.prospect
    holding = prospect.target
    markets = prospect.markets if isinstance(prospect, Anticipated) else state_markets(environment)
    surplus = [market.surplus(holding) for market in markets]
    return {
        "state": [state.name for state in environment.states],
        "probability": [float(state.probability) for state in environment.states],
        "demand_factor": [float(state.demand_factor) for state in environment.states],
        "worst_off_type": [market.common.type if market.scarce else None for market in markets],
        "surplus_at_holding": surplus,
        "operates": [value >= -market.error for value, market in zip(surplus, markets, strict=True)],
        "surplus_at_endowment": [market.surplus(environment.endowments) for market in markets],
    }


def _interim(solved: Solved) -> dict[str, Any]:
    """q_i on a grid of types, agent by agent; the mean over anticipated states."""
    prospect, market = solved.prospect, solved.market
    types = np.linspace(market.low, market.high, INTERIM_TYPES)
    parts = prospect.weighted if isinstance(prospect, Anticipated) else [(market, 1.0)]
    found = [(part.interim.at(types), chance) for part, chance in parts]
    value, error = (
        market.interim.spread(np.asarray(sum(getattr(one, name) * chance for one, chance in found)))
        for name in ("value", "error")
    )
    agents = market.interim.agents
    return {
        "agent": [name for name in market.environment.name for _ in range(types.size)],
        "type": np.tile(types, agents),
        "allocation": value.T.ravel(),
        "error": error.T.ravel(),
    }


def _guarantee(solved: Solved) -> Guarantee:
    market, error = solved.market, solved.prospect.error
    how = {
        "sums": "all sums of demands below the supply",
        "halves": "all sets of agents, half by half",
        "bracket": "a proven bracket on a lattice",
    }[market.interim.method]
    if solved.environment.arithmetic == "exact" and solved.exact is not None:
        return Guarantee(
            kind="bounded",
            detail="holdings, worst-off types, welfare and surpluses are rational, or enclosed by rationals; forward "
            "payments, fees and gains in floats",
            error=error,
        )
    return Guarantee(
        kind="approximate",
        detail=f"interim allocations by {how}, rounding bounded; integrals by polynomials with their truncation",
        error=error,
    )
