"""The errors that mechopt raises. Each one is a line a user can act on."""

from __future__ import annotations

from typing import Any


class MechoptError(Exception):
    """Base of all errors of mechopt; `exit_status` is what the command line returns for it."""

    exit_status = 1


class InstanceError(MechoptError, ValueError):
    """The input is wrong: says where (file, key, row), what is wrong and what is allowed.

    Args:
        problem: what is wrong with the value, and what is allowed.
        file: the document or table at fault, if there is one.
        key: the key or column at fault, if there is one.
        row: the record at fault, counted from 1 (a header line is not counted).
    """

    exit_status = 2

    def __init__(
        self, problem: str, *, file: object | None = None, key: str | None = None, row: int | None = None
    ) -> None:
        self.problem, self.file, self.key, self.row = problem, file, key, row
        place = [str(file)] if file is not None else []
        if key is not None or row is not None:
            place.append(" ".join(([key] if key else []) + ([f"(row {row})"] if row is not None else [])))
        super().__init__(" ".join(": ".join([*place, problem]).split()))

    def at(self, *, file: object | None = None, key: str | None = None) -> InstanceError:
        """The same problem, with the file or key filled in where it was not known yet."""
        return type(self)(
            self.problem,
            file=self.file if self.file is not None else file,
            key=self.key if self.key is not None else key,
            row=self.row,
        )


class CatalogError(MechoptError, LookupError):
    """A shipped model, claim or mechanism of that name does not exist, or its file cannot be loaded."""

    exit_status = 2


class SolveError(MechoptError, RuntimeError):
    """The solver did not reach a proven optimum; says its status and what to try."""

    exit_status = 3


class LimitError(SolveError):
    """A limit was met before any feasible point was found; `bound` is what is proven of the optimum all the same.

    Args:
        message: one line.
        bound: no feasible point is better.
    """

    def __init__(self, message: str, bound: float) -> None:
        super().__init__(message)
        self.bound = bound

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.bound)  # it comes back whole from another process


class CertificateError(MechoptError, ArithmeticError):
    """An answer was found but its certificate does not check; the answer is withheld."""

    exit_status = 3
