"""Properties of the alpha-min rule, proved for every number of claimants in aggregates.

An award depends on the own claim, the number of claimants n, their smallest claim m, their total D and the estate E
only. Here n is any real number from 1 (2 where two claimants differ): more than is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mechopt import catalog
from mechopt.evidence.smt import Query

Proof = catalog.beside(__file__, "_axiom_shared").Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Terms for n, m, D and E, and what is known of them."""

    people: Any
    least: Any
    whole: Any
    estate: Any

    def award(self, claim: Any) -> Any:
        """E/n up to n m; beyond it m, and the rest in proportion to what is left of the claims."""
        import z3

        guaranteed = self.people * self.least
        part = (self.estate - guaranteed) / (self.whole - guaranteed)
        return z3.If(self.estate <= guaranteed, self.estate / self.people, self.least + (claim - self.least) * part)

    def known(self, *claims: Any) -> list[Any]:
        """With these among the claims: none is below m, and the others are m at least."""
        rest = self.whole - sum(claims) - (self.people - len(claims)) * self.least
        numbers = [self.people >= max(1, len(claims)), self.least >= 0, self.estate >= 0, self.estate <= self.whole]
        return [*numbers, rest >= 0, *(claim >= self.least for claim in claims)]


def _setting(estate: str = "estate") -> Setting:
    import z3

    people, least, whole, amount = z3.Reals(f"people least whole {estate}")
    return Setting(people=people, least=least, whole=whole, estate=amount)


def adds_up() -> Iterator[Query]:
    """n m and the rest in proportion are the estate."""
    import z3

    s = _setting()
    guaranteed = s.people * s.least
    sum_of_awards = s.people * s.award(s.least) + (s.award(s.least + s.whole - guaranteed) - s.award(s.least))
    yield Query(
        given=[*s.known(), s.estate > guaranteed],
        never=sum_of_awards != s.estate,
        control=("the guarantee is the estate", guaranteed != s.estate),
    )
    yield Query(
        given=[*s.known(), s.estate <= guaranteed],
        never=s.people * s.award(s.least) != s.estate,
        control=("everybody gets m", z3.And(s.award(s.least) != s.least)),
    )


def bounded() -> Iterator[Query]:
    """0 <= x <= d."""
    import z3

    (claim,), s = z3.Reals("claim"), _setting()
    award = s.award(claim)
    yield Query(
        given=s.known(claim), never=z3.Or(award < 0, award > claim), control=("all are paid in full", award < claim)
    )


def in_order() -> Iterator[Query]:
    """The larger claim gets no less, loses no less, and gets no larger share."""
    import z3

    (small, large), s = z3.Reals("small large"), _setting()
    low, high = s.award(small), s.award(large)
    given = [*s.known(small, large), small <= large]
    for violation in (low > high, small - low > large - high, low * large < high * small):
        yield Query(given=given, never=violation, control=("all get the same", low < high))


def homogeneous() -> Iterator[Query]:
    """Everything times c."""
    import z3

    (claim, scale), s = z3.Reals("claim scale"), _setting()
    grown = Setting(people=s.people, least=scale * s.least, whole=scale * s.whole, estate=scale * s.estate)
    yield Query(
        given=[*s.known(claim), scale > 0],
        never=grown.award(scale * claim) != scale * s.award(claim),
        control=("awards stay", grown.award(scale * claim) != s.award(claim)),
    )


def richer() -> Iterator[Query]:
    """A larger estate gives nobody less, and larger claims no smaller part of what is added."""
    import z3

    (small, large), s, t = z3.Reals("small large"), _setting(), _setting("estate_then")
    given = [*s.known(small, large), *t.known(small, large), small <= large, s.estate <= t.estate]
    added, added_large = t.award(small) - s.award(small), t.award(large) - s.award(large)
    yield Query(given=given, never=added < 0, control=("nothing is added", added > 0))
    yield Query(given=given, never=added > added_large, control=("as much for all", added < added_large))


