"""A period settled on a network: outcome, checks and picture. Source: as in `network`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from mechopt import exact
from mechopt.finding import Finding
from mechopt.mechanisms.overage.clearing import REGIONS
from mechopt.mechanisms.overage.environment import Environment
from mechopt.mechanisms.overage.network import Network, NetworkClearing, Number, clear_network
from mechopt.outcome import Guarantee, Outcome
from mechopt.picture import COLOURS, Picture, canvas


def run_network(environment: Environment) -> Outcome:
    """Settle one period on a network.

    Args:
        environment: with a network, rule "linear", rounding "none".

    Returns:
        Summary and tables as of `mechanism.run`, with `tables.flows` and `tables.pools`.
    """
    period = _settled(environment)
    programs = len(period.found.levels)
    return Outcome(
        mechanism="overage",
        title="",
        status="settled",
        guarantee=Guarantee(
            kind="exact" if environment.arithmetic == "exact" else "certified",
            detail=f"covered shares: {programs} linear programs, each optimal basis checked in rationals",
        ),
        summary=_summary(environment, period),
        tables={
            "accounts": _accounts(environment, period),
            "flows": _flows(environment, period),
            "pools": _pools(environment, period),
        },
        warnings=["the covered shares are unique; the flows along the edges need not be"],
        provenance={"rule": "lexicographic max-min of covered shares", "solver": {"name": "HiGHS"}},
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Settled:
    """A period settled on a network, in exact numbers, units; one of each list for each account."""

    entitlement: list[Number]
    claim: list[Number]
    overage: list[Number]
    slack: list[Number]
    found: NetworkClearing

    @property
    def payoff(self) -> list[Number]:
        """min(L, C) and what is covered."""
        return [min(e, c) + x for e, c, x in zip(self.entitlement, self.claim, self.found.coverage, strict=True)]

    @property
    def residual(self) -> list[Number]:
        """What stays uncovered."""
        return [v - x for v, x in zip(self.overage, self.found.coverage, strict=True)]


def _settled(environment: Environment) -> _Settled:
    held, asked = ([exact.parse(v) for v in column.tolist()] for column in (environment.entitlement, environment.claim))
    overage = [max(c - e, 0) for e, c in zip(held, asked, strict=True)]
    slack = [max(e - c, 0) for e, c in zip(held, asked, strict=True)]
    found = clear_network(_network(environment), overage, slack, environment.account)
    return _Settled(entitlement=held, claim=asked, overage=overage, slack=slack, found=found)


def _shown(environment: Environment, values: Iterable[Any]) -> list[Any]:
    """Exact numbers in the arithmetic of the document."""
    return [value if environment.arithmetic == "exact" else exact.as_float(value) for value in values]


def _summary(environment: Environment, period: _Settled) -> dict[str, Any]:
    over, under, covered = sum(period.overage), sum(period.slack), sum(period.found.coverage)
    entitled, paid, left = sum(period.entitlement), sum(period.payoff), sum(period.residual)
    amounts = {
        "entitlement_total": entitled,
        "claim_total": sum(period.claim),
        "overage_total": over,
        "slack_total": under,
        "scarcity": Fraction(max(over - under, 0)) / over if over else 0,
        "unused": under - covered,
        "payoff_total": paid,
        "identity_gap": paid - entitled + (under - covered),
        "residual_total": left,
        "lowest_share": period.found.levels[0] if period.found.levels else 1,
    }
    if environment.penalty is not None:
        amounts["penalty_total"] = left * environment.penalty
    return {
        "accounts": len(period.claim),
        "pools": len(_network(environment).pool),
        **dict(zip(amounts, _shown(environment, amounts.values()), strict=True)),
        "region": REGIONS[(over > under) - (over < under)],
    }


def _accounts(environment: Environment, period: _Settled) -> dict[str, Any]:
    rate = environment.penalty or 0
    shares = [Fraction(r) / v if v else 0 for r, v in zip(period.residual, period.overage, strict=True)]
    columns: dict[str, Iterable[Any]] = {
        "entitlement": period.entitlement,
        "claim": period.claim,
        "overage": period.overage,
        "slack": period.slack,
        "coverage": period.found.coverage,
        "payoff": period.payoff,
        "residual": period.residual,
        "penalty": [left * rate for left in period.residual],
        "scarcity": shares,
    }
    return {
        "account": environment.account,
        **{name: _shown(environment, column) for name, column in columns.items()},
        "stage": period.found.stage.tolist(),
    }


def _flows(environment: Environment, period: _Settled) -> dict[str, list[Any]]:
    network = _network(environment)
    return {
        "pool": [network.pool[edge.pool] for edge in network.edges],
        "account": [environment.account[edge.account] for edge in network.edges],
        "flow": _shown(environment, period.found.flow),
    }


def _pools(environment: Environment, period: _Settled) -> dict[str, list[Any]]:
    network = _network(environment)
    supply, drawn = [Fraction(0)] * len(network.pool), [Fraction(0)] * len(network.pool)
    for pool, units in zip(network.home, period.slack, strict=True):
        supply[pool] += units
    for edge, flow in zip(network.edges, period.found.flow, strict=True):
        drawn[edge.pool] += flow
    columns = {"slack": supply, "drawn": drawn, "unused": [s - d for s, d in zip(supply, drawn, strict=True)]}
    return {"pool": list(network.pool), **{name: _shown(environment, column) for name, column in columns.items()}}


def check_network(environment: Environment, outcome: Outcome) -> list[Finding]:
    """The properties of a clearing on a network, from its tables.

    Returns:
        flows_within_pools, flows_add_up, claims_boundedness, no_sucker_loss, and lexicographic_max_min: no account
        below the highest stage can get more without one that has no larger share getting less (by the bottlenecks:
        every pool that it may draw on is used up, by accounts with no larger share).
    """
    tables = outcome.tables
    share = 1e-9 if environment.arithmetic != "exact" else 0
    scale = max((float(v) for v in tables["accounts"]["overage"]), default=0.0)
    tolerance = share * (1 + scale)
    names, accounts = list(tables["pools"]["pool"]), tables["accounts"]
    arrived = dict.fromkeys(accounts["account"], 0)
    drawn = dict.fromkeys(names, 0)
    for pool, account, flow in zip(*(tables["flows"][key] for key in ("pool", "account", "flow")), strict=True):
        arrived[account] += flow
        drawn[pool] += flow
    room = {pool: slack - drawn[pool] for pool, slack in zip(names, tables["pools"]["slack"], strict=True)}
    worst = min(room, key=lambda pool: room[pool])
    gap = {a: -abs(arrived[a] - x) for a, x in zip(accounts["account"], accounts["coverage"], strict=True)}
    odd = min(gap, key=lambda account: gap[account])
    spare = {
        a: min(v - x, x) for a, v, x in zip(accounts["account"], accounts["overage"], accounts["coverage"], strict=True)
    }
    above = min(spare, key=lambda account: spare[account])
    lost = {
        a: p - min(c, e) for a, p, c, e in zip(*(accounts[k] for k in ("account", "payoff", "claim", "entitlement")),
                                               strict=True)
    }  # fmt: skip
    loser = min(lost, key=lambda account: lost[account])
    margin, witness = _max_min(environment, outcome, room, tolerance)
    found = [
        ("flows_within_pools", room[worst], "slack of each pool less what is drawn", {"pool": worst}),
        ("flows_add_up", gap[odd], "flows to each account against its coverage", {"account": odd}),
        ("claims_boundedness", spare[above], "0 <= coverage <= overage", {"account": above}),
        ("no_sucker_loss", lost[loser], "payoff against min(claim, entitlement)", {"account": loser}),
        ("lexicographic_max_min", margin, "bottlenecks: pools used up by accounts with no larger share", witness),
    ]
    return [
        Finding(property=name, margin=value, tolerance=tolerance, evidence=evidence, witness=shown)
        for name, value, evidence, shown in found
    ]


def _max_min(
    environment: Environment, outcome: Outcome, room: dict[str, Any], tolerance: float
) -> tuple[Any, dict[str, Any] | None]:
    """What the account that could gain most fairly would gain on: room in a pool it reaches, or a larger share.

    An account reaches the pools that it may draw more on; through a pool it reaches those who draw on it, who could
    move to other pools of theirs, and so on.
    """
    network = _network(environment)
    accounts, flow = outcome.tables["accounts"], list(outcome.tables["flows"]["flow"])
    share = [x / v if v > 0 else None for v, x in zip(accounts["overage"], accounts["coverage"], strict=True)]
    worst: Any = 0
    witness = None
    for a, (own, residual) in enumerate(zip(share, accounts["residual"], strict=True)):
        if own is None or residual <= tolerance:
            continue
        pools, others = _reached(network, flow, a, accounts["overage"], tolerance)
        for pool in pools:
            name = network.pool[pool]
            if -room[name] < worst:
                worst, witness = -room[name], {"account": accounts["account"][a], "pool_with_room": name}
        for b in others:
            if share[b] is not None and own - share[b] < worst:
                worst = own - share[b]
                witness = {"account": accounts["account"][a], "could_get_from": accounts["account"][b]}
    return worst, witness


def _reached(
    network: Network, flow: Sequence[Any], start: int, overage: Sequence[Any], tolerance: float
) -> tuple[set[int], set[int]]:
    """Pools that an account could draw more on, directly or by others' moving, and the accounts on the way."""
    pools: set[int] = set()
    others, waiting = {start}, [start]
    while waiting:
        account = waiting.pop()
        for edge, units in zip(network.edges, flow, strict=True):
            most = overage[edge.account] if edge.most is None else edge.most
            if edge.account != account or edge.pool in pools or most - units <= tolerance:
                continue
            pools.add(edge.pool)
            for other, drawn in zip(network.edges, flow, strict=True):
                if other.pool == edge.pool and other.account not in others and drawn - other.least > tolerance:
                    others.add(other.account)
                    waiting.append(other.account)
    return pools, others - {start}


