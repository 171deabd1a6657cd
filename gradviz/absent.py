"""What PyTorch has and gradviz has not, said by name; and what stands here under another path.

A program meets such a name in two ways: it asks a module for it (``torch.fft``), which is an `AttributeError`, or it imports
it (``import torch.fft``), which is an `ImportError`. Both say the same sentence. Nothing here imports gradviz, so that every
module may ask: the last line of each is ``def __getattr__(name): return absent.attribute("nn", name, __all__)``.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any, Literal

REFUSED: dict[str, str] = {
    path: reason
    for reason, paths in {
        "quantization works on PyTorch's own compiled kernels": "ao quantization nn.intrinsic nn.qat nn.quantizable nn.quantized",
        "gradviz computes in one process, on one machine": "distributed nn.parallel.distributed utils.data.distributed",
        "a graph is built while it runs, and nothing compiles, exports or rewrites it": (
            "compiler export fx jit package utils.bundled_inputs utils.jit utils.mobile_optimizer utils.model_dump nativert "
            "nn.utils.fusion"
        ),
        "it does not write files for other programs": "onnx utils.tensorboard",
        "Fourier transforms need complex numbers, which are not here": "fft signal",
        "every tensor is dense, and knows all of its entries": "sparse masked nested optim.sparse_adam",
        "nothing is downloaded, and PyTorch's trained models are not here": "hub utils.model_zoo",
        "tensors are not shared between processes (Python's own multiprocessing sends copies of them)": (
            "multiprocessing futures numa"
        ),
        "it computes with NumPy, on the CPU": (
            "mtia cpu.amp mps.event mps.profiler xpu.graphs xpu.memory xpu.random xpu.streams accelerator.graphs "
            "accelerator.memory cuda.comm cuda.gds cuda.graphs cuda.green_contexts "
            "cuda.jiterator cuda.nccl cuda.nvtx cuda.sparse cuda.streams cuda.tunable nn.parallel.comm nn.parallel.parallel_apply "
            "nn.parallel.replicate nn.parallel.scatter_gather"
        ),
        "there are no such libraries to choose from": (
            "backends.cudnn.rnn backends.cusparselt backends.kleidiai backends.mha backends.miopen "
            "backends.nnpack backends.python_native backends.quantized backends.xeon backends.xnnpack nn.backends nn.cpp"
        ),
        "it does not measure time; draw() and record() show what was computed": (
            "profiler monitor autograd.profiler autograd.profiler_legacy autograd.profiler_util cuda.profiler "
            "utils.benchmark utils.flop_counter utils.throughput_benchmark utils.module_tracker"
        ),
        "it is not among the distributions that are here": (
            "distributions.binomial distributions.cauchy distributions.chi2 distributions.continuous_bernoulli "
            "distributions.fishersnedecor distributions.generalized_pareto "
            "distributions.geometric distributions.gumbel distributions.half_cauchy distributions.half_normal "
            "distributions.inverse_gamma distributions.kumaraswamy distributions.lkj_cholesky "
            "distributions.logistic_normal distributions.lowrank_multivariate_normal "
            "distributions.mixture_same_family distributions.multinomial distributions.negative_binomial "
            "distributions.pareto distributions.poisson distributions.relaxed_bernoulli "
            "distributions.relaxed_categorical distributions.studentT distributions.von_mises distributions.weibull "
            "distributions.wishart"
        ),
        "forward-mode derivatives are computed by func.jvp": "autograd.forward_ad",
        "a graph can be walked by grad_fn and next_functions": "autograd.graph",
        "its attention is one formula, with nothing to choose": "nn.attention",
        "AdaptiveLogSoftmaxWithLoss is not here": "nn.modules.adaptive",
        "linear_cross_entropy is not here": "nn.modules.linear_cross_entropy nn.modules.linear_cross_entropy_options",
        "functional_call is in torch.func": "nn.utils.stateless",
        "it is a function here, of nn.utils": "nn.utils.spectral_norm nn.utils.weight_norm",
        "nothing is pruned": "nn.utils.prune",
        "F.conv2d has a gradient of its own": "nn.grad",
        "batches are made by Dataset and DataLoader": (
            "utils.data.backward_compatibility utils.data.datapipes utils.data.graph utils.data.graph_settings"
        ),
        "memory lies as NumPy lays it out": "nn.utils.memory_format storage utils.dlpack utils.mkldnn",
        "this is about how PyTorch itself is built": (
            "contrib library nn.common_types nn.utils.init overrides quasirandom return_types torch_version types "
            "utils.backcompat utils.backend_registration utils.collect_env utils.cpp_backtrace utils.cpp_extension "
            "utils.debug_log utils.deterministic utils.file_baton utils.hipify utils.serialization utils.show_pickle "
            "utils.viz utils.weak"
        ),
    }.items()
    for path in paths.split()
}
"""Public paths of PyTorch's that are not here, each with its reason, a sentence's end. A path stands for what is below it, too."""

NAMES = {
    "every tensor is dense, and knows all of its entries": "sparse_* *.sparse_* to_sparse* *.to_sparse* *sparse_resize* Tensor.coalesce "
    "Tensor.col_indices Tensor.crow_indices Tensor.ccol_indices Tensor.row_indices Tensor.dense_dim Tensor.smm Tensor.sspaddmm "
    "*resize_as_sparse_ *.to_padded_tensor col_indices_copy crow_indices_copy ccol_indices_copy row_indices_copy indices_copy "
    "values_copy dsmm hsmm hspmm smm spmm saddmm sspaddmm jagged",
    "quantization works on PyTorch's own compiled kernels": "quantize* *quantized_* *fake_quant* *dequantize q_* Tensor.q_* *int_repr "
    "*qscheme qint* quint* per_channel_* per_tensor_* fbgemm_* choose_qparams_optimized empty_quantized *to_mkldnn",
    "there are no complex numbers": "complex* cfloat cdouble chalf *.cfloat polar view_as_complex* view_as_real* *.imag *stft *istft "
    "eig Tensor.eig",
    "these dtypes are not here; float16, float32 and float64 are, and the integers": "bfloat16 float8_* float4_* bit bits* int1 int2 int3 "
    "int4 int5 int6 int7 uint1 uint2 uint3 uint4 uint5 uint6 uint7 uint16 uint32 uint64",
    "it computes with NumPy, on the CPU": "cudnn_* miopen_* mkldnn_* cuda.* Event Stream *.ipu *.xpu *.mtia Tensor.record_stream "
    "init_num_threads get_device_module cpu.* is_vulkan_available thread_safe_generator accelerator.* has_* *.scaled_*mm *.grouped_mm "
    "nn.functional.ScalingType nn.functional.SwizzleType nn.functional.tf32_notes AcceleratorError",
    "autocast changes nothing here: see torch.autocast": "*autocast_* *_autocast* autocast_*",
    "a graph is built while it runs, and nothing compiles, exports or rewrites it": "compiler cond while_loop sym_* Sym* fork wait "
    "import_ir_module* parse_* merge_type_* unify_type_list classes ops compiled_with_cxx11_abi get_file_path cpp Script* "
    "nn.functional.boolean_dispatch",
    "it is a part that PyTorch's own functions and modules are made of": "batch_norm_* native_* convolution lstm lstm_cell gru gru_cell "
    "rnn_* *conv_tbc affine_grid_generator grid_sampler* embedding_renorm_ norm_except_dim *slice_inverse detach_copy *hash_tensor "
    "as_strided_ Tensor.as_strided_ empty_permuted *new_empty_strided *nonzero_static Tensor.index Tensor.module_load Tensor.map2_ "
    "nn.functional.BroadcastingList* nn.functional.assert_int_or_pair nn.functional.handle_torch_function "
    "nn.functional.has_torch_function* nn.functional.DType nn.functional.*_notes nn.functional.GRID_* nn.functional.grad "
    "*.common_notes *.common_args *.multi_dim_common set_anomaly_enabled classproperty prepare_multiprocessing_environment "
    "profiler_allow_* USE_* PRIVATE_OPS legacy_contiguous_format SUM AVG nn.functional.native_* DeepCopyMemoTable",
    "memory here is a NumPy array: tensor.numpy()": "*Storage storage Tensor.storage* Tensor.untyped_storage Tensor.const_data_ptr "
    "from_file from_dlpack to_dlpack Storage* TypedStorage UntypedStorage",
    "there is a function of nn.functional": "embedding_bag Tensor.prelu Tensor.hardshrink nn.functional.Tensor",
    "use return_indices=True": "nn.functional.fractional_max_pool*_with_indices",
    "use linalg.matrix_norm": "frobenius_norm nuclear_norm",
    "PyTorch has taken it out itself": "lstsq matrix_rank solve symeig Tensor.lstsq Tensor.solve Tensor.symeig Tensor.eig Tensor.reinforce "
    "Tensor.resize Tensor.resize_as",
    "it is not among the distributions that are here": "distributions.Binomial distributions.Cauchy distributions.Chi2 "
    "distributions.ContinuousBernoulli "
    "distributions.FisherSnedecor distributions.GeneralizedPareto distributions.Geometric distributions.Gumbel "
    "distributions.HalfCauchy distributions.HalfNormal distributions.InverseGamma distributions.Kumaraswamy "
    "distributions.LKJCholesky distributions.LogisticNormal distributions.LowRankMultivariateNormal "
    "distributions.MixtureSameFamily distributions.Multinomial distributions.NegativeBinomial distributions.Pareto "
    "distributions.Poisson distributions.RelaxedBernoulli distributions.RelaxedOneHotCategorical "
    "distributions.StudentT distributions.VonMises distributions.Weibull distributions.Wishart",
    "it is seldom needed in a course": "binomial poisson histogramdd igamma igammac Tensor.igamma* geqrf *.geqrf "
    "orgqr ormqr *.orgqr *.ormqr lobpcg pca_lowrank svd_lowrank segment_reduce special.*bessel_* special.*polynomial_* "
    "special.airy_ai special.gammaincc linalg.householder_product linalg.ldl_* *.linear_cross_entropy windows ModuleDict ParameterDict",
}
"""Names of PyTorch's that are not here, in groups, each with its reason; a ``*`` stands for anything."""

