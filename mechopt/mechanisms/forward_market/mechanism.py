"""The forward market followed by the efficient spot market: holdings, surpluses, payments, fees and rebates.

Source: liu2020, Sections 3 to 5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.holdings import radius
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.polynomial import Enclosure, ExactMarket, exact_market
from mechopt.mechanisms.forward_market.schedule import FEW, Design, Programs
from mechopt.mechanisms.forward_market.settlement import BalanceCertificate, Settlement, balance_certificate, settle
from mechopt.mechanisms.forward_market.spot import Spot
from mechopt.outcome import Guarantee, Outcome

Floats = NDArray[np.float64]
RADIUS_CLASSES = 12  # classes of agents up to which the radius is reported
INTERIM_TYPES, INTERIM_AGENTS = 65, 50  # rows an agent, and agents, of tables.interim


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    """Everything `run` reports, computed when it is asked for.

    Attributes:
        environment: the instance.
    """

    environment: Environment

    @cached_property
    def market(self) -> Market:
        """The spot market."""
        return Market(self.environment)

    @cached_property
    def exact(self) -> ExactMarket | None:
        """The spot market in rational arithmetic, where it has one."""
        return exact_market(self.environment)

    @cached_property
    def design(self) -> Design:
        """The tariff of least subsidy."""
        return Programs(self.market).least_subsidy()

    @cached_property
    def forward(self) -> Forward:
        """The forward market at r*, under the document's tariff, or the one of least subsidy."""
        return Forward(self.market, self.environment.tariff or self.design.tariff)

    @cached_property
    def settlement(self) -> Settlement:
        """All payments."""
        return settle(self.market, self.forward)

    @cached_property
    def certificate(self) -> BalanceCertificate:
        """Why the forward market does not balance by itself."""
        return balance_certificate(self.market)

    @cached_property
    def surplus_at_endowment(self) -> float:
        """Pi_e."""
        return self.market.surplus(self.environment.endowments)

    @cached_property
    def surplus_sign(self) -> int | None:
        """The sign of Pi_e, exactly where floats cannot tell; None where nothing can."""
        if abs(self.surplus_at_endowment) > self.market.error:
            return 1 if self.surplus_at_endowment > 0 else -1
        if self.exact is None:
            return None
        found = self.exact.surplus(self.environment.endowment)
        if found.low == found.high == 0:
            return 0
        return 1 if found.low > 0 else -1 if found.high < 0 else None


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
            **({"interim": _interim(solved.market)} if environment.agents <= INTERIM_AGENTS else {}),
        },
        warnings=_warnings(solved),
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
    market, environment = solved.market, solved.environment
    cornered = market.cornered
    corner = int(np.argmax(cornered))
    interior = market.surplus_at_common >= cornered[corner]
    gain = solved.settlement.gain
    return {
        "agents": environment.agents,
        "demand_total": _money(solved, lambda _: Fraction(sum(environment.demand)), float(sum(environment.demand))),
        "worst_off_type": _money(solved, lambda exact: exact.common, market.common.type),
        "surplus_at_endowment": _money(
            solved, lambda exact: exact.surplus(environment.endowment), solved.surplus_at_endowment
        ),
        "surplus_at_holding": _money(solved, lambda exact: exact.surplus_at_common, market.surplus_at_common),
        "spot_operates_at_endowment": solved.surplus_sign != -1 if solved.surplus_sign is not None else None,
        "expected_welfare": _money(solved, lambda exact: exact.welfare, market.welfare),
        "forward_budget": solved.forward.budget(),
        "fees": 0.0 - float(solved.settlement.fee.sum()),
        "rebates": float(solved.settlement.rebate.sum()),
        "gain_total": float(gain.sum()),
        "least_spot_subsidy_at_endowment": max(0.0, -solved.surplus_at_endowment),
        "market_power": market.surplus_at_common - solved.surplus_at_endowment,
        **({"holding_radius": radius(market)} if market.interim.first.size <= RADIUS_CLASSES else {}),
        "boundary_agent": environment.name[corner],
        "boundary_surplus": _money(solved, lambda exact: exact.cornered(corner), float(cornered[corner])),
        "best": "interior" if interior else "boundary",
    }


