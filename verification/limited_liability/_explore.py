"""The mechanism of Appendix A.2 in exact fractions, with any rates of exploration; y_max = 1."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.evidence import Instance

books = catalog.beside(__file__, "_books")


def mixture(efficiency: Any, own: Sequence[Any], rate: Any) -> list[Any]:
    """(1 - nu) mu* + nu mu_0."""
    groups = len(own) + 1
    return [(1 - rate) * share + Fraction(rate) / groups for share in books.lottery(efficiency, own)]


def estimated(shares: Sequence[Any], outputs: Any, drawn: int, own: Sequence[Any]) -> tuple[Any, list[Any]]:
    """The changes of the estimated regrets where a group is drawn."""
    guess = [
        [value / share if group == drawn else Fraction(0) for value in row]
        for group, (share, row) in enumerate(zip(shares, outputs, strict=True))
    ]
    paid = [outputs[drawn][i] if regret > 0 else 0 for i, regret in enumerate(own)]
    caused = books.externalities(shares, guess)
    return books.loss(shares, guess), [x - t for x, t in zip(caused, paid, strict=True)]


def histories(instance: Instance) -> list[tuple[Any, Any, list[Any], Any, list[Any]]]:
    """(probability, R^I, R_i, estimated R^I, estimated R_i) after every history of draws."""
    agents = len(instance["path"][0][0])
    zero: list[Any] = [Fraction(0)] * agents
    states: list[Any] = [(Fraction(1), Fraction(0), zero, Fraction(0), zero)]
    for outputs, rate in zip(instance["path"], instance["rates"], strict=True):
        following = []
        for chance, true_i, true_own, guess_i, guess_own in states:
            shares = mixture(guess_i, guess_own, rate)
            due = books.payments(guess_own, shares, outputs)
            more = [x - t for x, t in zip(books.externalities(shares, outputs), due, strict=True)]
            true = (true_i + books.loss(shares, outputs), [r + d for r, d in zip(true_own, more, strict=True)])
            for drawn, share in enumerate(shares):
                if share:
                    extra, changes = estimated(shares, outputs, drawn, guess_own)
                    after = [r + d for r, d in zip(guess_own, changes, strict=True)]
                    following.append((chance * share, *true, guess_i + extra, after))
        states = following
    return states


def explored(instance: Instance) -> bool:
    """Outputs in [0, 1] per group and period, and a rate of exploration in (0, 1] for each period, falling weakly."""
    rates = instance["rates"]
    falling = all(before >= after for before, after in itertools.pairwise(rates))
    return books.path_given(instance) and len(rates) == len(instance["path"]) and 0 < min(rates) <= 1 and falling


RATES = [1, Fraction(2, 3), Fraction(1, 2)]
EXAMPLE = {**books.PATH, "rates": RATES[:2]}
