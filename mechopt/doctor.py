"""A self-test of an installation: which versions are there, and do solver, certificate, proof and models work?"""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from mechopt import api, catalog, mechanisms
from mechopt.errors import MechoptError
from mechopt.outcome import Guarantee, Outcome

LIBRARIES = {
    "numpy": "arrays",
    "scipy": "distributions, roots",
    "highspy": "linear and mixed-integer programs",
    "python-flint": "exact certificates",
    "polars": "tables",
    "matplotlib": "pictures",
    "pyomo": "the papers' programs (extra models)",
    "cvxpy": "the papers' programs (extra models)",
    "sympy": "symbolic evidence (extra verify)",
    "z3-solver": "proofs over the reals (extra verify)",
    "hypothesis": "sampled evidence (extra verify)",
    "numba": "compiled kernels (extra compiled)",
    "duckdb": "large data (extra big)",
    "pyarrow": "large data (extra big)",
}
REQUIRED = ("numpy", "scipy", "highspy", "python-flint", "polars", "matplotlib")


def examine() -> Outcome:
    """Versions, and a short test of every part: about ten seconds.

    Returns:
        `tables.libraries` and `tables.tests`; status "healthy", or "ill" where a required library is missing or a test
        failed. A test that needs an extra which is not installed says so and is left out.
    """
    libraries = {name: _version(name) for name in LIBRARIES}
    tests = [(name, *_timed(test)) for name, test in _tests(libraries)]
    ill = [name for name in REQUIRED if libraries[name] is None] + [name for name, right, _, _ in tests if not right]
    return Outcome(
        mechanism="mechopt",
        title="mechopt doctor",
        status="ill" if ill else "healthy",
        guarantee=Guarantee(kind="exact", detail="each test compares with a known answer"),
        summary={
            "python": platform.python_version(),
            "platform": platform.platform(),
            "mechanisms": ", ".join(mechanisms.MECHANISMS),
            "models": len(catalog.models()),
            "tests_failed": len(ill),
        },
        tables={
            "libraries": {
                "library": list(libraries),
                "version": [version or "not installed" for version in libraries.values()],
                "for": list(LIBRARIES.values()),
            },
            "tests": {
                "test": [name for name, *_ in tests],
                "result": [result for _, _, result, _ in tests],
                "seconds": [round(seconds, 3) for *_, seconds in tests],
            },
        },
        warnings=[f"{name} failed: reinstall mechopt, or report this table" for name in ill],
    )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _tests(libraries: dict[str, str | None]) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "linear program with an exact certificate", _certificate
    if libraries["z3-solver"]:
        yield "proof over the reals", _proof
    if libraries["pyomo"]:
        yield "program in Pyomo against the engine", _program
    for name in mechanisms.MECHANISMS:
        yield f"starting document of {name}", lambda name=name: _starter(name)  # type: ignore[misc]


def _timed(test: Callable[[], str]) -> tuple[bool, str, float]:
    started = time.perf_counter()
    try:
        result, right = test(), True
    except (MechoptError, ArithmeticError, ImportError) as error:
        result, right = f"FAILED: {type(error).__name__}: {error}", False
    return right, result, time.perf_counter() - started


def _certificate() -> str:
    from mechopt import certify, solver
    from mechopt.program import LinearProgram

    # max x + y, 3x + y <= 1, x + 3y <= 1: x = y = 1/4.
    program = LinearProgram.from_dense(
        [[3, 1], [1, 3]], sense="max", cost=[1, 1], lower=0.0, upper=float("inf"), row_lower=[-float("inf")] * 2,
        row_upper=[1, 1],
    )  # fmt: skip
    proof: Any = certify.certify(program, solver.solve(program))
    if proof.objective != Fraction(1, 2):
        raise ArithmeticError(f"the optimum is 1/2, not {proof.objective}")
    return "optimum 1/2, proven in rationals"


def _proof() -> str:
    ledger = api.verify("overage.proposition_9")
    record = ledger.records[0]
    if record.verdict != "proved":
        raise ArithmeticError(f"overage.proposition_9 is {record.verdict}")
    return f"{record.label}: {record.verdict}"


def _program() -> str:
    outcome = api.compare("overage/cap_and_share", program="clearing_lp")
    if not all(finding.holds for finding in outcome.checks):
        raise ArithmeticError("the program's optimum is not the engine's")
    return "same optimum"


def _starter(name: str) -> str:
    outcome = api.check(catalog.starter(name))
    failed = [finding.property for finding in outcome.checks if not finding.holds]
    if failed:
        raise ArithmeticError(f"check fails: {', '.join(failed)}")
    return f"{outcome.status}, {outcome.guarantee.kind}; {len(outcome.checks)} checks hold"
