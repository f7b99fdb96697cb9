"""Linked VCG: repeated allocation of durable resources, paid by linked VCG transfers. Source: zhu2021."""

import lazy_loader

from mechopt.paper import PAPERS

PAPER = PAPERS["linked_vcg"]

# What the package offers stands in __init__.pyi, once, and is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
