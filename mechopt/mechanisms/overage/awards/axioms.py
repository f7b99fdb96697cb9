"""Properties of claims rules at one problem, each as a search for violations.

Every function yields dictionaries that show a violation; nothing is assumed about the rule. Estates and claims are
exact, so equality is equality. Source of the statements: Thomson (2019), How to Divide When There Isn't Enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations

from mechopt.mechanisms.overage.awards.problem import Problem, Remembered, Violation, total_of


def balance(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Awards add up to the estate."""
    awards = rule(problem.estate, problem.claims)
    if total_of(awards) != problem.estate:
        yield {"awards": awards, "total": total_of(awards)}


def claims_boundedness(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """0 <= x <= d."""
    awards = rule(problem.estate, problem.claims)
    for i, (x, d) in enumerate(zip(awards, problem.claims, strict=True), 1):
        if not 0 <= x <= d:
            yield {"claimant": i, "award": x, "claim": d}


def respect_of_minimal_rights(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """x_i >= E - sum of the others' claims."""
    awards = rule(problem.estate, problem.claims)
    for i, (x, d) in enumerate(zip(awards, problem.claims, strict=True), 1):
        right = problem.estate - (problem.total - d)
        if x < right:
            yield {"claimant": i, "award": x, "minimal_right": right}


def no_sucker_loss(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Equal entitlements E/n: who claims at most that gets the claim (the literature's exemption)."""
    awards, fair = rule(problem.estate, problem.claims), problem.estate / len(problem.claims)
    for i, (x, d) in enumerate(zip(awards, problem.claims, strict=True), 1):
        if d <= fair and x != d:
            yield {"claimant": i, "award": x, "claim": d, "entitlement": fair}


def exclusion(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Who claims at most an equal share of the total loss gets nothing."""
    awards, loss = rule(problem.estate, problem.claims), (problem.total - problem.estate) / len(problem.claims)
    for i, (x, d) in enumerate(zip(awards, problem.claims, strict=True), 1):
        if d <= loss and x != 0:
            yield {"claimant": i, "award": x, "claim": d, "equal_loss": loss}


def securement(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """x_i >= min(d_i, E) / n."""
    awards = rule(problem.estate, problem.claims)
    for i, (x, d) in enumerate(zip(awards, problem.claims, strict=True), 1):
        least = min(d, problem.estate) / len(problem.claims)
        if x < least:
            yield {"claimant": i, "award": x, "secured": least}


def conditional_full_compensation(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """If the estate would do were all larger claims cut to d_i, then x_i = d_i."""
    awards = rule(problem.estate, problem.claims)
    for i, (x, d) in enumerate(zip(awards, problem.claims, strict=True), 1):
        if total_of(tuple(min(d, other) for other in problem.claims)) <= problem.estate and x != d:
            yield {"claimant": i, "award": x, "claim": d}


def conditional_null_compensation(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """If the loss reaches what all would claim with larger claims cut to d_i, then x_i = 0."""
    awards = rule(problem.estate, problem.claims)
    for i, (x, d) in enumerate(zip(awards, problem.claims, strict=True), 1):
        if total_of(tuple(min(d, other) for other in problem.claims)) <= problem.total - problem.estate and x != 0:
            yield {"claimant": i, "award": x, "claim": d}


def equal_treatment(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Equal claims get equal awards."""
    awards = rule(problem.estate, problem.claims)
    for i, j in combinations(range(len(awards)), 2):
        if problem.claims[i] == problem.claims[j] and awards[i] != awards[j]:
            yield {"claimants": (i + 1, j + 1), "awards": (awards[i], awards[j])}


def anonymity(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Names do not matter: awards move with the claims."""
    awards = rule(problem.estate, problem.claims)
    for order in permutations(range(len(awards))):
        moved = rule(problem.estate, tuple(problem.claims[k] for k in order))
        if moved != tuple(awards[k] for k in order):
            yield {"order": tuple(k + 1 for k in order), "awards": awards, "awards_reordered": moved}


def order_preservation_of_awards(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """A larger claim gets no smaller award."""
    awards = rule(problem.estate, problem.claims)
    for i, j in permutations(range(len(awards)), 2):
        if problem.claims[i] <= problem.claims[j] and awards[i] > awards[j]:
            yield {"claimants": (i + 1, j + 1), "awards": (awards[i], awards[j])}


def order_preservation_of_losses(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """A larger claim bears no smaller loss."""
    awards = rule(problem.estate, problem.claims)
    losses = [d - x for d, x in zip(problem.claims, awards, strict=True)]
    for i, j in permutations(range(len(awards)), 2):
        if problem.claims[i] <= problem.claims[j] and losses[i] > losses[j]:
            yield {"claimants": (i + 1, j + 1), "losses": (losses[i], losses[j])}


def progressivity(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Smaller claims get a share of the claim that is no smaller."""
    awards = rule(problem.estate, problem.claims)
    for i, j in permutations(range(len(awards)), 2):
        low, high = problem.claims[i], problem.claims[j]
        if 0 < low <= high and awards[i] * high < awards[j] * low:
            yield {"claimants": (i + 1, j + 1), "shares": (awards[i] / low, awards[j] / high)}


def regressivity(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """Larger claims get a share of the claim that is no smaller."""
    awards = rule(problem.estate, problem.claims)
    for i, j in permutations(range(len(awards)), 2):
        low, high = problem.claims[i], problem.claims[j]
        if 0 < low <= high and awards[i] * high > awards[j] * low:
            yield {"claimants": (i + 1, j + 1), "shares": (awards[i] / low, awards[j] / high)}


def midpoint(rule: Remembered, problem: Problem) -> Iterator[Violation]:
    """With half the total, everybody gets half the claim."""
    if 2 * problem.estate == problem.total:
        awards = rule(problem.estate, problem.claims)
        if any(2 * x != d for x, d in zip(awards, problem.claims, strict=True)):
            yield {"awards": awards}
