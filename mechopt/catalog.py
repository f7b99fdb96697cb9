"""Find and load the content that comes with mechopt: the files of models/ and verification/.

Content is data and programs, not an installed package: it is found by walking its folder and loaded by path.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Literal

from mechopt.errors import CatalogError

Shelf = Literal["models", "verification"]
DOCUMENTS = (".toml", ".json")
STARTER = "starter.toml"
STATEMENTS = "statements.toml"


def root(shelf: Shelf) -> Path:
    """The folder of a shelf: inside the installed package, else in the checkout.

    Raises:
        CatalogError: neither is there.
    """
    package = Path(__file__).resolve().parent
    bundled = package / "_bundled" / shelf
    if bundled.is_dir():
        return bundled
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "verification").is_dir():
        return checkout / shelf
    raise CatalogError(f"the shipped {shelf} are missing: reinstall mechopt, or run it from a full checkout")


def models() -> dict[str, Path]:
    """The ready-to-run model documents by name ("overage/eu_ets_2019"), in order.

    Raises:
        CatalogError: none is found: an empty catalog means a broken installation, never success.
    """
    return _walk("models", lambda path: path.suffix in DOCUMENTS and path.name != STARTER)


def programs() -> dict[str, Path]:
    """The papers' programs in Pyomo or CVXPY by name ("overage/clearing_program"), in order."""
    return _walk("models", lambda path: path.name.endswith("_program.py"))


def claim_files() -> dict[str, Path]:
    """The claim files by name ("overage/theorem_4"), in order; _shared.py and its like are no claim files."""
    return _walk("verification", lambda path: path.suffix == ".py" and not path.name.startswith("_"))


def statement_lists() -> dict[str, Path]:
    """The lists of the papers' numbered statements, by mechanism."""
    return {path.parent.name: path for path in _walk("verification", lambda path: path.name == STATEMENTS).values()}


def beside(file: str, name: str = "_shared") -> ModuleType:
    """The module that the content files of one folder share: `shared = catalog.beside(__file__)`.

    Args:
        file: the file that uses it.
        name: of the shared file, without .py; it begins with an underscore, so that nothing else takes it for content.

    Raises:
        CatalogError: it is not there, or fails while it runs.
    """
    return load(Path(file).with_name(f"{name}.py"))


def starter(mechanism: str) -> Path:
    """The commented starting document of a mechanism."""
    path = root("models") / mechanism / STARTER
    if not path.is_file():
        raise CatalogError(f"there is no starting document for {mechanism}")
    return path


def model(name: str) -> Path:
    """The document of a shipped model.

    Raises:
        CatalogError: no such model; names the nearest ones.
    """
    shipped = models()
    if name not in shipped:
        raise CatalogError(f"no file and no shipped model is called {name!r}{nearest(name, shipped)}")
    return shipped[name]


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for an unknown name: "; did you mean a, b?", or the whole list where it is short."""
    import difflib

    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {', '.join(close)}?"
    return f"; there are {', '.join(names)}" if len(names) <= 12 else "; `mechopt list` shows all"


def load(path: Path) -> ModuleType:
    """Import a content file by path, under a private name that cannot meet an import of the user's.

    Raises:
        CatalogError: the file cannot be read or fails while it runs; the cause is chained.
    """
    name = _module(path)
    path = path.resolve()
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise CatalogError(f"{path}: not a Python file that can be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("mechopt"):
            hint = "pip install 'mechopt[all]' brings what our own files need"
            raise CatalogError(f"{path}: needs {error.name}, which is not installed; {hint}") from error
        if isinstance(error, Exception | SystemExit):
            raise CatalogError(f"{path}: {type(error).__name__}: {error}") from error
        raise
    return module


def forget(path: Path) -> None:
    """Have a content file run again when it is loaded next."""
    sys.modules.pop(_module(path), None)


def _module(path: Path) -> str:
    return f"_mechopt_content_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"


def _walk(shelf: Shelf, wanted: Callable[[Path], bool]) -> dict[str, Path]:
    folder = root(shelf)
    found = {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for path in sorted(folder.glob("*/*"))
        if path.is_file() and wanted(path)
    }
    if not found:
        raise CatalogError(f"{folder}: nothing found; the installation is incomplete")
    return found
