"""One HTML file with everything in it: the picture, the steps, the player. It asks nothing of any server."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from gradviz.drawing import Drawing
from gradviz.drawing.theme import dark_style
from gradviz.player.carried import Part, carry, size, without_large
from gradviz.player.finding import findable
from gradviz.player.folds import at_depth, depths, every_operation, with_every_operation
from gradviz.player.insides import Insides
from gradviz.player.laboratory import program_data, shown_data
from gradviz.player.payload import at_step, payload, picture_of, turned
from gradviz.recording.model import Recording

_STATIC = Path(__file__).parent / "static"

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="{generator}">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<h1>{title}</h1>
<div id="gradviz-page"></div>
<div id="gradviz-picture">
{picture}
</div>
<noscript>
<style>#gradviz-picture {{ display: block; }}</style>
<p>Stepping through needs JavaScript; this is the finished picture.</p>
</noscript>
<script type="application/octet-stream" id="gradviz-payload">{payload}</script>
<script type="application/octet-stream" id="gradviz-style">{player_style}</script>
<script type="application/octet-stream" id="gradviz-program">{program}</script>
{parts}<script type="module">{start}</script>
</body>
</html>
"""

_START = """\
async function inflated(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
}
try {
  const [style, program] = await Promise.all(["gradviz-style", "gradviz-program"].map(inflated));
  document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
  document.head.append(Object.assign(document.createElement("script"), { type: "module", textContent: program }));
} catch {
  document.getElementById("gradviz-picture").style.display = "block";
}
"""
"""The player is packed, which makes a page smaller by half; this unpacks it. Where that fails the finished picture is shown."""

_STYLE = """\
body { margin: 0 auto; padding: 12px 20px 20px; max-width: 1720px; background: #fff; color: #1f2328;
  font: 16px/1.5 system-ui, Helvetica, Arial, sans-serif; --gradviz-height: max(300px, calc(100vh - 134px));
  --gradviz-least: var(--gradviz-height); --gradviz-screen: max(480px, calc(100vh - 132px)); }
h1 { margin: 0 0 10px; font-size: 19px; overflow-wrap: anywhere; }
#gradviz-picture { display: none; overflow: auto; }
@media (prefers-color-scheme: dark) { body { background: #010409; color: #e6edf3; } }
@media (max-width: 800px) {
  body { padding: 8px; --gradviz-height: 60vh; --gradviz-screen: max(480px, calc(100vh - 120px)); }
  h1 { margin: 4px 4px 8px; font-size: 17px; }
}
:root[data-framed] body { padding: 0; background: none; --gradviz-height: 520px; --gradviz-least: 400px;
  --gradviz-screen: 560px; }
:root[data-framed] h1 { display: none; }
:root[theme="dark"] body { color: #e6edf3; }
:root[theme="light"] body { color: #1f2328; }
:root[theme="dark"] { color-scheme: dark; }
:root[theme="light"] { color-scheme: light; }
"""


FOLDS_UP_TO = 300
"""Tensors and operations in a recording of which a page carries a picture for each depth of its modules."""

QUICK = 7
"""How hard a page's own data is compressed: to try harder takes twice the time for half a percent."""

BYTES_OF_FOLDS = 600_000
"""About so many bytes of a page are these pictures."""


def page(
    recording_or_drawing: Recording | Drawing,
    *,
    title: str | None = None,
    predict: bool = False,
    grain: str = "operation",
    direction: str = "auto",
) -> str:
    """Write a recording as one self-contained HTML page that steps through it.

    The page works from a disk, a mail or any web server: nothing is loaded from elsewhere, and its content security
    policy forbids it. The same recording gives the same bytes.

    Parameters
    ----------
    recording_or_drawing
        What to show; a drawing keeps its direction.
    title
        The heading; by default the recording's own.
    predict
        Ask the reader for each gradient before it is shown.
    grain
        ``"operation"``: a step is an operation; ``"event"``: each backward step is taken apart.
    direction
        Which way data flows at first: ``"LR"``, ``"TB"``, or ``"auto"``: as each picture is drawn.

    Returns
    -------
    str
        The HTML text, to be saved as UTF-8.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor(2.0, requires_grad=True)
    >>> text = page(gv.draw(w * 3), predict=True)
    >>> text.startswith("<!doctype html>")
    True
    """
    final = at_step(recording_or_drawing, -1)
    insides = Insides(final)
    data = payload(final, insides=insides)
    heading = title or data["title"] or "Backpropagation, step by step"
    heading = heading.encode("utf-8", "replace").decode("utf-8")  # a name may hold half a surrogate pair
    # The picture is in the page once, as markup: a browser reads that faster than text, and without JavaScript too.
    picture = final.to_svg(theme="light", prefix=data["prefix"])
    folded = _folds(final)
    data |= {"title": heading, "svg": None, "predict": predict, "grain": grain}
    data |= {"folds": {name: fold for name, (fold, _) in folded.items()}}
    data |= {"turned": turned(final, data["prefix"]), "wanted": direction}
    program = program_data(final.recording)
    parts, carried = carry(insides, size(data, program))
    parts += _laboratory(program, final, _pictures(folded) | {key: insides[key].drawing for key in carried})
    data |= {"found": [item for item in findable(insides) if item["inside"] in carried]} if data["trail"] else {}
    data["opens"] = {id: key for id, key in data["opens"].items() if key in carried}
    _reach(data)
    return document(data, picture, heading, final.recording.producer, parts=parts)


