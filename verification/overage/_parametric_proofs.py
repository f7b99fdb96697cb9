"""Which queries prove which property of a parametric rule, and the argument from pairs to all claimants."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from mechopt import catalog
from mechopt.evidence.smt import minimum
from mechopt.mechanisms.overage.awards.schedules import Schedule

on = catalog.beside(__file__, "_parametric_queries")
Proof = catalog.beside(__file__, "_axiom_shared").Proof
SIGNS = "changes add up to a number of known sign, and no two are of opposite sign"

Compare = Callable[[Any, Any, Any, Any], tuple[Any, Any]]


def _promised(scene: Any, claim: Any, low: Any, high: Any, again: Any) -> Any:
    return scene.award(scene.award(claim, high), again) - scene.award(claim, low)


def _topped_up(scene: Any, claim: Any, low: Any, high: Any, rest: Any) -> Any:
    first = scene.award(claim, low)
    return first + scene.award(claim - first, rest) - scene.award(claim, high)


@cache
def proofs(schedule: Schedule) -> dict[str, Any]:
    """Proofs by property; each of them rests on the schedule being well posed."""

    def pair(compare: Compare) -> Any:
        """Two claims in order at one level: (violation, what is possible) of small, large, and their awards."""
        return partial(on.ordered, schedule, compare=compare)

    def level(conditions: Compare) -> Any:
        """Two claimants at one level: conditions on claims and awards that never meet."""
        return partial(on.together, schedule, conditions=conditions)

    def change(levels: str, difference: Callable[..., Any], rising: tuple[int, int] | None = None) -> Any:
        """A change of awards that never has two signs."""
        return partial(on.same_sign, schedule, levels=levels, change=difference, rising=rising)

    steady, bounded = partial(on.steady, schedule), partial(on.bounded, schedule)
    nobody_loses = partial(on.own_claim_grows, schedule, conditions=lambda own, h, other: (other > 0, own < 0))
    not_beyond = partial(on.own_claim_grows, schedule, conditions=lambda own, h, other: (own > h, other < 0))
    larger_get_more = pair(lambda small, large, x, y: (x > y, x < y))
    table = {
        "balance": ("awards rise without a jump from nothing to the claims", ()),
        "claims_boundedness": ("claimant by claimant", (bounded,)),
        "respect_of_minimal_rights": ("the others get no more than their claims, and all get the estate", (bounded,)),
        "no_sucker_loss": (
            "if one is cut, every award is below that claim, and so is their mean E/n",
            (level(lambda one, two, x, y: (x < one, y >= one)),),
        ),
        "exclusion": (
            "if one gets something, every loss is below that claim, and so is their mean (D - E)/n",
            (level(lambda one, two, x, y: (x > 0, two - y >= one)),),
        ),
        "securement": (
            "who gets less than half the claim gets most of all, so E/n at least; n = 1 gets E",
            (level(lambda one, two, x, y: (2 * x < one, y > x)),),
        ),
        "conditional_full_compensation": (
            "if one is cut, no award is above the smaller of the two claims, and the own one is below",
            (level(lambda one, two, x, y: (x < one, y > minimum(one, two))),),
        ),
        "conditional_null_compensation": (
            "if one gets something, no loss is above the smaller of the two claims, and the own one is below",
            (level(lambda one, two, x, y: (x > 0, two - y > minimum(one, two))),),
        ),
        "equal_treatment": (
            "larger claims get no less, so equal ones the same",
            (larger_get_more,),
        ),
        "anonymity": ("one level for all, whatever their order; the awards are unique", (steady,)),
        "order_preservation_of_awards": ("pair by pair", (larger_get_more,)),
        "order_preservation_of_losses": (
            "pair by pair",
            (pair(lambda small, large, x, y: (small - x > large - y, small - x < large - y)),),
        ),
        "progressivity": ("pair by pair", (pair(lambda small, large, x, y: (x * large < y * small, x < y)),)),
        "regressivity": ("pair by pair", (pair(lambda small, large, x, y: (x * large > y * small, x < y)),)),
        "midpoint": (
            "differences from half the claims add up to nothing, no two of opposite sign",
            (level(lambda one, two, x, y: (2 * x > one, 2 * y < two)),),
        ),
        "self_duality": (
            "awards of the estate and of the loss, less the claims, add up to nothing, no two of opposite sign",
            (
                change(
                    "level of_loss", lambda s, claim, level, loss: s.award(claim, level) + s.award(claim, loss) - claim
                ),
            ),
        ),
        "homogeneity": (SIGNS, (partial(on.homogeneous, schedule),)),
        "resource_monotonicity": (SIGNS, (steady,)),
        "super_modularity": ("pair by pair", (partial(on.supermodular, schedule),)),
        "claim_monotonicity": ("if the own award fell, another would rise", (nobody_loses,)),
        "others_monotonicity": ("if another's award rose, somebody's would fall", (nobody_loses, steady)),
        "linked_monotonicity": ("if the award grew by more, another's would fall", (not_beyond,)),
        "own_claim_lipschitz": ("if the award grew by more, another's would fall", (not_beyond,)),
        "continuity": (
            "no award moves by more than what is added to the estate or to a claim",
            (steady, nobody_loses, not_beyond),
        ),
        "invariance_under_truncation": (SIGNS, (partial(on.truncation, schedule),)),
        "minimal_rights_first": (
            "dual to invariance under truncation, which the dual rule has",
            (partial(on.minimal_rights, schedule),),
        ),
        "composition_down": (SIGNS, (change("low high again", _promised, (0, 1)),)),
        "composition_up": (SIGNS, (change("low high rest", _topped_up, (0, 1)),)),
        "consistency": (SIGNS, (steady,)),
        "null_claims_consistency": (SIGNS, (steady, bounded)),
        "population_monotonicity": (SIGNS, (steady,)),
        "no_advantageous_reallocation": (
            "changes of the group and of each other add up to nothing, no two of opposite sign",
            (partial(on.regrouped, schedule, group=on.moved, signs=(1, -1)),),
        ),
        "merging_proofness": (
            "if the merged gained, another would lose",
            (partial(on.regrouped, schedule, group=on.merged, signs=(1,)),),
        ),
        "splitting_proofness": (
            "if the merged lost, another would gain",
            (partial(on.regrouped, schedule, group=on.merged, signs=(-1,)),),
        ),
    }
    posed = partial(on.well_posed, schedule)
    return {name: Proof(argument=text, queries=(posed, *queries)) for name, (text, queries) in table.items()}
