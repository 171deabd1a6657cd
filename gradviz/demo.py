"""``gradviz demo``: the tutorial's examples as a gallery of pictures and players."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from gradviz import __version__
from gradviz.drawing import draw_recording
from gradviz.examples import EXAMPLES, Example, run
from gradviz.player import page
from gradviz.recording import Recording, dumps
from gradviz.recording.files import write_file

PAGE_WIDTH = 1090
"""What the gallery leaves for a picture, in pixels."""

SMALLEST = 0.85
"""So far a picture may be scaled down to fit, and still be read from the back of a room."""


def write_demo(folder: Path, wrote: Callable[[Path], None] = lambda path: None) -> Path:
    """Run every example and write its picture, player and recording, and a page that shows them all.

    Parameters
    ----------
    folder
        Where to; it must exist.
    wrote
        Told of each file as soon as it is there.

    Returns
    -------
    pathlib.Path
        The gallery, ``index.html``.
    """
    cards = []
    for example in EXAMPLES:
        recording = run(example).recording
        drawing = draw_recording(recording)
        if drawing.layout.width * SMALLEST > PAGE_WIDTH:  # a page scrolls down, not to the side
            drawing = draw_recording(recording, direction="TB")
        for suffix, content in (
            (".svg", drawing.to_svg()),
            (".html", page(drawing)),
            (".json", dumps(recording)),
        ):
            wrote(write_file(folder / f"{example.name}{suffix}", content))
        cards.append(_card(example, recording))
    index = write_file(folder / "index.html", _PAGE.format(cards="\n".join(cards), version=escape(__version__)))
    wrote(index)
    return index


def _card(example: Example, recording: Recording) -> str:
    title, name = escape(example.title), escape(example.name)
    steps = len(recording.frames)
    return f"""\
<article>
  <a class="picture" href="{name}.html" tabindex="-1" aria-hidden="true"><img src="{name}.svg" alt=""></a>
  <div class="words">
    <h2>{title}</h2>
    <p>{escape(example.words)}</p>
    <p class="links"><a class="play" href="{name}.html" aria-label="Step through: {title}">Step through it
    <span>{steps} steps</span></a>
    <a href="{name}.svg" aria-label="Picture: {title}">SVG</a> <a href="{name}.json" aria-label="Recording: {title}">JSON</a></p>
  </div>
</article>"""


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'">
<link rel="icon" href="data:,">
<title>gradviz: backpropagation, made visible</title>
<style>
:root {{ --page: #f6f8fa; --card: #ffffff; --ink: #1f2328; --muted: #59636e; --line: #d1d9e0; --blue: #0550ae; color-scheme: light dark; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --page: #0d1117; --card: #151b23; --ink: #e6edf3; --muted: #9198a1; --line: #3d444d; --blue: #79c0ff; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--page); color: var(--ink); font: 17px/1.55 Helvetica, Arial, "Liberation Sans", sans-serif; }}
main {{ max-width: 1180px; margin: 0 auto; padding: 40px 24px 64px; }}
h1 {{ margin: 0 0 8px; font-size: 34px; line-height: 1.2; }}
header p {{ margin: 0 0 32px; max-width: 44em; color: var(--muted); }}
article {{ background: var(--card); border: 1px solid var(--line); border-radius: 14px; margin: 0 0 24px; overflow: hidden; }}
.picture {{ display: block; padding: 24px; border-bottom: 1px solid var(--line); }}
.picture img {{ display: block; margin: 0 auto; max-width: 100%; }}
.words {{ padding: 20px 24px 22px; }}
h2 {{ margin: 0 0 4px; font-size: 22px; }}
.words p {{ margin: 0 0 14px; max-width: 46em; }}
.words .links {{ margin: 0; display: flex; gap: 18px; align-items: center; flex-wrap: wrap; }}
a {{ color: var(--blue); }}
.play {{ background: #0550ae; color: #ffffff; text-decoration: none; font-weight: 600; border-radius: 8px; padding: 8px 16px; }}
.play span {{ font-weight: 400; opacity: .85; margin-left: 8px; }}
.play:hover, .play:focus-visible {{ background: #033d8b; }}
a:focus-visible {{ outline: 3px solid var(--blue); outline-offset: 3px; }}
footer {{ color: var(--muted); font-size: 14px; }}
</style>
</head>
<body>
<main>
<header>
<h1>Backpropagation, made visible</h1>
<p>The examples of PyTorch's autograd tutorial, run by gradviz. Each card is a number or a matrix: its value in blue, its
gradient in brown. Each disc is an operation; the label on its edge is what the gradient is multiplied with on the way
back.</p>
</header>
{cards}
<footer>Made by gradviz {version}. These files need no network: hand them on as they are.</footer>
</main>
</body>
</html>
"""
