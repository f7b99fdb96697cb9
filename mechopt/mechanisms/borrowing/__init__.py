"""Borrowing a reusable resource: who goes first, transfers that make truth an equilibrium, and a budget over rounds.

Source: zheng2023.
"""

import lazy_loader

from mechopt.paper import PAPERS

PAPER = PAPERS["borrowing"]

# What the package offers stands in __init__.pyi, once, and is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
