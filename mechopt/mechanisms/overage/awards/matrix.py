"""The axiom matrix: every claims rule against every property, computed, with the smallest witness of each failure.

A cell is "refuted", by an exact problem that anybody can recompute; "proved", for all real claims and estates and any
number of claimants, or for few of them; or it "holds in range": no violation at any of the problems searched, which
proves nothing beyond them. The range is printed with the result. The proofs are content: verification/overage.
"""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mechopt import catalog, tasks
from mechopt.catalog import nearest
from mechopt.errors import InstanceError, MechoptError
from mechopt.mechanisms.overage.awards.problem import Property, Remembered, Violation, problems
from mechopt.mechanisms.overage.awards.relations import PROPERTIES
from mechopt.mechanisms.overage.awards.rules import AWARD_RULES, AwardRule
from mechopt.outcome import Guarantee, Outcome

HOLDS, REFUTED, PROVED = "holds in range", "refuted", "proved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which problems are tried.

    Attributes:
        claimants: at most how many, n.
        largest: claim, in whole units; claims are whole, estates half units.
        plugin: a Python file with rules and properties of the user's own.
        prove: whether proofs are tried where nothing violates a property; they need Z3.
    """

    claimants: int = 3
    largest: int = 4
    plugin: str | None = None
    prove: bool = False

    def __post_init__(self) -> None:
        for name, low, high in (("claimants", 1, 5), ("largest", 1, 12)):
            if not low <= getattr(self, name) <= high:
                raise InstanceError(f"must be from {low} to {high}, not {getattr(self, name)}", key=name)

    @property
    def range(self) -> str:
        """In words."""
        return f"at most {self.claimants} claimants, whole claims from 0 to {self.largest}, estates in half units"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """How a cell was proved.

    Attributes:
        argument: from what Z3 decided to the property.
        queries: how many Z3 found to have no solution, each with a control that has one.
        claimants: at most how many are covered; None for any number.
    """

    argument: str
    queries: int
    claimants: int | None

    @builtins.property
    def verdict(self) -> str:
        """ "proved", or "proved for n <= 3"."""
        return PROVED if self.claimants is None else f"{PROVED} for n <= {self.claimants}"

    @builtins.property
    def text(self) -> str:
        """Argument and evidence in a line."""
        return f"{self.argument}; Z3: {self.queries} queries without a solution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One rule against one property.

    Attributes:
        rule, property: their names.
        problems: how many were searched; up to and with the first violation where there is one.
        witness: estate, claims and what is violated there; None where nothing was.
        proof: None where there is none.
    """

    rule: str
    property: str
    problems: int
    witness: Violation | None
    proof: Proved | None = None

    @builtins.property  # the field `property` hides the name
    def verdict(self) -> str:
        """ "refuted", "proved", "proved for n <= 3" or "holds in range"."""
        if self.witness is not None:
            return REFUTED
        return HOLDS if self.proof is None else self.proof.verdict


def shelves(plugin: str | None) -> tuple[dict[str, AwardRule], dict[str, Property]]:
    """The rules and the properties there are: ours, and those of a plugin's lists RULES and PROPERTIES.

    Raises:
        InstanceError: the plugin has neither, or something else in them.
        CatalogError: it cannot be loaded.
    """
    rules, properties = dict(AWARD_RULES), dict(PROPERTIES)
    if plugin is not None:
        module = catalog.load(Path(plugin))
        mine = [*getattr(module, "RULES", ()), *getattr(module, "PROPERTIES", ())]
        if not mine:
            raise InstanceError("defines neither RULES nor PROPERTIES", file=plugin)
        for item in mine:
            if isinstance(item, AwardRule):
                rules[item.name] = item
            elif isinstance(item, Property):
                properties[item.name] = item
            else:
                raise InstanceError(f"{item!r} is neither an AwardRule nor a Property", file=plugin)
    return rules, properties


def row(task: tuple[str, Sequence[str], Search]) -> list[Cell]:
    """All cells of one rule: at the top of a module, so that other processes can run it."""
    name, wanted, search = task
    rules, properties = shelves(search.plugin)
    rule = Remembered(rules[name].award)
    cells = [cell(name, rule, properties[prop], search) for prop in wanted]
    foreign = rules[name] is not AWARD_RULES.get(name)
    if foreign and cell(name, rule, PROPERTIES["anonymity"], search).witness is not None:
        # Sorted claims stand for every order only where names do not matter.
        cells = [found if found.witness else cell(name, rule, properties[found.property], search, ordered=True)
                 for found in cells]  # fmt: skip
    ours = {prop for prop in wanted if properties[prop] is PROPERTIES.get(prop)}
    return with_proofs(cells, rules[name], rule, ours, search) if search.prove else cells


def with_proofs(cells: list[Cell], rule: AwardRule, code: Remembered, names: set[str], search: Search) -> list[Cell]:
    """The cells, proved where they can be.

    Raises:
        InstanceError: the rule's code does not give what its schedule says.
    """
    prover = catalog.load(catalog.root("verification") / "overage" / "_axiom_proofs.py")
    if not prover.proofs(rule):
        return cells
    for problem in problems(search.claimants, search.largest):
        if not prover.agrees(rule, code, problem):
            where = f"estate {problem.estate}, claims {in_words(problem.claims)}"
            raise InstanceError(f"{rule.name}: its awards are not those of its schedule at {where}", key="schedule")
    found = []
    for cell in cells:
        proof = prover.prove(rule, cell.property) if cell.witness is None and cell.property in names else None
        found.append(cell if proof is None else replace(cell, proof=Proved(**proof)))
    return found


