"""How the documentation is built: ``sphinx-build -W docs build/docs`` after ``pip install ".[docs]"``.

It needs no network. The notebooks are run once more, so that their players play on the pages: each carries itself.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

sys.path.insert(0, str(HERE))

import gallery  # noqa: E402
import live  # noqa: E402
import reference  # noqa: E402

import gradviz  # noqa: E402

# Sphinx wants all that it reads under one folder; the notebooks and pictures have places of their own.
for folder in ("notebooks", "assets"):
    shutil.rmtree(HERE / "_copied" / folder, ignore_errors=True)
    (HERE / "_copied" / folder).mkdir(parents=True)
for path in (HERE.parent / "assets").glob("*.svg"):
    shutil.copyfile(path, HERE / "_copied" / "assets" / path.name)
live.write(HERE.parent / "notebooks", HERE / "_copied" / "notebooks")
(HERE / "_copied" / "line.html").write_text(live.line(), encoding="utf-8")
gallery.write(HERE.parent / "assets", HERE / "_copied" / "gallery.txt")
reference.write(HERE / "_copied" / "reference")

project = "gradviz"
author = "the gradviz authors"
copyright = "the gradviz authors, MIT licence"
version = release = gradviz.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "browser"]
nb_execution_mode = "off"
# A player is shown by the page that it carries; a widget would need scripts from the network.
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
nb_ipywidgets_js: dict[str, Any] = {}
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"  # which browsers draw by themselves; MathJax would be fetched from the network

default_role = "py:obj"
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the signatures say what the docstrings say better
autosummary_generate = True

pygments_dark_style = "github-dark"
html_theme = "furo"
html_title = f"gradviz {release}"
html_static_path = ["_static"]
html_favicon = "_static/icon.svg"  # without one, a browser asks the host for its own
html_css_files = ["site.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#9c5a00", "color-brand-content": "#1f5fa8"},
    "dark_css_variables": {"color-brand-primary": "#f0a63c", "color-brand-content": "#7db4ee"},
}
html_copy_source = False


def inline_math(self: Any, node: nodes.math) -> None:
    """Write a formula in a line of text."""
    self.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def display_math(self: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    self.body.append(tex2mathml(node.astext(), as_block=True))
    raise nodes.SkipNode


def cells(app: Any, page: str, *_: Any) -> None:
    """Let the programs of a page be changed and run."""
    if page == "try":
        app.add_js_file("cells.js", loading_method="defer")


def setup(app: Any) -> None:
    """Register what is above."""
    if app.tags.has("pyodide"):
        app.connect("html-page-context", cells)
    app.add_html_math_renderer("mathml", (inline_math, None), (display_math, None))
