"""Draw the pictures in this folder anew: ``python assets/make.py``.

A test compares them with what the code draws today. When it fails because a picture was meant to change: run this, and look
at every picture before committing it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradviz as torch
from gradviz import draw, nn
from gradviz.drawing import draw_recording
from gradviz.examples import EXAMPLES, run

FOLDER = Path(__file__).parent


def numbers(*shape: int, by: float = 0.25) -> Any:
    """A tensor of round numbers, the same on every machine."""
    count = torch.ones(*shape).numel()
    steps = (torch.arange(count) * 7) % 11 - 5
    return (steps * by).reshape(shape)


def plain(module: Any, by: float = 0.25) -> Any:
    """Give a module's parameters round numbers."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(numbers(*parameter.shape, by=by))
    return module


def mlp() -> Any:
    """A network of two layers, and its loss."""
    net = plain(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)))
    x, target = numbers(2, 3), torch.ones(2, 1)
    loss = nn.functional.mse_loss(net(x), target)
    loss.backward()
    return draw(loss, names={"x": x, "target": target, "loss": loss})


class Digits(nn.Module):
    """A small convolutional network."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.fc = nn.Linear(8, 3)

    def forward(self, image: Any) -> Any:
        """Classify images of 6×6."""
        maps = nn.functional.max_pool2d(torch.relu(self.conv(image)), 2)
        return self.fc(torch.flatten(maps, 1))


def cnn() -> Any:
    """A convolution, a pooling, a linear layer, cross-entropy."""
    model = plain(Digits())
    image, label = numbers(1, 1, 6, 6), torch.tensor([2])
    loss = nn.functional.cross_entropy(model(image), label)
    loss.backward()
    return draw(loss, names={"image": image, "loss": loss})


class Attention(nn.Module):
    """One head of self-attention, written out."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(size, size, bias=False) for _ in range(3))

    def forward(self, x: Any) -> Any:
        """Let every token look at every other."""
        q, k, v = self.query(x), self.key(x), self.value(x)
        weights = torch.softmax(q @ k.mT / k.shape[-1] ** 0.5, dim=-1)
        return weights @ v


def attention() -> Any:
    """A head of attention over three tokens."""
    head = plain(Attention(4))
    tokens = numbers(3, 4)
    loss = head(tokens).pow(2).mean()
    loss.backward()
    return draw(loss, names={"tokens": tokens, "loss": loss})


def rnn() -> Any:
    """A recurrent network unrolled over five steps: one weight, used five times."""
    w = torch.tensor(0.5, requires_grad=True)
    u = torch.tensor(1.0, requires_grad=True)
    state = torch.tensor(0.0)
    names = {"w": w, "u": u, "h0": state}
    for step, x in enumerate((1.0, 0.5, -1.0, 0.5, 2.0), start=1):
        state = torch.tanh(w * state + u * x)
        names[f"h{step}"] = state
    state.backward()
    return draw(state, names=names, detail="compact", direction="LR")


def second_derivative() -> Any:
    """The gradient of x³, itself differentiated."""
    x = torch.tensor(2.0, requires_grad=True)
    y = x**3
    (slope,) = torch.autograd.grad(y, x, create_graph=True)
    slope.backward()
    return draw(slope, names={"x": x, "slope": slope})


def bias() -> Any:
    """A bias that is broadcast over a batch: its gradient is summed over the batch."""
    x, b = numbers(3, 2), torch.tensor([1.0, -1.0], requires_grad=True)
    y = (x + b).pow(2).sum()
    y.backward()
    return draw(y, names={"x": x, "b": b, "y": y})


def two_paths() -> Any:
    """x·x + x: three gradients meet in x."""
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x + x
    y.backward()
    return draw(y, names={"x": x, "y": y})


def siamese() -> Any:
    """Two inputs through the same weights."""
    encoder = plain(nn.Linear(2, 2))
    a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, -1.0]])
    distance = (encoder(a) - encoder(b)).pow(2).sum()
    distance.backward()
    return draw(distance, names={"a": a, "b": b, "distance": distance})


def line() -> Any:
    """The line y = w·x + b: the picture on the README."""
    w, b = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    x = torch.tensor(5.0)
    y = w * x + b
    y.backward()
    return draw(y, names={"w": w, "x": x, "b": b, "y": y})


