"""A run for slides: an SVG that moves, a PDF with a page for each epoch, and images of one size."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

import gradviz as gv


def line(epochs=7):
    x = gv.linspace(0, 1, 5)
    w, b = gv.tensor(0.0, requires_grad=True), gv.tensor(0.0, requires_grad=True)
    optimizer = gv.optim.SGD([w, b], lr=0.3)
    with gv.record() as run:
        for epoch in range(epochs):  # noqa: B007
            optimizer.zero_grad()
            loss = ((w * x + b - (3 * x + 1)) ** 2).mean()
            loss.backward()
            optimizer.step()
    return run


def test_a_run_is_a_picture_that_moves(tmp_path):
    run = line()
    text = run.save(tmp_path / "run.svg", animate=True).read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    assert "<script" not in text
    for epoch in range(7):
        assert f"epoch {epoch}, loss {gv.engine.numerals.number(run.losses[epoch])}" in text
    # What is not seen at the end is hidden; where nothing plays the last epoch is there.
    assert re.search(r'<g class="\w+_6_7">(?:(?!</g>).)*epoch 6, loss', text)
    assert re.search(r'<g class="\w+_0_1" visibility="hidden">(?:(?!</g>).)*epoch 0, loss', text)


def test_a_run_is_a_sequence_of_pages(tmp_path):
    pypdf = pytest.importorskip("pypdf", reason="needs pypdf: pip install pypdf")
    pytest.importorskip("vl_convert", reason="needs vl-convert-python: pip install vl-convert-python")
    run = line()
    pages = pypdf.PdfReader(run.save(tmp_path / "run.pdf", animate=True)).pages
    assert len(pages) == 7
    assert len({tuple(page.mediabox) for page in pages}) == 1
    for epoch, page in enumerate(pages):
        assert f"epoch {epoch}, loss" in page.extract_text()
    assert (tmp_path / "run.pdf").stat().st_size < 7 * 25_000  # each page has its own fonts


def test_a_run_is_a_row_of_images(tmp_path):
    pytest.importorskip("vl_convert", reason="needs vl-convert-python: pip install vl-convert-python")
    made = line(3).frames(tmp_path / "frames", scale=1.0)
    assert [path.name for path in made] == ["frame-000.png", "frame-001.png", "frame-002.png"]
    images = [path.read_bytes() for path in made]
    assert len({image[16:24] for image in images}) == 1  # as wide and as high as each other
    assert len(set(images)) == 3


def test_a_long_run_has_sixty_scenes_with_its_first_and_last_epoch(tmp_path):
    text = line(200).save(tmp_path / "run.svg", animate=True).read_text(encoding="utf-8")
    epochs = sorted({int(epoch) for epoch in re.findall(r"epoch (\d+), loss", text)})
    assert len(epochs) == 60
    assert (epochs[0], epochs[-1]) == (0, 199)
    assert len(text) < 1_000_000


@pytest.mark.parametrize(("name", "given"), [("run.html", {}), ("run.png", {}), ("run.svg", {"epoch": 3})])
def test_what_does_not_move_says_so(tmp_path, name, given):
    with pytest.raises(ValueError, match=r"animate= shows all epochs, in a file that ends in \.svg or \.pdf"):
        line(2).save(tmp_path / name, animate=True, **given)
    assert not (tmp_path / name).exists()
