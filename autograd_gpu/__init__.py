"""PyTorch's autograd as a small, readable runtime: NumPy on the CPU, hand-written CUDA kernels on the GPU.

import autograd_gpu as torch
"""

import importlib as _importlib
from typing import Any as _Any

from . import dtypes as _dtypes
from .determinism import (
    are_deterministic_algorithms_enabled, get_deterministic_debug_mode, is_deterministic_algorithms_warn_only_enabled,
    set_deterministic_debug_mode, use_deterministic_algorithms,
)  # fmt: skip
from .device import Device as device
from .device import get_default_device, set_default_device
from .dtypes import DType as dtype
from .dtypes import (
    bfloat16, finfo, float16, float32, float64, get_default_dtype, iinfo, int8, int16, int32, int64, promote_types,
    set_default_dtype, uint8,
)  # fmt: skip
from .engine import enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled
from .errors import DeviceUnavailable
from .layouts import channels_last, channels_last_3d, contiguous_format, preserve_format, strided
from .layouts import Layout as layout
from .layouts import MemoryFormat as memory_format
from .ops import methods as _methods
from .ops.arrange import (
    adjoint, atleast_1d, atleast_2d, atleast_3d, block_diag, cartesian_prod, column_stack, diagonal_scatter, dsplit,
    dstack, fliplr, flipud, hsplit, hstack, meshgrid, roll, rot90, row_stack, select_scatter, slice_scatter,
    split_with_sizes, tensor_split, tril_indices, triu_indices, vsplit, vstack,
)  # fmt: skip
from .ops.cast import result_type as _result_type
from .ops.combinatorics import combinations, unravel_index, vander
from .ops.closeness import allclose, equal, isclose
from .ops.creation import (
    arange, as_tensor, asarray, empty, empty_like, eye, from_numpy, frombuffer, full, full_like, is_tensor, linspace,
    logspace, ones, ones_like, range, scalar_tensor, tensor, tril, triu, zeros, zeros_like,
)  # fmt: skip
from .ops.diagonals import diag, diag_embed, diagflat, diagonal, trace
from .ops.distributions import binomial, poisson
from .ops.einsum import einsum, tensordot
from .ops.nn.fused_activation import relu, sigmoid, tanh
from .ops.elementwise import (
    add, addcmul, atan2, bitwise_and, bitwise_or, bitwise_xor, clamp, copysign, div, eq, floor_divide, fmod, ge, gt,
    le, logical_and, logical_or, logical_xor, lt, maximum, minimum, mul, ne, neg, pow, remainder, sub, where,
)  # fmt: skip
from .ops.unary import (
    abs, acos, acosh, asin, asinh, atan, atanh, bitwise_not, ceil, cos, cosh, erf, erfc, exp, exp2, expm1, floor,
    isfinite, isinf, isnan, log, log1p, log2, log10, logical_not, reciprocal, round, rsqrt, sign, sin, sinh, sqrt,
    square, tan, trunc,
)  # fmt: skip
from .ops.dlpack import from_dlpack, to_dlpack
from .ops.elementwise_composed import (
    addcdiv, bitwise_left_shift, bitwise_right_shift, clamp_max, clamp_min, deg2rad, float_power, fmax, fmin, frac,
    gcd, heaviside, hypot, isneginf, isposinf, isreal, lcm, ldexp, lerp, logaddexp, logaddexp2, logit, nan_to_num, positive,
    rad2deg, rsub, signbit, sinc, xlogy,
)  # fmt: skip
from .ops.gradient import gradient
from .ops.index import gather, index_select, masked_fill, masked_select, nonzero, scatter, scatter_add
from .ops.linalg.decompositions import cholesky_inverse, cholesky_solve
from .ops.linalg.decompositions import torch_cholesky as cholesky
from .ops.linalg.decompositions import torch_qr as qr
from .ops.linalg.decompositions import torch_svd as svd
from .ops.linalg.determinants import det, logdet
from .ops.linalg.determinants import torch_slogdet as slogdet
from .ops.linalg.systems import inverse, triangular_solve
from .ops.inplace import AS_FUNCTIONS as _IN_PLACE_FUNCTIONS
from .ops.matmul import addbmm, addmm, addmv, addr, baddbmm, bmm, dot, inner, matmul, mm, mv, outer, vdot
from .ops.linalg.matrix_norm import cdist, dist
from .ops.pieces import (
    cat, chunk, concat, concatenate, split, stack, unbind, unsafe_chunk, unsafe_split, unsafe_split_with_sizes,
)  # fmt: skip
from .ops.linalg.products import chain_matmul, cross, kron, matrix_exp, matrix_power
from .ops.properties import (
    conj, conj_physical, imag, is_conj, is_neg, is_nonzero, is_signed, real, resolve_conj, resolve_neg,
)  # fmt: skip
from .ops.linalg.pseudoinverse import pinverse
from .ops.out import TAKES_OUT as _TAKES_OUT
from .ops.out import accepting_out as _accepting_out
from .ops.random import (
    Generator, bernoulli, dropout, get_rng_state, initial_seed, manual_seed, multinomial, normal, rand, rand_like,
    randint, randint_like, randn, randn_like, randperm, seed, set_rng_state,
)  # fmt: skip
from .ops.quantile import nanquantile, quantile
from .ops.renorm import renorm
from .ops.reduce import (
    all, amax, amin, any, argmax, argmin, argsort, cumsum, logsumexp, max, mean, min, norm, prod, sort, std, sum,
    topk, var,
)  # fmt: skip
from .ops.repetition import repeat_interleave, tile
from .ops.scan import cummax, cummin, cumprod, cumulative_trapezoid, diff, logcumsumexp, trapezoid
from .ops.scatter import (
    argwhere, index_add, index_copy, index_fill, index_put, index_reduce, masked_scatter, nonzero_static, put,
    scatter_reduce, take, take_along_dim,
)  # fmt: skip
from .ops.shape import (
    broadcast_shapes, broadcast_tensors, broadcast_to, clone, flatten, flip, movedim, narrow, narrow_copy, permute, ravel,
    reshape, select, squeeze, swapaxes, swapdims, t, transpose, unflatten, unsqueeze,
)  # fmt: skip
from .ops.nn.softmax import log_softmax, softmax
from .ops.special import (
    digamma, erfinv, frexp, i0, igamma, igammac, lgamma, mvlgamma, nextafter, polygamma,
)  # fmt: skip
from .ops.sorting import (
    bucketize, isin, kthvalue, median, mode, msort, nanmedian, searchsorted, unique, unique_consecutive,
)  # fmt: skip
from .ops.strided import as_strided, as_strided_scatter, empty_strided
from .ops.statistics import (
    aminmax, bincount, corrcoef, count_nonzero, cov, histc, histogram, nanmean, nansum, std_mean, var_mean,
)  # fmt: skip
from .ops.signal_windows import bartlett_window, blackman_window, hamming_window, hann_window, kaiser_window
from .precision import get_float32_matmul_precision, set_float32_matmul_precision
from .printing import set_printoptions
from .tensor import Size, Tensor
from .version import __version__
from . import autograd, cuda  # isort: skip  (after the names that they use)

