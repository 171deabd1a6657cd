"""What may be typed after ``gradviz``, and which of it is a script's own."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import Any, NoReturn, get_args

import gradviz
from gradviz.drawing.options import PARTS, Detail, Theme
from gradviz.drawing.palette import PALETTES
from gradviz.script import TARGET
from gradviz.usage import printable

DRAW_SUFFIXES = (".svg", ".pdf", ".png", ".dot", ".json", ".html")
PLAY_SUFFIXES = (".html",)

PROGRAM = re.compile(r"-|.+\.pyw?", re.DOTALL)
"""What is run although nobody said ``run``: a Python file, or the standard input."""


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read a command line; where it is wrong, say so and exit with status 2.

    What is found has the name of the command in ``command`` and, in ``arguments``, what follows a script or an expression:
    gradviz's own options are taken out of it, unless they come after ``--``.
    """
    words = list(words)
    if PROGRAM.fullmatch(next((word for word in words if not word.startswith("--torch")), "")):
        words.insert(0, "run")
    own, after = _split(words)
    parser = make_parser()
    given, unknown = parser.parse_known_args(own)
    given.arguments = [*unknown, *after]
    takes = given.command in ("draw", "play", "run")
    if given.command == "play" and not given.target and not given.edit:
        parser.error("the following arguments are required: EXPR|SCRIPT.py:NAME")
    if takes and TARGET.fullmatch(given.target):
        return given
    refused = [word for word in unknown if not takes or word.startswith("-")]
    if refused:
        meant = ""
        if given.command == "lab" and refused[0].startswith("-"):
            meant = f" (for JupyterLab: --jupyter={refused[0]})"
        elif takes and not refused[0].startswith("--"):
            meant = f" (an expression that begins with a minus sign goes into parentheses: '({refused[0]})')"
        parser.error(f"unrecognized arguments: {' '.join(refused)}{meant}")
    return given


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Return what is gradviz's to read, and what belongs to a script without a look at it."""
    command = words[0] if words else ""
    if command == "run":
        place = 1
        while place < len(words) and words[place].startswith("-") and words[place] != "-":
            place += 2 if words[place] == "--torch" else 1
        return words[: place + 1], words[place + 1 :]
    if command in ("draw", "play") and "--" in words:
        place = words.index("--")
        if any(TARGET.fullmatch(word) for word in words[1:place]):
            return words[:place], words[place + 1 :]
    return words, []


