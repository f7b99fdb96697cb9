"""Numbers and labels on the pictures of a period."""

from __future__ import annotations

from typing import Any


def short(value: Any, digits: int = 6) -> float:
    """Rounded for a table beside a picture: whole numbers stay whole."""
    return round(float(value)) if 1e5 <= abs(value) < 1e15 else float(f"{float(value):.{digits}g}")


def digits(value: float) -> str:
    """An amount for a legend or a caption."""
    return f"{value:,.0f}" if 1e3 <= value < 1e15 else f"{value:.4g}"


def label(text: str, units: str) -> str:
    """An axis label; units are the user's words: no formulas, no control characters."""
    words = "".join(c if c.isprintable() else " " for c in units).strip()[:40].replace("$", r"\$")
    return f"{text} ({words})" if words else text
