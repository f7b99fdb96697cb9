"""Clearing on a network: slack lies in pools (regions, vintages, machine types), and not everybody may draw on each.

Proportional sharing becomes the lexicographic max-min of the covered shares: the lowest share is as high as it can be,
then the next lowest, and so on. With one pool that all may use it is eq. (1). Computed by a sequence of linear
programs in rational numbers, each with an exact certificate; an account is settled where its dual is positive, because
its share is then the same in every optimum. So the coverage is unique; the flows need not be.

Source: lengyel2025, eq. (1); the network is not in the paper. The program is in models/overage/network_program.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mechopt import exact, solver
from mechopt.certify import Certificate, certify
from mechopt.errors import CertificateError, InstanceError
from mechopt.instance import Document
from mechopt.program import LinearProgram

Number = int | Fraction
LARGEST = 2000  # edges; every round is a program of that many variables


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A right of an account to draw on a pool.

    Attributes:
        pool, account: positions.
        least: units that must flow, >= 0.
        most: units that may flow; None for no limit.
    """

    pool: int
    account: int
    least: Number = 0
    most: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Pools, who supplies them, and who may draw on them.

    Attributes:
        pool: names.
        home: for each account the pool that its slack goes to, a position.
        edges: the rights to draw.
    """

    pool: tuple[str, ...]
    home: tuple[int, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkClearing:
    """Shares of overage that a network covers.

    Attributes:
        coverage: units, shape (accounts,), Fractions.
        flow: along each edge, units, shape (edges,), Fractions; one of possibly many.
        stage: the round in which each account was settled, from 1; 0 where it has no overage, shape (accounts,).
        levels: the covered share of each round, rising.
    """

    coverage: NDArray[Any]
    flow: NDArray[Any]
    stage: NDArray[np.intp]
    levels: Sequence[Fraction]


def from_document(pools: Any, edges: Any, accounts: Sequence[str], document: Document) -> Network:
    """The network of a document: `pools` (account, pool) and `edges` (pool, account, optionally least and most).

    Raises:
        InstanceError: names the key and row at fault.
    """
    place = {name: position for position, name in enumerate(accounts)}
    read = document.table(pools, "pools", ["account", "pool"])
    owners, names = (list(map(str, read.columns[name])) for name in ("account", "pool"))
    known = {name: position for position, name in enumerate(dict.fromkeys(names))}
    home: dict[str, int] = {}
    for row, (owner, name) in enumerate(zip(owners, names, strict=True)):
        if owner not in place:
            raise read.error(f"there is no account {owner!r}", "account", row)
        if owner in home:
            raise read.error(f"account {owner!r} occurs twice", "account", row)
        home[owner] = known[name]
    missing = [name for name in accounts if name not in home]
    if missing:
        raise document.error(f"account {missing[0]!r} has no pool", "pools")
    optional = [
        name for name in ("least", "most")
        if isinstance(edges, list) and any(isinstance(row, dict) and name in row for row in edges)
    ]  # fmt: skip
    drawn = document.table(edges, "edges", ["pool", "account", *optional])
    limits = {name: drawn.numbers(name, minimum=0).tolist() for name in optional}
    found: list[Edge] = []
    for row, (name, account) in enumerate(zip(drawn.columns["pool"], drawn.columns["account"], strict=True)):
        if str(name) not in known:
            raise drawn.error(f"there is no pool {str(name)!r}", "pool", row)
        if str(account) not in place:
            raise drawn.error(f"there is no account {str(account)!r}", "account", row)
        least, most = (exact.parse(limits[key][row]) if key in limits else None for key in ("least", "most"))
        if least is not None and exact.as_float(least) == float("inf"):
            raise drawn.error("is too large for floats", "least", row)
        if most is not None and exact.as_float(most) == float("inf"):
            most = None  # no overage is larger
        if most is not None and least is not None and least > most:
            raise drawn.error(f"must be at least least = {exact.show(least)}", "most", row)
        found.append(Edge(pool=known[str(name)], account=place[str(account)], least=least or 0, most=most))
    if len({(edge.pool, edge.account) for edge in found}) < len(found):
        raise document.error("a pool and account occur twice", "edges")
    if len(found) > LARGEST:
        raise document.error(f"{len(found)} rights to draw; at most {LARGEST} can be cleared", "edges")
    return Network(pool=tuple(known), home=tuple(home[name] for name in accounts), edges=tuple(found))


def clear_network(
    network: Network, overage: Sequence[Number], slack: Sequence[Number], accounts: Sequence[str]
) -> NetworkClearing:
    """The lexicographic max-min of covered shares.

    Args:
        network: pools and rights to draw.
        overage: v_j >= 0, exact, units, one for each account.
        slack: s_j >= 0, exact, units, one for each account.
        accounts: names, for messages.

    Raises:
        InstanceError: something must flow to an account without overage.
        InfeasibleError: flows that must be do not fit; names pools and edges in conflict.
        CertificateError: an optimum could not be proven.
    """
    for edge in network.edges:
        if edge.least > 0 and overage[edge.account] <= 0:
            name = accounts[edge.account]
            raise InstanceError(
                f"{exact.show(edge.least)} must flow to {name}, which has no overage", key="edges.least"
            )
    supply = [Fraction(0)] * len(network.pool)
    for pool, units in zip(network.home, slack, strict=True):
        supply[pool] += units
    needy = [j for j, v in enumerate(overage) if v > 0]
    settled: dict[int, Fraction] = {}
    stage, levels = np.zeros(len(overage), dtype=np.intp), []
    proof = None
    while proof is None or len(settled) < len(needy):
        proof = _round(network, overage, supply, needy, settled, accounts)
        level, tight = Fraction(proof.point[0]), []
        for row, j in enumerate(needy):
            if j not in settled and (proof.dual[row] != 0 or level == 1):
                tight.append(j)
        if needy and not tight:
            raise CertificateError("no account is settled in a round of the network clearing")
        if tight:
            levels.append(level)
        for j in tight:
            settled[j], stage[j] = level, len(levels)
    coverage = np.array([Fraction(v) * settled.get(j, Fraction(0)) for j, v in enumerate(overage)], dtype=object)
    return NetworkClearing(coverage=coverage, flow=proof.point[1:], stage=stage, levels=levels)


def _round(
    network: Network,
    overage: Sequence[Number],
    supply: Sequence[Fraction],
    needy: Sequence[int],
    settled: dict[int, Fraction],
    accounts: Sequence[str],
) -> Certificate:
    """max l: flows to j >= l v_j, or its settled share; flows to j <= v_j; flows out of a pool <= its slack."""
    count = len(needy)
    position = {j: row for row, j in enumerate(needy)}
    row: list[int] = []
    column: list[int] = []
    value: list[int | Fraction] = []
    for e, edge in enumerate(network.edges, 1):
        if edge.account in position:
            row += [position[edge.account], count + position[edge.account]]
            column += [e, e]
            value += [1, 1]
        row.append(2 * count + edge.pool)
        column.append(e)
        value.append(1)
    for j, place in position.items():
        if j not in settled:
            row.append(place)
            column.append(0)
            value.append(-Fraction(overage[j]))
    names = [f"{network.pool[edge.pool]} to {accounts[edge.account]}" for edge in network.edges]
    infinite = float("inf")
    program = LinearProgram.from_triplets(
        row,
        column,
        np.array(value, dtype=object),
        sense="max",
        cost=[1, *[0] * len(names)],
        lower=np.array([0, *(edge.least for edge in network.edges)], dtype=object),
        upper=np.array([1, *(_most(edge, overage) for edge in network.edges)], dtype=object),
        row_lower=np.array(
            [settled[j] * overage[j] if j in settled else 0 for j in needy] + [-infinite] * (count + len(supply)),
            dtype=object,
        ),
        row_upper=np.array([infinite] * count + [overage[j] for j in needy] + list(supply), dtype=object),
        column_names=["covered share", *names],
        row_names=[f"share of {accounts[j]}" for j in needy]
        + [f"overage of {accounts[j]}" for j in needy]
        + [f"slack in {pool}" for pool in network.pool],
    )
    proof = certify(program, solver.solve(program))
    if not isinstance(proof, Certificate):
        raise CertificateError(f"a round of the network clearing could not be proven optimal: {proof.reason}")
    return proof


def _most(edge: Edge, overage: Sequence[Number]) -> Any:
    """The limit of an edge: nothing flows to an account without overage."""
    if overage[edge.account] <= 0:
        return 0
    return overage[edge.account] if edge.most is None else edge.most
