"""Weights that are divided by a norm, worked out before each call of the module: PyTorch's older way of doing it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from gradviz.engine import creation, functions
from gradviz.engine.linalg import functions as linalg
from gradviz.engine.modes import no_grad
from gradviz.engine.tensor import Tensor
from gradviz.nn import functional as F  # noqa: N812 (everybody's name for it)
from gradviz.nn import hooks
from gradviz.nn.module import Module
from gradviz.nn.modules.convolution import _ConvTransposeNd
from gradviz.nn.parameter import Parameter, is_lazy

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]


# --- what both ways of doing it share -----------------------------------------------------------------------------------


def norm_except_dim(v: Tensor, dim: int) -> Tensor:
    """Return the length of each slice along an axis; of the whole for −1."""
    if dim == -1:
        return linalg.vector_norm(v)
    axes = tuple(axis for axis in range(v.ndim) if axis != dim % v.ndim)
    return linalg.vector_norm(v, 2, axes, True) if axes else v.abs()


def directed(v: Tensor, g: Tensor, dim: int) -> Tensor:
    """Return the weight with direction `v` and length `g`."""
    return v * (g / norm_except_dim(v, dim))


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """Return a weight as a matrix, with one axis as its rows."""
    if dim != 0:
        weight = functions.permute(weight, (dim, *(axis for axis in range(weight.ndim) if axis != dim)))
    return weight.reshape(weight.shape[0], -1)


def unit_vector(like: Tensor, length: int, eps: float) -> Tensor:
    """Draw a random direction."""
    return F.normalize(creation.empty(length, dtype=like.dtype).normal_(), dim=0, eps=eps)


def output_axis(module: Module) -> int:
    """Return which axis of a layer's weight belongs to its outputs."""
    return 1 if isinstance(module, _ConvTransposeNd) else 0


# --- hooks that set the weight ------------------------------------------------------------------------------------------


class _Reparametrization:
    """Before each call of a module, works out its weight and puts it in place."""

    what = ""

    def __init__(self, name: str, dim: int) -> None:
        self.name, self.dim = name, dim

    def register(self, module: Module) -> Tensor:
        """Take the place of a parameter, and return it."""
        if _find(type(self), module, self.name) is not None:
            raise RuntimeError(f"Cannot register two {self.what} hooks on the same parameter {self.name}")
        weight = getattr(module, self.name)
        if is_lazy(weight):
            kind = type(self).__name__
            raise ValueError(
                f"The module passed to `{kind}` can't have uninitialized parameters. Make sure to run the dummy forward "
                f"before applying {self.what.replace('norm', 'normalization').replace('_', ' ')}"
            )
        delattr(module, self.name)
        module.register_forward_pre_hook(self)
        return weight

    def compute_weight(self, module: Module) -> Tensor:
        raise NotImplementedError

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))

    def remove(self, module: Module, parts: tuple[str, ...]) -> None:
        """Make the weight as it is now a parameter again."""
        weight = self.settled(module)
        for part in ("", *parts):
            delattr(module, self.name + part)
        module.register_parameter(self.name, Parameter(weight.detach()))
        assert module._hooks is not None
        module._hooks.before.remove_where(lambda hook: hook.function is self)

    def settled(self, module: Module) -> Tensor:
        """Return the weight as it is now, without changing anything."""
        with no_grad():
            return self.compute_weight(module)


def _find(kind: type, module: Module, name: str) -> Any:
    waiting: Iterable[hooks.Hook] = () if module._hooks is None else module._hooks.before
    return next((h.function for h in waiting if isinstance(h.function, kind) and h.function.name == name), None)  # type: ignore[attr-defined]


class WeightNorm(_Reparametrization):
    """A weight as a direction and a length of its own."""

    what = "weight_norm"

    def compute_weight(self, module: Module) -> Tensor:
        """Return the weight."""
        return directed(getattr(module, f"{self.name}_v"), getattr(module, f"{self.name}_g"), self.dim)


class SpectralNorm(_Reparametrization):
    """A weight divided by its largest singular value."""

    what = "spectral_norm"

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        super().__init__(name, dim)
        self.n_power_iterations, self.eps = n_power_iterations, eps

    def compute_weight(self, module: Module, do_power_iteration: bool | None = None) -> Tensor:
        """Return the weight; in training, after a step of the search for its largest singular value."""
        weight, u, v = (getattr(module, self.name + part) for part in ("_orig", "_u", "_v"))
        matrix = as_matrix(weight, self.dim)
        if module.training if do_power_iteration is None else do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(functions.mv(matrix.t(), u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(functions.mv(matrix, v), dim=0, eps=self.eps))
                u, v = u.clone(), v.clone()
        return weight / functions.dot(u, functions.mv(matrix, v))

    def settled(self, module: Module) -> Tensor:
        """Return the weight as it is now, without another step."""
        with no_grad():
            return self.compute_weight(module, do_power_iteration=False)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Learn the direction and the length of a weight separately: ``weight = g · v / ‖v‖``.

    Parameters
    ----------
    module
        The module; it gets the parameters ``weight_g`` and ``weight_v`` in place of its weight.
    name
        Which parameter.
    dim
        The axis along which each slice has a length of its own; ``None`` for one length.
    """
    warnings.warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    norm = WeightNorm(name, -1 if dim is None else dim)
    weight = norm.register(module).detach()
    module.register_parameter(f"{name}_g", Parameter(norm_except_dim(weight, norm.dim)))
    module.register_parameter(f"{name}_v", Parameter(weight))
    setattr(module, name, norm.compute_weight(module))
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight of a module with `weight_norm` a parameter of its own again."""
    norm = _find(WeightNorm, module, name)
    if norm is None:
        raise ValueError(f"weight_norm of '{name}' not found in {module}")
    norm.remove(module, ("_g", "_v"))
    return module


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divide a weight by its largest singular value, so that the layer stretches nothing.

    Parameters
    ----------
    module
        The module; it gets the parameter ``weight_orig`` in place of its weight, and two vectors as buffers.
    name
        Which parameter.
    n_power_iterations
        How many steps to search for the largest singular value in each call, in training.
    eps
        Keeps divisors away from 0.
    dim
        The axis of the outputs; by default 0, and 1 for transposed convolutions.
    """
    norm = SpectralNorm(name, n_power_iterations, output_axis(module) if dim is None else dim, eps)
    if name in module._parameters and module._parameters[name] is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    weight = norm.register(module)
    rows, columns = as_matrix(weight, norm.dim).shape
    u, v = unit_vector(weight, rows, eps), unit_vector(weight, columns, eps)
    module.register_parameter(f"{name}_orig", weight)  # type: ignore[arg-type]
    setattr(module, name, weight.data)
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight of a module with `spectral_norm` a parameter of its own again."""
    norm = _find(SpectralNorm, module, name)
    if norm is None:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    norm.remove(module, ("_u", "_v", "_orig"))
    return module
