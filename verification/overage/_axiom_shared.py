"""What the proofs of the axiom matrix share: a proof is an argument and queries that have no solution."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from mechopt.evidence import Evidence
from mechopt.evidence.smt import Query, impossible

SECONDS = 60.0  # per query: none of ours needs one, on a busy machine too
SOLVERS = ("default", "nlsat")  # most queries are linear
EVERY_NUMBER = "every number of claimants, all real claims and estates"

Queries = Callable[[], Iterator[Query]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A way to prove a property of a rule.

    Attributes:
        argument: from the queries to the property.
        queries: functions that give them; all must be without a solution.
        claimants: at most how many it covers; None for any number.
    """

    argument: str
    queries: tuple[Queries, ...]
    claimants: int | None = None

    @property
    def range(self) -> str:
        """What is covered, in words."""
        return (
            EVERY_NUMBER
            if self.claimants is None
            else f"at most {self.claimants} claimants, all real claims and estates"
        )

    def evidence(self) -> tuple[Evidence, ...]:
        """What Z3 says to each query, up to the first that is not without a solution."""
        found: list[Evidence] = []
        for queries in self.queries:
            found += _decided(queries, self.range, self.claimants is None)
            if not all(sound(piece) for piece in found):
                break
        return tuple(found)


def sound(piece: Evidence) -> bool:
    """True where a piece of evidence holds, and its control and its hypotheses are as they must be."""
    return piece.holds is True and piece.fault is None


@cache
def _decided(queries: Queries, range: str, complete: bool) -> tuple[Evidence, ...]:
    found: list[Evidence] = []
    for query in queries():
        found.append(impossible(query, range=range, complete=complete, seconds=SECONDS, solvers=SOLVERS))
        if not sound(found[-1]):
            break
    return tuple(found)
