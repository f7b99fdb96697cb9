"""Find claims by name: all, a mechanism, one statement, a paper, or a file of the user's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from mechopt import catalog
from mechopt.claims import coverage
from mechopt.claims.statement import MADE, Claim, slug
from mechopt.errors import CatalogError

_LOADED: dict[str, str] = {}  # digest of each file, and of what it shares, when it was loaded
CONTENT = "_mechopt_content_"  # how the catalog names the files it loads


@dataclass(slots=True)
class Shelf:
    """The claims at hand by id, and the shipped files that could not be loaded, with what is wrong with each."""

    claims: dict[str, Claim] = field(default_factory=dict)
    broken: dict[str, tuple[Path, str]] = field(default_factory=dict)

    def add(self, file: Path) -> list[Claim]:
        """Load the claims of a file.

        Raises:
            CatalogError: the file fails, has no claims, or repeats an id.
        """
        found = claims_of(file)
        for claim in found:
            known = self.claims.get(claim.id)
            if known is not None and known.file != claim.file:
                raise CatalogError(f"{file}: {claim.title} has the id {claim.id} of a claim in {known.file}")
            self.claims[claim.id] = claim
        return found


def claims_of(file: Path) -> list[Claim]:
    """The claims that a file defines, in order; those it imports are left out.

    Raises:
        CatalogError: the file fails, defines no claims, or defines two of one name.
    """
    module = _fresh(file)
    found: dict[str, Claim] = {}
    for claim in _claims_in(vars(module)):
        if claim.id in found and found[claim.id] is not claim:
            raise CatalogError(f"{file}: two claims have the id {claim.at(file).id}: tell them apart by `part`")
        found[claim.id] = claim
    lost = [claim for claim in MADE if getattr(claim.gather, "__globals__", None) is vars(module)]
    lost = [claim for claim in lost if all(claim is not kept for kept in found.values())]
    if lost:
        raise CatalogError(f"{file}: {lost[0].title} is overwritten: give each claim's function a name of its own")
    found = {claim.at(file).id: claim.at(file) for claim in found.values()}
    if not found:
        raise CatalogError(f"{file}: no claims in it; a claim is a function decorated with mechopt.claims.claim")
    return list(found.values())


def _fresh(file: Path) -> ModuleType:
    """The module of a file; loaded again if it, or what it shares with others, was edited since, as in a notebook."""
    module = catalog.load(file)
    read = [file, *sorted(file.parent.glob("_*.py"))]
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in read)).hexdigest()
    if _LOADED.setdefault(module.__name__, digest) != digest:
        for path in read:
            catalog.forget(path)
        module = catalog.load(file)
        _LOADED[module.__name__] = digest
    return module


def _claims_in(names: Mapping[str, object]) -> Iterator[Claim]:
    """The claims among a module's values and in its lists of claims, but for those from other files of claims."""
    for value in list(names.values()):
        for claim in value if isinstance(value, list | tuple) else [value]:
            home = getattr(getattr(claim, "gather", None), "__globals__", {}).get("__name__", "")
            if isinstance(claim, Claim) and (home == names["__name__"] or not home.startswith(CONTENT)):
                yield claim


def shelf(mechanisms: Iterable[str] | None = None) -> Shelf:
    """The shipped claims, of some mechanisms or of all; a file that fails is noted, not raised.

    A numbered statement that no claim is about is there too, as one that is not checked.
    """
    result = Shelf()
    wanted = None if mechanisms is None else set(mechanisms)
    for name, file in catalog.claim_files().items():
        if wanted is not None and name.split("/")[0] not in wanted:
            continue
        try:
            result.add(file)
        except CatalogError as error:
            result.broken[name.replace("/", ".")] = (file, str(error))
    for mechanism in catalog.statement_lists():
        if wanted is None or mechanism in wanted:
            result.claims |= {claim.id: claim for claim in coverage.missing(mechanism, result.claims.values())}
    result.claims = {claim.id: claim for claim in coverage.in_order(result.claims.values())}
    return result


def select(what: Sequence[str | Path]) -> tuple[list[str], Shelf]:
    """The ids that were asked for, in the order of the paper (or of the file), and the claims at hand.

    Args:
        what: ids ("overage.theorem_4"), labels ("Theorem 4"), mechanisms, paper keys, file names on the shelf
            ("overage/theorem_4"), or paths of files of claims, with "::id" for one claim of a file; nothing is all.

    Raises:
        CatalogError: a name is unknown (says which are near), or a file of the user's cannot be loaded.
    """
    files = [item for item in what if _is_file(item)]
    names = [str(item) for item in what if not _is_file(item)]
    known = _shelf_for(names) if names or not what else Shelf()
    chosen: list[str] = [] if what else [*known.claims, *known.broken]
    for item in files:
        path, _, single = str(item).partition("::")
        own = [claim.id for claim in known.add(Path(path).resolve())]
        picked = [name for name in own if not single or name == single or name.split(".", 1)[1] == slug(single)]
        if not picked:
            raise CatalogError(f"{path}: no claim is called {single!r}{catalog.nearest(single, own)}")
        chosen += picked
    for name in names:
        chosen += _matching(name, known)
    wanted = set(chosen)
    return [name for name in [*known.claims, *known.broken] if name in wanted], known


def complete(ids: Iterable[str], known: Shelf) -> list[str]:
    """The claims that these rest on, directly or not, without these; loads the files they are in."""
    asked, needed = list(ids), dict[str, None]()
    waiting = list(asked)
    while waiting:
        claim = known.claims.get(waiting.pop())
        for other in claim.rests_on if claim is not None else ():
            if other not in known.claims:
                # A mechanism that was not asked for: its files come to the shelf, what is unknown stays unknown.
                for name, found in shelf([other.split(".")[0]]).claims.items():
                    known.claims.setdefault(name, found)
            if other in known.claims and other not in needed:
                needed[other] = None
                waiting.append(other)
    return [name for name in needed if name not in asked]


def _is_file(item: str | Path) -> bool:
    text = str(item).partition("::")[0]
    return isinstance(item, Path) or text.endswith(".py") or Path(text).is_file()


def _shelf_for(names: Sequence[str]) -> Shelf:
    """As little of the shelf as the names allow: an id or a file name tells its mechanism."""
    folders = {name.split("/")[0] for name in catalog.claim_files()} | set(catalog.statement_lists())
    heads = {name.replace("/", ".").split(".")[0] for name in names}
    return shelf(heads) if heads and heads <= folders else shelf()


def _matching(name: str, known: Shelf) -> list[str]:
    """The ids that a name means.

    Raises:
        CatalogError: none; names the nearest.
    """
    dotted = name.replace("/", ".")
    if dotted in known.claims or dotted in known.broken:
        return [dotted]
    found = [id for id, (file, _) in known.broken.items() if id.split(".")[0] == name]
    for id, claim in known.claims.items():
        file = f"{claim.file.parent.name}/{claim.file.stem}" if claim.file else ""
        whole = f"{claim.mechanism}.{slug(claim.label)}"
        paper = claim.paper.key if claim.paper else None
        labels = (slug(claim.label), slug(claim.title))
        if name in (claim.mechanism, paper, file) or dotted == whole or slug(name) in labels:
            found.append(id)
    if not found:
        names = [*known.claims, *dict.fromkeys(claim.mechanism for claim in known.claims.values())]
        names += [claim.title for claim in known.claims.values()]
        raise CatalogError(f"no claim, mechanism or file is called {name!r}{catalog.nearest(name, names)}")
    return found