SAME = {
    "amp.autocast_mode": "amp",
    "amp.grad_scaler": "amp",
    "autograd.anomaly_mode": "autograd",
    "autograd.grad_mode": "autograd",
    "backends.cpu": "backends.unused",
    "backends.mkl": "backends.unused",
    "backends.mkldnn": "backends.unused",
    "backends.mps": "backends.unused",
    "backends.openmp": "backends.unused",
    "backends.opt_einsum": "backends.unused",
    "cuda.amp.autocast_mode": "cuda.amp",
    "cuda.amp.common": "cuda.amp",
    "cuda.amp.grad_scaler": "cuda.amp",
    "cuda.memory": "cuda",
    "cuda.random": "cuda",
    "functional": "",
    "nn.modules.batchnorm": "nn.modules.normalization",
    "nn.modules.channelshuffle": "nn.modules.padding",
    "nn.modules.conv": "nn.modules.convolution",
    "nn.modules.distance": "nn.modules.loss",
    "nn.modules.flatten": "nn.modules.linear",
    "nn.modules.fold": "nn.modules.padding",
    "nn.modules.instancenorm": "nn.modules.normalization",
    "nn.modules.module": "nn.module",
    "nn.modules.pixelshuffle": "nn.modules.padding",
    "nn.modules.rnn": "nn.modules.recurrent",
    "nn.modules.upsampling": "nn.modules.padding",
    "nn.parallel.data_parallel": "nn.parallel",
    "nn.utils.clip_grad": "nn.utils",
    "nn.utils.convert_parameters": "nn.utils",
    "optim.adamw": "optim.adam",
    "random": "",
    "utils.data.dataloader": "utils.data",
    "utils.data.dataset": "utils.data.datasets",
    "utils.data.sampler": "utils.data.samplers",
    "utils.hooks": "engine.handles",
}
"""Public paths of PyTorch's whose names stand in another module of gradviz: there, the path is that module."""

