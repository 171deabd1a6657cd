"""A program run as Python runs it, with gradviz in PyTorch's place; and the tensor that it computed."""

from __future__ import annotations

import builtins
import dis
import importlib.metadata
import importlib.util
import os
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import gradviz
from gradviz.engine.tensor import Tensor
from gradviz.expression import as_tensor
from gradviz.standin import standing_in
from gradviz.usage import UsageError, in_short, printable, say, short

TARGET = re.compile(r"(?P<file>.+\.pyw?)(?::(?P<name>.*))?", re.DOTALL)
"""A script and a tensor in it: ``train.py:loss``. (In ``C:\\train.py:loss`` the first colon is the drive's.)"""

IMPORTS_TORCH = re.compile(rb"^[ \t]*(?:import|from)[ \t]+torch\b", re.MULTILINE)


@dataclass(frozen=True)
class Script:
    """A program that can be run.

    Attributes
    ----------
    file
        As it was typed; ``-`` reads the program from the standard input.
    arguments
        What it finds in ``sys.argv[1:]``.
    real
        Whether ``import torch`` means PyTorch itself.
    """

    file: str
    arguments: Sequence[str] = ()
    real: bool = False

    def read(self) -> bytes:
        """Return its text.

        Raises
        ------
        UsageError
            If there is no such file, or it cannot be read.
        """
        if self.file == "-":
            return sys.stdin.buffer.read()
        try:
            return Path(self.file).read_bytes()
        except (FileNotFoundError, ValueError):
            raise UsageError(f"no such file: {short(self.file)}") from None
        except OSError as error:
            raise UsageError(f"cannot read {short(self.file)}: {error.strerror or error}") from None

    @property
    def path(self) -> str:
        """Where it lies, wherever the program goes from there: the name that code and tracebacks have."""
        return "<stdin>" if self.file == "-" else os.path.abspath(self.file)

    def who_computes(self) -> str:
        """Return the line that says what ``import torch`` means.

        Raises
        ------
        UsageError
            If it shall mean PyTorch, which is not installed.
        """
        if not self.real:
            return f"gradviz {gradviz.__version__} computes: import torch means gradviz (PyTorch itself: --torch=real)"
        if importlib.util.find_spec("torch") is None:
            raise UsageError(
                '--torch=real: PyTorch is not installed here. Install it with: pip install "torch==2.13.0"'
            )
        return f"PyTorch {importlib.metadata.version('torch')} computes (--torch=real)"


@contextmanager
def as_main(script: Script) -> Iterator[ModuleType]:
    """Make the module ``__main__`` in which a script runs, and put everything back afterwards.

    The script finds its arguments in ``sys.argv``, its folder first in ``sys.path``, and gradviz as ``torch``; it may change
    the folder it works in.
    """
    module = ModuleType("__main__")
    module.__builtins__ = builtins  # type: ignore[attr-defined]
    if script.file != "-":
        module.__file__ = script.path
    folder = os.path.dirname(os.path.realpath(script.path)) if script.file != "-" else ""
    before = sys.argv, sys.path, sys.modules["__main__"], os.getcwd()
    sys.argv = [script.file, *script.arguments]
    sys.path = [folder, *(sys.path if sys.flags.safe_path else sys.path[1:])]  # in the place of the folder of `gradviz`
    sys.modules["__main__"] = module
    try:
        with nullcontext() if script.real else standing_in():
            yield module
    finally:
        sys.argv, sys.path, sys.modules["__main__"] = before[:3]
        os.chdir(before[3])


def run(script: Script) -> int:
    """Run a program to its end, and return its exit status; what it raises is shown as Python shows it.

    Raises
    ------
    UsageError
        If there is no such file, or no PyTorch where it is asked for.
    SystemExit
        If the program ends itself.
    """
    source = script.read()
    say(script.who_computes(), sys.stderr)
    before = threading.enumerate()
    with as_main(script) as module:
        try:
            exec(compile(source, script.path, "exec", dont_inherit=True), module.__dict__)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            _show(error, script)
            return 1
        finally:
            _wait_for_all_but(before)
    return 0


