"""Sphinx: ``tox`` builds it without warnings, or ``sphinx-build -W docs docs/_build``."""

from importlib.metadata import version as installed_version

project = "SAM for Biology"
author = "The napari-sam-bio developers"
copyright = f"2026, {author}"
release = version = installed_version("napari-sam-bio")

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
default_role = "py:obj"
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the numpydoc sections say them, with shapes and units
numpydoc_show_class_members = False

html_theme = "furo"
html_title = project
html_theme_options = {
    "source_repository": "https://github.com/napari-sam-bio/napari-sam-bio/",
    "source_branch": "main",
    "source_directory": "docs/",
}
