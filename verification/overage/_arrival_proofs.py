"""Properties of random arrival, proved for every number of claimants, order by order.

In one order a claimant gets min(d, max(E - B, 0)), where B is the sum of the claims that came before: whatever holds
for all E, d and B holds on average over the orders. Two claimants are compared in pairs of orders that swap them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mechopt import catalog
from mechopt.evidence.smt import Query, maximum, minimum

Proof = catalog.beside(__file__, "_axiom_shared").Proof


def taken(estate: Any, claim: Any, before: Any) -> Any:
    """The award in an order in which so much was claimed before."""
    return minimum(claim, maximum(estate - before, 0))


def _variables(names: str) -> tuple[list[Any], list[Any]]:
    """Nonnegative reals, and that they are."""
    import z3

    found = z3.Reals(names)
    return found, [variable >= 0 for variable in found]


def telescope() -> Iterator[Query]:
    """With so much claimed before, min(E, B) is given out; one more claimant makes it min(E, B + d)."""
    (estate, claim, before), given = _variables("estate claim before")
    given_out = minimum(estate, before) + taken(estate, claim, before)
    yield Query(
        given=given,
        never=given_out != minimum(estate, before + claim),
        control=("everything is given out at once", given_out != estate),
    )


def bounded() -> Iterator[Query]:
    """0 <= x <= d."""
    import z3

    (estate, claim, before), given = _variables("estate claim before")
    award = taken(estate, claim, before)
    yield Query(given=given, never=z3.Or(award < 0, award > claim), control=("all are paid in full", award < claim))


def minimal_right() -> Iterator[Query]:
    """What the others leave even if all of them came before."""
    (estate, claim, before, after), given = _variables("estate claim before after")
    award, right = taken(estate, claim, before), estate - (before + after)
    yield Query(
        given=[*given, estate <= claim + before + after],
        never=award < right,
        control=("nobody gets more", award > right),
    )


def first_comer() -> Iterator[Query]:
    """Who comes first gets min(d, E): in one order out of n."""
    (estate, claim), given = _variables("estate claim")
    award = taken(estate, claim, 0)
    yield Query(
        given=given, never=award != minimum(claim, estate), control=("the first gets the claim", award != claim)
    )


def _swapped(estate: Any, one: Any, two: Any, before: Any, between: Any) -> tuple[Any, Any]:
    """Awards of two claimants in an order and in the one that swaps them, added up."""
    first = taken(estate, one, before) + taken(estate, one, before + two + between)
    second = taken(estate, two, before) + taken(estate, two, before + one + between)
    return first, second


def in_order() -> Iterator[Query]:
    """The smaller claim gets no more, and loses no more."""
    import z3

    (estate, small, large, before, between), given = _variables("estate small large before between")
    low, high = _swapped(estate, small, large, before, between)
    yield Query(
        given=[*given, small <= large],
        never=z3.Or(low > high, 2 * small - low > 2 * large - high),
        control=("awards are equal", low < high),
    )


def by_name() -> Iterator[Query]:
    """Two who swap their claims swap their awards; every order of claims comes about by such swaps."""
    (estate, one, two, before, between), given = _variables("estate one two before between")
    kept = _swapped(estate, one, two, before, between)
    moved = _swapped(estate, two, one, before, between)
    yield Query(given=given, never=kept[0] != moved[1], control=("the awards stay", kept[0] != moved[0]))


def super_modular() -> Iterator[Query]:
    """Of a larger estate the larger claim gets no smaller part."""
    (estate, more, small, large, before, between), given = _variables("estate more small large before between")
    low, high = _swapped(estate, small, large, before, between)
    low_then, high_then = _swapped(estate + more, small, large, before, between)
    added, added_large = low_then - low, high_then - high
    yield Query(
        given=[*given, small <= large], never=added > added_large, control=("the parts are equal", added < added_large)
    )


def self_dual() -> Iterator[Query]:
    """The loss, shared in the reverse order, completes the claim."""
    (estate, claim, before, after), given = _variables("estate claim before after")
    loss = claim + before + after - estate
    awards = taken(estate, claim, before) + taken(loss, claim, after)
    yield Query(
        given=[*given, loss >= 0],
        never=awards != claim,
        control=("in the same order too", taken(estate, claim, before) + taken(loss, claim, before) != claim),
    )


def homogeneous() -> Iterator[Query]:
    """Everything times c."""
    (estate, claim, before, scale), given = _variables("estate claim before scale")
    award = taken(scale * estate, scale * claim, scale * before)
    yield Query(
        given=[*given, scale > 0],
        never=award != scale * taken(estate, claim, before),
        control=("awards stay", award != taken(estate, claim, before)),
    )


def steps() -> Iterator[Query]:
    """Estate, own claim or what was claimed before grow by h: the award moves one way, by h at most."""
    import z3

    (estate, claim, before, grown), given = _variables("estate claim before grown")
    award = taken(estate, claim, before)
    richer, larger = taken(estate + grown, claim, before), taken(estate, claim + grown, before)
    later, both = taken(estate, claim, before + grown), taken(estate + grown, claim + grown, before)
    wrong = [
        z3.Or(richer < award, richer > award + grown),
        z3.Or(larger < award, larger > award + grown),
        z3.Or(later > award, later < award - grown),
        both > award + grown,
    ]
    for violation in wrong:
        yield Query(given=given, never=violation, control=("nothing ever moves", z3.Or(richer > award, later < award)))


def truncated() -> Iterator[Query]:
    """Claims cut at E: their sum before is as it was, or it was E at least, and is."""
    import z3

    (estate, claim, before, cut), given = _variables("estate claim before cut_before")
    same = z3.Or(cut == before, z3.And(cut >= estate, before >= estate))
    award = taken(estate, minimum(claim, estate), cut)
    yield Query(
        given=[*given, same],
        never=award != taken(estate, claim, before),
        control=("no claim is above the estate", minimum(claim, estate) != claim),
    )


def right_is_cut() -> Iterator[Query]:
    """A claim less its minimal right is the claim cut at the loss."""
    (estate, claim, others), given = _variables("estate claim others")
    right = maximum(estate - others, 0)
    yield Query(
        given=[*given, estate <= claim + others],
        never=claim - right != minimum(claim, claim + others - estate),
        control=("minimal rights are nothing", right != 0),
    )


def nothing_claimed() -> Iterator[Query]:
    """Who claims nothing gets nothing, and leaves the others' sums as they were."""
    (estate, claim, before), given = _variables("estate claim before")
    award = taken(estate, claim, before)
    yield Query(given=[*given, claim == 0], never=award != 0, control=("nothing is given out", estate - award > 0))