def own_claim(more: str) -> Iterator[Query]:
    """The own claim grows by h, and the estate by 0 or h: (award falls, award grows by more) never happens.

    Args:
        more: "nothing" or "h", by which the estate grows.
    """
    import z3

    (claim, grown, least_then), s = z3.Reals("claim grown least_then"), _setting()
    added = grown if more == "h" else 0
    t = Setting(people=s.people, least=least_then, whole=s.whole + grown, estate=s.estate + added)
    # the smallest claim moves only where it is the own one, and not beyond it
    given = [*s.known(claim), *t.known(claim + grown), grown > 0, s.least <= least_then]
    given.append(z3.Or(least_then == s.least, z3.And(claim == s.least, least_then <= claim + grown)))
    change = t.award(claim + grown) - s.award(claim)
    violation = change > grown if more == "h" else z3.Or(change < 0, change > grown)
    yield Query(given=given, never=violation, control=("nothing changes", change > 0))


def own_claim_alone() -> Iterator[Query]:
    """The own claim grows, the estate stays."""
    yield from own_claim("nothing")


def with_estate() -> Iterator[Query]:
    """The own claim and the estate grow alike."""
    yield from own_claim("h")


def promised() -> Iterator[Query]:
    """Dividing a smaller estate by claims, and by what was promised of a larger one."""
    import z3

    (claim,), s, t = z3.Reals("claim"), _setting(), _setting("estate_then")
    promise = Setting(people=s.people, least=s.award(s.least), whole=s.estate, estate=t.estate)
    given = [*s.known(claim), *t.known(claim), t.estate <= s.estate]
    again = promise.award(s.award(claim))
    yield Query(given=given, never=again != t.award(claim), control=("the promise is kept", again != s.award(claim)))


def topped_up() -> Iterator[Query]:
    """Dividing a part of the estate, and the rest by what is left of the claims."""
    import z3

    (claim,), s, t = z3.Reals("claim"), _setting(), _setting("estate_first")
    first = t.award(claim)
    rest = Setting(
        people=s.people, least=s.least - t.award(s.least), whole=s.whole - t.estate, estate=s.estate - t.estate
    )
    given = [*s.known(claim), *t.known(claim), t.estate <= s.estate]
    then = rest.award(claim - first)
    yield Query(given=given, never=first + then != s.award(claim), control=("nothing comes after", then != 0))


ALONE, PAIRS = "claimant by claimant, in aggregates", "pair by pair, in aggregates"
PROOFS = {
    name: Proof(argument=argument, queries=(adds_up, *queries))
    for name, (argument, queries) in {
        "balance": ("n equal parts, or n times m and the rest", ()),
        "claims_boundedness": (ALONE, (bounded,)),
        "respect_of_minimal_rights": ("the others get no more than their claims, and all get the estate", (bounded,)),
        "equal_treatment": (PAIRS, (in_order,)),
        "anonymity": ("an award depends on the own claim and on number, total and smallest of claims", (in_order,)),
        "order_preservation_of_awards": (PAIRS, (in_order,)),
        "order_preservation_of_losses": (PAIRS, (in_order,)),
        "progressivity": (PAIRS, (in_order,)),
        "homogeneity": (ALONE, (homogeneous,)),
        "resource_monotonicity": (ALONE, (richer,)),
        "super_modularity": (PAIRS, (richer,)),
        "claim_monotonicity": (ALONE, (own_claim_alone,)),
        "linked_monotonicity": (ALONE, (with_estate,)),
        "own_claim_lipschitz": (ALONE, (own_claim_alone,)),
        "composition_down": ("the smallest claim has the smallest award; by claimant", (in_order, promised)),
        "composition_up": ("the smallest claim has the smallest loss; by claimant", (in_order, topped_up)),
    }.items()
}  # fmt: skip
