"""A scalar autograd engine in sixty lines, held against torch: the same expressions, the same gradients."""

import random

import torch


class Value:
    """A number that remembers how it was made."""

    def __init__(self, data, children=(), op=""):
        self.data = data
        self.grad = 0.0
        self._backward = lambda: None
        self._children = children
        self._op = op

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other), "+")

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other), "*")

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def __pow__(self, power):
        out = Value(self.data**power, (self,), f"**{power}")

        def _backward():
            self.grad += power * self.data ** (power - 1) * out.grad

        out._backward = _backward
        return out

    def relu(self):
        out = Value(max(self.data, 0.0), (self,), "relu")

        def _backward():
            self.grad += (out.data > 0) * out.grad

        out._backward = _backward
        return out

    def backward(self):
        order, seen = [], set()

        def build(v):
            if v not in seen:
                seen.add(v)
                for child in v._children:
                    build(child)
                order.append(v)

        build(self)
        self.grad = 1.0
        for v in reversed(order):
            v._backward()

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other)

    def __truediv__(self, other):
        return self * other**-1


def expression(a, b):
    c = a + b
    d = a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + (b + a).relu()
    d = d + d * 3 + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    return g + (f**-1) * 10.0


a, b = Value(-4.0), Value(2.0)
g = expression(a, b)
g.backward()

ta = torch.Tensor([-4.0]).double()
tb = torch.Tensor([2.0]).double()
ta.requires_grad = True
tb.requires_grad = True
tg = expression(ta, tb)
tg.backward()

print(f"{g.data:.4f} {tg.data.item():.4f}")
print(f"{a.grad:.4f} {ta.grad.item():.4f}")
print(f"{b.grad:.4f} {tb.grad.item():.4f}")
tol = 1e-6
assert abs(g.data - tg.data.item()) < tol
assert abs(a.grad - ta.grad.item()) < tol
assert abs(b.grad - tb.grad.item()) < tol

# A neuron in both, with random weights.
random.seed(3)
xs = [random.uniform(-1, 1) for _ in range(3)]
ws = [random.uniform(-1, 1) for _ in range(3)]
neuron = sum((Value(w) * x for w, x in zip(ws, xs)), Value(0.5)).relu()
neuron.backward()
w = torch.tensor(ws, dtype=torch.float64, requires_grad=True)
out = (w @ torch.tensor(xs, dtype=torch.float64) + 0.5).relu()
out.backward()
print(out, w.grad, sep="\n")
assert abs(out.item() - neuron.data) < tol
