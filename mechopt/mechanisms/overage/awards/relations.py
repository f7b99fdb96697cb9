"""Properties of claims rules that compare a problem with others, each as a search for violations.

As in `axioms`; what is compared is in the statement of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, permutations

from mechopt.mechanisms.overage.awards.axioms import (
    anonymity,
    balance,
    claims_boundedness,
    conditional_full_compensation,
    conditional_null_compensation,
    equal_treatment,
    exclusion,
    midpoint,
    no_sucker_loss,
    order_preservation_of_awards,
    order_preservation_of_losses,
    progressivity,
    regressivity,
    respect_of_minimal_rights,
    securement,
)  # fmt: skip
from mechopt.mechanisms.overage.awards.problem import Problem, Property, Remembered, Violation, total_of

UNIT = Fraction(1)
FINE = Fraction(1, 1024)


def _estates_below(problem: Problem) -> list[Fraction]:
    return sorted({Fraction(k, 4) * problem.estate for k in range(4)})


def self_duality(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Gains and losses are shared alike: R(E, d) = d - R(D - E, d)."""
    awards, losses = rule(problem.estate, problem.claims), rule(problem.total - problem.estate, problem.claims)
    if any(x + y != d for x, y, d in zip(awards, losses, problem.claims, strict=True)):
        yield {"awards": awards, "awards_of_the_loss": losses}


