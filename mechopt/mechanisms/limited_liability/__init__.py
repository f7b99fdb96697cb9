"""Allocation under limited liability: an online mechanism paid out of realised output only. Source: chassang2021."""

import lazy_loader

from mechopt.paper import PAPERS

PAPER = PAPERS["limited_liability"]

# What the package offers stands in __init__.pyi, once, and is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
