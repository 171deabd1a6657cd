"""Computations that people draw: from one layer to a network, written as they are in courses.

Each is a function of the library, gradviz or PyTorch itself, and returns a model (or ``None`` where there is no module), what went
into it, and a loss whose backward pass has not run.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

Made = tuple[Any, tuple[Any, ...], Any]
"""A model, its inputs, and a loss."""

COMPUTATIONS: dict[str, Callable[[Any], Made]] = {}


def computation(name: str) -> Callable[[Callable[[Any], Made]], Callable[[Any], Made]]:
    """Enter a function under a name."""

    def enter(make: Callable[[Any], Made]) -> Callable[[Any], Made]:
        COMPUTATIONS[name] = make
        return make

    return enter


def made(name: str, torch: Any, *, backward: bool = True) -> Made:
    """Run one of the computations, and its backward pass."""
    torch.manual_seed(0)
    model, inputs, loss = COMPUTATIONS[name](torch)
    if backward:
        loss.backward()
    return model, inputs, loss


# --- networks of modules -----------------------------------------------------------------------------------------------


@computation("nn.Linear + MSE")
def linear(torch: Any) -> Made:
    model = torch.nn.Linear(3, 2)
    x, y = torch.randn(4, 3), torch.randn(4, 2)
    return model, (x,), torch.nn.functional.mse_loss(model(x), y)


@computation("MLP, cross-entropy")
def mlp(torch: Any) -> Made:
    nn = torch.nn
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))
    x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    return model, (x,), nn.functional.cross_entropy(model(x), y)


@computation("small CNN")
def cnn(torch: Any) -> Made:
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(200, 10),
    )  # fmt: skip
    x, y = torch.randn(2, 1, 28, 28), torch.tensor([3, 7])
    return model, (x,), nn.functional.cross_entropy(model(x), y)


def resnet_18(torch: Any, width: int = 64, classes: int = 1000, *, small: bool = False) -> Any:
    """A ResNet-18; for `small` images with a narrow beginning."""
    nn = torch.nn

    class BasicBlock(nn.Module):
        def __init__(self, before: int, channels: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(channels)
            self.downsample = None
            if stride != 1 or before != channels:
                self.downsample = nn.Sequential(
                    nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
                )

        def forward(self, x: Any) -> Any:
            out = torch.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
            skip = x if self.downsample is None else self.downsample(x)
            return torch.relu(out + skip)

    class ResNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            begin = (3, 1, 1) if small else (7, 2, 3)
            self.conv1 = nn.Conv2d(3, width, *begin, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.relu = nn.ReLU()
            self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
            for number, stride in enumerate((1, 2, 2, 2)):
                before, channels = width * 2 ** max(number - 1, 0), width * 2**number
                layer = nn.Sequential(BasicBlock(before, channels, stride), BasicBlock(channels, channels, 1))
                setattr(self, f"layer{number + 1}", layer)
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(width * 8, classes)

        def forward(self, x: Any) -> Any:
            x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(torch.flatten(self.avgpool(x), 1))

    return ResNet()


@computation("ResNet-18-like")
def resnet(torch: Any) -> Made:
    model = resnet_18(torch, 8, 10, small=True)
    x, y = torch.randn(2, 3, 32, 32), torch.tensor([3, 7])
    return model, (x,), torch.nn.functional.cross_entropy(model(x), y)


@computation("TransformerEncoder, 6 layers")
def transformer(torch: Any) -> Made:
    nn = torch.nn
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
    x = torch.randn(2, 5, 16)
    return model, (x,), (model(x) ** 2).mean()


@computation("LSTMCell, 6 steps")
def lstm_cell(torch: Any) -> Made:
    nn = torch.nn

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(3, 4)
            self.out = nn.Linear(4, 1)

        def forward(self, x: Any) -> Any:
            h, c = torch.zeros(2, 4), torch.zeros(2, 4)
            for t in range(x.shape[0]):
                h, c = self.cell(x[t], (h, c))
            return self.out(h)

    model = Reader()
    x, y = torch.randn(6, 2, 3), torch.randn(2, 1)
    return model, (x,), nn.functional.mse_loss(model(x), y)


@computation("U-Net-like")
def unet(torch: Any) -> Made:
    nn = torch.nn

    def block(before: int, channels: int) -> Any:
        return nn.Sequential(nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())  # fmt: skip

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down1, self.down2, self.middle = block(1, 4), block(4, 8), block(8, 16)
            self.pool = nn.MaxPool2d(2)
            self.up2, self.up1 = nn.ConvTranspose2d(16, 8, 2, 2), nn.ConvTranspose2d(8, 4, 2, 2)
            self.dec2, self.dec1 = block(16, 8), block(8, 4)
            self.head = nn.Conv2d(4, 1, 1)

        def forward(self, x: Any) -> Any:
            first = self.down1(x)
            second = self.down2(self.pool(first))
            deep = self.middle(self.pool(second))
            up = self.dec2(torch.cat([self.up2(deep), second], dim=1))
            up = self.dec1(torch.cat([self.up1(up), first], dim=1))
            return self.head(up)

    model = UNet()
    x, y = torch.randn(1, 1, 16, 16), torch.randn(1, 1, 16, 16)
    return model, (x,), nn.functional.mse_loss(model(x), y)


@computation("VAE")
def vae(torch: Any) -> Made:
    nn = torch.nn

    class VAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(12, 8), nn.ReLU())
            self.mu, self.logvar = nn.Linear(8, 2), nn.Linear(8, 2)
            self.decoder = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 12), nn.Sigmoid())

        def forward(self, x: Any) -> Any:
            h = self.encoder(x)
            mu, logvar = self.mu(h), self.logvar(h)
            z = mu + torch.exp(0.5 * logvar) * torch.randn(x.shape[0], 2)
            return self.decoder(z), mu, logvar

    model = VAE()
    x = torch.rand(4, 12)
    out, mu, logvar = model(x)
    reconstruction = nn.functional.binary_cross_entropy(out, x, reduction="sum")
    divergence = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return model, (x,), reconstruction + divergence


@computation("GPT by hand")
def gpt(torch: Any) -> Made:
    nn = torch.nn

    class Attention(nn.Module):
        def __init__(self, width: int, heads: int) -> None:
            super().__init__()
            self.heads = heads
            self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

        def forward(self, x: Any) -> Any:
            b, t, c = x.shape
            q, k, v = self.qkv(x).split(c, dim=2)
            q, k, v = (part.view(b, t, self.heads, c // self.heads).transpose(1, 2) for part in (q, k, v))
            att = (q @ k.transpose(-2, -1)) * (c // self.heads) ** -0.5
            att = att.masked_fill(torch.tril(torch.ones(t, t)) == 0, float("-inf"))
            y = att.softmax(dim=-1) @ v
            return self.proj(y.transpose(1, 2).contiguous().view(b, t, c))

    class Block(nn.Module):
        def __init__(self, width: int, heads: int) -> None:
            super().__init__()
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.attn = Attention(width, heads)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            x = x + self.attn(self.ln1(x))
            return x + self.mlp(self.ln2(x))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wte, self.wpe = nn.Embedding(20, 16), nn.Embedding(8, 16)
            self.blocks = nn.ModuleList([Block(16, 2) for _ in range(4)])
            self.ln_f = nn.LayerNorm(16)
            self.head = nn.Linear(16, 20, bias=False)

        def forward(self, tokens: Any) -> Any:
            x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.head(self.ln_f(x))

    model = GPT()
    tokens = torch.randint(0, 20, (2, 8))
    logits = model(tokens)
    return model, (tokens,), nn.functional.cross_entropy(logits.view(-1, 20), torch.randint(0, 20, (16,)))


@computation("GRU")
def gru(torch: Any) -> Made:
    nn = torch.nn

    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(10, 6)
            self.gru = nn.GRU(6, 8, num_layers=2, batch_first=True)
            self.out = nn.Linear(8, 5)

        def forward(self, tokens: Any) -> Any:
            hidden, _ = self.gru(self.embedding(tokens))
            return self.out(hidden[:, -1])

    model = Tagger()
    tokens = torch.randint(0, 10, (2, 7))
    return model, (tokens,), nn.functional.cross_entropy(model(tokens), torch.tensor([1, 4]))


@computation("LSTM")
def lstm(torch: Any) -> Made:
    model = torch.nn.LSTM(4, 6, batch_first=True)
    x = torch.randn(2, 10, 4)
    out, _ = model(x)
    return model, (x,), (out[:, -1] ** 2).mean()


@computation("Siamese")
def siamese(torch: Any) -> Made:
    nn = torch.nn
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    anchor, positive, negative = (torch.randn(4, 6) for _ in range(3))
    loss = nn.functional.triplet_margin_loss(model(anchor), model(positive), model(negative))
    return model, (anchor,), loss


@computation("MoE")
def moe(torch: Any) -> Made:
    nn = torch.nn

    class MoE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Linear(6, 4)
            self.experts = nn.ModuleList([nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 6)) for _ in range(4)])

        def forward(self, x: Any) -> Any:
            weights = self.gate(x).softmax(-1)
            made = torch.stack([expert(x) for expert in self.experts], dim=1)
            return (weights.unsqueeze(-1) * made).sum(1)

    model = MoE()
    x, y = torch.randn(5, 6), torch.randn(5, 6)
    return model, (x,), nn.functional.mse_loss(model(x), y)


@computation("GAN step")
def gan(torch: Any) -> Made:
    nn = torch.nn
    generator = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6), nn.Tanh())
    discriminator = nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    real, noise = torch.randn(5, 6), torch.randn(5, 4)
    bce = nn.functional.binary_cross_entropy_with_logits
    fake = generator(noise)
    loss = bce(discriminator(real), torch.ones(5, 1)) + bce(discriminator(fake), torch.zeros(5, 1))
    return nn.Sequential(generator, discriminator), (noise,), loss


@computation("DDPM step")
def ddpm(torch: Any) -> Made:
    nn = torch.nn

    class Denoiser(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.time = nn.Embedding(10, 8)
            self.first, self.second, self.out = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 4)

        def forward(self, x: Any, t: Any) -> Any:
            h = nn.functional.silu(self.first(x) + self.time(t))
            return self.out(nn.functional.silu(self.second(h)))

    model = Denoiser()
    x0, noise, t = torch.randn(6, 4), torch.randn(6, 4), torch.randint(0, 10, (6,))
    alpha_bar = torch.cumprod(1 - torch.linspace(1e-4, 0.2, 10), 0)[t].unsqueeze(1)
    x_t = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise
    return model, (x_t, t), nn.functional.mse_loss(model(x_t, t), noise)


@computation("GCN")
def gcn(torch: Any) -> Made:
    nn = torch.nn

    class GCN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(5, 8), nn.Linear(8, 3)

        def forward(self, x: Any, adjacency: Any) -> Any:
            a = adjacency + torch.eye(x.shape[0])
            d = a.sum(1).rsqrt()
            a = d.unsqueeze(1) * a * d.unsqueeze(0)
            return a @ self.second(torch.relu(a @ self.first(x)))

    model = GCN()
    x, adjacency = torch.randn(6, 5), (torch.rand(6, 6) > 0.6).float()
    return model, (x, adjacency), nn.functional.cross_entropy(model(x, adjacency), torch.randint(0, 3, (6,)))


@computation("MAML inner step")
def maml(torch: Any) -> Made:
    w, b = torch.randn(3, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    x, y, x_new, y_new = torch.randn(5, 3), torch.randn(5, 1), torch.randn(5, 3), torch.randn(5, 1)
    inner = ((x @ w + b - y) ** 2).mean()
    gw, gb = torch.autograd.grad(inner, (w, b), create_graph=True)
    loss = ((x_new @ (w - 0.1 * gw) + (b - 0.1 * gb) - y_new) ** 2).mean()
    return None, (x,), loss


@computation("LoRA")
def lora(torch: Any) -> Made:
    nn = torch.nn

    class LoRA(nn.Module):
        def __init__(self, base: Any, rank: int) -> None:
            super().__init__()
            self.base = base
            for parameter in base.parameters():
                parameter.requires_grad_(False)
            self.A = nn.Parameter(torch.randn(rank, base.in_features) * 0.1)
            self.B = nn.Parameter(torch.zeros(base.out_features, rank))

        def forward(self, x: Any) -> Any:
            return self.base(x) + (x @ self.A.T @ self.B.T) * 2.0

    model = nn.Sequential(LoRA(nn.Linear(8, 8), 2), nn.ReLU(), LoRA(nn.Linear(8, 4), 2))
    x, y = torch.randn(5, 8), torch.randn(5, 4)
    return model, (x,), nn.functional.mse_loss(model(x), y)


@computation("Embedding bag of words")
def words(torch: Any) -> Made:
    nn = torch.nn

    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.user, self.item = nn.Embedding(10, 6), nn.Embedding(12, 6)
            self.bias = nn.Embedding(12, 1)

        def forward(self, user: Any, item: Any) -> Any:
            return (self.user(user) * self.item(item)).sum(-1) + self.bias(item).squeeze(-1)

    model = Words()
    user, item, rating = torch.randint(0, 10, (8,)), torch.randint(0, 12, (8,)), torch.rand(8)
    return model, (user, item), nn.functional.mse_loss(model(user, item), rating)


@computation("autoencoder, 12 layers deep")
def autoencoder(torch: Any) -> Made:
    nn = torch.nn
    sizes = [16, 14, 12, 10, 8, 6, 4, 6, 8, 10, 12, 14, 16]
    parts: list[Any] = []
    for before, after in pairwise(sizes):
        parts += [nn.Linear(before, after), nn.Tanh()]
    model = nn.Sequential(*parts[:-1])
    x = torch.randn(4, 16)
    return model, (x,), nn.functional.mse_loss(model(x), x)


@computation("MultiheadAttention")
def attention_module(torch: Any) -> Made:
    model = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.randn(2, 4, 8)
    out, _ = model(x, x, x)
    return model, (x, x, x), (out**2).mean()


# --- by hand ---------------------------------------------------------------------------------------------------------------


@computation("RNN by hand, 30 steps")
def rnn(torch: Any) -> Made:
    wx, wh = torch.randn(3, 4, requires_grad=True), torch.randn(4, 4, requires_grad=True)
    b = torch.zeros(4, requires_grad=True)
    x = torch.randn(30, 2, 3)
    h = torch.zeros(2, 4)
    for t in range(30):
        h = torch.tanh(x[t] @ wx + h @ wh + b)
    return None, (x,), (h**2).mean()


@computation("attention by hand")
def attention(torch: Any) -> Made:
    x = torch.randn(4, 6)
    wq, wk, wv = (torch.randn(6, 3, requires_grad=True) for _ in range(3))
    q, k, v = x @ wq, x @ wk, x @ wv
    scores = q @ k.T / 3**0.5
    scores = scores.masked_fill(torch.triu(torch.ones(4, 4), 1) == 1, float("-inf"))
    out = torch.softmax(scores, dim=-1) @ v
    return None, (x,), (out**2).mean()


@computation("doubling, 100 times")
def doubling(torch: Any) -> Made:
    b = torch.tensor(1.0, requires_grad=True)
    for _ in range(100):
        b = b + b
    return None, (), b


@computation("a long chain of scalars")
def chain(torch: Any) -> Made:
    w = torch.tensor(0.5, requires_grad=True)
    y = w
    for _ in range(60):
        y = torch.sin(y) * 1.1
    return None, (), y


@computation("a long chain of matrices")
def matrix_chain(torch: Any) -> Made:
    y = torch.randn(3, 3, requires_grad=True)
    for _ in range(25):
        y = torch.tanh(y @ (torch.randn(3, 3, requires_grad=True) * 0.5))
    return None, (), y.sum()


@computation("a wide fan in")
def fan_in(torch: Any) -> Made:
    parts = [torch.randn(3, requires_grad=True) for _ in range(60)]
    return None, (), torch.stack(parts).sum()


@computation("a wide fan out")
def fan_out(torch: Any) -> Made:
    x = torch.randn(3, requires_grad=True)
    total = torch.tensor(0.0)
    for k in range(40):
        total = total + (x**2 * k).sum()
    return None, (), total


@computation("a dense graph")
def dense(torch: Any) -> Made:
    features = [torch.randn(2, 3, requires_grad=True)]
    for _ in range(8):
        features.append(torch.tanh(sum(features)))
    return None, (), features[-1].sum()


@computation("deep recursion")
def recursion(torch: Any) -> Made:
    w = torch.tensor(0.9, requires_grad=True)

    def tree(depth: int) -> Any:
        if depth == 0:
            return w * 1.0
        left, right = tree(depth - 1), tree(depth - 1)
        return torch.tanh(left * w + right)

    return None, (), tree(5)


@computation("polynomial")
def polynomial(torch: Any) -> Made:
    x = torch.tensor(1.5, requires_grad=True)
    y = x**5 - 3 * x**4 + 2 * x**3 - x**2 + 4 * x - 7
    return None, (), y


@computation("micrograd's neuron")
def neuron(torch: Any) -> Made:
    x1, x2 = torch.tensor(2.0, requires_grad=True), torch.tensor(0.0, requires_grad=True)
    w1, w2 = torch.tensor(-3.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    b = torch.tensor(6.8813735870195432, requires_grad=True)
    n = x1 * w1 + x2 * w2 + b
    return None, (), torch.tanh(n)


@computation("Gaussian likelihood by hand")
def likelihood(torch: Any) -> Made:
    mu, log_sigma = torch.tensor(0.3, requires_grad=True), torch.tensor(-0.2, requires_grad=True)
    data = torch.randn(12)
    sigma = log_sigma.exp()
    return None, (), (((data - mu) / sigma) ** 2 / 2 + log_sigma + 0.5 * torch.log(torch.tensor(6.2831855))).sum()
