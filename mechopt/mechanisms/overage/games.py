"""Which game is on? The same settlement under four payoffs, each with its best reply and its equilibrium.

| game | an account's payoff, in units of the good |
|---|---|
| settlement | pi |
| levy | pi - kappa r: residual overage is not used, and is charged |
| emissions | C - kappa r: it is used all the same, and charged; the cap is exceeded by X - I |
| claim_cost | pi - epsilon C |

Source: lengyel2025, Section 2 and Proposition 3 (settlement), Section 4 (levy), the remark on costless claims; that the
equilibria differ is not in the paper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.overage.clearing import as_exact, clear
from mechopt.mechanisms.overage.incentives import nash_set
from mechopt.mechanisms.overage.penalty import residual

Game = Literal["settlement", "levy", "emissions", "claim_cost"]
Number = Any  # int, Fraction or float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Equilibrium:
    """The Nash equilibria of a game: a box of claims.

    Attributes:
        game: its name.
        lowest, highest: claims, units, shape (accounts,) each; equal where the equilibrium is the only one.
        payoff: of every account in every equilibrium, units, shape (accounts,).
        unique: whether there is only one.
        reason: in words.
    """

    game: Game
    lowest: NDArray[Any]
    highest: NDArray[Any]
    payoff: NDArray[Any]
    unique: bool
    reason: str


def game_payoffs(entitlement: ArrayLike, claim: ArrayLike, game: Game, rate: Number = 0) -> NDArray[Any]:
    """What each account gets in a game, units of the good, exact.

    Args:
        entitlement: L >= 0, units, shape (accounts,).
        claim: C >= 0, units, shape (accounts,).
        game: see the table of the module.
        rate: kappa of levy and emissions, epsilon of claim_cost; units of the good per unit, >= 0.
    """
    held, asked = as_exact(np.asarray(entitlement)), as_exact(np.asarray(claim))
    price = _rate(game, rate)
    cleared = clear(held, asked)
    if game == "settlement":
        return cleared.payoff
    if game == "claim_cost":
        return np.asarray(cleared.payoff - price * asked)
    base = cleared.payoff if game == "levy" else asked
    return np.asarray(base - price * cleared.residual)


def net_reply(
    entitlement: Number, bound: Number, others: Number, slack: Number, game: Game, rate: Number = 0
) -> Number:
    """A best claim in [0, bound] against the others; the least of them where several are best.

    In levy and emissions the payoff is concave above the entitlement: its slope is 1 while slack covers everything,
    and 1 - w (1 - I V / X**2) beyond, w = 1 + kappa or kappa. So the reply is where that is 0, between the boundary
    X = I and the bound.

    Args:
        entitlement: L, units.
        bound: M >= 0, units.
        others: V, total overage of the others, units.
        slack: I, total slack of the others, units.
        game, rate: as in `game_payoffs`.

    Returns:
        The claim: exact, or a float where it is a root.
    """
    price = _rate(game, rate)
    if bound <= entitlement:
        return bound if game != "claim_cost" or price < 1 else bound * 0
    room, boundary = bound - entitlement, max(slack - others, 0 * slack)
    if game == "claim_cost" and price >= 1:
        return bound * 0
    if game == "emissions" and price < 1:
        return bound  # a unit used is worth more than the charge on it
    weight = {"settlement": 1, "levy": 1 + price, "emissions": price}.get(game) or 1 / (1 - Fraction(price))
    if others == 0 or slack == 0:
        # Beyond the boundary slack covers nothing of one more unit, so the payoff does not rise any more.
        return entitlement + min(boundary, room)
    if weight == 1:
        return bound  # the slope is I V / X**2 > 0 throughout
    product = Fraction(weight) / (Fraction(weight) - 1) * exact.parse(slack) * exact.parse(others)
    root = exact.root(Fraction(product), 2)
    stationary = (math.sqrt(product) if root is None else root) - others
    return entitlement + min(max(stationary, boundary), room)


def equilibrium(entitlement: ArrayLike, bound: Number, game: Game, rate: Number = 0) -> Equilibrium:
    """The Nash equilibria of a game with claims in [0, bound], for a bound of at least every entitlement.

    Args:
        entitlement: L >= 0, units, shape (accounts,).
        bound: M, units.
        game, rate: as in `game_payoffs`; a claim cost must be below 1.

    Raises:
        InstanceError: the bound is below an entitlement, or the rate is out of range.
    """
    held, top = as_exact(np.asarray(entitlement)), exact.parse(bound)
    price = _rate(game, rate)
    if any(value > top for value in held.tolist()):
        raise InstanceError(f"must be at least every entitlement, {exact.show(max(held.tolist()))}", key="claim_bound")
    if game == "claim_cost" and price >= 1:
        raise InstanceError("a claim that costs as much as it brings is never made; must be below 1", key="rate")
    lowest, highest = nash_set(held, top)
    reason = "claims from the entitlement to the bound: the settlement pays L whatever is claimed above it"
    if game == "emissions" and price < 1:
        lowest, reason = highest.copy(), "a unit used is worth more than its charge: all claim the bound"
    elif (game in ("levy", "emissions") and price > (1 if game == "emissions" else 0)) or (
        game == "claim_cost" and price > 0
    ):
        highest = held.copy()
        lowest = held.copy()
        reason = "a claim above the entitlement meets no slack and costs: all claim their entitlement"
    return Equilibrium(
        game=game,
        lowest=lowest,
        highest=highest,
        payoff=game_payoffs(held, highest, game, price),
        unique=lowest.tolist() == highest.tolist(),
        reason=reason,
    )


def excess_over_cap(entitlement: ArrayLike, claim: ArrayLike) -> Number:
    """By how much use exceeds the total of entitlements in the game of emissions: (X - I)+, units, exact."""
    held, asked = as_exact(np.asarray(entitlement)), as_exact(np.asarray(claim))
    return max(sum(asked.tolist()) - sum(held.tolist()), 0)


def _rate(game: Game, rate: Number) -> Number:
    if game not in get_args(Game):
        raise InstanceError(f"choose from {', '.join(get_args(Game))}, not {game!r}", key="game")
    price = exact.parse(rate)
    if price < 0:
        raise InstanceError(f"must be at least 0, not {exact.show(price)}", key="rate")
    if game == "settlement" and price != 0:
        raise InstanceError("the settlement game has no rate", key="rate")
    return price


def own_payoff_in_game(
    entitlement: Number, claim: Number, others: Number, slack: Number, game: Game, rate: Number = 0
) -> Number:
    """One account's payoff in a game against the others' overage and slack, units."""
    price = _rate(game, rate)
    left = residual(max(claim - entitlement, claim * 0), others, slack)
    paid = claim - left
    if game == "emissions":
        return claim - price * left
    return paid - (price * left if game == "levy" else price * claim if game == "claim_cost" else 0)
