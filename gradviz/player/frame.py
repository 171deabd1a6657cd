"""A player where there is no kernel: its whole page in one HTML output, in a frame that takes its own height.

Documentation, nbconvert, Quarto, Colab, a learning platform: whatever shows a notebook's HTML shows the player, which works there
as in its page. It asks nothing of any server, and the frame is sandboxed: it can run its own script and reach nothing of the page
around it.
"""

from __future__ import annotations

import html
import os
from dataclasses import dataclass, field

from gradviz.drawing import image_tag

START_HEIGHT = 560
"""Pixels, until the page in the frame has said how tall it is; and where its host lets no script do so."""

# Hosts that take frames away, such as an untrusted notebook, take the style sheet away too: then the still is seen.
_HTML = """\
<div class="gradviz-static">
<style>iframe.gradviz-frame ~ .gradviz-still {{ display: none; }}</style>
<iframe class="gradviz-frame" sandbox="allow-scripts" title="{title}" srcdoc='{page}' \
style="width: 100%; height: {height}px; border: 0; color-scheme: light dark"></iframe>
<script>{script}</script>
<div class="gradviz-still">{still}</div>
</div>
"""

# Each output has this script, and the first that runs does it for all: it gives a frame the height that its page asks for, and
# tells it whether the page around it is dark, which is seen by the colour behind the frame.
_SCRIPT = """\
if (!window.gradvizFrames) {
  window.gradvizFrames = true;
  const frames = () => document.querySelectorAll("iframe.gradviz-frame");
  const dark = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [red, green, blue, alpha = 1] = (getComputedStyle(at).backgroundColor.match(/[\\d.]+/g) ?? [255, 255, 255, 0]).map(Number);
      if (alpha > 0.5) return 0.3 * red + 0.6 * green + 0.1 * blue < 128;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches && getComputedStyle(document.documentElement).colorScheme.includes("dark");
  };
  const tell = (frame) => frame.contentWindow?.postMessage({ gradvizTheme: dark(frame) ? "dark" : "light" }, "*");
  const tellAll = () => requestAnimationFrame(() => frames().forEach(tell));
  addEventListener("message", ({ data, source }) => {
    const height = data?.gradvizHeight;
    if (!(height > 0 && height < 1e5)) return;
    for (const frame of frames()) {
      if (frame.contentWindow !== source) continue;
      frame.style.height = `${Math.ceil(height)}px`;
      tell(frame);
    }
  });
  const watch = new MutationObserver(tellAll);
  for (const element of [document.documentElement, document.body]) watch.observe(element, { attributes: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tellAll);
}
"""


def static_wanted() -> bool:
    """Return True where players are to show themselves as `Static`: in what is built from notebooks and read without a kernel.

    Whoever builds it says so with ``GRADVIZ_STATIC=1`` in the environment of the kernel.
    """
    return os.environ.get("GRADVIZ_STATIC", "0") not in ("", "0")


@dataclass(frozen=True)
class Static:
    """One HTML output that carries a player.

    Attributes
    ----------
    title
        What the frame shows, for those who do not see it.
    page
        The player's page.
    picture
        SVG: the still for hosts that take frames away.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor(2.0, requires_grad=True)
    >>> gv.backprop(w * 3).static()
    <Static '3·w'>
    """

    title: str
    page: str = field(repr=False)
    picture: str = field(repr=False)

    @property
    def html(self) -> str:
        """The output as text, to be put into any page.

        Examples
        --------
        >>> Static("y", "<p>page</p>", "<svg/>").html.startswith('<div class="gradviz-static">')
        True
        """
        # A blank line would end the HTML where it stands in Markdown, and the page's policy knows its script to the letter.
        page = self.page.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&#39;").replace("\n", "&#10;")
        return _HTML.format(
            title=html.escape(self.title),
            page=page,
            height=START_HEIGHT,
            script=_SCRIPT,
            still=image_tag(self.picture, self.title),
        )

    def __repr__(self) -> str:
        return f"<Static {self.title!r}>"

    def _repr_html_(self) -> str:
        return self.html

    def _mime_(self) -> tuple[str, str]:
        """Show it in marimo, which shows HTML as it is."""
        return "text/html", self.html
