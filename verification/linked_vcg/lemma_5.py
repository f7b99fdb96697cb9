"""Lemma 5: the maximal inequality for a nonnegative martingale."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def martingale(instance: Instance) -> bool:
    """A nonnegative martingale on a binary tree: the root, up moves and their odds; level > 0."""
    odds, moves = instance["odds"], instance["moves"]
    return (
        instance["start"] >= 0
        and instance["level"] > 0
        and len(odds) == len(moves)
        and all(0 < p < 1 for p in odds)
        and all(up >= 1 for up in moves)
        and all(p * up <= 1 for p, up in zip(odds, moves, strict=True))
    )


def tree(instance: Instance, value: Any = None, step: int = 0) -> Fraction:
    """P(some X_t, t >= 1, reaches the level): X goes up by a factor with some odds, else down with the same mean."""
    value = Fraction(instance["start"]) if value is None else value
    if step > 0 and value >= instance["level"]:
        return Fraction(1)
    if step == len(instance["odds"]):
        return Fraction(0)
    odds, up = Fraction(instance["odds"][step]), value * instance["moves"][step]
    down = (value - odds * up) / (1 - odds)
    return odds * tree(instance, up, step + 1) + (1 - odds) * tree(instance, down, step + 1)


@claim(
    paper="zhu2021",
    label="Lemma 5",
    statement="""Let X = {X_1, ..., X_T} be a nonnegative martingale under some probability Q. If X_0 is an upper
        bound on its expectation, then for any constant X-bar > 0, Q(there is t with X_t >= X-bar) <= X_0 / X-bar.""",
    reading="""For every T, nonnegative martingale, X_0 >= E X_1 and X-bar > 0. (The printed proof uses X_tau where
        tau > T; it is meant with min(tau, T).)""",
    hypotheses=[martingale],
    proof="""Backwards: let h_t be the probability, at t, of having reached the level or reaching it later. At T,
        h_T = 1{X_T >= level} <= X_T / level. Before it, h_t is 1 <= X_t / level where X_t is at the level, and else
        E_t h_(t+1) <= E_t X_(t+1) / level = X_t / level. Then Q <= E X_1 / level <= X_0 / level.""",
    expected="proved",
)
def maximal(run: Run) -> Iterator[Evidence]:
    """The induction step by Z3, with one outcome against the mean of the rest; trees in exact arithmetic."""
    import z3

    p, up, down, level, hit, miss, x = z3.Reals("p up down level hit miss x")
    reach = z3.If(x >= level, 1, p * hit + (1 - p) * miss)
    yield smt.prove(
        reach * level <= x,
        given=[
            p > 0, p < 1, up >= 0, down >= 0, level > 0, x == p * up + (1 - p) * down,
            hit >= 0, hit * level <= up, miss >= 0, miss * level <= down,
        ],
        control=("with half the bound", 2 * reach * level <= x),
        range="every T and every distribution of the next value (one outcome against the mean of the rest; means "
        "are monotone)",
        complete=True,
        nontrivial=[x < level, up > level],
        lift=lambda value: {"start": 1, "level": 2, "odds": [Fraction(1, 2)], "moves": [2]},
    )  # fmt: skip
    last, value, bound = z3.Reals("last value bound")
    yield smt.prove(
        z3.If(last >= bound, 1, 0) * bound <= last,
        given=[last >= 0, bound > 0],
        control=("with half the bound", z3.If(last >= bound, 1, 0) * 2 * bound <= last),
        range="the last date",
        complete=False,
        nontrivial=[last > 0, value > 0],
        lift=lambda value: {"start": 1, "level": 2, "odds": [Fraction(1, 2)], "moves": [2]},
    )
    half, third = Fraction(1, 2), Fraction(1, 3)
    sizes = (1, 2, 3, 4) if run.full else (1, 2, 3)

    def bounded(instance: Instance, factor: Any = 1) -> bool:
        return tree(instance) <= factor * Fraction(instance["start"]) / instance["level"]

    yield exhaustive.check(
        bounded,
        grid=[
            {"start": 1, "level": level, "odds": list(odds), "moves": list(moves)}
            for size in sizes
            for odds in product((half, third), repeat=size)
            for moves in product((2, Fraction(3, 2)), repeat=size)
            for level in (1, 2, 3, Fraction(7, 2))
        ],
        control=("with nine tenths of the bound", lambda instance: bounded(instance, Fraction(9, 10))),
        hypotheses=run.hypotheses,
        range=f"binary trees up to T = {sizes[-1]}; the bound is attained among them",
    )
