"""mechopt: solve, check, design and verify allocation mechanisms, with a guarantee on every result.

The verbs of the command line are here as functions: `mechopt.load`, `mechopt.solve`, `mechopt.check`,
`mechopt.explain`, `mechopt.design`, `mechopt.simulate`, `mechopt.formulate`, `mechopt.verify`. No submodule may carry
the name of a verb: importing it would hide the function.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mechopt.api import Model, audit, check, design, explain, formulate, load, simulate, solve, verify

__version__ = "0.1.0"
__all__ = [
    "Model",
    "__version__",
    "audit",
    "check",
    "design",
    "explain",
    "formulate",
    "load",
    "simulate",
    "solve",
    "verify",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    """Import the verbs when they are first used: `import mechopt` stays light."""
    if name in __all__:
        from mechopt import api

        return getattr(api, name)
    raise AttributeError(f"module 'mechopt' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What completion offers: the verbs, used or not."""
    return __all__
