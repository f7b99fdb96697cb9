"""The reference, one page for each package: every public name, lazily imported ones included."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

from mechopt.mechanisms import MECHANISMS

LIBRARY = {
    "mechopt": "The verbs",
    "mechopt.outcome": "Results",
    "mechopt.finding": "Findings",
    "mechopt.claims": "Claims and the ledger",
    "mechopt.evidence": "Evidence",
    "mechopt.evidence.symbolic": "Symbolic evidence",
    "mechopt.evidence.smt": "SMT evidence",
    "mechopt.evidence.certified": "Certified evidence",
    "mechopt.evidence.convex": "Convex programs as evidence",
    "mechopt.evidence.exhaustive": "Exhaustive evidence",
    "mechopt.evidence.sampled": "Sampled evidence",
    "mechopt.distributions": "Distributions",
    "mechopt.formulation": "Programs",
    "mechopt.solver": "The solver",
    "mechopt.program": "Linear and mixed-integer programs",
    "mechopt.certify": "Certificates",
    "mechopt.tables": "Tables",
    "mechopt.tasks": "Tasks and clusters",
    "mechopt.exact": "Exact numbers",
    "mechopt.errors": "Errors",
    "mechopt.mechanisms": "The verbs of a mechanism",
}


def write(folder: Path) -> None:
    """Write index and pages as reStructuredText, and only those that changed."""
    folder.mkdir(exist_ok=True)
    titles = LIBRARY | {f"mechopt.mechanisms.{name}": f"Mechanism: {name}" for name in MECHANISMS}
    pages = {f"{module}.rst": _page(module, title) for module, title in titles.items()}
    pages["index.rst"] = "\n".join(
        [
            *_heading("Reference"),
            "Made from the docstrings. The command line says the same with ``mechopt COMMAND --help``.\n",
            ".. toctree::\n",
            *(f"   {title} <{module}>" for module, title in titles.items()),
            "",
        ]
    )
    for old in folder.glob("*.rst"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text:
            (folder / name).write_text(text, encoding="utf-8")


def _page(module: str, title: str) -> str:
    lines = [*_heading(f"{title} ({module})" if module not in title else title), f".. automodule:: {module}", ""]
    for name, value in public(module):
        full, home = f"{module}.{name}", getattr(value, "__module__", module)
        if home != module and home in LIBRARY and name in dict(public(home)):
            lines += [f"``{name}`` is :py:obj:`{home}.{name}`.", ""]
        elif inspect.isclass(value):
            lines += [f".. autoclass:: {full}", "   :members:", "   :show-inheritance:", ""]
        elif callable(value):
            lines += [f".. autofunction:: {full}", ""]
        else:
            lines += [f".. autodata:: {full}", "   :no-value:", ""]
    return "\n".join(lines)


def public(module: str) -> list[tuple[str, Any]]:
    """What a module offers: the names of its `__all__`, else what it defines itself without an underscore."""
    loaded = importlib.import_module(module)
    if hasattr(loaded, "__all__"):
        return [(name, getattr(loaded, name)) for name in loaded.__all__ if not name.startswith("__")]
    return [
        (name, value)
        for name, value in vars(loaded).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module
    ]


def _heading(title: str) -> list[str]:
    return [title, "=" * len(title), ""]


_SPAN = re.compile(r"(`[^`]*`)")
_SPECIAL = re.compile(r"[\\*|]|(?<=\w)_(?!\w)")


def safe_docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Make our docstrings, which are plain text with `code`, into reStructuredText that means the same."""
    if what == "data" and getattr(obj, "__doc__", None) == type(obj).__doc__:
        lines.clear()  # a constant shows the docstring of its type, such as that of dict
        return
    made: list[str] = []
    block = None  # indentation of a literal block, such as an example
    for line in lines:
        indent = len(line) - len(line.lstrip())
        before = made[-1] if made else ""
        if block is not None and line.strip() and indent < block:
            block = None
        if (
            block is None
            and indent >= 4
            and not before.strip()
            and _prose_above(made) < indent - 2
            and not _in_section(made)
        ):
            made += ["::", ""]
            block = indent
        made.append(line if block is not None else _escape(line))
    lines[:] = made


def _prose_above(made: list[str]) -> int:
    for line in reversed(made):
        if line.strip():
            return len(line) - len(line.lstrip())
    return 0


def _in_section(made: list[str]) -> bool:
    for line in reversed(made):
        if line.strip() and not line.startswith(" "):
            return re.fullmatch(r"[A-Z][a-z]+:", line.strip()) is not None
    return False


def _escape(line: str) -> str:
    parts = _SPAN.split(line)
    return "".join(
        f"`{part}`" if part.startswith("`") and len(part) > 2 else _SPECIAL.sub(lambda found: "\\" + found[0], part)
        for part in parts
    )