def cell(name: str, rule: Remembered, prop: Property, search: Search, *, ordered: bool = False) -> Cell:
    """Search for the smallest problem at which a rule violates a property.

    Args:
        name: of the rule.
        rule: in exact arithmetic.
        prop: the property.
        search: which problems are tried.
        ordered: whether claims are tried in every order, for a rule to which names matter.

    Raises:
        InstanceError: the rule or the property, a user's own, fails at a problem.
    """
    tried = 0
    for problem in problems(search.claimants, search.largest, ordered=ordered or prop.ordered):
        tried += 1
        try:
            found = next(prop.violations(rule, problem), None)
        except MechoptError:
            raise
        except Exception as error:
            where = f"estate {problem.estate}, claims {in_words(problem.claims)}"
            raise InstanceError(
                f"{prop.name} of {name} cannot be computed near {where}: {type(error).__name__}: {error}", key="plugin"
            ) from error
        if found is not None:
            witness = {"estate": problem.estate, "claims": problem.claims, **found}
            return Cell(rule=name, property=prop.name, problems=tried, witness=witness)
    return Cell(rule=name, property=prop.name, problems=tried, witness=None)


def axiom_matrix(
    *,
    rules: Iterable[str] | None = None,
    properties: Iterable[str] | None = None,
    search: Search | None = None,
    workers: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Outcome:
    """Compute the matrix.

    Args:
        rules: names; all rules, and the plugin's, by default.
        properties: names; all by default.
        search: which problems are tried.
        workers: processes to use.
        progress: called as progress(done, total), a rule each.

    Returns:
        `tables.matrix`: a row for each property, a column for each rule; `tables.cells`: verdict, how many problems
        were searched, and the witness or the proof; `tables.properties`: what each asks.

    Raises:
        InstanceError: an unknown name, or a search that is out of range.
    """
    search = search or Search()
    known_rules, known_properties = shelves(search.plugin)
    chosen = _chosen(rules, known_rules, "rules")
    wanted = _chosen(properties, known_properties, "properties")
    items = [(name, tuple(wanted), search) for name in chosen]
    with tasks.pool(min(workers, len(items))) as executor:
        found = tasks.run(row, items, executor=executor, progress=progress)
    cells = [cell for cells in found for cell in cells]
    return Outcome(
        mechanism="overage",
        title="The axiom matrix of the claims rules",
        status="searched",
        guarantee=Guarantee(kind="exact", detail=_worth(search)),
        summary={
            "rules": len(chosen),
            "properties": len(wanted),
            "cells": len(cells),
            **_counts(cells),
            "range": search.range,
        },
        tables={
            "matrix": _grid(found, wanted),
            "cells": {
                "rule": [cell.rule for cell in cells],
                "property": [cell.property for cell in cells],
                "verdict": [cell.verdict for cell in cells],
                "problems": [cell.problems for cell in cells],
                "witness": ["" if cell.witness is None else in_words(cell.witness) for cell in cells],
                "proof": ["" if cell.proof is None else cell.proof.text for cell in cells],
            },
            "properties": {
                "property": list(wanted),
                "statement": [known_properties[name].statement for name in wanted],
            },
        },
        provenance={"range": search.range, "plugin": search.plugin},
    )


def in_words(value: Any) -> str:
    """A witness in a line: fractions as they are written by hand."""
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {in_words(item)}" for name, item in value.items())
    if isinstance(value, tuple):
        return "(" + ", ".join(in_words(item) for item in value) + ")"
    return str(value)


def _counts(cells: Sequence[Cell]) -> dict[str, int]:
    """How many cells have which verdict: proved ones first, refuted ones last."""
    found = Counter(cell.verdict for cell in cells)
    few = sorted(verdict for verdict in found if verdict not in (PROVED, HOLDS, REFUTED))
    return {verdict: found[verdict] for verdict in (PROVED, *few, HOLDS, REFUTED)}


def _worth(search: Search) -> str:
    proofs = "proved means: for all real numbers, by Z3, and the code agrees with what was proved in the range"
    return f"rational arithmetic; holds means: in the range, {search.range}" + (f"; {proofs}" if search.prove else "")


def _grid(found: Sequence[Sequence[Cell]], wanted: Sequence[str]) -> dict[str, list[Any]]:
    """A row for each property, a column for each rule."""
    grid: dict[str, list[Any]] = {"property": list(wanted)}
    for cells in found:
        grid[cells[0].rule] = [cell.verdict.removesuffix(" in range").removeprefix("proved for ") for cell in cells]
    return grid


def _chosen(names: Iterable[str] | None, known: dict[str, Any], key: str) -> list[str]:
    chosen = list(known) if names is None else list(dict.fromkeys(names))
    for name in chosen:
        if name not in known:
            raise InstanceError(f"there is no {name!r}{nearest(name, known)}", key=key)
    if not chosen:
        raise InstanceError("nothing is chosen", key=key)
    return chosen
