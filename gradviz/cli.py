"""The command line: ``gradviz demo``, ``draw``, ``play``, ``lab`` and ``doctor``."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import gradviz
from gradviz.expression import SCRIPT, UsageError, evaluate, in_short, parse_value, run_script
from gradviz.recording import Recording, record_graph

DRAW_SUFFIXES = (".svg", ".pdf", ".png", ".dot", ".json", ".html")
PLAY_SUFFIXES = (".html",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 for what the user can mend."""
    parser = _parser()
    given, unknown = parser.parse_known_args(arguments)
    if unknown:
        meant = f" (for JupyterLab: --jupyter={unknown[0]})" if given.run is _lab and unknown[0][0] == "-" else ""
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
    try:
        return given.run(given)
    except UsageError as error:
        print(f"gradviz: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("gradviz: interrupted", file=sys.stderr)
        return 130


class _Parser(argparse.ArgumentParser):
    """Says which command or choice may have been meant."""

    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"invalid choice: '(.+)' \(choose from (.+)\)", message)
        meant = difflib.get_close_matches(wrong[1], re.findall(r"\w+", wrong[2]), 1) if wrong else ()
        super().error(f"{message}; did you mean {meant[0]}?" if meant else message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="gradviz",
        description="See backpropagation happen: computational graphs with values and gradients, drawn and stepped through.",
        epilog="Start with: gradviz demo",
    )
    parser.add_argument("--version", action="version", version=f"gradviz {gradviz.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

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
    demo.set_defaults(run=_demo)

    for name, run, what, suffixes, default in (
        ("draw", _draw, "draw the graph of an expression or a script's tensor", DRAW_SUFFIXES, "graph.svg"),
        ("play", _play, "make a player that steps through backpropagation", PLAY_SUFFIXES, "graph.html"),
    ):
        command = commands.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}. Gradients are computed too, where the result is a single number.",
            epilog=f'For example: gradviz {name} "w*x + b" w=2 x=5 b=3 -o {default}',
        )
        command.add_argument(
            "target", metavar="EXPR|SCRIPT.py:NAME", help="an expression, or a script and a tensor in it"
        )
        command.add_argument(
            "values", nargs="*", default=[], metavar="name=value", help="a number, '[1, 2]', or 'randn(3, 2)'"
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
        command.set_defaults(run=run)
        if name == "draw":
            command.add_argument("--direction", choices=("LR", "TB"), help="left to right, or top to bottom")
            command.add_argument("--theme", choices=("auto", "light", "dark", "print"), default="auto", help="colours")
            command.add_argument("--detail", choices=("auto", "full", "compact", "structure"), help="how much is shown")
            command.add_argument(
                "--depth", type=int, metavar="N", help="how far modules unfold; 0 shows one box for each"
            )
            command.add_argument("--focus", metavar="TENSOR", help="show only what is near the tensor of this name")
            command.add_argument("--animate", action="store_true", help="an .svg that plays by itself")
            command.add_argument("--scale", type=float, metavar="X", help="for .png: pixels to one of the picture (2)")
        else:
            command.add_argument("--no-open", action="store_true", help="do not open the page in a browser")

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
    lab.set_defaults(run=_lab)

    doctor = commands.add_parser(
        "doctor",
        help="say what is installed, whether it works, and how to get what is missing",
        description="Try everything that gradviz uses, and say how to get what is missing. The exit status is 0 if what "
        "gradviz needs works, and 1 if not.",
    )
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.set_defaults(run=_doctor)
    return parser


# --- draw and play ----------------------------------------------------------------------------------------------------


def _draw(given: argparse.Namespace) -> int:
    output = _checked_output(given.output, DRAW_SUFFIXES)
    from gradviz.drawing import draw_recording

    names = ("direction", "theme", "detail", "depth", "focus")
    try:
        drawing = draw_recording(_record(given), **{name: getattr(given, name) for name in names})
    except ValueError as error:
        raise UsageError(str(error)) from None
    if output.suffix.lower() == ".html":
        return _write_page(drawing, output)
    return _write(output, lambda: drawing.save(output, animate=given.animate, scale=given.scale))


def _play(given: argparse.Namespace) -> int:
    output = _checked_output(given.output, PLAY_SUFFIXES)
    status = _write_page(_record(given), output)
    if status == 0 and not given.no_open:
        open_page(output)
    return status


def _write_page(shown: Any, output: Path) -> int:
    from gradviz.player import page
    from gradviz.recording.files import write_file

    return _write(output, lambda: write_file(output, page(shown)))


def _write(output: Path, write: Any) -> int:
    try:
        write()
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror or error}") from None
    except (ValueError, ImportError) as error:
        raise UsageError(f"cannot write {output}: {error}") from None
    print(f"wrote {output}")
    return 0


