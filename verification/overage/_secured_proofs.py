"""Properties of the Dominguez-Thomson rule, proved for every number of claimants, round by round.

In a round everybody gets min(r, E)/n of what is left, E of the estate and r of the claim. A relation between what is
left in two problems that survives a round holds in the limit. The estate left is the sum of max(E - r, 0)/n: relations
between estates are shown term by term.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mechopt import catalog
from mechopt.evidence.smt import Query, maximum, minimum

Proof = catalog.beside(__file__, "_axiom_shared").Proof


def _variables(names: str, share: str = "1") -> tuple[list[Any], Any, list[Any]]:
    """Nonnegative reals, 1/n, and what is known of them: 1/n is at most `share`."""
    import z3

    found, each = z3.Reals(names), z3.Real("one_of_n")
    return found, each, [*(variable >= 0 for variable in found), each > 0, each <= z3.RealVal(share)]


def left(claim: Any, estate: Any, each: Any) -> Any:
    """What is left of a claim after a round."""
    return claim - each * minimum(claim, estate)


def shrinking() -> Iterator[Query]:
    """Claims that exceed the estate take 1/n of it at least in a round, and still exceed it: the estate vanishes."""
    (estate, claim, others, one, two), each, given = _variables("estate claim others one two")
    yield Query(
        given=given,
        never=minimum(one, estate) + minimum(two, estate) < minimum(one + two, estate),
        control=("sums are cut alike", minimum(one, estate) + minimum(two, estate) > minimum(one + two, estate)),
    )
    asked = minimum(claim, estate) + minimum(others, estate)  # the others take so much at least
    yield Query(
        given=[*given, claim + others >= estate],
        never=estate - each * asked > (1 - each) * estate,
        control=("no more than that", estate - each * asked < (1 - each) * estate),
    )


def bounded() -> Iterator[Query]:
    """A round gives something between nothing and what is left of the claim."""
    import z3

    (estate, claim), each, given = _variables("estate claim")
    rest = left(claim, estate, each)
    yield Query(given=given, never=z3.Or(rest < 0, rest > claim), control=("nothing is given out", rest < claim))


def first_round() -> Iterator[Query]:
    """The first round gives min(d, E)/n."""
    (estate, claim), each, given = _variables("estate claim")
    award = claim - left(claim, estate, each)
    yield Query(
        given=given, never=award != each * minimum(claim, estate), control=("E/n for all", award != each * estate)
    )


def in_order() -> Iterator[Query]:
    """Of the larger claim no less is left, and it gets no less; equal ones stay equal."""
    import z3

    (estate, small, large), each, given = _variables("estate small large", "1/2")
    rests = left(small, estate, each), left(large, estate, each)
    yield Query(
        given=[*given, small <= large],
        never=z3.Or(rests[0] > rests[1], small - rests[0] > large - rests[1]),
        control=("all get the same", small - rests[0] < large - rests[1]),
    )


def progressive() -> Iterator[Query]:
    """Of the larger claim no smaller share is left."""
    (estate, small, large, small_left, large_left), each, given = _variables(
        "estate small large small_left large_left", "1/2"
    )
    known = [
        small > 0,
        small <= large,
        small_left <= small,
        large_left <= large,
        small_left * large <= large_left * small,
    ]
    rests = left(small_left, estate, each), left(large_left, estate, each)
    yield Query(
        given=[*given, *known],
        never=rests[0] * large > rests[1] * small,
        control=("shares are equal", rests[0] * large < rests[1] * small),
    )


def scaled() -> Iterator[Query]:
    """Everything times c stays so."""
    (estate, claim, scale), each, given = _variables("estate claim scale")
    rest = left(scale * claim, scale * estate, each)
    yield Query(
        given=[*given, scale > 0],
        never=rest != scale * left(claim, estate, each),
        control=("the rest stays", rest != left(claim, estate, each)),
    )


def apart() -> Iterator[Query]:
    """A smaller estate and larger claims left stay so: term by term, and claim by claim."""
    (less, more, larger, smaller), each, given = _variables("estate_less estate_more claim_larger claim_smaller")
    known = [*given, less <= more, larger >= smaller]
    yield Query(
        given=known,
        never=maximum(less - larger, 0) > maximum(more - smaller, 0),
        control=("estates become equal", maximum(less - larger, 0) < maximum(more - smaller, 0)),
    )
    rests = left(larger, less, each), left(smaller, more, each)
    yield Query(given=known, never=rests[0] < rests[1], control=("claims become equal", rests[0] > rests[1]))


def super_modular() -> Iterator[Query]:
    """With the smaller estate more is left, and more so of the larger claim."""
    import z3

    names = "estate_less estate_more small_less large_less small_more large_more"
    (less, more, small_less, large_less, small_more, large_more), each, given = _variables(names, "1/2")
    known = [less <= more, small_less >= small_more, small_less <= large_less, small_more <= large_more]
    ahead = [small_less - small_more <= large_less - large_more]
    small = left(small_less, less, each) - left(small_more, more, each)
    large = left(large_less, less, each) - left(large_more, more, each)
    yield Query(
        given=[*given, *known, *ahead], never=z3.Or(small > large, small < 0), control=("by as much", small < large)
    )


def truncated() -> Iterator[Query]:
    """A claim is as it was, or both are above the estate: both get E/n, the estate is the same, and it stays so."""
    import z3

    (estate, later, claim, cut), each, given = _variables("estate estate_later claim cut")
    alike = [z3.Or(claim == cut, z3.And(claim >= estate, cut >= estate)), later <= (1 - each) * estate]
    rests = left(claim, estate, each), left(cut, estate, each)
    yield Query(
        given=[*given, *alike],
        never=z3.Or(
            maximum(estate - claim, 0) != maximum(estate - cut, 0),
            z3.Not(z3.Or(rests[0] == rests[1], z3.And(rests[0] >= later, rests[1] >= later))),
        ),
        control=("the claims stay the same", rests[0] != rests[1]),
    )


ROUNDS = "from round to round"
PROOFS = {
    name: Proof(argument=argument, queries=(shrinking, bounded, *queries))
    for name, (argument, queries) in {
        "balance": ("the estate left vanishes", ()),
        "claims_boundedness": (ROUNDS, ()),
        "respect_of_minimal_rights": ("the others get no more than their claims, and all get the estate", ()),
        "securement": ("in the first round, and nothing is taken back", (first_round,)),
        "equal_treatment": (ROUNDS, (in_order,)),
        "anonymity": ("a round looks at the own claim, the estate and the number of claimants only", (in_order,)),
        "order_preservation_of_awards": (ROUNDS, (in_order,)),
        "order_preservation_of_losses": ("what is left in the end is the loss", (in_order,)),
        "progressivity": (ROUNDS, (progressive,)),
        "homogeneity": (ROUNDS, (scaled,)),
        "resource_monotonicity": ("less estate, so more left of every claim", (apart,)),
        "super_modularity": (ROUNDS, (apart, in_order, super_modular)),
        "claim_monotonicity": ("the others get no more, and all get the estate", (apart,)),
        "others_monotonicity": ("one claim is larger, so more is left of every claim", (apart,)),
        "own_claim_lipschitz": ("one claim is larger, so no less is left of it", (apart,)),
        "continuity": ("no award moves by more than what is added to the estate or to a claim", (apart,)),
        "invariance_under_truncation": (ROUNDS, (truncated,)),
    }.items()
}  # fmt: skip