class _Parser(argparse.ArgumentParser):
    """Says which command or choice may have been meant."""

    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"invalid choice: '(.+)' \(choose from (.+)\)", message)
        meant = difflib.get_close_matches(wrong[1], re.findall(r"\w+", wrong[2]), 1) if wrong else ()
        super().error(printable(f"{message}; did you mean {meant[0]}?" if meant else message))


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands and their options, which says what may have been meant."""
    parser = _Parser(
        prog="gradviz",
        description="See backpropagation happen: computational graphs with values and gradients, drawn and stepped through.",
        epilog="Start with: gradviz demo",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"gradviz {gradviz.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command")

    demo = commands.add_parser(
        "demo",
        help="run the examples of PyTorch's autograd tutorial and write a gallery of pictures and players",
        description="Run the examples of PyTorch's autograd tutorial. For each, write a picture (.svg), an interactive "
        "player (.html) and the recording (.json), and an index.html that shows them all.",
    )
    demo.add_argument(
        "folder", nargs="?", default="gradviz-demo", metavar="DIR", help="where to (default: gradviz-demo)"
    )
    demo.add_argument("--no-open", action="store_true", help="do not open the gallery in a browser")

    _add_draw_and_play(commands)

    run = commands.add_parser(
        "run",
        help="run a PyTorch program as it is, with gradviz in PyTorch's place",
        usage="gradviz run [--torch=gradviz|real] SCRIPT.py [argument ...]",
        description="Run a program as Python does, without a change: `import torch` means gradviz in it. What follows the "
        "script is the script's. `gradviz SCRIPT.py` and `python -m gradviz SCRIPT.py` do the same.",
        allow_abbrev=False,
    )
    run.add_argument("target", metavar="SCRIPT.py", help="the program; - reads it from the standard input")
    _add_torch(run)

    lab = commands.add_parser(
        "lab",
        help="copy the course's notebooks and open JupyterLab on them",
        description="Copy the course's notebooks into a folder and open JupyterLab there. A notebook that you have worked "
        "in is never overwritten.",
    )
    lab.add_argument(
        "folder", nargs="?", default="gradviz-notebooks", metavar="DIR", help="where to (default: gradviz-notebooks)"
    )
    lab.add_argument("--copy-only", action="store_true", help="copy the notebooks and start nothing")
    lab.add_argument("--no-browser", action="store_true", help="start JupyterLab, and only print its address")
    lab.add_argument(
        "--jupyter",
        action="append",
        default=[],
        metavar="OPTION",
        help="an option for JupyterLab, as in --jupyter=--port=9000; may be repeated",
    )

    doctor = commands.add_parser(
        "doctor",
        help="say what is installed, whether it works, and how to get what is missing",
        description="Try everything that gradviz uses, and say how to get what is missing. The exit status is 0 if what "
        "gradviz needs works, and 1 if not.",
    )
    doctor.add_argument("--json", action="store_true", help="for programs")
    return parser


def _add_draw_and_play(commands: argparse._SubParsersAction[_Parser]) -> None:
    for name, what, suffixes, default in (
        ("draw", "draw the graph of an expression or a script's tensor", DRAW_SUFFIXES, "graph.svg"),
        ("play", "make a player that steps through backpropagation", PLAY_SUFFIXES, "graph.html"),
    ):
        command = commands.add_parser(
            name,
            help=what,
            usage=f"gradviz {name} [options] EXPR [name=value ...]\n       gradviz {name} [options] SCRIPT.py:NAME [argument ...]",
            description=f"{what[0].upper()}{what[1:]}. Gradients are computed too, where the result is a single number. "
            "A value is a number, '[1, 2]', or 'randn(3, 2)'. In a script, `import torch` means gradviz; what follows it is "
            "the script's, except for the options below, and after -- all of it is.",
            epilog=f'For example: gradviz {name} "w*x + b" w=2 x=5 b=3 -o {default}',
            allow_abbrev=False,
        )
        command.add_argument(
            "target",
            metavar="EXPR|SCRIPT.py:NAME",
            help="an expression, or a script and a tensor in it",
            nargs="?" if name == "play" else None,
            default="",
        )
        command.add_argument(
            "-o", "--output", default=default, metavar="FILE", help=f"{' '.join(suffixes)} (default: {default})"
        )
        command.add_argument(
            "--constant",
            action="append",
            default=[],
            metavar="NAME",
            help="a value that gets no gradient; may be repeated",
        )
        command.add_argument("--seed", type=int, default=0, help="for random values (default: 0)")
        _add_torch(command)
        command.add_argument("--forward", action="store_true", help="only the forward pass, without gradients")
        _add_picture(command)
        if name == "draw":
            command.add_argument("--theme", choices=get_args(Theme), default="auto", help="colours")
            command.add_argument("--step", type=int, default=-1, metavar="N", help="which moment (default: the last)")
            command.add_argument("--animate", action="store_true", help="an .svg that plays by itself")
            command.add_argument("--scale", type=float, metavar="X", help="for .png: pixels to one of the picture (2)")
        else:
            command.add_argument("--no-open", action="store_true", help="do not open the page in a browser")
            command.add_argument(
                "--edit", action="store_true", help="a page in which the expression and its values can be changed"
            )


PICTURE = (
    "fit", "width", "height", "direction", "detail", "depth", "every_operation", "focus", "hops", "show", "names",
    "number_format", "palette", "font",
)  # fmt: skip
"""What `Options` has, and the command line too."""


def _add_picture(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--no-fit", dest="fit", action="store_false", help="fold nothing so that it can be read")
    add("--width", type=_length, metavar="W", help="to be read at this width: 640, 84mm, slide, column, cell")
    add("--height", type=_length, metavar="H", help="and at this height")
    add("--direction", choices=("LR", "TB"), help="left to right, or top to bottom")
    add("--detail", choices=get_args(Detail), help="how much is shown")
    add("--depth", type=int, metavar="N", help="how far modules unfold; 0 shows one box for each")
    add(
        "--every-operation", action="store_true", help="show what only turns or reshapes the factors of a product"
    )  # fmt: skip
    add("--focus", metavar="TENSOR", help="show only what is near the tensor of this name")
    add("--hops", type=int, metavar="N", help="how near (default: 2)")
    add("--show", type=_words, metavar="PARTS", help=f"what is shown, of {','.join(PARTS)}")
    add("--name", dest="names", action=_Names, metavar="OLD=NEW", help="another name for a tensor; may be repeated")
    add("--number-format", metavar="FORMAT", help="of numbers, as %%.2f")
    add("--palette", choices=PALETTES, help="of heatmaps")
    add("--font", metavar="FAMILY", help="sans, serif, or a family")


def _length(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


class _Names(argparse.Action):
    """Collects pairs of names."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        old, sign, new = values.partition("=")
        if not sign:
            raise argparse.ArgumentError(self, f"{values!r} is not OLD=NEW")
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), old: new})


def _add_torch(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--torch",
        choices=("gradviz", "real"),
        default="gradviz",
        help="what `import torch` means in a script (default: gradviz)",
    )
