"""An answer: what was found, in sentences with their lines; it prints itself, and shows itself in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

from gradviz.catalogue import text, text_or_nothing
from gradviz.drawing import Drawing, image_tag
from gradviz.drawing.shown import Shown
from gradviz.finding.lines import Line

WELL = "well"
"""The cause of an answer that nothing is wrong."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    cause
        Which, in a word: ``"detach"``, ``"no_grad"``, ``"dead"``, ``"optimizer"``, ... ``"well"`` if nothing is wrong.
    sentence
        What it is, in plain words.
    line
        Where in the program; ``None`` where no line can be blamed.
    advice
        What to do about it; empty if there is nothing to do.
    operation
        The id in a recording of the operation that passes nothing on, where it is one.
    """

    cause: str
    sentence: str
    line: Line | None = None
    advice: str = ""
    operation: str = ""

    def __str__(self) -> str:
        told = [self.sentence]
        if self.line is not None:
            told.append(f"    {self.line}")
        if self.advice:
            told.append(self.advice)
        return "\n".join(told)


def found(cause: str, line: Line | None = None, sentence: str = "", advice: str = "", **given: Any) -> Finding:
    """Make a finding with the catalogue's words.

    Parameters
    ----------
    cause
        Which.
    line
        Where.
    sentence, advice
        The keys of its texts, if they are not the cause's own.
    **given
        What is filled in.
    """
    told = text(sentence or cause, "why", **given)
    return Finding(cause, told, line, text_or_nothing(f"do: {advice or sentence or cause}", "why", **given))


@dataclass(frozen=True)
class Answer(Shown):
    """Why a gradient is what it is. Print it, or evaluate it in a notebook cell.

    Attributes
    ----------
    name
        What the question is about.
    findings
        What was found, the most important first.
    picture
        The path from the result back to the tensor, with the place where it is cut; ``None`` where there is none to draw.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor(2.0, requires_grad=True)
    >>> y = w.detach() * 3
    >>> gv.why(w, y).cause
    'detach'
    """

    name: str
    findings: tuple[Finding, ...]
    picture: Drawing | None = None

    @property
    def cause(self) -> str:
        """The cause found first, in a word; ``"well"`` if nothing is wrong."""
        return self.findings[0].cause

    @property
    def line(self) -> Line | None:
        """The line of the first finding."""
        return self.findings[0].line

    @cached_property
    def causes(self) -> tuple[str, ...]:
        """All causes that were found."""
        return tuple(dict.fromkeys(one.cause for one in self.findings))

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.findings))

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the sentences, and below them the picture."""
        parts: list[str] = []
        for one in self.findings:
            told = escape(one.sentence)
            parts.append(f'<p style="margin:0 0 4px"><b>{told}</b></p>' if not parts else f"<p>{told}</p>")
            if one.line is not None:
                where = escape(one.line.where)
                code = f"<code>{escape(one.line.code)}</code>"
                parts.append(
                    f'<div style="margin:0 0 6px;padding:4px 10px;border-left:4px solid #c2410c">'
                    f'<span style="opacity:.75">{where}</span><br>{code}</div>'
                )
            if one.advice:
                parts.append(f'<p style="margin:0 0 10px">{escape(one.advice)}</p>')
        style = "font:14px/1.5 system-ui,Helvetica,Arial,sans-serif;max-width:60em"
        html = f'<div style="{style}">{"".join(parts)}</div>'
        if self.picture is not None:
            html += image_tag(self.picture.to_svg(panel=True), self.picture.recording.title)
        return {"text/html": html, "text/plain": str(self)}