NO_PYTORCH = (
    "No module named 'torch'\n\nPyTorch is not installed here. If gradviz shall compute in its place, write "
    "`import gradviz.as_torch` in the first line: from there on `import torch`, `import torch.nn as nn` and "
    "`from torch.utils.data import DataLoader` mean gradviz. (A script needs no change: gradviz run script.py.)"
)


IMPORT_SYSTEM = "<frozen importlib._bootstrap>"
"""What tracebacks call the file of Python's import system."""

standing: Literal["", "run", "as_torch"] = ""
"""How gradviz came to stand in PyTorch's place: by ``gradviz run``, by ``import gradviz.as_torch``, or not at all."""

BOTH = (
    "Here `torch` is gradviz, and this import brings PyTorch's own, which cannot compute with gradviz's tensors. Write "
    "`import gradviz.as_torch` in the first line and then `import torch`: every `from torch...` means gradviz from there on. "
    "(Or take it from gradviz: from gradviz.optim import SGD, from gradviz.utils.data import DataLoader.)"
)


class AbsentError(ModuleNotFoundError):
    """An import of what PyTorch has and gradviz has not. Programs that can do without catch it as an ImportError."""


def with_pytorch() -> str:
    """Say how PyTorch itself computes, in the program that asks."""
    if standing == "run":
        return "gradviz run --torch=real script.py"
    restarted = ", and restart the kernel" if "ipykernel" in sys.modules else ""
    if standing == "as_torch":
        return f"leave out `import gradviz.as_torch`{restarted}"
    return "write `import torch`"


