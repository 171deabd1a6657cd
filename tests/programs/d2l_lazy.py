"""A textbook's trainer: modules with lazy layers, hyperparameters saved, accuracy summed, weights set by hand."""

import collections
import inspect

import torch
from torch import nn
from torch.nn import functional as F


class HyperParameters:
    def save_hyperparameters(self, ignore=[]):
        frame = inspect.currentframe().f_back
        _, _, _, local_vars = inspect.getargvalues(frame)
        self.hparams = {
            k: v for k, v in local_vars.items() if k not in set(ignore + ["self"]) and not k.startswith("_")
        }
        for k, v in self.hparams.items():
            setattr(self, k, v)


class Module(nn.Module, HyperParameters):
    def loss(self, y_hat, y):
        raise NotImplementedError

    def forward(self, X):
        assert hasattr(self, "net"), "Neural network is not defined"
        return self.net(X)

    def training_step(self, batch):
        return self.loss(self(*batch[:-1]), batch[-1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr)

    def apply_init(self, inputs, init=None):
        self.forward(*inputs)
        if init is not None:
            self.net.apply(init)


class Classifier(Module):
    def loss(self, Y_hat, Y, averaged=True):
        Y_hat = Y_hat.reshape((-1, Y_hat.shape[-1]))
        Y = Y.reshape((-1,))
        return F.cross_entropy(Y_hat, Y, reduction="mean" if averaged else "none")

    def accuracy(self, Y_hat, Y, averaged=True):
        Y_hat = Y_hat.reshape((-1, Y_hat.shape[-1]))
        preds = Y_hat.argmax(axis=1).type(Y.dtype)
        compare = (preds == Y.reshape(-1)).type(torch.float32)
        return compare.mean() if averaged else compare

    def layer_summary(self, X_shape):
        X = torch.randn(*X_shape)
        for layer in self.net:
            X = layer(X)
            print(layer.__class__.__name__, "output shape:\t", X.shape)


def init_cnn(module):
    if type(module) == nn.Linear or type(module) == nn.Conv2d:
        nn.init.xavier_uniform_(module.weight)


class LeNet(Classifier):
    def __init__(self, lr=0.1, num_classes=4):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.LazyConv2d(4, kernel_size=5, padding=2), nn.LazyBatchNorm2d(), nn.Sigmoid(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.LazyConv2d(6, kernel_size=3), nn.LazyBatchNorm2d(), nn.Sigmoid(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.Flatten(),
            nn.LazyLinear(16), nn.Sigmoid(),
            nn.LazyLinear(num_classes),
        )


torch.manual_seed(5)
model = LeNet()
print(model.net[0], model.net[-1])
try:
    print(model.net[-1].weight.shape)
except RuntimeError as error:
    print(type(error).__name__, str(error)[:60])
model.layer_summary((1, 1, 12, 12))
model.apply_init([torch.randn(2, 1, 12, 12)], init_cnn)
print(model.net[0], model.net[-1])

X = torch.rand(48, 1, 12, 12)
Y = torch.arange(48) % 4
for i in range(48):
    X[i, 0, 3 * int(Y[i]) : 3 * int(Y[i]) + 3] += 1
optimizer = model.configure_optimizers()
history = collections.defaultdict(list)
for epoch in range(5):
    model.train()
    for batch in torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), 12):
        loss = model.training_step(batch)
        optimizer.zero_grad()
        with torch.no_grad():
            loss.backward()
            optimizer.step()
        history["loss"].append(loss.item())
    model.eval()
    with torch.no_grad():
        history["accuracy"].append(model.accuracy(model(X), Y).item())
print([f"{v:.3f}" for v in history["loss"][::4]], [f"{v:.2f}" for v in history["accuracy"]])


class LinearRegressionScratch(Module):
    def __init__(self, num_inputs, lr, sigma=0.01):
        super().__init__()
        self.save_hyperparameters()
        self.w = torch.normal(0, sigma, (num_inputs, 1), requires_grad=True)
        self.b = torch.zeros(1, requires_grad=True)

    def forward(self, X):
        return torch.matmul(X, self.w) + self.b

    def loss(self, y_hat, y):
        return ((y_hat - y) ** 2 / 2).mean()


w, b = torch.tensor([2, -3.4]), 4.2
X = torch.randn(200, 2)
y = torch.matmul(X, w.reshape((-1, 1))) + b + torch.randn(200, 1) * 0.01
scratch = LinearRegressionScratch(2, lr=0.1)
for epoch in range(40):
    loss = scratch.training_step((X, y))
    scratch.w.grad = scratch.b.grad = None
    loss.backward()
    with torch.no_grad():
        for param in (scratch.w, scratch.b):
            param -= scratch.lr * param.grad
with torch.no_grad():
    print(f"error in estimating w: {w - scratch.w.reshape(w.shape)}".split(":")[0], bool((w - scratch.w.reshape(w.shape)).abs().max() < 0.1))
    print(f"error in estimating b: {(b - scratch.b).abs().item() < 0.1}")
x = torch.arange(12, dtype=torch.float32).reshape(3, 4)
print(x.sum(axis=0), x.sum(axis=[0, 1]), x.mean(axis=1, keepdims=True), torch.cat((x, x), axis=1).shape)
print(x.norm(), torch.abs(torch.ones(4)).sum(), x.numel(), x.cumsum(axis=0)[-1])
