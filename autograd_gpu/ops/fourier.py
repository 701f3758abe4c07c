"""Discrete Fourier transforms, of one dimension and of several, and the frequencies that belong to them.

All are made of three operations, each along one dimension and scaled by a number. They are linear, so that the gradient
of each is another of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import dtypes
from ..dtypes import SCALAR_TYPES, DType
from ..op import Op
from ..tensor import Tensor
from .arrange import roll
from .cast import cast
from .complex_numbers import conj
from .creation import arange
from .integers import as_integer, wrap_dim
from .pieces import cat
from .shape import narrow

Ints = int | Sequence[int] | None


class Fft(Op):
    """y_k = scale * the sum of x_j exp(-2 pi i jk / n), or of the conjugate factors; a symmetric matrix times x."""

    is_linear = True

    def forward(ctx, x, dim, inverse, scale):
        ctx.parameters = {"dim": dim, "inverse": inverse, "scale": scale}
        return _scaled(ctx.backend, ctx.backend.fft(x, dim, inverse), scale)

    def backward(ctx, gy):
        return Fft.apply(gy, **ctx.parameters)

    def name(ctx) -> str:
        return "FftC2CBackward0"


class RealFft(Op):
    """y_k = scale * the sum of real x_j exp(-2 pi i jk / n) for k = 0 ... n // 2."""

    is_linear = True

    def forward(ctx, x, dim, scale):
        ctx.dim, ctx.scale, ctx.count = dim, scale, x.shape[dim]
        return _scaled(ctx.backend, ctx.backend.rfft(x, dim), scale)

    def backward(ctx, gy):
        # gx_j = Re(the sum of gy_k exp(-2 pi i jk / n)), each k once: the inverse transform counts most of them twice.
        halves = conj(gy) * _times_met(gy, ctx.dim, ctx.count, 0.5)
        return InverseRealFft.apply(halves, dim=ctx.dim, count=ctx.count, scale=ctx.scale)

    def name(ctx) -> str:
        return "FftR2CBackward0"


class InverseRealFft(Op):
    """x_j = scale * the sum of y_k exp(2 pi i jk / n), those with k > n // 2 being the conjugates of the others."""

    is_linear = True

    def forward(ctx, y, dim, count, scale):
        ctx.dim, ctx.scale = dim, scale
        return _scaled(ctx.backend, ctx.backend.irfft(y, dim, count), scale)

    def backward(ctx, gx):
        gy = conj(RealFft.apply(gx, dim=ctx.dim, scale=ctx.scale))
        return gy * _times_met(gy, ctx.dim, gx._array.shape[ctx.dim], 2.0)

    def name(ctx) -> str:
        return "FftC2RBackward0"


def _scaled(backend: Any, y: Any, scale: float) -> Any:
    return y if scale == 1 else backend.mul(y, scale)


