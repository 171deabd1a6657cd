"""The still picture beside a player in a notebook, for when the notebook is opened again without its kernel."""

from __future__ import annotations

from gradviz.drawing import image_tag

_LOST = '.jp-OutputArea-child:has([class^="gradviz-still-"]) + .jp-OutputArea-child > .jupyter-widgets:not(:has(*))'
"""Where JupyterLab says, with nothing but text, that it has no model for the player."""

# A sanitizer that takes the element away and leaves its text finds a comment; in a style sheet the signs mean nothing.
_STYLE = f"""\
<style><!--
{_LOST} {{ visibility: hidden; font-size: 0; }}
{_LOST}::after {{ content: "To step through this, run the notebook again."; visibility: visible;
  font: var(--jp-ui-font-size1) var(--jp-ui-font-family); color: var(--jp-ui-font-color2); }}
--></style>
"""


def still_html(name: str, picture: str, title: str) -> str:
    """Return a picture as HTML of this class, with what JupyterLab is to say below it if it has lost the player."""
    return f'<div class="{name}">{_STYLE}{image_tag(picture, title)}</div>'