class Block(nn.Module):
    """Two convolutions, and what came in added to what they made of it."""

    def __init__(self, before: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Conv2d(before, channels, 1, stride, bias=False) if stride > 1 else nn.Identity()

    def forward(self, x: Any) -> Any:
        """Add to a signal what was learned of it."""
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet(nn.Module):
    """A small residual network: a convolution, three stages, a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1, bias=False)
        self.stage1 = nn.Sequential(Block(8, 8), Block(8, 8))
        self.stage2 = nn.Sequential(Block(8, 16, stride=2), Block(16, 16))
        self.stage3 = nn.Sequential(Block(16, 32, stride=2), Block(32, 32))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(32, 4)

    def forward(self, images: Any) -> Any:
        """Classify images."""
        maps = self.stage3(self.stage2(self.stage1(self.stem(images))))
        return self.head(torch.flatten(self.pool(maps), 1))


def resnet() -> Any:
    """A residual network: each block with its sizes, its skip, its activations and its gradient beside its weights."""
    torch.manual_seed(0)
    model = ResNet()
    y, x = torch.meshgrid(torch.linspace(-1, 1, 24), torch.linspace(-1, 1, 24), indexing="ij")
    ring, cross = torch.exp(-((x**2 + y**2 - 0.4) ** 2) * 30), torch.exp(-((x * y) ** 2) * 60)
    images, labels = torch.stack([ring, cross]).unsqueeze(1), torch.tensor([0, 3])
    loss = nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    return draw(loss, names={"images": images, "labels": labels, "loss": loss})


class Reader(nn.Module):
    """One LSTM cell that reads a sequence, and a linear layer that says what it has understood."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.out = nn.LSTMCell(3, 4), nn.Linear(4, 1)

    def forward(self, sequence: Any) -> Any:
        """Read from the first to the last."""
        state = None
        for x in sequence:
            state = self.cell(x, state)
        return self.out(state[0])


def lstm() -> Any:
    """A recurrent cell, a card for each step through time: the same weights once, and how the gradient fades into the past."""
    torch.manual_seed(0)
    model = Reader()
    x, target = torch.randn(6, 2, 3), torch.randn(2, 1)
    loss = nn.functional.mse_loss(model(x), target)
    loss.backward()
    return draw(loss, names={"x": x, "target": target, "loss": loss})


class Translator(nn.Module):
    """Embeddings, four encoder layers, and scores for each word."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 4)
        self.head = nn.Linear(16, 20)

    def forward(self, tokens: Any) -> Any:
        """Score what comes next."""
        return self.head(self.encoder(self.embedding(tokens)))


def transformer() -> Any:
    """A transformer's encoder: four layers with their skips, and what of the gradient comes back to each."""
    torch.manual_seed(0)
    model = Translator()
    tokens, following = torch.arange(10).reshape(2, 5), torch.arange(1, 11)
    loss = nn.functional.cross_entropy(model(tokens).reshape(10, 20), following)
    loss.backward()
    return draw(loss, names={"tokens": tokens, "following": following, "loss": loss})


def ways() -> Any:
    """Three ways over the loss surface of a line: a small learning rate, a large one, and momentum."""
    x = torch.tensor([-5.0, -2.0, 2.0, 5.0])
    y = 0.5 * x + 2

    def fit(lr: float, momentum: float = 0.0) -> Any:
        w, b = torch.tensor(-1.0, requires_grad=True), torch.tensor(-1.0, requires_grad=True)
        optimizer = torch.optim.SGD([w, b], lr=lr, momentum=momentum)
        with torch.record(progress=False) as run:
            for epoch in range(40):  # noqa: B007 (the recording counts by its name)
                optimizer.zero_grad()
                loss = ((w * x + b - y) ** 2).mean()
                loss.backward()
                optimizer.step()
        return run

    return torch.compare(fit(0.01), fit(0.06), fit(0.01, 0.8)).paths("w", "b")


PICTURES: dict[str, Callable[[], Any]] = {
    made.__name__: made
    for made in (
        line, resnet, transformer, lstm, two_paths, bias, mlp, cnn, attention, rnn, second_derivative, siamese, ways,
    )
}  # fmt: skip
ANIMATED = {"line"}


def example(number: int) -> Any:
    """One of the tutorial's examples."""
    return draw_recording(run(EXAMPLES[number - 1]).recording)


def main(folder: Path = FOLDER) -> int:
    """Write every picture."""
    for name, make in PICTURES.items():
        print(make().save(folder / f"{name}.svg", **({"animate": True} if name in ANIMATED else {})))
    for number in range(1, len(EXAMPLES) + 1):
        print(example(number).save(folder / f"example_{number}.svg"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
