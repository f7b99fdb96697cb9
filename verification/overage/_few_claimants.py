"""Properties of rules without such a structure, proved for at most three claimants.

Awards are written out as terms of the estate and the claims, and each property as what violates it. A proof for three
claimants says nothing about four.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from itertools import combinations, pairwise
from typing import Any

from mechopt import catalog
from mechopt.evidence.smt import Query, maximum, minimum

Proof = catalog.beside(__file__, "_axiom_shared").Proof

Awards = Callable[[Any, Sequence[Any]], list[Any]]


def adjusted_proportional(estate: Any, claims: Sequence[Any]) -> list[Any]:
    """Minimal rights, and the rest in proportion to what is left of the claims, cut at the rest."""
    import z3

    total = sum(claims)
    rights = [maximum(estate - (total - claim), 0) for claim in claims]
    rest = estate - sum(rights)
    cut = [minimum(claim - right, rest) for claim, right in zip(claims, rights, strict=True)]
    whole = sum(cut)
    share = rest / whole
    return [right + z3.If(whole > 0, piece * share, 0) for right, piece in zip(rights, cut, strict=True)]


def minimal_overlap(estate: Any, claims: Sequence[Any]) -> list[Any]:
    """The units below s are shared by those who claim them; s is E, or less where E exceeds all claims.

    There sum max(d - s, 0) = E - s, and s is the largest of (sum of k claims - E)/(k - 1) over groups of k >= 2.
    """
    import z3

    if len(claims) == 1:
        return [estate]
    groups = [group for k in range(2, len(claims) + 1) for group in combinations(claims, k)]
    level = reduce(maximum, [(sum(group) - estate) / (len(group) - 1) for group in groups], z3.RealVal(0))
    alone = estate > reduce(maximum, claims)  # beyond s each unit has one claimant
    common = z3.If(alone, level, estate)
    awards = []
    for position, claim in enumerate(claims):
        rivals = _sorted([other for i, other in enumerate(claims) if i != position])
        awards.append(_shared(minimum(claim, common), rivals) + z3.If(alone, maximum(claim - common, 0), 0))
    return awards


def _sorted(values: Sequence[Any]) -> list[Any]:
    """One, two or three terms in order."""
    low, high = reduce(minimum, values), reduce(maximum, values)
    return {1: [low], 2: [low, high], 3: [low, sum(values) - low - high, high]}[len(values)]


def _shared(own: Any, rivals: Sequence[Any]) -> Any:
    """The units up to `own`, each divided by the number of those who claim it; rivals in order."""
    ends = [*(minimum(own, rival) for rival in rivals), own]
    steps = [ends[0], *(after - before for before, after in pairwise(ends))]
    return sum(step / (len(ends) - place) for place, step in enumerate(steps))


def average_of_awards(estate: Any, claims: Sequence[Any]) -> list[Any]:
    """The middle of what each can get, for two claimants."""
    if len(claims) == 1:
        return [estate]
    most = [minimum(claim, estate) for claim in claims]
    least = [maximum(estate - claim, 0) for claim in reversed(claims)]
    return [(low + high) / 2 for low, high in zip(least, most, strict=True)]


@dataclass(slots=True)
class Case:
    """Estate, claims and awards as Z3 terms, for one number of claimants.

    Attributes:
        rule: the awards as terms.
        people: how many.
    """

    rule: Awards
    people: int
    estate: Any = None
    claims: list[Any] = field(default_factory=list)
    given: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        import z3

        self.estate, self.claims = z3.Real("estate"), z3.Reals(" ".join(f"claim[{i}]" for i in range(self.people)))
        self.given = [*(claim >= 0 for claim in self.claims), self.estate >= 0, self.estate <= self.total]

    @property
    def total(self) -> Any:
        """D."""
        return sum(self.claims)

    @property
    def awards(self) -> list[Any]:
        """R(E, d)."""
        return self.rule(self.estate, self.claims)

    def fresh(self, name: str) -> Any:
        """Another real number >= 0."""
        import z3

        self.given.append(z3.Real(name) >= 0)
        return z3.Real(name)

    def query(self, never: Any, given: Sequence[Any] = ()) -> Query:
        """The violation, with the control that everybody is paid in full: not where 1 is divided among 2, 3, ..."""
        import z3

        example = [claim == i for i, claim in enumerate(self.claims[:-1], 2)]
        wrong = self.awards[0] != self.claims[0] if self.people > 1 else self.awards[0] != 0
        return Query(
            given=[*self.given, *given],
            never=never,
            control=("all are paid in full, or nothing", z3.And(wrong, self.estate == 1, *example)),
        )


def alone(case: Case) -> Iterator[Query]:
    """Balance, bounds, minimal rights and a secured share."""
    import z3

    first, claim, estate = case.awards[0], case.claims[0], case.estate
    yield case.query(sum(case.awards) != estate)
    yield case.query(z3.Or(first < 0, first > claim, first < estate - (case.total - claim)))
    yield case.query(case.people * first < minimum(claim, estate))


def by_name(case: Case) -> Iterator[Query]:
    """Neighbours who swap their claims swap their awards: with it the first claimants stand for all."""
    import z3

    for i in range(case.people - 1):
        order = [*range(case.people)]
        order[i], order[i + 1] = i + 1, i
        moved = case.rule(case.estate, [case.claims[k] for k in order])
        yield case.query(z3.Or(*(moved[place] != case.awards[k] for place, k in enumerate(order))))


def in_order(case: Case) -> Iterator[Query]:
    """The larger claim gets no less and loses no less."""
    import z3

    if case.people > 1:
        (small, large), (low, high) = case.claims[:2], case.awards[:2]
        yield case.query(z3.Or(low > high, small - low > large - high), [small <= large])


def super_modular(case: Case) -> Iterator[Query]:
    """The larger claim gets no smaller part of what is added to the estate."""
    if case.people > 1:
        more = case.fresh("more")
        added = [x - y for x, y in zip(case.rule(case.estate + more, case.claims), case.awards, strict=True)]
        yield case.query(added[0] > added[1], [case.claims[0] <= case.claims[1], case.estate + more <= case.total])


def dual(case: Case) -> Iterator[Query]:
    """Awards of the estate and of the loss add up to the claim."""
    loss = case.rule(case.total - case.estate, case.claims)
    yield case.query(case.awards[0] + loss[0] != case.claims[0])


def scaled(case: Case) -> Iterator[Query]:
    """Everything times c."""
    scale = case.fresh("scale")
    times = case.rule(scale * case.estate, [scale * claim for claim in case.claims])
    yield case.query(times[0] != scale * case.awards[0], [scale > 0])


def richer(case: Case) -> Iterator[Query]:
    """A larger estate gives nobody less."""
    more = case.fresh("more")
    then = case.rule(case.estate + more, case.claims)
    yield case.query(then[0] < case.awards[0], [case.estate + more <= case.total])


def own_claim(case: Case) -> Iterator[Query]:
    """A claim grows by h, the estate by 0 or h: the award does not fall, nor grow by more; nobody else gains."""
    import z3

    grown = case.fresh("grown")
    claims = [case.claims[0] + grown, *case.claims[1:]]
    then, both = case.rule(case.estate, claims), case.rule(case.estate + grown, claims)
    change = then[0] - case.awards[0]
    yield case.query(z3.Or(change < 0, change > grown))
    yield case.query(both[0] - case.awards[0] > grown)
    if case.people > 1:
        yield case.query(then[1] > case.awards[1])


def truncated(case: Case) -> Iterator[Query]:
    """Claims cut at the estate."""
    cut = case.rule(case.estate, [minimum(claim, case.estate) for claim in case.claims])
    yield case.query(cut[0] != case.awards[0])


def rights_first(case: Case) -> Iterator[Query]:
    """Minimal rights, and the rest divided."""
    rights = [maximum(case.estate - (case.total - claim), 0) for claim in case.claims]
    left = [claim - right for claim, right in zip(case.claims, rights, strict=True)]
    rest = case.rule(case.estate - sum(rights), left)
    yield case.query(rights[0] + rest[0] != case.awards[0])


def leaving(case: Case) -> Iterator[Query]:
    """The last leaves empty-handed: nobody gets less; and as much, where the last claims nothing."""
    if case.people > 1:
        stay = case.claims[:-1]
        after = case.rule(case.estate, stay)
        yield case.query(after[0] < case.awards[0], [case.estate <= sum(stay)])
        yield case.query(after[0] != case.awards[0], [case.claims[-1] == 0])


def _up_to(rule: Awards, builder: Callable[[Case], Iterator[Query]], most: int) -> Iterator[Query]:
    for people in range(1, most + 1):
        yield from builder(Case(rule, people))


PROPERTIES: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(["balance", "claims_boundedness", "respect_of_minimal_rights", "securement"], (alone,)),
    **dict.fromkeys(["order_preservation_of_awards", "order_preservation_of_losses", "equal_treatment"], (in_order,)),
    **dict.fromkeys(["self_duality", "midpoint"], (dual,)),
    **dict.fromkeys(["claim_monotonicity", "others_monotonicity", "linked_monotonicity"], (own_claim,)),
    **dict.fromkeys(["null_claims_consistency", "population_monotonicity"], (leaving,)),
    "anonymity": (),
    "super_modularity": (super_modular,),
    "homogeneity": (scaled,),
    "resource_monotonicity": (richer,),
    "own_claim_lipschitz": (own_claim,),
    "continuity": (alone, richer, own_claim),
    "invariance_under_truncation": (truncated,),
    "minimal_rights_first": (rights_first,),
}  # fmt: skip


def proofs(rule: Awards, most: int, harder: dict[Any, int]) -> dict[str, Any]:
    """Proofs by property for one, two, ... `most` claimants, or fewer where queries are harder."""
    queries: dict[tuple[Any, int], Any] = {}

    def up_to(builder: Any, people: int) -> Any:
        return queries.setdefault((builder, people), partial(_up_to, rule, builder, people))

    found = {}
    for name, group in PROPERTIES.items():
        people = min(harder.get(builder, most) for builder in (by_name, *group))
        found[name] = Proof(
            argument="swaps of neighbours make the first claimants stand for all",
            queries=tuple(up_to(builder, people) for builder in (by_name, *group)),
            claimants=people,
        )
    return found


# Harder: beyond these numbers Z3 does not decide the queries within seconds.
TERMS = {
    "adjusted_proportional": adjusted_proportional,
    "minimal_overlap": minimal_overlap,
    "average_of_awards": average_of_awards,
}
PROOFS = {
    "adjusted_proportional": proofs(adjusted_proportional, 3, dict.fromkeys((super_modular, richer, own_claim), 2)),
    "minimal_overlap": proofs(minimal_overlap, 3, {}),
    "average_of_awards": proofs(average_of_awards, 2, {}),
}