def network_pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The covered share of each account with overage, by the pools it comes from."""
    accounts, flows = outcome.tables["accounts"], outcome.tables["flows"]
    needy = [j for j, v in enumerate(accounts["overage"]) if v > 0]
    if not needy:
        return []
    figure, axes = canvas()
    names = [accounts["account"][j] for j in needy]
    base = np.zeros(len(needy))
    numbers: dict[str, Sequence[Any]] = {"account": names}
    for place, pool in enumerate(_network(environment).pool):
        part = np.zeros(len(needy))
        for name, account, units in zip(flows["pool"], flows["account"], flows["flow"], strict=True):
            if name == pool and account in names:
                position = names.index(account)
                part[position] += float(units) / float(accounts["overage"][needy[position]])
        axes.bar(range(len(needy)), part, bottom=base, color=COLOURS[place % len(COLOURS)], label=pool, width=0.7)
        base += part
        numbers[f"share from {pool}"] = part.tolist()
    axes.axhline(1, color="#555555", linewidth=1, linestyle="--")
    axes.set_xticks(range(len(needy)), names, rotation=30, ha="right", fontsize=8)
    axes.set_ylabel("share of overage covered")
    axes.figure.legend(  # above the axes: the bars reach to their edge
        loc="outside upper center", ncols=4, frameon=False, fontsize=8, title="from pool", title_fontsize=8
    )
    return [
        Picture(
            title="Covered shares by pool",
            caption="A bar is an account with overage; what is missing to the dashed line stays uncovered.",
            alt=f"Stacked bars of covered shares of {len(needy)} accounts.",
            figure=figure,
            numbers=numbers,
        )
    ]


def _network(environment: Environment) -> Network:
    if environment.network is None:
        raise ValueError("the environment has no network")
    return environment.network
