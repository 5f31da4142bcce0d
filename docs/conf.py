"""Settings of the documentation: `sphinx-build -W docs docs/_build`."""

import stagec

project = "stagec"
author = "The stagec developers"
release = version = stagec.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "stagec"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autodoc_typehints = "description"
