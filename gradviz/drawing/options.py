"""How a picture is to look: every choice that a reader or author may make, in one frozen object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from gradviz.drawing.palette import PALETTE, PALETTE_OF_PRINT, PALETTES
from gradviz.drawing.target import SLIDE, Target, target
from gradviz.recording import DIGITS, NEARLY_ZERO, number_text
from gradviz.recording.model import Value

Direction = Literal["auto", "LR", "TB"]
Detail = Literal["auto", "full", "compact", "structure"]
Theme = Literal["auto", "light", "dark", "print"]
Scale = Literal["role", "one"]
Part = Literal["values", "grads", "local", "shapes", "saved", "source"]

PARTS = get_args(Part)
DIFFERENCE = ("Δ value", "Δ grad")

SHOWN: tuple[Part, ...] = ("values", "grads", "local", "shapes")
"""What is shown unless told otherwise."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to draw.

    Attributes
    ----------
    fit
        Whether a picture that could not be read at its target is folded until it can: details, modules, what repeats, the
        middle. ``False`` shows everything, up to what can be laid out.
    target
        The room it is to fit, from `width` and `height`: pixels, lengths such as ``"84mm"``, or ``width="slide"`` (16:9, the
        usual one), ``"column"`` (of a paper) or ``"cell"`` (of a notebook). A picture that is larger says that it is as large
        as its target, where one was asked for. ``None`` if none was.
    direction
        ``"LR"`` (left to right, in rows where one is not enough), ``"TB"`` (top to bottom) or ``"auto"``: left to right where
        that fits.
    detail
        ``"full"``: a card for every tensor; ``"compact"``: intermediate results shrink to a number or a shape on the line;
        ``"structure"``: names and shapes only, no numbers; ``"auto"``: as much as fits.
    show
        What the picture says: ``values``, ``grads``, ``local`` (the local derivative on each edge), ``shapes``, ``saved``
        (what an operation saved for backward) and ``source`` (the line it was written in). With ``image`` it names tensors to
        be drawn as images beside those that look like one, ``show={"image": "x"}``; ``False`` is for none.
    theme
        ``"light"``, ``"dark"``, ``"print"`` (black on white, survives a copier), or ``"auto"``: light, and dark for readers
        who prefer that.
    names
        Other names for tensors, by the names they have: ``{"linear.weight": "W₁"}``.
    depth
        How far modules unfold: 0 shows each outermost module as one box, 1 what is directly in it, and so on. By default
        as far as fits. What is asked for is not folded further.
    every_operation
        Whether a product shows the operations that only turn or reshape its factors; by default they are folded into it.
    focus, hops
        Show only what is at most so many operations away from the tensor of this name.
    number_format
        As for Python's ``%``: ``"%.2f"``. By default a number is written exactly where that takes up to six characters, else with
        four significant digits.
    palette
        Of heatmaps: ``"purple-teal"`` (negative numbers purple, positive ones teal) or, as for print unless told otherwise,
        ``"grey"``.
    scale
        Which numbers share a scale of colours: ``"role"``, all values, all gradients and all weights, each with their own; or
        ``"one"``, all of them.
    font
        ``"sans"``, ``"serif"``, or the family of all text but numbers; a stack of common ones follows it.
    images
        The names of tensors to be drawn as images beside those that look like one, as `show` has them; ``None`` for none.
    captions
        What the two kinds of numbers on a card are called.
    """

    fit: bool = True
    target: Target | None = None
    direction: Direction = "auto"
    detail: Detail = "auto"
    show: tuple[Part, ...] = SHOWN
    theme: Theme = "auto"
    names: tuple[tuple[str, str], ...] = ()
    depth: int | None = None
    every_operation: bool = False
    focus: str | None = None
    hops: int = 2
    number_format: str | None = None
    palette: str = PALETTE
    scale: Scale = "role"
    font: str | None = None
    images: tuple[str, ...] | None = ()
    captions: tuple[str, str] = ("value", "grad")

    @property
    def room(self) -> Target:
        """The target: that which was asked for, or a slide."""
        return self.target or SLIDE

    def number(self, value: Any, digits: int = DIGITS) -> str:
        """Write a number: exactly where that is short, else with so many significant digits, unless a format was given."""
        if self.number_format is None:
            return number_text(value, digits)
        return (self.number_format % value).replace("-", "−")

    def entry(self, value: Value, place: int) -> str:
        """Write one of a tensor's numbers, as it is to be printed by what it was computed from."""
        assert value.data is not None
        if place in value.dust and self.number_format is None:
            return NEARLY_ZERO
        return self.number(value.data[place], value.digits)

    def shows(self, part: Part) -> bool:
        """Return True if the picture says this."""
        return part in self.show