def _agents(solved: Solved) -> dict[str, Any]:
    market, exact, environment = solved.market, solved.exact, solved.environment
    settlement, rational = solved.settlement, environment.arithmetic == "exact"
    holding: Any = market.common.holding
    worst: Any = market.worst_off_types(environment.endowments)
    if rational and exact is not None:
        holding = [part.value for part in exact.holding]
        worst = [exact.worst_off_type(agent, held).value for agent, held in enumerate(environment.endowment)]
    return {
        "agent": list(environment.name),
        "demand": list(environment.demand) if rational else market.demand,
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
    same = 1e-9 * max(1.0, abs(prices[-1]))
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
    spot = Spot(market=market, holding=market.common.holding)
    return {
        "agent": list(environment.name),
        "value": list(values) if rational else types,
        "holding": market.common.holding,
        "allocation": allocation.tolist() if rational else np.array([float(part) for part in allocation]),
        "vcg_transfer": spot.vcg(types),
        "agv_transfer": spot.agv(types),
    }


def _states(solved: Solved) -> dict[str, Any]:
    """Each state's spot market at r*, which was bought before the state is known."""
    environment = solved.environment
    holding = solved.market.common.holding
    markets = [Market(environment, demand=environment.in_state(state)) for state in environment.states]
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


def _interim(market: Market) -> dict[str, Any]:
    """q_i on a grid of types, agent by agent."""
    types = np.linspace(market.low, market.high, INTERIM_TYPES)
    found = market.interim.at(types)
    value, error = market.interim.spread(found.value), market.interim.spread(found.error)
    agents = market.interim.agents
    return {
        "agent": [name for name in market.environment.name for _ in range(types.size)],
        "type": np.tile(types, agents),
        "allocation": value.T.ravel(),
        "error": error.T.ravel(),
    }


def _guarantee(solved: Solved) -> Guarantee:
    market = solved.market
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
            error=market.error,
        )
    return Guarantee(
        kind="approximate",
        detail=f"interim allocations by {how}, rounding bounded; integrals by polynomials with their truncation",
        error=market.error,
    )


def _warnings(solved: Solved) -> Sequence[str]:
    market, environment, lines = solved.market, solved.environment, []
    common, cornered = market.common, market.cornered
    budget = solved.forward.budget()
    if np.abs(solved.certificate.position).max() > 1e-12:
        few = market.interim.first.size <= FEW
        least = "the least" if environment.tariff is None and few else "and the least is above 0"
        lines.append(
            f"the forward market pays out {-budget:.6g} on balance, {least} of all increasing tariffs under which r* "
            f"is an equilibrium: none pays out less than {solved.certificate.deficit:.6g} by a Farkas certificate "
            "(the paper's Proposition 4 claims balance); fees make up for it"
        )
    if environment.tariff is not None:
        best = solved.forward.nash_gap()
        if best.gain > 1e-9 * market.high:
            lines.append(
                f"under this tariff r* is no equilibrium: {environment.name[best.agent]} gains {best.gain:.6g} by "
                f"demanding {best.demand:.6g}; payments are those at r*"
            )
    if common.highest > common.type:
        lines.append(
            f"no type is likely between {common.type:.6g} and {common.highest:.6g}: every type there is a common "
            "worst-off type (the holdings are the same)"
        )
    if solved.surplus_sign is None:
        lines.append("the surplus at the endowments is closer to 0 than its error; whether the spot market operates "
                     "there is not known")  # fmt: skip
    ordered = np.sort(cornered)[::-1]
    if ordered[0] - ordered[1] <= 2 * market.error:
        lines.append("several agents share the best corner; the first is named")
    if abs(market.surplus_at_common - ordered[0]) <= 2 * market.error:
        lines.append("interior and boundary holdings earn the same up to rounding")
    if environment.arithmetic == "exact" and solved.exact is None:
        lines.append("no exact arithmetic for these distributions or that many agents: floats were used")
    return lines
