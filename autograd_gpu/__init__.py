"""PyTorch's autograd as a small, readable runtime: NumPy on the CPU, hand-written CUDA kernels on the GPU.

import autograd_gpu as torch
"""

import importlib as _importlib
from typing import TYPE_CHECKING
from typing import Any as _Any

from . import dtypes as _dtypes
from .device import Device as device
from .device import get_default_device, set_default_device
from .dtypes import DType as dtype
from .dtypes import (
    bfloat16, can_cast, complex64, complex128, finfo, float16, float32, float64, get_default_dtype, iinfo, int8, int16,
    int32, int64, promote_types, set_default_dtype, uint8,
)  # fmt: skip
from .modes import enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled
from .errors import DeviceUnavailable
from .layouts import channels_last, channels_last_3d, contiguous_format, preserve_format
from .layouts import jagged, sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided
from .layouts import contiguous_format as legacy_contiguous_format
from .layouts import Layout as layout
from .layouts import MemoryFormat as memory_format
from .settings import (
    are_deterministic_algorithms_enabled, get_deterministic_debug_mode, get_float32_matmul_precision, get_num_threads,
    is_deterministic_algorithms_warn_only_enabled, set_deterministic_debug_mode, set_float32_matmul_precision,
    set_num_threads, use_deterministic_algorithms,
)  # fmt: skip
from .tensor import Size, Tensor
from .version import __version__
from . import unread as _unread

if TYPE_CHECKING:  # what is read when first named: `make pages` writes the stub
    from . import amp, autograd, cuda, fft, func, linalg, nn, optim, special, utils
    from ._functions import *

del globals()["tensor"]  # the module: the name is the function's, which is read as all are
detach, get_device, is_inference = Tensor.detach, Tensor.get_device, Tensor.is_inference
bool = _dtypes.bool
half, float, double = float16, float32, float64
cfloat, cdouble = complex64, complex128
short, int, long = int16, int32, int64
inf, nan, pi, e = (__import__("math").inf, __import__("math").nan, __import__("math").pi, __import__("math").e)


_LAZY = {
    "autograd": "autograd", "cuda": "cuda", "Generator": "ops.random", "set_printoptions": "printing",
    "nn": "nn", "linalg": "linalg", "special": "special", "optim": "optim", "func": "func", "vmap": "func",
    "fft": "fft", "utils": "utils",
    "backends": "backends", "distributions": "distributions",
    **dict.fromkeys(
        "_assert _assert_async _check _check_index _check_type _check_value is_storage is_warn_always_enabled "
        "set_warn_always".split(),
        "checks",
    ),
    **dict.fromkeys(("get_num_interop_threads", "set_flush_denormal", "set_num_interop_threads"), "settings"),
    "compile": "compiler", "default_generator": "random",
    "load": "serialization", "save": "serialization", "memory_report": "autograd.saved_memory",
    "draw_graph": "autograd.drawing", "capture": "steps", "explain": "steps",
}  # fmt: skip
_LAZY |= {
    name: name
    for name in "_C __config__ _dynamo accelerator compiler distributed functional futures fx hub jit mps mtia "
    "multiprocessing onnx overrides profiler quasirandom random serialization sparse testing xpu".split()
}
_LAZY |= dict.fromkeys(
    "adaptive_avg_pool1d alpha_dropout avg_pool1d bilinear channel_shuffle conv1d conv2d conv3d conv_tbc "
    "conv_transpose1d conv_transpose2d conv_transpose3d cosine_similarity feature_alpha_dropout max_pool1d "
    "max_pool1d_with_indices max_pool2d max_pool3d pairwise_distance pdist pixel_shuffle pixel_unshuffle "
    "rms_norm".split(),
    "nn.functional",
)
_LAZY |= dict.fromkeys(
    "adaptive_max_pool1d affine_grid_generator alpha_dropout_ batch_norm binary_cross_entropy_with_logits "
    "constant_pad_nd convolution cosine_embedding_loss ctc_loss dropout_ embedding feature_alpha_dropout_ grid_sampler "
    "group_norm hinge_embedding_loss instance_norm kl_div layer_norm margin_ranking_loss poisson_nll_loss "
    "triplet_margin_loss".split(),
    "nn.toplevel",
)
_LAZY |= dict.fromkeys(
    "gru gru_cell lstm lstm_cell rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell".split(), "nn.recurrent_functions"
)
_LAZY |= dict.fromkeys(
    "BFloat16Tensor BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor LongTensor "
    "ShortTensor set_default_tensor_type".split(),
    "ops.tensor_types",
)
_LAZY |= {
    f"_foreach_{name}{suffix}": "ops.foreach"
    for suffix in ("", "_")
    for name in (
        "abs acos add addcdiv addcmul asin atan ceil clamp_max clamp_min cos cosh div erf erfc exp expm1 floor frac "
        "lerp lgamma log log10 log1p log2 maximum minimum mul neg pow reciprocal round rsqrt sigmoid sign sin sinh "
        "sqrt sub tan tanh trunc"
    ).split()
} | dict.fromkeys("_foreach_norm _foreach_max _foreach_clone _foreach_copy_ _foreach_zero_".split(), "ops.foreach")
_LAZY |= {"amp": "amp"} | dict.fromkeys(
    "autocast clear_autocast_cache get_autocast_dtype is_autocast_cache_enabled is_autocast_enabled "
    "set_autocast_cache_enabled set_autocast_dtype set_autocast_enabled".split(),
    "amp.autocast_mode",
)
_LAZY |= dict.fromkeys(("is_anomaly_check_nan_enabled", "is_anomaly_enabled"), "autograd.anomaly")


if not TYPE_CHECKING:  # a type checker would take any name then

    def __getattr__(name: str) -> _Any:
        """What a program may not need is imported when it first names it."""
        if name in _LAZY:
            module = _importlib.import_module(f".{_LAZY[name]}", __name__)
            found = module if name == _LAZY[name] else getattr(module, name)
        elif name in _unread.HOME:
            found = _unread.function(name)
        else:
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *_unread.HOME})


__all__ = [_name for _name in __dir__() if not _name.startswith("_")]