def document(
    data: dict[str, Any],
    picture: str,
    heading: str,
    producer: str,
    *,
    bundle: str = "player",
    style: str = "",
    parts: Sequence[Part] = (),
) -> str:
    """Return a page with a payload, the program that shows it, and a picture for readers without JavaScript.

    Parameters
    ----------
    data
        The payload.
    picture
        SVG text.
    heading, producer
        Plain text.
    bundle
        Which front end: ``"player"`` or ``"training"``.
    style
        Further style rules for the page.
    parts
        What is read only when it is asked for: of each its kind, its name and what it says.
    """
    program = script(bundle)
    return _PAGE.format(
        policy=html.escape(_policy(_START, program, *(part for kind, _, part in parts if kind == "engine"))),
        generator=html.escape(producer or "gradviz"),
        title=html.escape(heading),
        style=_STYLE + style + _dark_without_script(),
        player_style=_kept(style_sheet(bundle)),
        picture=picture,
        payload=packed(data),
        parts="".join(
            f'<script type="application/octet-stream" data-gradviz-{kind}="{html.escape(name)}">{packed(part)}</script>\n'
            for kind, name, part in parts
        ),
        program=_kept(program),
        start=_START,
    )


def script(bundle: str = "player") -> str:
    """Return a front end: an ES module that a notebook imports, and that starts by itself in a saved page."""
    return "".join((_STATIC / f"{part}.js").read_text(encoding="utf-8") for part in ("backprop", bundle))


def style_sheet(bundle: str = "player") -> str:
    """Return a front end's style sheet, and the drawing's dark look for where the page around the player is dark."""
    # Within :where() a selector weighs nothing, so the look of the current step prevails over the dark look.
    dark = dark_style(':where(.gradviz-player[data-theme="dark"] .gv)')
    return (_STATIC / f"{bundle}.css").read_text(encoding="utf-8") + dark + "\n"


def _folds(drawing: Drawing) -> dict[str, tuple[dict[str, Any], Drawing]]:
    """Return payload and drawing for other depths of the modules, by depth; and for the other choice of ``every`` operation.

    A page has no Python to fold them. It has those for which there is room, the nearest depths first; without the entries of
    large tensors, if with them there is none.
    """
    graph = drawing.recording.graph
    now, most = depths(drawing)
    if len(graph.tensors) + len(graph.operations) > FOLDS_UP_TO:
        return {}
    left, folds = BYTES_OF_FOLDS, dict[str, tuple[dict[str, Any], Drawing]]()
    every = every_operation(drawing)
    for way in (range(now - 1, -1, -1), range(now + 1, most + 1), () if every is None else ("every",)):
        for name in way:
            other = with_every_operation(drawing, not every) if isinstance(name, str) else at_depth(drawing, name)
            fold = picture_of(other, paths=name == "every") | {"at": f"fold {name}"}
            fold["turned"] = turned(other, fold["prefix"])
            taking = size(fold)
            if taking > left:
                without_large(fold["facts"]["frames"])
                taking = size(fold)
            if taking > left:
                break  # and what is farther would have to be reached through this
            left -= taking
            folds[str(name)] = fold, other
    return folds


def _pictures(folds: Mapping[str, tuple[dict[str, Any], Drawing]]) -> dict[str, Drawing]:
    """Return the other pictures of the whole that a page has, by what the front end calls them."""
    return {fold["at"]: drawing for fold, drawing in folds.values()}


def _laboratory(program: dict[str, Any], final: Drawing, pictures: Mapping[str, Drawing]) -> list[Part]:
    """Return what the page needs to run its computation: the program, where each picture's numbers stand in it, the engine."""
    parts: list[Part] = [("program", "", program)]
    if "missing" in program:
        return parts
    for key, drawing in pictures.items():
        parts.append(("shown", key, shown_data(final.recording, drawing) or {}))
    return [*parts, ("engine", "", engine())]


def engine() -> str:
    """Return what runs computations: a script of its own, which a page loads when it is first needed."""
    return (_STATIC / "engine.js").read_text(encoding="utf-8")


def _reach(data: dict[str, Any]) -> None:
    """Say of a page's pictures to which depths one can fold and unfold them there."""
    all_of_them = [data, *data["folds"].values()]
    carried = [data["depth"]["now"]] if data["depth"] else []
    carried += [int(name) for name in data["folds"] if name != "every"]
    for one in all_of_them:
        if one["depth"]:
            ends = {"least": min(carried), "most": max(carried)}
            one["depth"] = {"now": one["depth"]["now"], **ends} if len(carried) > 1 else None


def _dark_without_script() -> str:
    """Return the dark look of a picture that no player has taken over."""
    return f"@media (prefers-color-scheme: dark) {{ {dark_style('#gradviz-picture')} }}\n"


def _policy(*scripts: str) -> str:
    """Return a policy under which these scripts run and no other, and nothing is ever requested."""
    digests = []
    for script in scripts:
        digest = hashlib.sha256(script.encode("utf-8")).digest()
        digests.append(f"'sha256-{base64.b64encode(digest).decode('ascii')}'")
    return (
        f"default-src 'none'; script-src {' '.join(digests)}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def packed(data: Any) -> str:
    """Return JSON data as the front end unpacks it: compressed, in letters that stay text inside a script element."""
    return _letters(json.dumps(data, separators=(",", ":"), allow_nan=False), QUICK)


@lru_cache(maxsize=8)  # the programs of pages, which are the same in each
def _kept(text: str) -> str:
    return _letters(text)


def _letters(text: str, effort: int = 9) -> str:
    return base64.b64encode(zlib.compress(text.encode("utf-8"), effort)).decode("ascii")