def homogeneity(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Units do not matter: R(3E, 3d) = 3 R(E, d)."""
    awards = rule(problem.estate, problem.claims)
    scaled = rule(3 * problem.estate, tuple(3 * d for d in problem.claims))
    if scaled != tuple(3 * x for x in awards):
        yield {"awards": awards, "awards_of_three_times": scaled}


def resource_monotonicity(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """A larger estate gives nobody less."""
    awards = rule(problem.estate, problem.claims)
    for smaller in _estates_below(problem):
        before = rule(smaller, problem.claims)
        for i, (x, y) in enumerate(zip(before, awards, strict=True), 1):
            if x > y:
                yield {"claimant": i, "smaller_estate": smaller, "award_then": x, "award": y}


def super_modularity(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Of a larger estate, larger claims get no smaller part of what is added."""
    awards = rule(problem.estate, problem.claims)
    for smaller in _estates_below(problem):
        added = [y - x for x, y in zip(rule(smaller, problem.claims), awards, strict=True)]
        for i, j in permutations(range(len(awards)), 2):
            if problem.claims[i] <= problem.claims[j] and added[i] > added[j]:
                yield {"claimants": (i + 1, j + 1), "smaller_estate": smaller, "added": (added[i], added[j])}


def claim_monotonicity(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """A larger own claim gives no smaller award."""
    awards = rule(problem.estate, problem.claims)
    for i, d in enumerate(problem.claims):
        for larger in (d + UNIT / 2, d + UNIT):
            after = rule(problem.estate, problem.with_claim(i, larger).claims)[i]
            if after < awards[i]:
                yield {"claimant": i + 1, "larger_claim": larger, "award": awards[i], "award_then": after}


def others_monotonicity(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """A larger claim of one gives no other a larger award."""
    awards = rule(problem.estate, problem.claims)
    for i, d in enumerate(problem.claims):
        after = rule(problem.estate, problem.with_claim(i, d + UNIT).claims)
        for j in range(len(awards)):
            if j != i and after[j] > awards[j]:
                yield {"larger_claim_of": i + 1, "claimant": j + 1, "award": awards[j], "award_then": after[j]}


def linked_monotonicity(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """When claim and estate grow by as much, the award grows by no more than that."""
    awards = rule(problem.estate, problem.claims)
    for i, d in enumerate(problem.claims):
        grown = problem.with_claim(i, d + UNIT)
        after = rule(problem.estate + UNIT, grown.claims)[i]
        if after - awards[i] > UNIT:
            yield {"claimant": i + 1, "award": awards[i], "award_then": after, "grown_by": UNIT}


def own_claim_lipschitz(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """A claim larger by h gives an award larger by h at most."""
    awards = rule(problem.estate, problem.claims)
    for i, d in enumerate(problem.claims):
        after = rule(problem.estate, problem.with_claim(i, d + UNIT / 2).claims)[i]
        if after - awards[i] > UNIT / 2:
            yield {"claimant": i + 1, "award": awards[i], "award_then": after, "grown_by": UNIT / 2}


def continuity(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """A change of 1/1024 in estate or a claim moves no award by more than 1/32: no jump shows at this resolution."""
    awards = rule(problem.estate, problem.claims)
    neighbours = [problem.with_claim(i, d + FINE) for i, d in enumerate(problem.claims)]
    if problem.estate + FINE <= problem.total:
        neighbours.append(Problem(estate=problem.estate + FINE, claims=problem.claims))
    for near in neighbours:
        after = rule(near.estate, near.claims)
        if any(abs(x - y) > 32 * FINE for x, y in zip(awards, after, strict=True)):
            yield {"awards": awards, "estate_near": near.estate, "claims_near": near.claims, "awards_near": after}


def invariance_under_truncation(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Claims above the estate count as the estate."""
    awards = rule(problem.estate, problem.claims)
    cut = rule(problem.estate, tuple(min(d, problem.estate) for d in problem.claims))
    if cut != awards:
        yield {"awards": awards, "awards_of_cut_claims": cut}


def minimal_rights_first(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Handing out minimal rights first, then dividing the rest, changes nothing."""
    rights = tuple(max(Fraction(0), problem.estate - (problem.total - d)) for d in problem.claims)
    left = tuple(d - r for d, r in zip(problem.claims, rights, strict=True))
    rest = rule(problem.estate - total_of(rights), left)
    awards = rule(problem.estate, problem.claims)
    if tuple(r + x for r, x in zip(rights, rest, strict=True)) != awards:
        yield {"awards": awards, "rights": rights, "awards_of_the_rest": rest}


def composition_down(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """When the estate turns out smaller, dividing by the awards promised is dividing by the claims."""
    promised = rule(problem.estate, problem.claims)
    for smaller in _estates_below(problem):
        fresh, again = rule(smaller, problem.claims), rule(smaller, promised)
        if fresh != again:
            yield {"smaller_estate": smaller, "promised": promised, "by_claims": fresh, "by_promises": again}


def composition_up(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """When the estate turns out larger, dividing the rest by what is left of the claims gives the same."""
    awards = rule(problem.estate, problem.claims)
    for smaller in _estates_below(problem):
        first = rule(smaller, problem.claims)
        second = rule(problem.estate - smaller, tuple(d - x for d, x in zip(problem.claims, first, strict=True)))
        if tuple(x + y for x, y in zip(first, second, strict=True)) != awards:
            yield {"smaller_estate": smaller, "first": first, "then": second, "at_once": awards}


def consistency(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """When some leave with their awards, the others' awards do not change."""
    awards = rule(problem.estate, problem.claims)
    for staying in _groups(len(awards)):
        kept = tuple(awards[k] for k in staying)
        again = rule(total_of(kept), tuple(problem.claims[k] for k in staying))
        if again != kept:
            yield {"staying": tuple(k + 1 for k in staying), "awards": kept, "awards_alone": again}


def null_claims_consistency(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """A claimant with a claim of 0 who leaves changes nothing."""
    if 0 in problem.claims and problem.total > 0:
        staying = [k for k, d in enumerate(problem.claims) if d > 0]
        awards = rule(problem.estate, problem.claims)
        alone = rule(problem.estate, tuple(problem.claims[k] for k in staying))
        if alone != tuple(awards[k] for k in staying):
            yield {"awards": awards, "awards_without": alone}


def population_monotonicity(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """When somebody leaves empty-handed and the estate stays, nobody who stays gets less."""
    awards = rule(problem.estate, problem.claims)
    for staying in _groups(len(awards)):
        claims = tuple(problem.claims[k] for k in staying)
        if total_of(claims) >= problem.estate:
            after = rule(problem.estate, claims)
            for k, x in zip(staying, after, strict=True):
                if x < awards[k]:
                    yield {"staying": tuple(s + 1 for s in staying), "claimant": k + 1, "award": awards[k], "then": x}


def no_advantageous_reallocation(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """A group that moves claims among its members gets the same together."""
    awards = rule(problem.estate, problem.claims)
    for i, j in permutations(range(len(awards)), 2):
        if problem.claims[i] >= UNIT:
            moved = problem.with_claim(i, problem.claims[i] - UNIT)
            moved = moved.with_claim(j, problem.claims[j] + UNIT)
            after = rule(moved.estate, moved.claims)
            if after[i] + after[j] != awards[i] + awards[j]:
                yield {"group": (i + 1, j + 1), "claims_then": moved.claims, "awards": awards, "awards_then": after}


def merging_proofness(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Two who merge their claims into one get no more together."""
    for group, before, after in _merged(rule, problem):
        if after > before:
            yield {"group": group, "apart": before, "merged": after}


def splitting_proofness(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """One who splits a claim into two gets no more together."""
    for group, before, after in _merged(rule, problem):
        if before > after:
            yield {"parts": group, "apart": before, "merged": after}


def _merged(rule: Remembered, problem: Problem) -> Iterator[tuple[tuple[int, int], Fraction, Fraction]]:
    awards = rule(problem.estate, problem.claims)
    for i, j in combinations(range(len(awards)), 2):
        together = problem.claims[i] + problem.claims[j]
        others = tuple(d for k, d in enumerate(problem.claims) if k not in (i, j))
        yield (i + 1, j + 1), awards[i] + awards[j], rule(problem.estate, (*others, together))[-1]


def _groups(people: int) -> Iterator[tuple[int, ...]]:
    """The groups of at least one, but not all."""
    for size in range(1, people):
        yield from combinations(range(people), size)


SEARCHES = (
    balance, claims_boundedness, respect_of_minimal_rights, no_sucker_loss, exclusion, securement,
    conditional_full_compensation, conditional_null_compensation, equal_treatment, anonymity,
    order_preservation_of_awards, order_preservation_of_losses, progressivity, regressivity, midpoint, self_duality,
    homogeneity, resource_monotonicity, super_modularity, claim_monotonicity, others_monotonicity, linked_monotonicity,
    own_claim_lipschitz, continuity, invariance_under_truncation, minimal_rights_first, composition_down,
    composition_up, consistency, null_claims_consistency, population_monotonicity, no_advantageous_reallocation,
    merging_proofness, splitting_proofness,
)  # fmt: skip
PROPERTIES = {
    search.__name__: Property(name=search.__name__, statement=(search.__doc__ or "").strip(), violations=search)
    for search in SEARCHES
}
