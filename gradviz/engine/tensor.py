"""The tensor: an array, whether it wants a gradient, and how it was made.

Only what a tensor *is* stands here. Its arithmetic comes from the table of operations (`gradviz.engine.methods`
attaches it), its digits when printed from `gradviz.engine.printing`. The file is longer than others since a class stands in
one piece.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz import absent
from gradviz.engine import advice, devices, dtypes, mixed, printing
from gradviz.engine.core import tensor as core
from gradviz.engine.core.clock import moment
from gradviz.engine.core.tensor import Edge, edge_of, mode, results_are, wrap
from gradviz.engine.cut import Cut, Origin, cut, escaped, forgotten, line
from gradviz.engine.handles import Hooks, RemovableHandle
from gradviz.engine.memory import Memory, VersionCounter, counter_of, memory_of
from gradviz.engine.modes import barred
from gradviz.engine.node import AccumulateGrad, Node
from gradviz.engine.size import Size
from gradviz.engine.strides import seen_in

__all__ = ["Tensor", "edge_of", "wrap"]

NOT_A_LEAF = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
    "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf Tensor, "
    "use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure you access the "
    "leaf Tensor instead. See github.com/pytorch/pytorch/pull/30531 for more information."
)
GRAD_DTYPE = (
    "attempting to assign a gradient with dtype '{}' to a tensor with grad_dtype '{}'. The gradient must match the "
    "tensor's grad_dtype (defaults to the tensor's dtype). You can set the tensor's grad_dtype attribute with a specific "
    "dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging the dtypes of a tensor and its gradient may "
    "break downstream systems that assume they match."
)
CHANGE_OF_NON_LEAF = (
    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph "
    "that doesn't require differentiation use var_no_grad = var.detach()."
)
DETACHED_VIEW = (
    "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, and "
    "gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be called on "
    "these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in torch/optim/optimizer.py as "
    "the solution."
)
NUMPY_OF_TRACKED = "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."


class Tensor(core.Tensor):
    """A multi-dimensional array that remembers how it was computed.

    Make one with `gradviz.tensor`, `gradviz.zeros`, `gradviz.randn`, ...

    Attributes
    ----------
    array
        The numbers, as a NumPy array; or as a NumPy scalar, which is faster, where a result has no dimensions.
        Use `numpy` or `data` to get at an array that can be changed in place.
    """

    # What most tensors have never needs to be stored in them.
    _grad: Tensor | None = None
    _retains_grad = False
    _hooks: Hooks[Callable[[Tensor], Tensor | None]] | None = None
    _post_accumulate_hooks: Hooks[Callable[[Tensor], None]] | None = None
    _base: Tensor | None = None  # whose memory a view looks at
    _views: list[weakref.ref[Tensor]] | None = None
    _creation = (
        ""  # how a view was made whose changes in place the graph cannot follow: in "no_grad" or "inference" mode,
    )
    # as one of "several", or in the forward of a custom "function"
    _inherits = False  # a view that requires a gradient only because its base does: none goes on from it
    _stale: str | None = None  # such a view, once its memory was changed: what is wrong with using it
    _source: weakref.ref[Tensor] | None = None  # what it was detached from
    _cut: Cut | None = None  # why no gradient goes from here to what it was made of
    _asked: tuple[str, tuple[Any, ...]] | None = (
        None  # of an answer that a formula uses: the question, and what it is about
    )
    _switched: Origin | None = None  # the line that last said whether it wants a gradient
    _forgotten: tuple[Origin | None, int] | None = None  # where its gradient was taken away, and when
    _memory: Memory | None = None
    _counter: VersionCounter | None = None

    _grad_fn: Node | None

    if TYPE_CHECKING:  # the methods that `gradviz.engine.methods` attaches, for type checkers
        T: Tensor
        mT: Tensor  # noqa: N815 (PyTorch's name)

        def __new__(cls, *data: Any, **words: Any) -> Tensor: ...  # noqa: D102
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Tensor) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

    # --- the graph ----------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this tensor."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if self._grad_fn is not None and not wanted:
            raise RuntimeError(CHANGE_OF_NON_LEAF)
        if wanted and self.array.dtype.kind != "f":
            words = "only Tensors of floating point and complex dtype can require gradients"
            raise RuntimeError(advice.not_floating(words, self))
        if self._inherits and not wanted:
            return
        self._requires_grad, self._inherits, self._switched = bool(wanted), False, line()
        for looks in (*(self._views or ()), *(self._counter.told if self._counter is not None else ())):
            view = looks()
            if view is None or view._base is not self or view._grad_fn is not None:
                continue
            if view._inherits or not view._requires_grad:
                view._requires_grad = view._inherits = bool(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` and return the tensor itself."""
        if requires_grad and self.array.dtype.kind != "f":
            words = "only Tensors of floating point dtype can require gradients"
            raise RuntimeError(advice.not_floating(words, self))
        if requires_grad and self._barred and not barred():
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        self.requires_grad = requires_grad
        return self

    def is_inference(self) -> bool:
        """Return True for a tensor made inside of ``inference_mode()``."""
        return self._barred is not None

    @property
    def grad_fn(self) -> Node | None:
        """The operation that made this tensor, ``None`` for a leaf."""
        refuse_stale(self)
        return self._grad_fn

    @property
    def is_leaf(self) -> bool:
        """True for a tensor that no recorded operation made."""
        refuse_stale(self)
        return self._grad_fn is None

    def _is_view(self) -> bool:
        return self._base is not None

    @property
    def output_nr(self) -> int:
        """Which output of its `grad_fn` this tensor is."""
        return self._output_nr

    def gradient_edge(self) -> Edge:
        """Return where a gradient of this tensor goes: its `grad_fn`, or the `AccumulateGrad` of a leaf."""
        return edge_of(self) or (AccumulateGrad(self), 0)

    def _end(self) -> AccumulateGrad | None:
        """Make the end of the line. A view that requires a gradient only because its base does has none."""
        refuse_stale(self)
        return None if self._inherits else AccumulateGrad(self)

    @property
    def grad(self) -> Tensor | None:
        """The gradient collected by ``backward()``, ``None`` before the first."""
        if self._grad is None and self._grad_fn is not None and not self._retains_grad:
            warnings.warn(advice.grad_of_non_leaf(NOT_A_LEAF, self), UserWarning, stacklevel=2)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                words = f"assigned grad expected to be a Tensor or None but got grad of type {_type_name(value)}"
                raise TypeError(mixed.explained(words, value))
            if value.shape != self.shape:
                words = (
                    f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of size "
                    f"'{list(self.shape)}'. Please ensure that the gradient and the tensor are the same size"
                )
                raise RuntimeError(advice.gradient_shape(words, self, value))
            if value.array.dtype != self.array.dtype:
                names = dtypes.scalar_type_name(value.dtype).lower(), dtypes.scalar_type_name(self.dtype)
                raise RuntimeError(GRAD_DTYPE.format(*names))
        elif self._grad is not None:
            forgotten(self, line())
        self._grad = value

    def retain_grad(self) -> None:
        """Keep the gradient of this intermediate tensor in its ``.grad``, as for a leaf."""
        if not self._requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._grad_fn is None or self._retains_grad:
            return
        self._retains_grad = True
        self._grad_fn.all_hooks().retained[self._output_nr] = weakref.ref(self)

    @property
    def retains_grad(self) -> bool:
        """True after `retain_grad` on a tensor that is not a leaf."""
        return self._retains_grad

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook` with this tensor's gradient when it is complete; what it returns, if anything, replaces it."""
        if not self._requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        refuse_stale(self)
        # Hooks live where the gradient passes: on the node for a result, on the tensor for a leaf.
        if self._grad_fn is not None:
            return self._grad_fn.all_hooks().outputs.setdefault(self._output_nr, Hooks()).add(hook)
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks.add(hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook` with this leaf after a gradient has been added to its ``.grad``."""
        if not self._requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._grad_fn is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if self._post_accumulate_hooks is None:
            self._post_accumulate_hooks = Hooks()
        return self._post_accumulate_hooks.add(hook)

    def detach(self) -> Tensor:
        """Return a tensor with the same memory, cut off from the graph."""
        out = wrap(self._writable())
        out._source = weakref.ref(self)  # for its name; a strong reference would keep the whole graph alive
        out._memory = memory_of(self)
        out._barred = self._barred
        if not self._barred:
            out._counter = counter_of(self)
        elif not barred():
            out._counter = VersionCounter()  # with one of its own, it may be changed
        return cut(out, "detach", self)

    def detach_(self) -> Tensor:
        """Cut this tensor itself off from the graph."""
        if self._base is not None:
            raise RuntimeError(DETACHED_VIEW)
        counter_of(self)  # what made it may have saved it
        cut(self, "detach", self, "detach_")
        self._grad_fn, self._output_nr = None, 0
        self.requires_grad = False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory as a tensor that is not tracked: writing to it escapes autograd's notice."""
        out = wrap(self._writable())
        out._memory, out._barred = memory_of(self), self._barred
        if self._barred and not barred():
            out._counter = VersionCounter()
        return cut(out, "data", self)

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            words = f"Variable data has to be a tensor, but got {_type_name(value)}"
            raise TypeError(mixed.explained(words, value))
        if value._memory is None or value._memory is not self._memory:
            self.keep_old_values()
            self.array = value._writable()

    @property
    def _version(self) -> int:
        """How often this tensor's memory was changed in place."""
        if self._barred and self._counter is None:
            raise RuntimeError("Inference tensors do not track version counter.")
        counter = (self if self._base is None else self._base)._counter
        return 0 if counter is None else counter.count

    # --- memory -------------------------------------------------------------------------------------------------

    def keep_old_values(self) -> None:
        """Before a change in place: keep what stood here, so that a graph made earlier can still be drawn."""
        memory_of(self).keep(moment(), Memory.copied(self.array))

    def values_at(self, moment: float) -> np.ndarray[Any, Any] | None:
        """Return the numbers that stood here when operation number `moment` began; ``None`` if they are not known."""
        if self._memory is not None:
            return self._memory.at(moment, self.array)
        base = self._base
        if base is None or base._memory is None or not np.may_share_memory(base.array, self.array):
            return self.array
        then = base._memory.at(moment, base.array)  # of a view it is known from whose memory it looks at
        return then if then is None else seen_in(then, base.array, self.array)

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """Return the array; it shares memory with the tensor."""
        if self._requires_grad and mode.enabled and not force:
            raise RuntimeError(advice.numpy_of_tracked(NUMPY_OF_TRACKED, self))
        escaped(self, "numpy")
        return self._writable()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    # --- size and kind ------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The length along each dimension."""
        return Size(self.array.shape)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or its length along one dimension."""
        if dim is None:
            return self.shape
        if not -max(self.ndim, 1) <= dim < max(self.ndim, 1) or not self.ndim:
            raise _no_axis(dim, self.ndim)
        return self.shape[dim]

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.array.ndim

    def numel(self) -> int:
        """Return the number of entries."""
        return self.array.size

    nelement = numel

    @property
    def dtype(self) -> dtypes.dtype:
        """What its numbers are, such as ``torch.float32``."""
        return dtypes.from_numpy(self.array.dtype)

    @property
    def itemsize(self) -> int:
        """Bytes per entry."""
        return self.array.itemsize

    def is_floating_point(self) -> bool:
        """Return True for floating-point tensors."""
        return self.array.dtype.kind == "f"

    @property
    def device(self) -> Any:
        """Always the CPU."""
        return devices.CPU

    def type(self) -> str:
        """Return PyTorch's name of the tensor's type: ``"torch.FloatTensor"``."""
        return dtypes.tensor_type_name(self.dtype)

    # --- Python's protocols -------------------------------------------------------------------------------------

    def item(self) -> Any:
        """Return the only entry as a Python number."""
        if self.array.size != 1:
            words = f"a Tensor with {self.array.size} elements cannot be converted to Scalar"
            raise RuntimeError(advice.many_numbers(words, self))
        number = self.array.item()
        escaped(self, "item", number)
        return number

    def tolist(self) -> Any:
        """Return the entries as nested lists of Python numbers."""
        escaped(self, "tolist")
        return self.array.tolist()

    def _scalar(self) -> Any:
        if self.array.size != 1:
            raise ValueError(advice.many_numbers("only one element tensors can be converted to Python scalars", self))
        number = self.array.item()
        escaped(self, "float", number)
        return number

    def __float__(self) -> float:
        return float(self._scalar())

    def __int__(self) -> int:
        return int(self._scalar())

    def __index__(self) -> int:
        if self.array.size != 1 or self.array.dtype.kind not in "iu":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.array.item())

    def __bool__(self) -> bool:
        if self.array.size != 1:
            many = "more than one value" if self.array.size else "no values"
            raise RuntimeError(advice.ambiguous_truth(f"Boolean value of Tensor with {many} is ambiguous", self))
        return bool(self.array.item())

    def __len__(self) -> int:
        if self.array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.array.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    def __hash__(self) -> int:
        return id(self)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            words = None if name.startswith("_") else absent.refusal(f"Tensor.{name}")
            raise AttributeError(
                words
                or f"'Tensor' object has no attribute {name!r}. If PyTorch's tensors have it, gradviz does not support it; "
                f"supported: see dir(tensor){advice.similar(name, dir(self))}"
            )

    def __format__(self, spec: str) -> str:
        return format(self.array.item(), spec) if self.array.ndim == 0 else object.__format__(self, spec)

    def __repr__(self) -> str:
        return printing.tensor_text(
            self.array,
            grad_fn="Invalid" if self._stale else type(self._grad_fn).__name__ if self._grad_fn is not None else None,
            requires_grad=self._requires_grad,
            name="tensor" if type(self).__module__.startswith("gradviz.") else type(self).__name__,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle has: the numbers, and whether a gradient is wanted; no graph and no gradient, as in PyTorch."""
        own = {name: value for name, value in vars(self).items() if not hasattr(Tensor, name)}  # what others lack goes
        return {**own, "_grad_fn": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self._grad_fn is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
                "moment.  If you were attempting to deepcopy a module, this may be because of a torch.nn.utils."
                "weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001"
            )
        copy = object.__new__(self.__class__)
        memo[id(self)] = copy
        copy.array, copy._requires_grad, copy._grad_fn = np.array(self.array), self._requires_grad, None
        if self._grad is not None:
            copy._grad = self._grad.detach().clone()
        return copy


def refuse_stale(view: Tensor) -> None:
    """Raise PyTorch's error for a view that was overtaken by a change in place."""
    if view._stale is not None and (view._requires_grad or (view._base is not None and view._base._requires_grad)):
        raise RuntimeError(view._stale)


def _no_axis(dim: int, ndim: int) -> IndexError:
    if not ndim:
        return IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})")


def _type_name(value: Any) -> str:
    return type(value).__name__


results_are(Tensor)