_LONGEST = 10_000


def options(**given: Any) -> Options:
    """Make options from keyword arguments, each checked.

    Raises
    ------
    TypeError
        For an option that does not exist.
    ValueError
        For a value that an option cannot have; the message lists those it can.

    Examples
    --------
    >>> options(direction="TB", show={"local": False}).show
    ('values', 'grads', 'shapes')
    """
    made = ("target", "images")  # of `width` and `height`, and of `show`
    known = ["width", "height", *(field.name for field in fields(Options) if field.name not in made)]
    for name in given:
        if name not in known:
            raise TypeError(f"there is no option {name!r}; there are: {', '.join(known)}")
    given = {name: value for name, value in given.items() if value is not None}
    given["target"] = target(given.pop("width", None), given.pop("height", None))
    for name, kind in {"direction": Direction, "detail": Detail, "theme": Theme, "scale": Scale}.items():
        if name in given and given[name] not in get_args(kind):
            raise ValueError(f"{name} is {given[name]!r}; it can be {_choice(get_args(kind))}")
    if given.setdefault("palette", PALETTE_OF_PRINT if given.get("theme") == "print" else PALETTE) not in PALETTES:
        raise ValueError(f"palette is {given['palette']!r}; it can be {_choice(PALETTES)}")
    if "show" in given:
        given["show"], given["images"] = _shown(given["show"])
    if "names" in given:
        if not isinstance(given["names"], Mapping):
            raise TypeError(
                f"names is a {type(given['names']).__name__}; it has to be a dictionary, old name to new name"
            )
        given["names"] = tuple((str(old), str(new)[:_LONGEST]) for old, new in given["names"].items())
    for name, least in {"depth": 0, "hops": 1}.items():
        if name in given and (not isinstance(given[name], int) or isinstance(given[name], bool) or given[name] < least):
            raise ValueError(f"{name} is {given[name]!r}; it has to be a whole number of at least {least}")
    for name in ("every_operation", "fit"):
        if not isinstance(given.get(name, False), bool):
            raise ValueError(f"{name} is {given[name]!r}; it has to be True or False")
    if "focus" in given and not isinstance(given["focus"], str):
        raise TypeError(f"focus is a {type(given['focus']).__name__}; it has to be the name of a tensor in the picture")
    if "number_format" in given:
        _check_format(given["number_format"])
    if "font" in given and any(sign in str(given["font"]) for sign in '<>"&;{}\\'):
        raise ValueError(f"font is {given['font']!r}; it has to be the name of a font family, such as 'Inter'")
    if given.get("font") in ("sans", "sans-serif"):
        del given["font"]  # as it is
    return Options(**given)


def _shown(asked: Any) -> tuple[tuple[Part, ...], tuple[str, ...] | None]:
    """Read `show`: a dictionary switches parts on and off, a list names those that are on. And which images there are."""
    images: Any = True
    if isinstance(asked, Mapping):
        on = {part: part in SHOWN for part in PARTS} | {part: on for part, on in asked.items() if part != "image"}
        images = asked.get("image", True)
    else:
        wanted = asked.split() if isinstance(asked, str) else list(asked) if isinstance(asked, Iterable) else [asked]
        on = dict.fromkeys(PARTS, False) | dict.fromkeys((part for part in wanted if part != "image"), True)
    unknown = [part for part in on if part not in PARTS]
    if unknown:
        raise ValueError(f"show has {unknown[0]!r}; it can have {', '.join((*PARTS, 'image'))}")
    return tuple(part for part in PARTS if on[part]), _images(images)


def _images(asked: Any) -> tuple[str, ...] | None:
    """Read which images are shown: those that look like one, the named ones too, or none."""
    if isinstance(asked, bool) or asked is None:
        return () if asked else None
    names = (asked,) if isinstance(asked, str) else tuple(asked) if isinstance(asked, list | tuple | set) else None
    if names is None or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"show has 'image': {asked!r:.60}; it can be the name of a tensor, a list of names, True (those that look like an image) "
            "or False (none)"
        )
    return tuple(sorted(names))


def _check_format(text: Any) -> None:
    try:
        shown = text % 1.5
    except (TypeError, ValueError) as error:
        raise ValueError(f"number_format is {text!r}; it has to be a format for one number, such as '%.3g'") from error
    if len(shown) > 24:
        raise ValueError(f"number_format is {text!r}; it makes numbers of {len(shown)} characters, and 24 is the most")


def _choice(values: Iterable[str]) -> str:
    *first, last = (repr(value) for value in values)
    return f"{', '.join(first)} or {last}"