def refusal(path: str) -> str | None:
    """Return the sentence that refuses a path such as ``"distributed.optim"``, or ``None`` if none does."""
    part = path
    while part:
        if part in REFUSED:
            return f"gradviz has no {path}: {REFUSED[part]}. PyTorch itself has it: {with_pytorch()}"
        part = part.rpartition(".")[0]
    from fnmatch import fnmatchcase

    for reason, names in NAMES.items():
        if any(fnmatchcase(path, name) for name in names.split()):
            return f"gradviz has no {path}: {reason}. PyTorch itself has it: {with_pytorch()}"
    return None


def attribute(module: str, name: str, names: Iterable[str]) -> ModuleType:
    """Answer for a name that is not in a module: with the module that has this path in PyTorch, or with an error.

    Parameters
    ----------
    module, name
        ``"nn.functional"``, ``"grid_sample"``; the package itself is ``""``.
    names
        What there is.

    Raises
    ------
    AttributeError
        Which says why the name is not here, if it is known, or which names come close.
    """
    path = f"{module}.{name}".lstrip(".")
    if path in SAME:
        return importlib.import_module(f"gradviz.{path}")
    raise AttributeError(refusal(path) or _not_there(module, path, name, sorted(names)))


def _not_there(module: str, path: str, name: str, names: Sequence[str]) -> str:
    if len(names) <= 30:
        return f"gradviz has no {path}; there are: {', '.join(names)}"
    import difflib

    # programs ask for private names often, to see what a module can do
    close = [] if name.startswith("_") else difflib.get_close_matches(name, names, n=3, cutoff=0.7)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    return f"gradviz has no {path}.{hint} What there is: dir({f'gradviz.{module}'.rstrip('.')})"


def unseen(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a finder count as part of Python's import system, which leaves itself out of the tracebacks of an ImportError."""
    function.__code__ = function.__code__.replace(co_filename=IMPORT_SYSTEM)
    return function


class Finder:
    """Stands at the end of `sys.meta_path`, where Python asks for modules that nobody has found."""

    @staticmethod
    @unseen
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return where one of PyTorch's paths stands; say why there is none, where an import statement asks."""
        top, _, below = name.partition(".")
        if top == "gradviz" and below in SAME:
            return Alias(f"gradviz.{SAME[below]}".rstrip(".")).spec(name)
        if top not in ("gradviz", "torch") or not importing():
            return None
        if not below:
            raise ModuleNotFoundError(NO_PYTORCH, name="torch")
        if not hasattr(sys.modules[top], "__gradviz__"):  # PyTorch itself, which speaks for itself
            return None
        words = refusal(below)
        if words is None:
            parent, _, last = name.rpartition(".")
            try:
                getattr(sys.modules[parent], last)
            except AttributeError as error:
                words = str(error)
        # Its name is PyTorch's: `from torch import fft` lets an error pass that has the name which was looked for.
        raise AbsentError(words, name=f"torch.{below}")


class Watcher:
    """Stands at the beginning of `sys.meta_path`, to say what ``from torch...`` brings where gradviz is called ``torch``."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Find nothing; warn, if a file in which ``torch`` is gradviz is about to import PyTorch itself."""
        if name != "torch":
            return
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
            frame = frame.f_back
        if frame is not None and hasattr(frame.f_globals.get("torch"), "__gradviz__"):
            warnings.warn_explicit(BOTH, UserWarning, frame.f_code.co_filename, frame.f_lineno)


class Alias:
    """Loads a module that is there already, under a second name: one object, run once.

    Parameters
    ----------
    name
        The name under which it stands.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def spec(self, name: str) -> ModuleSpec | None:
        """Return what a finder answers with for the second name."""
        return ModuleSpec(name, self)  # type: ignore[arg-type]  # the type wants a method that Python has dropped

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module itself."""
        module = importlib.import_module(self.name)
        self.own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module back its own `__spec__`, which Python has just replaced by the alias's; it has run before."""
        module.__spec__ = self.own


def importing() -> bool:
    """Return whether a finder, which asks this, was asked by an import: `importlib.util.find_spec` wants a plain ``None``."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename == IMPORT_SYSTEM:
        if frame.f_code.co_name == "_find_and_load_unlocked":
            return True
        frame = frame.f_back
    return False


sys.meta_path.append(Finder())
sys.meta_path.insert(0, Watcher())
