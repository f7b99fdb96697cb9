"""Documents that the borrowing tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mechopt import instance
from mechopt.mechanisms.borrowing.document import from_document
from mechopt.mechanisms.borrowing.environment import Environment

PAPER: dict[str, Any] = {
    "mechanism": "borrowing",
    "arithmetic": "exact",
    "values": {
        "f": {"kind": "polynomial", "coefficients": [1, -1]},
        "g": {"kind": "polynomial", "coefficients": ["1/2", "-1/2"]},
    },
    "agents": [{"beliefs": {"f": "1/2", "g": "1/2"}, "time": {"family": "uniform"}}] * 2,
}


@pytest.fixture
def paper() -> Callable[..., dict[str, Any]]:
    """The paper's example as a document, with changes; None leaves a key out."""

    def make(**changes: Any) -> dict[str, Any]:
        return {key: value for key, value in {**PAPER, **changes}.items() if value is not None}

    return make


@pytest.fixture
def read(paper: Callable[..., dict[str, Any]]) -> Callable[..., Environment]:
    """The paper's example as an environment, with changes."""
    return lambda **changes: from_document(instance.read_document(paper(**changes)))
