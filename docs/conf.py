"""The documentation site: `make docs` writes it to docs/_build. The pages are also readable as they are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mechopt import __version__

sys.path.insert(0, str(Path(__file__).parent / "_site"))

import ledger_pages
import reference_pages

HERE = Path(__file__).parent

project = "mechopt"
author = "The mechopt developers"
copyright = "The mechopt developers"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "_site", "examples", "Thumbs.db"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
nitpicky = False

myst_heading_anchors = 3  # links to headings, as a code forge makes them
myst_enable_extensions = ["deflist"]
suppress_warnings = [
    "misc.highlighting_failure",  # excerpts of TOML and Python that are no whole program
    "ref.python",  # several attributes of one name, listed in one line of a docstring
]

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_custom_sections = [("Source", "notes")]
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"mechopt {__version__}"
html_copy_source = False
html_show_sphinx = False


def setup(app: Any) -> None:
    """Generate the reference and the ledger's pages before Sphinx looks for its sources."""
    ledger_pages.write(HERE / "ledger", app.config.overrides.get("mechopt_ledger"))
    reference_pages.write(HERE / "reference")
    app.add_config_value("mechopt_ledger", None, "env", types=(str,))
    app.connect("autodoc-process-docstring", reference_pages.safe_docstring, priority=400)  # before napoleon
