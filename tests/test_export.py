"""Pictures as files: PDF, PNG, and SVG that plays by itself."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
import zlib

import pytest

import gradviz as gv

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawing():
    w, b, x = gv.tensor(2.0, requires_grad=True), gv.tensor(3.0, requires_grad=True), gv.tensor(5.0)
    y = w * x + b
    y.backward()
    return gv.draw(y)


def size_of(png):
    assert png.startswith(b"\x89PNG")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def test_a_png_has_the_picture_s_size_times_its_scale(drawing, tmp_path):
    root = ET.fromstring(drawing.to_svg())
    wide, high = float(root.get("width")), float(root.get("height"))
    for scale in (1, 2.5):
        made = size_of(drawing.save(tmp_path / "y.png", scale=scale).read_bytes())
        assert made == pytest.approx((wide * scale, high * scale), abs=2)
    assert size_of(drawing.save(tmp_path / "z.png").read_bytes())[0] == pytest.approx(2 * wide, abs=2)


def test_a_pdf_is_vectors_with_its_fonts(drawing, tmp_path):
    pdf = drawing.save(tmp_path / "y.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S)
    # The last byte of a checksum may look like the end of a line.
    plain = b"".join(zlib.decompressobj().decompress(stream) for stream in streams if stream[:1] == b"x")
    assert b"FontFile" in pdf + plain
    assert b"ToUnicode" in pdf + plain  # text can be selected and searched
    assert b"/Subtype /Image" not in pdf + plain


@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png", ".dot", ".json"])
def test_the_same_picture_is_the_same_bytes(drawing, tmp_path, ending):
    first = drawing.save(tmp_path / f"a{ending}").read_bytes()
    again = gv.draw(drawing.recording).save(tmp_path / f"b{ending}").read_bytes()
    assert first == again


def test_without_the_library_it_says_what_to_install(drawing, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    for ending in (".pdf", ".png"):
        with pytest.raises(ImportError, match=r"pip install vl-convert-python"):
            drawing.save(tmp_path / f"y{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scale", [0, -1, 1e9, float("nan")])
def test_a_scale_that_makes_no_image_is_refused(drawing, tmp_path, scale):
    with pytest.raises(ValueError, match=r"scale="):
        drawing.save(tmp_path / "y.png", scale=scale)


def test_settings_of_other_files_are_refused(drawing, tmp_path):
    with pytest.raises(ValueError, match=r"scale= is for \.png"):
        drawing.save(tmp_path / "y.pdf", scale=2)
    with pytest.raises(ValueError, match=r"animate= is for \.svg"):
        drawing.save(tmp_path / "y.png", animate=True)


def test_an_animation_has_no_script_and_no_double_ids(drawing, tmp_path):
    text = drawing.save(tmp_path / "y.svg", animate=True).read_text(encoding="utf-8")
    root = ET.fromstring(text)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "style", "g", "rect", "circle", "path", "text"}
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert "prefers-reduced-motion" in text


def test_where_nothing_plays_an_animation_is_the_finished_picture(drawing):
    """What is not hidden is, mark by mark, what the still picture has."""

    def visible(text):
        root = ET.fromstring(text)
        shown = []

        def collect(element):
            stack = [element]
            while stack:
                one = stack.pop()
                if one.get("visibility") == "hidden" or one.tag == f"{SVG}style":
                    continue
                if one.tag == f"{SVG}text":
                    shown.append("".join(one.itertext()))
                stack.extend(one)

        collect(root)
        return sorted(shown)

    still, moving = visible(drawing.to_svg()), visible(drawing.to_animated_svg())
    caption = [text for text in moving if text not in still]
    assert sorted(set(moving) - set(caption)) == sorted(set(still))
    assert caption  # and under it, what happened last


def test_a_computation_too_long_to_watch_is_not_animated(tmp_path):
    x = gv.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(100):
        y = y.sin()
    y.backward()
    with pytest.raises(ValueError, match="too long to watch"):
        gv.draw(y, fit=False).save(tmp_path / "y.svg", animate=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.browser
def test_an_animation_plays_in_a_browser(drawing, browser_page):
    page = browser_page
    page.set_content(drawing.to_animated_svg())
    visible = """() => [...document.querySelectorAll('svg .gv-name')]
        .filter(e => getComputedStyle(e).visibility == 'visible').map(e => e.textContent)"""
    at = "document.getAnimations().forEach(moved => { moved.pause(); moved.currentTime = TIME; })"
    page.evaluate(at.replace("TIME", "0"))
    first = page.evaluate(visible)
    assert "Start" in first
    page.evaluate(at.replace("TIME", "1600"))
    later = page.evaluate(visible)
    assert "Start" not in later
    page.emulate_media(reduced_motion="reduce")
    still = page.evaluate(visible)
    page.evaluate(at.replace("TIME", "3100"))
    assert page.evaluate(visible) == still
