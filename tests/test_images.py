"""Tensors that are images are drawn as images, and maps at their own resolution: each pixel has the colour of its number."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

import gradviz as gv
from gradviz.drawing import draw_recording, export
from gradviz.drawing.palette import colours
from gradviz.drawing.theme import GRADIENT
from gradviz.nn import functional as F
from gradviz.player.page import document, page
from gradviz.player.payload import payload
from gradviz.recording import codec
from gradviz.recording.model import FULL_VALUE_LIMIT
from gradviz.recording.pixels import ROOM, matrices_in, pixels_of, resolution


def decoded(address):
    """The pixels of a PNG that an address has in itself, read as its specification says."""
    head, data = address.split(",")
    assert head == "data:image/png;base64"
    raw = base64.b64decode(data)
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    place, chunks = 8, {}
    while place < len(raw):
        length, kind = struct.unpack(">I4s", raw[place : place + 8])
        body = raw[place + 8 : place + 8 + length]
        assert struct.unpack(">I", raw[place + 8 + length : place + 12 + length])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        place += 12 + length
    columns, rows, depth, colour, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour) == (8, 6)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(rows, 1 + 4 * columns)
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(rows, columns, 4)


def decoded_file(raw):
    """The pixels of any PNG of 8 bits and four channels."""
    place, data = 8, b""
    while place < len(raw):
        length, kind = struct.unpack(">I4s", raw[place : place + 8])
        body = raw[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            columns, rows, depth, colour, *_ = struct.unpack(">IIBBBBB", body)
            assert (depth, colour) == (8, 6)
        data += body * (kind == b"IDAT")
        place += 12 + length
    lines = np.frombuffer(zlib.decompress(data), np.uint8).reshape(rows, 1 + 4 * columns)
    found = np.zeros((rows + 1, columns + 1, 4), int)
    for row, (filtered, *_) in enumerate(lines):
        line = lines[row, 1:].reshape(columns, 4).astype(int)
        above = found[row, 1:]
        if filtered == 0:
            found[row + 1, 1:] = line
        elif filtered == 2:
            found[row + 1, 1:] = (line + above) % 256
        else:
            for k in range(columns):
                a, b, c = found[row + 1, k], above[k], found[row, k]
                near = np.abs(np.stack([b - c, a - c, a + b - 2 * c]))
                paeth = np.where((near[0] <= near[1]) & (near[0] <= near[2]), a, np.where(near[1] <= near[2], b, c))
                found[row + 1, k + 1] = (line[k] + {1: a, 3: (a + b) // 2, 4: paeth}[int(filtered)]) % 256
    return found[1:, 1:]


def layers(pixels, body):
    """The layers of a mosaic; what is between them is seen through."""
    gap = round(body.gap / body.cell_width)
    found = []
    for place in range(body.layers):
        top, left = place // body.across * (body.rows + gap), place % body.across * (body.columns + gap)
        found.append(pixels[top : top + body.rows, left : left + body.columns])
    assert pixels[..., 3].sum() == 255 * body.layers * body.rows * body.columns
    return np.stack(found)


def codes(pixels):
    return ["#{:02x}{:02x}{:02x}".format(*pixel[:3]) for pixel in pixels.reshape(-1, 4)]


def ramp(*shape):
    """Numbers from 0 to 1 that are all at a byte."""
    return (np.arange(np.prod(shape)) % 256 / 255).reshape(shape).astype(np.float32)


def drawn(array, grad=False, **options):
    """A convolution of an image, its maps, and a loss."""
    x = gv.tensor(array, requires_grad=grad)
    generator = gv.Generator().manual_seed(1)
    kernel = gv.randn(4, array.shape[-3], 3, 3, generator=generator).requires_grad_(True)
    maps = F.relu(F.conv2d(x, kernel))
    loss = (maps * maps).mean()
    loss.backward()
    return x, kernel, maps, draw_recording(gv.draw(loss).recording, **options)


def card_of(drawing, name):
    return next(card for card in drawing.view.cards if name in (card.tensor.name, card.tensor.view_of))


@pytest.mark.parametrize(
    "shape", [(1, 1, 28, 28), (1, 3, 32, 32), (1, 12, 12), (3, 9, 8), (2, 3, 10, 8), (1, 3, 60, 48)]
)
def test_an_image_is_drawn_pixel_for_pixel(shape):
    array = ramp(*shape)
    *_, drawing = drawn(array)
    card = card_of(drawing, "x")
    body = card.body
    assert (body.raster, body.rows, body.columns) == ("photo", *shape[-2:])
    assert body.said == ()
    address = drawing.face.image[f"{card.tensor.id}_v"]
    assert f'href="{address}"' in drawing.to_svg()
    seen = layers(decoded(address), body)[..., :3]
    wanted = np.rint(255 * array).astype(int).reshape(-1, shape[-3], *shape[-2:]).transpose(0, 2, 3, 1)
    assert (seen == np.broadcast_to(wanted, seen.shape)).all()


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 255.0), (0.0, 1.0)])
def test_the_usual_ranges_are_black_to_white(low, high):
    array = low + (high - low) * ramp(1, 1, 16, 16)
    *_, drawing = drawn(array)
    card = card_of(drawing, "x")
    assert (card.photo.low, card.photo.high, card.photo.told) == (low, high, False)
    seen = layers(decoded(drawing.face.image[f"{card.tensor.id}_v"]), card.body)
    assert (seen[..., 0].ravel() == np.arange(256)).all()


def test_a_batch_is_a_strip_of_a_few_and_large_images_are_reduced_and_it_is_said():
    array = np.broadcast_to(ramp(1, 3, 1, 224), (64, 3, 224, 224)).astype(np.float32)
    x = gv.tensor(array)
    w = gv.tensor(2.0, requires_grad=True)
    drawing = gv.draw((x * w).mean())
    card = card_of(drawing, "x")
    assert card.body.said == ("3 of 64 images", "224×224 shown as 56×56")
    picture = drawing.to_svg()
    assert "drawn as an image, 3 of 64 images, 224×224 shown as 56×56" in drawing.face.label[card.tensor.id]
    assert "3 of 64 images" in picture
    assert "224×224 shown as 56×56" in picture
    seen = layers(decoded(drawing.face.image[f"{card.tensor.id}_v"]), card.body)[..., :3]
    blocks = array[:3].reshape(3, 3, 56, 4, 56, 4).mean((3, 5)).transpose(0, 2, 3, 1)
    assert abs(seen - 255 * blocks).max() <= 0.6


def test_what_is_black_and_white_is_said_of_other_ranges():
    array = 5 * ramp(1, 1, 16, 16) - 2
    *_, drawing = drawn(array)
    assert card_of(drawing, "x").photo is None
    *_, drawing = drawn(array, show={"image": "x"})
    card = card_of(drawing, "x")
    assert card.body.said == ("black −2, white 3",)
    seen = layers(decoded(drawing.face.image[f"{card.tensor.id}_v"]), card.body)
    assert (abs(seen[..., 0].ravel().astype(int) - np.arange(256)) <= 1).all()


def test_no_parameter_no_sequence_no_mask_and_no_attention_is_taken_for_an_image():
    generator = gv.Generator().manual_seed(0)
    sequence = gv.rand(1, 12, 16, generator=generator)
    inner = gv.nn.Linear(16, 16)
    mask = gv.ones(12, 12).tril().view(1, 12, 12)
    attention = (inner(sequence) @ sequence.transpose(1, 2) * mask).softmax(-1)
    kernel = (gv.rand(3, 3, 11, 11, generator=generator) - 0.5).requires_grad_(True)
    picture = gv.rand(1, 3, 16, 16, generator=generator)
    loss = F.conv2d(picture, kernel).sum() + (attention @ sequence).sum() + gv.zeros(1, 8, 8).mean()
    loss.backward()
    drawing = gv.draw(loss, fit=False)
    assert [card.tensor.name for card in drawing.view.cards if card.photo] == ["picture"]
    assert card_of(drawing, "attention").body.raster == "maps"


def test_maps_have_their_own_resolution_in_the_colours_of_their_numbers():
    array = ramp(1, 1, 20, 16)
    _, _, maps, drawing = drawn(array)
    card = card_of(drawing, "maps")
    body = card.body
    assert (body.raster, body.kind, body.layers, body.rows, body.columns) == ("maps", "heatmap", 4, 18, 14)
    seen = layers(decoded(drawing.face.image[f"{card.tensor.id}_v"]), body)
    numbers = maps.detach().numpy().ravel().tolist()
    assert codes(seen) == colours(numbers, drawing.view.scales["values"])
    gradient = drawing.shown.at().gradients[card.tensor.id].value
    seen = layers(decoded(drawing.face.image[f"{card.tensor.id}_g"]), body)
    assert codes(seen) == colours(gradient.data, drawing.view.scales["gradients"])


def test_large_maps_are_kept_at_their_own_resolution_and_what_is_left_out_is_said():
    generator = gv.Generator().manual_seed(0)
    x = gv.randn(2, 8, 28, 28, generator=generator)
    assert x.numel() > FULL_VALUE_LIMIT
    w = gv.tensor(1.5, requires_grad=True)
    drawing = gv.draw((x * w).sum())
    card = card_of(drawing, "x")
    assert (card.body.kind, card.body.note) == ("image", "8 of 16")
    assert (card.body.layers, card.body.rows, card.body.columns) == (8, 28, 28)
    seen = layers(decoded(drawing.face.image[f"{card.tensor.id}_v"]), card.body)
    wanted = colours(x.numpy()[0].ravel().tolist(), drawing.view.scales["values"])
    # Half floats may lie on the other side of where one shade ends: a few of thousands do.
    assert sum(a != b for a, b in zip(codes(seen), wanted, strict=True)) < 0.01 * len(wanted)
    y = gv.draw((gv.randn(1, 2, 100, 70, generator=generator) * w).sum())
    (body,) = [card.body for card in y.view.cards if card.tensor.role == "input"]
    assert body.said == ("100×70 shown as 25×18",)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_gradient_of_an_image_lies_over_it(channels):
    array = ramp(1, channels, 16, 12)
    x, *_, drawing = drawn(array, grad=True)
    card = card_of(drawing, "x")
    assert card.photo is not None
    seen = layers(decoded(drawing.face.image[f"{card.tensor.id}_g"]), card.body)[0, ..., :3].astype(float)
    sizes = np.abs(x.grad.numpy()[0]).max(0)
    scale = drawing.view.scales["saliency"]
    assert scale == pytest.approx(float(sizes.max()))
    luma = array[0, 0] if channels == 1 else np.tensordot([0.2126, 0.7152, 0.0722], array[0], 1)
    pale = 255 - 0.35 * (255 - np.rint(255 * luma))
    hue = np.array([int(GRADIENT[place : place + 2], 16) for place in (1, 3, 5)])
    share = np.sqrt(sizes / scale)[..., None]
    assert abs(seen - (pale[..., None] * (1 - share) + hue * share)).max() <= 0.51
    assert ">|gradient|</text>" in drawing.to_svg()


def test_print_has_images_in_greys():
    *_, drawing = drawn(ramp(1, 3, 16, 12), grad=True, theme="print")
    card = card_of(drawing, "x")
    for part in "vg":
        seen = layers(decoded(drawing.face.image[f"{card.tensor.id}_{part}"]), card.body)
        assert (seen[..., 0] == seen[..., 1]).all()
        assert (seen[..., 0] == seen[..., 2]).all()


def test_before_they_are_known_maps_are_dots():
    *_, drawing = drawn(ramp(1, 1, 16, 12))
    first = replace(drawing, step=0)
    card = card_of(first, "maps")
    seen = decoded(first.face.image[f"{card.tensor.id}_v"])
    assert 0 < (seen[..., 3] > 0).mean() < 0.1


def test_files_of_pictures_have_pixels_with_edges():
    pytest.importorskip("vl_convert")
    *_, drawing = drawn((np.indices((8, 8)).sum(0) % 2).astype(np.float32).reshape(1, 1, 8, 8))
    key = f"{card_of(drawing, 'x').tensor.id}_v"
    (image,) = re.findall(f'<image id="[^"]*_{key}".*?/>', drawing.to_svg())
    image = re.sub('(?<= )(x|y)="[^"]*"', r'\1="0"', image)
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" viewBox="0 0 64 64">{image}</svg>'
    seen = decoded_file(export.png(picture, 64, 64, 1))
    board = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((8, 8), int))
    assert (seen[..., 0] == 255 * board).all()


@pytest.mark.parametrize(
    ("show", "error", "said"),
    [
        ({"image": 3}, TypeError, "show has 'image': 3; it can be the name of a tensor, a list of names, True"),
        ({"image": [1, 2]}, TypeError, "it can be the name of a tensor"),
        (
            {"image": "y"},
            ValueError,
            "there is no tensor called 'y' in the picture to show as an image; it could be one of: x",
        ),
        (
            {"image": "kernel"},
            ValueError,
            "'kernel' cannot be shown as an image: its shape is 4×1×3×3, and an image's is",
        ),
        ({"picture": "x"}, ValueError, "show has 'picture'; it can have values, grads"),
    ],
)
def test_a_bad_image_is_told(show, error, said):
    *_, drawing = drawn(ramp(1, 1, 16, 12))
    with pytest.raises(error, match=re.escape(said)):
        draw_recording(drawing.recording, show=show)


def test_a_modules_parameter_and_what_a_softmax_makes_are_no_images():
    conv = gv.nn.Conv2d(3, 2, 9)
    attention = (conv(gv.rand(1, 3, 20, 20))[:, :1]).softmax(-1)
    recording = gv.draw(attention.sum()).recording
    with pytest.raises(ValueError, match=r"'conv\.weight' cannot be shown as an image: it is a parameter of a module"):
        draw_recording(recording, show={"image": "conv.weight"})
    with pytest.raises(ValueError, match="'attention' cannot be shown as an image: it is made by a softmax"):
        draw_recording(recording, show={"image": ["attention"]})


def test_images_can_be_switched_off_and_a_matrix_is_one_only_when_it_is_named():
    *_, drawing = drawn(ramp(1, 1, 16, 12), show={"image": False})
    assert not any(card.photo for card in drawing.view.cards)
    matrix = gv.tensor(ramp(16, 12))
    w = gv.tensor(2.0, requires_grad=True)
    recording = gv.draw((matrix * w).sum()).recording
    assert card_of(draw_recording(recording), "matrix").photo is None
    assert card_of(draw_recording(recording, show={"image": "matrix"}), "matrix").photo is not None


# --- what a recording keeps ------------------------------------------------------------------------------------------


def large():
    x = gv.tensor(ramp(5, 3, 40, 36), requires_grad=True)
    y = F.conv2d(x, gv.ones(4, 3, 3, 3)).relu()
    loss = (y * y).mean()
    loss.backward()
    return gv.draw(loss).recording


def test_a_file_has_enough_to_draw_images_and_not_much_more():
    recording = large()
    written = codec.dumps(recording)
    again = codec.loads(written)
    before, after = draw_recording(recording), draw_recording(again)
    assert before.to_svg() == after.to_svg()
    assert card_of(after, "x").photo is not None
    images = re.findall(r'"image":\{"shape":\[(\d+),(\d+),(\d+)\]', written)
    assert images
    assert sum(int(a) * int(b) * int(c) for a, b, c in images) <= 2 * ROOM
    assert len(images) == len({id for frame in recording.frames for id, value in frame.values if value.image}) + sum(
        gradient.value.image is not None for frame in recording.frames for gradient in frame.gradients
    )  # and in no equation or contribution once more


@pytest.mark.parametrize(
    "numbers", [np.array([[[1e-9, -3e-9], [2e30, 0.0]]]), np.array([[[np.nan, 1.0], [np.inf, -0.5]]])]
)
def test_pixels_are_read_as_they_were_written(numbers):
    kept = matrices_in(pixels_of(numbers, (1, 2, 2)))
    finite = np.isfinite(numbers)
    assert (np.isnan(kept) == np.isnan(numbers)).all()
    top = np.abs(numbers[finite]).max()
    assert np.abs(kept[finite] - numbers[finite]).max() <= top / 2000


def test_blocks_are_of_a_whole_number_of_entries():
    assert resolution((224, 224), 64) == (56, 56)
    assert resolution((65, 10), 64) == (33, 5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda image: image | {"data": "!!!"}, "pixels that cannot be unpacked"),
        (lambda image: image | {"data": image["data"][:-8]}, "pixels"),
        (lambda image: image | {"shape": [99, 1, 1]}, "small matrices"),
        (lambda image: image | {"shape": [16, 40, 36]}, "pixels of another shape than its tensor"),
        (lambda image: image | {"shape": [1, 1, 1]}, "pixels of another size"),
        (lambda image: image | {"scale": 0.0}, "pixels without a scale"),
        (lambda image: image | {"scale": "nan"}, "pixels without a scale"),
        (
            lambda image: image | {"data": base64.b64encode(zlib.compress(bytes(10**7))).decode()},
            "pixels of another size",
        ),
    ],
)
def test_damaged_pixels_are_told(change, said):
    recording = large()
    body = json.loads(codec.dumps(recording))
    value = next(value for _, value in body["frames"][0]["values"] if "image" in value)
    value["image"] = change(value["image"])
    with pytest.raises(codec.RecordingError, match=said):
        codec.loads(json.dumps(body))


# --- in the player ---------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_player_shows_images_at_their_steps(browser_page, open_html, scheme):
    browser_page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    *_, drawing = drawn(ramp(1, 3, 24, 16), grad=True)
    open_html(page(drawing))
    x, maps = (card_of(drawing, name).tensor.id for name in ("x", "maps"))
    address = "key => document.querySelector(`.gradviz-player [id$='_${key}']`).getAttribute('href')"
    for step in (0, -1):
        face = replace(drawing, step=step).face
        for key in (f"{x}_v", f"{x}_g", f"{maps}_v", f"{maps}_g"):
            assert browser_page.evaluate(address, key) == face.image[key]
        browser_page.keyboard.press("End")
    for name, turned in (("x", False), ("maps", True)):
        browser_page.locator(f'.gv-card[aria-label^="{name},"]').click()
        images = browser_page.locator(".gp-inspect img.gp-image")
        id = card_of(drawing, name).tensor.id
        assert [image.get_attribute("src") for image in images.all()] == [face.image[f"{id}_v"], face.image[f"{id}_g"]]
        assert images.first.evaluate("image => image.naturalWidth") > 0
        # A photograph stays what it is on a dark page; maps have a dark zero there.
        filters = images.first.evaluate("image => getComputedStyle(image).filter")
        assert (filters != "none") == (turned and scheme == "dark")


@pytest.mark.browser
def test_an_image_that_leads_elsewhere_is_left_out(browser_page, open_html):
    *_, drawing = drawn(ramp(1, 1, 24, 16))
    data = payload(drawing)
    key = f"{card_of(drawing, 'x').tensor.id}_v"
    data["svg"] = data["svg"].replace(data["steps"][0]["image"][key], "https://example.org/x.png")
    data["steps"][0]["image"][key] = "https://example.org/y.png"
    data |= {"predict": False, "grain": "operation", "folds": {}}
    open_html(document(data, "", "Elsewhere", "gradviz"))
    browser_page.locator(".gradviz-player svg.gv").wait_for()
    assert browser_page.locator(f".gradviz-player [id$='_{key}']").count() == 0


@pytest.mark.torch
def test_what_pytorch_computed_has_images_and_maps():
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(ramp(2, 3, 40, 40))
    maps = torch.nn.Conv2d(3, 8, 3)(x)
    assert maps.numel() > FULL_VALUE_LIMIT
    rasters = {
        card.tensor.shape: card.body.raster
        for card in gv.draw(maps.square().mean(), detail="full").view.cards
        if card.body.raster
    }
    assert rasters[2, 3, 40, 40] == "photo"
    assert rasters[2, 8, 38, 38] == "maps"


def test_an_input_whose_gradient_is_wanted_is_none_of_the_weights():
    x = gv.rand(2, 1, 12, 12, requires_grad=True)
    model = gv.nn.Sequential(gv.nn.Conv2d(1, 4, 3), gv.nn.ReLU(), gv.nn.Flatten(), gv.nn.Linear(400, 3))
    loss = gv.nn.functional.cross_entropy(model(x), gv.tensor([0, 2]))
    loss.backward()
    drawing = gv.draw(loss)
    assert "x" in {card.name for card in drawing.view.cards}
    learned = [disc.operation.block.parameters for disc in drawing.view.discs if disc.operation.block is not None]
    assert sum(learned) in (0, sum(parameter.numel() for parameter in model.parameters()))


def test_weights_of_a_layer_that_is_not_called_stay_in_the_block():
    layer = gv.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = gv.nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
    loss = (model(gv.randn(2, 3, 8)) ** 2).mean()
    loss.backward()
    assert not [card.name for card in gv.draw(loss).view.cards if card.tensor.role == "parameter"]
