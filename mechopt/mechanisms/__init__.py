"""The mechanisms: one package each, found by being here. A new one needs no change anywhere else."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from mechopt.catalog import nearest
from mechopt.errors import InstanceError

if TYPE_CHECKING:
    from mechopt.finding import Finding
    from mechopt.instance import Document
    from mechopt.outcome import Outcome
    from mechopt.paper import Paper
    from mechopt.picture import Picture

MECHANISMS: tuple[str, ...] = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


class Mechanism(Protocol):
    """The verbs that every mechanism package offers.

    A package may offer more, listed in its `__all__`, see `offered`:

    - `design(environment, document, *, seed, workers, progress) -> Outcome`: parameters, as [design] asks for them;
    - `simulate(environment, document, *, seed, workers, progress) -> Outcome`: many rounds, as [simulate] asks;
    - `run_tasks(environment, *, workers, progress) -> Outcome`: `run`, its independent tasks on several processes;
    - `explain(environment, outcome, agent) -> str`: why an agent gets what it gets, in words;
    - `design_pictures(environment, outcome)` and `simulate_pictures(environment, outcome)`: the plots of these.
    """

    PAPER: Paper

    def from_document(self, document: Document) -> Any:
        """The validated environment that a model document describes."""

    def run(self, environment: Any) -> Outcome:
        """The mechanism's outcome."""

    def check(self, environment: Any, outcome: Outcome) -> Sequence[Finding]:
        """The properties that apply to this instance."""

    def pictures(self, environment: Any, outcome: Outcome) -> Sequence[Picture]:
        """The plots of a report, each with its numbers."""


def get(name: object, *, file: object | None = None) -> Mechanism:
    """The mechanism of that name.

    Raises:
        InstanceError: there is none.
    """
    if name not in MECHANISMS:
        known = nearest(str(name), MECHANISMS)
        raise InstanceError(f"there is no mechanism {name!r}{known}", file=file, key="mechanism")
    return cast(Mechanism, importlib.import_module(f"{__name__}.{name}"))


def offers(name: str, verb: str) -> bool:
    """Whether a mechanism has a verb that not every one has, such as `design`."""
    return verb in vars(get(name))["__all__"]


def offered(name: str, verb: str) -> Any:
    """A verb that not every mechanism has, such as `design`.

    Raises:
        InstanceError: this mechanism does not have it; names those that do.
    """
    if not offers(name, verb):
        having = [other for other in MECHANISMS if offers(other, verb)]
        hint = f"; {', '.join(having)} can" if having else ""
        raise InstanceError(f"{name} cannot {verb}{hint}", key="mechanism")
    return getattr(get(name), verb)
