"""Imports in mechopt/ point one way only: up the list below. A new module gets its place in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import mechopt

PACKAGE = Path(mechopt.__file__).resolve().parent

# Each line may import from its own and from the lines above it.
LAYERS = [
    {"errors", "exact"},
    {"arguments", "paper", "program", "finding", "picture"},
    {"outcome", "catalog", "distributions"},
    {
        "instance",
        "tables",
        "table_files",
        "numerals",
        "highs",
        "solver",
        "basis_check",
        "certify",
        "recertify",
        "batch_simplex",
        "lockstep",
        "rational",
        "residuals",
        "prices",
        "properties",
        "tasks",
        "sending",
        "workers",
        "formulation",
        "arrays",
        "auditing",
    },
    {"mechanisms"},  # never each other
    {"claims", "evidence", "loading"},
    {"report"},
    {"api", "console"},
    {"doctor", "explorer"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

# One home for each dependency; the modules of mechopt/ not named here may not import it at all.
HOMES = {
    "highspy": {"highs"},
    "flint": {"exact", "rational", "certify", "recertify", "evidence", "mechanisms"},
    "cyclopts": {"cli", "commands", "__main__"},
    "sympy": {"evidence"},
    "z3": {"evidence"},
    "hypothesis": {"evidence"},
    "pandas": set(),
    "pytest": set(),
}
CONTENT = {"models", "verification", "tests", "benchmarks"}


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "_bundled" not in path.parts)


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path) for path in sources()}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of whatever a file imports, inside functions too."""
    here = dotted(path).split(".")
    package = here if path.name == "__init__.py" else here[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{origin}.{alias.name}"
                yield node.lineno, full if full in MODULES else origin


def top(name: str) -> str:
    """The entry of the list that a module of mechopt belongs to; "" is the package itself."""
    return [*name.split("."), ""][1]


def faults(path: Path) -> Iterator[str]:
    name = dotted(path)
    layer = top(name)
    for line, target in imports(path):
        where = f"{name}, line {line}: imports {target}"
        root = target.split(".")[0]
        if root in CONTENT or target.startswith("mechopt._bundled"):
            yield f"{where}: content is loaded by path, through the catalog"
        if root in HOMES and layer not in HOMES[root]:
            yield f"{where}: its home is {sorted(HOMES[root]) or 'outside mechopt/'}"
        # the package holds __version__ for all, and itself hands out the verbs of the top, lazily
        if root != "mechopt" or not layer or not top(target):
            continue
        if LEVEL.get(top(target), -1) > LEVEL[layer]:
            yield f"{where}: points down the list"
        mine, other = name.split(".")[2:3], target.split(".")[2:3]
        if layer == top(target) == "mechanisms" and mine and other and mine != other:
            yield f"{where}: a mechanism never imports another"


def test_every_module_has_its_place() -> None:
    assert len(sources()) > 5
    assert {top(name) for name in MODULES} - {""} <= set(LEVEL), "enter the new module in LAYERS"


@pytest.mark.parametrize("path", sources(), ids=dotted)
def test_imports_point_up_the_list(path: Path) -> None:
    assert list(faults(path)) == []


def test_workers_are_started_in_one_place() -> None:
    """A pool of a mechanism's own would leave a cluster idle, fork threads, and lose work with a worker."""
    places = {dotted(path) for path in sources() if "ProcessPoolExecutor(" in path.read_text(encoding="utf-8")}
    assert places == {"mechopt.workers"}


@pytest.mark.parametrize(
    ("module", "line", "fault"),
    [
        ("errors", "from mechopt.outcome import Outcome", "points down"),
        ("tables", "def f():\n    from mechopt import cli", "points down"),
        ("mechanisms.overage.clearing", "import mechopt.mechanisms.borrowing.transfers", "another"),
        ("mechanisms.overage.clearing", "from ..borrowing import transfers", "another"),
        ("mechanisms.overage.clearing", "from .. import tables", ""),
        ("mechanisms.overage.clearing", "from . import rounding", ""),
        ("catalog", "import models.overage", "by path"),
        ("report", "import mechopt._bundled.models", "by path"),
        ("instance", "import highspy", "its home"),
        ("highs", "import highspy", ""),
        ("outcome", "from mechopt import __version__", ""),
    ],
)
def test_the_test_sees_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, line: str, fault: str
) -> None:
    path = tmp_path.joinpath("mechopt", *module.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True)
    path.write_text(line, encoding="utf-8")
    for name, value in {"PACKAGE": tmp_path / "mechopt", "MODULES": {*MODULES, "mechopt.cli"}}.items():
        monkeypatch.setitem(globals(), name, value)
    found = list(faults(path))
    assert [fault in message for message in found] == ([True] if fault else [])