AVERAGE = "in every order, so on average over the orders"
SWAPS = "on average over each order and the one that swaps the two"
PROOFS = {
    name: Proof(argument=argument, queries=queries)
    for name, (argument, queries) in {
        "balance": ("in every order, claimant after claimant", (telescope,)),
        "claims_boundedness": (AVERAGE, (bounded,)),
        "respect_of_minimal_rights": (AVERAGE, (minimal_right,)),
        "securement": ("the first of n orders in a circle gives it, the others no less than 0", (first_comer, bounded)),
        "equal_treatment": (SWAPS, (in_order,)),
        "anonymity": (SWAPS, (by_name,)),
        "order_preservation_of_awards": (SWAPS, (in_order,)),
        "order_preservation_of_losses": (SWAPS, (in_order,)),
        "midpoint": ("self-dual: at half the total, awards and losses are the same", (self_dual,)),
        "self_duality": ("on average over each order and its reverse", (self_dual,)),
        "homogeneity": (AVERAGE, (homogeneous,)),
        "resource_monotonicity": (AVERAGE, (steps,)),
        "super_modularity": (SWAPS, (super_modular,)),
        "claim_monotonicity": (AVERAGE, (steps,)),
        "others_monotonicity": (AVERAGE, (steps,)),
        "linked_monotonicity": (AVERAGE, (steps,)),
        "own_claim_lipschitz": (AVERAGE, (steps,)),
        "continuity": (AVERAGE, (steps,)),
        "invariance_under_truncation": (AVERAGE, (truncated,)),
        "minimal_rights_first": (
            "dual to invariance under truncation, in a self-dual rule", (self_dual, truncated, right_is_cut)
        ),
        "null_claims_consistency": (AVERAGE, (nothing_claimed,)),
        "population_monotonicity": ("who leaves was before some: less was claimed before them", (steps,)),
    }.items()
}  # fmt: skip
