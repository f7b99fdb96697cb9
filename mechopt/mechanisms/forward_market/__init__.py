"""Forward markets: holdings bought before values are known, so that an efficient spot market pays. Source: liu2020."""

import lazy_loader

from mechopt.paper import PAPERS

PAPER = PAPERS["forward_market"]

# What the package offers stands in __init__.pyi, once, and is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