_ = device("cpu").backend  # loaded here once, so that no operation has to ask
for _name in (*_IN_PLACE_FUNCTIONS, "detach", "get_device", "is_inference", "is_same_size"):
    globals()[_name] = getattr(Tensor, _name)
for _name in _TAKES_OUT:
    globals()[_name] = _accepting_out(globals()[_name])
bool = _dtypes.bool
half, float, double = float16, float32, float64
short, int, long = int16, int32, int64
absolute, arccos, arcsin, arctan, clip, divide, multiply, subtract, true_divide, negative = (
    abs, acos, asin, atan, clamp, div, mul, sub, div, neg,
)  # fmt: skip
arctan2, arccosh, arcsinh, arctanh, fix, sgn, moveaxis = atan2, acosh, asinh, atanh, trunc, sign, movedim
greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
ger, trapz = outer, trapezoid
result_type = _result_type
inf, nan, pi, e = (__import__("math").inf, __import__("math").nan, __import__("math").pi, __import__("math").e)


_LAZY = {
    "nn": "nn", "linalg": "linalg", "special": "special", "optim": "optim", "func": "func", "vmap": "func", "utils": "utils",
    "load": "serialization", "save": "serialization", "memory_report": "autograd.saved_memory", "draw_graph": "autograd.drawing",
}  # fmt: skip
_LAZY |= dict.fromkeys(
    "adaptive_avg_pool1d alpha_dropout avg_pool1d bilinear celu celu_ channel_shuffle conv1d conv2d conv3d conv_tbc "
    "conv_transpose1d conv_transpose2d conv_transpose3d cosine_similarity feature_alpha_dropout hardshrink max_pool1d "
    "max_pool1d_with_indices max_pool2d max_pool3d pairwise_distance pdist pixel_shuffle pixel_unshuffle prelu rms_norm "
    "rrelu rrelu_ selu selu_ threshold threshold_".split(),
    "nn.functional",
)
_LAZY |= dict.fromkeys(
    "adaptive_max_pool1d affine_grid_generator alpha_dropout_ batch_norm binary_cross_entropy_with_logits "
    "constant_pad_nd convolution cosine_embedding_loss ctc_loss dropout_ embedding feature_alpha_dropout_ grid_sampler "
    "group_norm hinge_embedding_loss instance_norm kl_div layer_norm margin_ranking_loss poisson_nll_loss "
    "triplet_margin_loss".split(),
    "nn.toplevel",
)
_LAZY |= {"amp": "amp"} | dict.fromkeys(
    "autocast clear_autocast_cache get_autocast_dtype is_autocast_cache_enabled is_autocast_enabled "
    "set_autocast_cache_enabled set_autocast_dtype set_autocast_enabled".split(),
    "amp.autocast_mode",
)
_LAZY |= dict.fromkeys(("is_anomaly_check_nan_enabled", "is_anomaly_enabled"), "autograd.anomaly")


def __getattr__(name: str) -> _Any:
    """Modules that a program may not need are imported when it first names them."""
    if name not in _LAZY:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    module = _importlib.import_module(f".{_LAZY[name]}", __name__)
    return module if name == _LAZY[name] else getattr(module, name)


def is_floating_point(input: Tensor) -> bool:
    """Return whether input has a floating point dtype."""
    return input.is_floating_point()


def numel(input: Tensor) -> int:
    """Return the number of elements."""
    return input.numel()


def fill(input: Tensor, value: _Any) -> Tensor:
    """Return a tensor of input's shape and dtype with `value`, a number or a tensor without dimensions, everywhere."""
    return clone(input).fill_(value)  # type: ignore[attr-defined]


def typename(obj: _Any) -> str:
    """Return a tensor's type as `Tensor.type` has it; of anything else, its class's name with its module's."""
    if isinstance(obj, Tensor):
        return obj.type()  # type: ignore[attr-defined]
    name = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None) or type(obj).__qualname__
    module = getattr(obj, "__module__", None) or ""
    return f"{module}.{name}" if module not in ("", "builtins") else name


def is_complex(input: Tensor) -> bool:
    """Return False: complex tensors are not supported."""
    return input.dtype.is_complex


def can_cast(from_: dtype, to: dtype) -> bool:
    """Return whether promotion would allow the cast: to the same kind or a higher one, as bool < integer < float."""
    return from_.kind <= to.kind