def _wait_for_all_but(before: Sequence[threading.Thread]) -> None:
    """Wait for the threads that a program has started, as Python does at its end: they are part of it."""
    while waiting := [each for each in threading.enumerate() if each not in before and not each.daemon]:
        waiting[0].join()


def _show(error: BaseException, script: Script) -> None:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != script.path:
        trace = trace.tb_next
    if sys.excepthook is not sys.__excepthook__:  # the program's own
        sys.excepthook(type(error), error, trace)
    else:
        sys.stderr.write(printable("".join(traceback.format_exception(type(error), error, trace))))


def tensor_of(script: Script, name: str | None) -> tuple[Tensor, dict[str, Any]]:
    """Run a program and return the tensor of this name, with all variables that stand beside it.

    The name may be a variable of the program, or of a function in it: then it has the value that it had when the function
    last returned.

    Raises
    ------
    UsageError
        If there is no such file, it fails, or it has no such tensor.
    """
    file, source = script.file, script.read()
    if not name:
        raise UsageError(f"which tensor of {file} shall be shown? Name it after a colon: {file}:loss")
    if not name.isidentifier():
        raise UsageError(f"{name!r} is not the name of a variable; name one of the script's, as in {file}:loss")
    if script.real or IMPORTS_TORCH.search(source):
        say(script.who_computes(), sys.stderr)
    stopped = ""
    with as_main(script) as module:
        try:
            code = compile(source, script.path, "exec", dont_inherit=True)
            with _locals_kept(code, name) as kept:
                exec(code, module.__dict__)
        except SystemExit as stop:  # as after `sys.exit(main())`: what was computed is there
            stopped = f"; it ended with sys.exit({'' if stop.code is None else repr(stop.code)})"
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            words = error.msg if isinstance(error, SyntaxError) else in_short(error)
            raise UsageError(f"{file} failed{_line_of(error, script.path)}: {type(error).__name__}: {words}") from None
    variables = {**module.__dict__, **kept}
    tensors = [key for key, value in variables.items() if isinstance(value, Tensor) and value.grad_fn is not None]
    there = f"tensors with a graph are {', '.join(tensors)}" if tensors else "it has no tensor with a graph"
    if name not in variables:
        raise UsageError(f"{file} has no variable {name!r} ({there}{stopped})")
    return as_tensor(variables[name], f"{file}:{name}", there), variables


@contextmanager
def _locals_kept(code: CodeType, name: str) -> Iterator[dict[str, Any]]:
    """Keep the variables of the function that has one of this name, if the program itself has none."""
    kept: dict[str, Any] = {}
    functions = {each for each in _codes_in(code) if name in (*each.co_varnames, *each.co_cellvars)}

    def at_return(frame: FrameType, event: str, value: Any) -> None:
        if event == "return" and frame.f_code in functions and name in frame.f_locals:
            kept.clear()
            kept.update(frame.f_locals)

    if not functions or _is_assigned(code, name):
        yield kept
        return
    sys.setprofile(at_return)
    try:
        yield kept
    finally:
        sys.setprofile(None)


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    """Walk through the code of all functions in a program."""
    waiting = [code]
    while waiting:
        inner = [each for each in waiting.pop().co_consts if isinstance(each, CodeType)]
        yield from inner
        waiting += inner


def _is_assigned(code: CodeType, name: str) -> bool:
    return any(each.opname == "STORE_NAME" and each.argval == name for each in dis.get_instructions(code))


def _line_of(error: BaseException, path: str) -> str:
    """Find the line of the script on which it failed, the innermost."""
    if isinstance(error, SyntaxError) and error.filename == path and error.lineno:
        return f" in line {error.lineno}"
    lines = [number for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == path]
    return f" in line {lines[-1]}" if lines else ""
