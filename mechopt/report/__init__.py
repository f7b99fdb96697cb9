"""Results for people: rich text for the terminal, one HTML page for everywhere else."""

from __future__ import annotations

from mechopt.report.page import page
from mechopt.report.text import show, show_checks

__all__ = ["page", "show", "show_checks"]