def _checked_folder(name: str) -> Path:
    folder = Path(name)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"cannot write to {name}: it is a file, not a folder")
    return folder


def _checked_output(name: str, suffixes: Sequence[str]) -> Path:
    """Look at the output's name before anything is computed."""
    output = Path(name)
    if output.suffix.lower() not in suffixes:
        raise UsageError(f"cannot write {name}: the name must end in {' or '.join(suffixes)}")
    if output.is_dir():
        raise UsageError(f"cannot write {name}: it is a folder")
    if not output.parent.is_dir():
        raise UsageError(f"cannot write {name}: there is no folder {output.parent}")
    if not os.access(output.parent, os.W_OK):
        raise UsageError(f"cannot write {name}: no permission to write to {output.parent}")
    return output


def _record(given: argparse.Namespace) -> Recording:
    gradviz.manual_seed(given.seed)
    scripted = SCRIPT.fullmatch(given.target) is not None
    if scripted:
        if given.values:
            raise UsageError(f"values such as {given.values[0]!r} go with an expression; a script has its own")
        result, variables = run_script(given.target)
    else:
        variables = dict(_value(text, given.constant) for text in given.values)
        unknown = [name for name in given.constant if name not in variables]
        if unknown:
            raise UsageError(f"--constant {unknown[0]}: there is no value of that name")
        result = evaluate(given.target, variables)
    try:
        return record_graph(
            result,
            backward=True if result.numel() == 1 else None,
            names={"y": result}
            if not scripted and "y" not in variables
            else None,  # so that equations can speak of ∂y/∂w
            variables=[variables],
        )
    except (ValueError, RuntimeError) as error:
        raise UsageError(f"cannot show {given.target!r}: {in_short(error)}") from None


def _value(text: str, constants: Sequence[str]) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise UsageError(f"{text!r} is not a value; give values as name=value, for example w=2")
    return name, parse_value(name, value, name not in constants)


# --- demo -------------------------------------------------------------------------------------------------------------


def _demo(given: argparse.Namespace) -> int:
    from gradviz.demo import write_demo

    folder = _checked_folder(given.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        index = write_demo(folder, lambda path: print(f"wrote {path}"))
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror or error}") from None
    if given.no_open or not open_page(index):
        print(f"\nOpen {index} in a browser to see them.")
    return 0


# --- lab and doctor ---------------------------------------------------------------------------------------------------


def _lab(given: argparse.Namespace) -> int:
    from gradviz import lab

    folder = _checked_folder(given.folder)
    try:
        copied = lab.copy_notebooks(folder)
    except OSError as error:
        if error.errno is None:  # not the system's: there are no notebooks to copy
            raise UsageError(str(error)) from None
        raise UsageError(f"cannot write to {folder}: {error.strerror}") from None
    for what, names in (("copied", copied.new), ("renewed", copied.renewed), ("kept as you left it:", copied.kept)):
        for name in names:
            print(f"{what} {folder / name}")
    if copied.same:
        print(f"{len(copied.same)} are there already, in {folder}")
    if given.copy_only:
        return 0
    if not lab.is_there():
        raise UsageError(f"the notebooks are in {folder}, but {lab.MISSING}")
    sys.stdout.flush()
    status = lab.start(lab.command(folder, copied.names[0], browser=not given.no_browser, options=given.jupyter))
    if status != 0 and lab.refused_as_root(given.jupyter):
        raise UsageError("JupyterLab does not start as root, unless it is told to: gradviz lab --jupyter=--allow-root")
    return status


def _doctor(given: argparse.Namespace) -> int:
    from gradviz.doctor import report

    text, well = report(as_json=given.json)
    print(text)
    return 0 if well else 1


def open_page(page: Path) -> bool:
    """Open a page in a graphical browser, if there is one; return True if there was."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        return webbrowser.open(page.resolve().as_uri())
    except webbrowser.Error:
        return False


if __name__ == "__main__":
    sys.exit(main())
