"""Which array functions take complex arrays, and what the others say. Knows names and dtypes, no array library.

What is not named in `TAKEN` refuses them before it computes: NumPy would sort complex numbers, and find their maximum.
"""

from __future__ import annotations

from typing import Any, NoReturn

from ..dtypes import SCALAR_TYPES

TAKEN = frozenset(
    "acos acosh add addcmul all any arange as_complex as_real as_strided asin asinh atan atanh cast cat checked_index "
    "conj contiguous copy copy_into cos cosh cumprod cumsum div empty eq exp exp2 expand expm1 fft fill from_numpy "
    "full gather_rows imag_part irfft isfinite isinf isnan join linear linear_parameters_backward linear_scan log "
    "log10 log1p log2 logical_and logical_not logical_or logical_xor magnitude matmul mean mul ne neg nonzero offset "
    "owns phase pow prod real_part reciprocal rsqrt scatter_add_rows scatter_rows sgn sigmoid sigmoid_backward sin "
    "sinh sqrt square storage sub sum tan tanh tanh_backward to_numpy where".split()
)

_WORDS = {
    "floor": "floor is not supported for complex inputs",
    "ceil": "ceil is not supported for complex inputs",
    "trunc": "trunc is not supported for complex inputs",
    "sign": "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead.",
    "relu": "clamp is not supported for complex types",
    "clamp": "clamp is not supported for complex types",
    "maximum": "maximum not implemented for complex tensors.",
    "minimum": "minimum not implemented for complex tensors.",
    "sort": "Sort does not support complex dtypes on CPU",
    "topk": "topk does not support complex dtypes on CPU",
    "amax": "\"max_values_cpu\" not implemented for '{}'",
    "amin": "\"min_values_cpu\" not implemented for '{}'",
    "max_with_index": "max(): does not support complex input",
    "min_with_index": "min(): does not support complex input",
    "deg2rad": "deg2rad is not supported for complex tensors.",
    "rad2deg": "rad2deg is not supported for complex tensors.",
    "nansum": "nansum on CPU does not support complex inputs",
    "isin": "Unsupported input type encountered for isin(): {}",
    "kl_div": "kl_div: Complex inputs not supported.",
    "cdist": "cdist only supports floating-point dtypes, X1 got: {}",
    "floor_divide": "\"div_floor_cpu\" not implemented for '{}'",
    "softmax": "\"softmax_lastdim_kernel_impl\" not implemented for '{}'",
    "log_softmax": "\"log_softmax_lastdim_kernel_impl\" not implemented for '{}'",
}


def refuse_complex(name: str, x: Any) -> NoReturn:
    """Raise PyTorch's error of a function that is not for complex numbers."""
    words = _WORDS.get(name, f"\"{name}_cpu\" not implemented for '{{}}'")
    raise NotImplementedError(
        f"{words.format(SCALAR_TYPES[x.dtype.name])} ({name}: for real tensors; take x.real, x.imag, x.abs() or "
        "torch.view_as_real(x))"
    )
