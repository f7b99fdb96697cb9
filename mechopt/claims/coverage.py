"""Coverage: the numbered statements of each paper, and which of them no claim is about.

A folder of verification/ lists its paper's numbered statements in statements.toml, by their label as printed. A claim
is about the statement whose label it has; its part does not matter. What no claim is about is entered in the ledger as
not checked, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from mechopt import catalog
from mechopt.claims.statement import Claim
from mechopt.errors import CatalogError
from mechopt.paper import PAPERS

NOT_BUILT = "not built yet: no claim is about this statement"
BEYOND = "Beyond the paper"
# A place of the paper whose statements bear no number: such a claim is about the paper, and in no list.
_PASSAGE = re.compile(r"(Section|Appendix|Footnote|Property|Example) [A-Z0-9][A-Z0-9.]*")


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A numbered statement of a paper.

    Attributes:
        label: as printed: "Theorem 4", "Equation (A.2)".
        says: what it says, in a line of our own.
        reason: why there is no claim about it.
    """

    label: str
    says: str
    reason: str = NOT_BUILT


class _List(msgspec.Struct, forbid_unknown_fields=True):
    statements: tuple[Statement, ...]


def statements(mechanism: str) -> tuple[Statement, ...]:
    """The numbered statements of a mechanism's paper, in the paper's order.

    Raises:
        CatalogError: there is no list, or it is wrong.
    """
    file = catalog.statement_lists().get(mechanism)
    if file is None:
        raise CatalogError(f"there is no list of the numbered statements for {mechanism}")
    try:
        listed = msgspec.toml.decode(file.read_bytes(), type=_List).statements
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CatalogError(f"{file}: {error}") from None
    labels = [statement.label for statement in listed]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise CatalogError(f"{file}: listed twice: {', '.join(twice)}")
    return listed


def missing(mechanism: str, claims: Iterable[Claim]) -> list[Claim]:
    """An unchecked claim for each listed statement that none of the claims is about."""
    labels = {claim.label for claim in claims if claim.mechanism == mechanism}
    return [
        Claim(
            paper=PAPERS[mechanism],
            label=statement.label,
            statement=statement.says,
            reading="",
            gather=lambda: None,
            expected="not_checked",
            not_checked_reason=statement.reason,
            file=catalog.statement_lists()[mechanism],
        )
        for statement in statements(mechanism)
        if statement.label not in labels
    ]


def in_order(claims: Iterable[Claim]) -> list[Claim]:
    """Claims as a reader of the paper meets them: numbered statements, unnumbered passages, then what is ours."""
    found = list(claims)
    places = {
        (mechanism, statement.label): place
        for mechanism in dict.fromkeys(claim.mechanism for claim in found if claim.paper)
        for place, statement in enumerate(statements(mechanism))
    }
    rank = {mechanism: place for place, mechanism in enumerate(dict.fromkeys(claim.mechanism for claim in found))}
    return sorted(
        found,
        key=lambda claim: (
            rank[claim.mechanism],
            beyond(claim),
            places.get((claim.mechanism, claim.label), len(places)),
        ),
    )


def asked(claims: Iterable[Claim]) -> dict[str, tuple[str, ...]]:
    """Per mechanism, the labels of the numbered statements that claims are about, in the paper's order."""
    labels: dict[str, set[str]] = {}
    for claim in claims:
        if claim.paper is not None:
            labels.setdefault(claim.mechanism, set()).add(claim.label)
    return {
        mechanism: tuple(statement.label for statement in statements(mechanism) if statement.label in own)
        for mechanism, own in labels.items()
    }


def unlisted(mechanism: str, claims: Iterable[Claim]) -> list[Claim]:
    """The claims that are about no listed statement, no unnumbered passage, and not marked as ours."""
    labels = {statement.label for statement in statements(mechanism)}
    return [
        claim
        for claim in claims
        if claim.mechanism == mechanism and claim.label not in labels and not beyond(claim) and not passage(claim)
    ]


def beyond(claim: Claim) -> bool:
    """True for a claim that is ours: its label begins with "Beyond the paper: "."""
    return claim.label.startswith(f"{BEYOND}: ")


def passage(claim: Claim) -> bool:
    """True for a claim about a place of the paper that bears no statement's number: "Section 2", "Appendix A"."""
    return _PASSAGE.fullmatch(claim.label) is not None