def _times_met(y: Tensor, dim: int, count: int, times: float) -> Tensor:
    """Return a factor for each frequency up to count // 2: `times` for those whose conjugates are others."""
    weight = y.new_full((count // 2 + 1,), times, dtype=y.dtype.to_real())
    weight[0] = 1.0
    if count % 2 == 0:
        weight[-1] = 1.0
    return weight.reshape([-1 if d == dim else 1 for d in range(y.ndim)])


# ---------------------------------------------------------------------------------------------- of one dimension


def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the transform along `dim`, of `n` elements: zeros are put behind input's, or some cut off.

    norm: "backward" (the default) scales the inverse by 1 / n, "forward" this one, "ortho" both by 1 / sqrt(n).
    """
    return _one(input, n, dim, norm, inverse=False)


def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the inverse of `fft`."""
    return _one(input, n, dim, norm, inverse=True)


def _one(x: Tensor, n: int | None, dim: int, norm: str | None, inverse: bool) -> Tensor:
    x, dim = _complex(x), _dim(dim, x)
    x = _of_length(x, dim, _count(x, dim, n))
    return Fft.apply(x, dim=dim, inverse=inverse, scale=_scale(norm, x._array.shape[dim], inverse))


def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the first n // 2 + 1 elements of the transform of real numbers; the others are their conjugates."""
    return _from_real("rfft", input, n, dim, norm, inverse=False)


def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the inverse of `hfft`: the first n // 2 + 1 elements of the inverse transform of real numbers."""
    return conj(_from_real("ihfft", input, n, dim, norm, inverse=True))


def _from_real(name: str, x: Tensor, n: int | None, dim: int, norm: str | None, inverse: bool) -> Tensor:
    x, dim = _real(name, x), _dim(dim, x)
    x = _of_length(x, dim, _count(x, dim, n))
    return RealFft.apply(x, dim=dim, scale=_scale(norm, x._array.shape[dim], inverse))


def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the `n` real numbers (2 (m - 1) by default) whose `rfft` input, of m elements, is."""
    return _to_real(_complex(input), n, dim, norm, inverse=True)


def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the `n` real numbers that the transform of a Hermitian signal is, of which input is the first half."""
    return _to_real(conj(_complex(input)), n, dim, norm, inverse=False)


def _to_real(x: Tensor, n: int | None, dim: int, norm: str | None, inverse: bool) -> Tensor:
    dim = _dim(dim, x)
    count = 2 * (x._array.shape[dim] - 1) if n is None else as_integer(n, "n")
    _check_count(count)
    x = _of_length(x, dim, count // 2 + 1)
    return InverseRealFft.apply(x, dim=dim, count=count, scale=_scale(norm, count, inverse))


# ---------------------------------------------------------------------------------------------- of several


def fftn(input: Tensor, s: Ints = None, dim: Ints = None, norm: str | None = None) -> Tensor:
    """Return the transform along several dimensions, of `s` elements: all, or the last ones as many as s says."""
    return _several(_complex(input), s, dim, norm, inverse=False)


def ifftn(input: Tensor, s: Ints = None, dim: Ints = None, norm: str | None = None) -> Tensor:
    """Return the inverse of `fftn`."""
    return _several(_complex(input), s, dim, norm, inverse=True)


def _several(x: Tensor, s: Ints, dim: Ints, norm: str | None, inverse: bool) -> Tensor:
    counts, dims = _counts_and_dims(x, s, dim)
    for d, count in zip(dims, counts):
        x = _of_length(x, d, count)
    for d, count in zip(dims, counts):
        x = Fft.apply(x, dim=d, inverse=inverse, scale=_scale(norm, count, inverse))
    return x


def rfftn(input: Tensor, s: Ints = None, dim: Ints = None, norm: str | None = None) -> Tensor:
    """Return the transform of real numbers along several dimensions, half of it along the last of them."""
    return _several_from_real("rfftn", input, s, dim, norm, inverse=False)


def ihfftn(input: Tensor, s: Ints = None, dim: Ints = None, norm: str | None = None) -> Tensor:
    """Return the inverse of `hfftn`."""
    return conj(_several_from_real("ihfftn", input, s, dim, norm, inverse=True))


def _several_from_real(name: str, x: Tensor, s: Ints, dim: Ints, norm: str | None, inverse: bool) -> Tensor:
    x = _real(name, x)
    counts, dims = _counts_and_dims(x, s, dim)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    for d, count in zip(dims, counts):
        x = _of_length(x, d, count)
    y = RealFft.apply(x, dim=dims[-1], scale=_scale(norm, counts[-1], inverse))
    for d, count in zip(dims[:-1], counts[:-1]):  # the inverse is the conjugate of what this gives of real numbers
        y = Fft.apply(y, dim=d, inverse=False, scale=_scale(norm, count, inverse))
    return y


def irfftn(input: Tensor, s: Ints = None, dim: Ints = None, norm: str | None = None) -> Tensor:
    """Return the inverse of `rfftn`; along the last dimension s says how many real numbers, 2 (m - 1) by default."""
    return _several_to_real("irfftn", _complex(input), s, dim, norm, inverse=True)


def hfftn(input: Tensor, s: Ints = None, dim: Ints = None, norm: str | None = None) -> Tensor:
    """Return the real transform of a Hermitian signal along several dimensions; input is half of it along the last."""
    return _several_to_real("hfftn", conj(_complex(input)), s, dim, norm, inverse=False)


def _several_to_real(name: str, x: Tensor, s: Ints, dim: Ints, norm: str | None, inverse: bool) -> Tensor:
    counts, dims = _counts_and_dims(x, s, dim, halved=True)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    for d, count in zip(dims[:-1], counts[:-1]):
        x = _of_length(x, d, count)
    x = _of_length(x, dims[-1], counts[-1] // 2 + 1)
    for d, count in zip(dims[:-1], counts[:-1]):
        x = Fft.apply(x, dim=d, inverse=True, scale=_scale(norm, count, inverse))
    return InverseRealFft.apply(x, dim=dims[-1], count=counts[-1], scale=_scale(norm, counts[-1], inverse))


def fft2(input: Tensor, s: Ints = None, dim: Ints = (-2, -1), norm: str | None = None) -> Tensor:
    """Return `fftn` along two dimensions, the last ones."""
    return fftn(input, s, dim, norm)


def ifft2(input: Tensor, s: Ints = None, dim: Ints = (-2, -1), norm: str | None = None) -> Tensor:
    """Return `ifftn` along two dimensions, the last ones."""
    return ifftn(input, s, dim, norm)


def rfft2(input: Tensor, s: Ints = None, dim: Ints = (-2, -1), norm: str | None = None) -> Tensor:
    """Return `rfftn` along two dimensions, the last ones."""
    return rfftn(input, s, dim, norm)


def irfft2(input: Tensor, s: Ints = None, dim: Ints = (-2, -1), norm: str | None = None) -> Tensor:
    """Return `irfftn` along two dimensions, the last ones."""
    return irfftn(input, s, dim, norm)


def hfft2(input: Tensor, s: Ints = None, dim: Ints = (-2, -1), norm: str | None = None) -> Tensor:
    """Return `hfftn` along two dimensions, the last ones."""
    return hfftn(input, s, dim, norm)


def ihfft2(input: Tensor, s: Ints = None, dim: Ints = (-2, -1), norm: str | None = None) -> Tensor:
    """Return `ihfftn` along two dimensions, the last ones."""
    return ihfftn(input, s, dim, norm)


# ---------------------------------------------------------------------------------------------- frequencies


def fftfreq(
    n: int, d: float = 1.0, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return the frequencies of a transform of n elements at a distance d: 0, 1, ..., then negative ones, / (n d)."""
    dtype = dtypes.get_default_dtype() if dtype is None else dtype
    places = arange(n, device=device)
    return (cast(places - n * (places >= (n + 1) // 2), dtype) * (1.0 / (n * d))).requires_grad_(requires_grad)


def rfftfreq(
    n: int, d: float = 1.0, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return the frequencies of `rfft` of n elements at a distance d: 0, 1, ..., n // 2, / (n d)."""
    dtype = dtypes.get_default_dtype() if dtype is None else dtype
    return (cast(arange(n // 2 + 1, device=device), dtype) * (1.0 / (n * d))).requires_grad_(requires_grad)


def fftshift(input: Tensor, dim: Ints = None) -> Tensor:
    """Return input rolled along `dim` (all dimensions by default), such that the frequency 0 is in the middle."""
    dims = _dims(input, dim)
    return roll(input, tuple(input._array.shape[d] // 2 for d in dims), dims) if dims else input


def ifftshift(input: Tensor, dim: Ints = None) -> Tensor:
    """Return the inverse of `fftshift`."""
    dims = _dims(input, dim)
    return roll(input, tuple((input._array.shape[d] + 1) // 2 for d in dims), dims) if dims else input


# ---------------------------------------------------------------------------------------------- what is asked for


def _complex(x: Tensor) -> Tensor:
    return x if x.is_complex() else cast(_precise(x), _precise(x).dtype.to_complex())


def _real(name: str, x: Tensor) -> Tensor:
    if x.is_complex():
        kind = "real-valued" if name.endswith("n") else "real"
        raise RuntimeError(f"{name} expects a {kind} input tensor, but got {SCALAR_TYPES[x.dtype.name]}")
    return _precise(x)


def _precise(x: Tensor) -> Tensor:
    """Return x in a dtype that there are transforms of."""
    if x.dtype in (dtypes.float16, dtypes.bfloat16):
        raise RuntimeError(f"Unsupported dtype {SCALAR_TYPES[x.dtype.name]} (fft: use x.float())")
    return x if x.is_floating_point() else cast(x, dtypes.get_default_dtype())


def _dim(dim: int, x: Tensor) -> int:
    if x.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return wrap_dim(dim, x.ndim)


def _count(x: Tensor, dim: int, n: int | None) -> int:
    count = x._array.shape[dim] if n is None else as_integer(n, "n")
    _check_count(count)
    return count


def _check_count(count: int) -> None:
    if count < 1:
        raise RuntimeError(f"Invalid number of data points ({count}) specified")


def _of_length(x: Tensor, dim: int, count: int) -> Tensor:
    """Return x with `count` elements along `dim`: some cut off, or zeros behind."""
    shape = x._array.shape
    if shape[dim] >= count:
        return x if shape[dim] == count else narrow(x, dim, 0, count)
    return cat([x, x.new_zeros((*shape[:dim], count - shape[dim], *shape[dim + 1 :]))], dim)


def _scale(norm: str | None, count: int, inverse: bool) -> float:
    if norm not in (None, "backward", "ortho", "forward"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    if norm == "ortho":
        return 1 / math.sqrt(count)
    return 1 / count if inverse == (norm != "forward") else 1.0


def _dims(x: Tensor, dim: Ints) -> tuple[int, ...]:
    if dim is None:
        return tuple(range(x.ndim))
    dims = tuple(wrap_dim(d, x.ndim) for d in ((dim,) if isinstance(dim, int) else dim))
    if len(set(dims)) < len(dims):
        raise RuntimeError("FFT dims must be unique")
    return dims


def _counts_and_dims(x: Tensor, s: Ints, dim: Ints, halved: bool = False) -> tuple[list[int], tuple[int, ...]]:
    """Return how many elements there are along which dimensions; `halved`, the last gives 2 (m - 1) real ones."""
    sizes = None if s is None else [s] if isinstance(s, int) else list(s)
    if dim is None and sizes is not None:
        if len(sizes) > x.ndim:
            raise RuntimeError(f"Got shape with {len(sizes)} values but input tensor only has {x.ndim} dimensions.")
        dims = tuple(range(x.ndim - len(sizes), x.ndim))
    else:
        dims = _dims(x, dim)
    if sizes is not None and len(sizes) != len(dims):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    counts = [x._array.shape[d] for d in dims]
    if halved and counts:
        counts[-1] = 2 * (counts[-1] - 1)
    for place, size in enumerate(sizes or ()):
        if size != -1:
            counts[place] = as_integer(size, "s")
    for count in counts:
        _check_count(count)
    return counts, dims
