"""Overage-proportional rationing: period-end settlement where slack covers overage in proportion.

Source: lengyel2025.
"""

import lazy_loader

from mechopt.paper import PAPERS

PAPER = PAPERS["overage"]

# What the package offers stands in __init__.pyi, once, and is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
