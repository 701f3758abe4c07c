"""softmax and log_softmax, each with its fused backward as an operation of its own."""

from __future__ import annotations

from ...dtypes import DType
from ...op import Op
from ...tensor import Tensor
from ...user_line import warn
from ..cast import cast
from ..integers import wrap_dim
from ..public import public
from ..reduce import sum
from ..unary import exp


class Softmax(Op):
    """y = exp(x) / sum(exp(x)) along `dim`."""

    saved_as = "result"

    def forward(ctx, x, dim):
        ctx.dim = dim
        return ctx.backend.softmax(x, dim)

    def keep(ctx, y, x, dim):
        ctx.save(ctx.own(y))

    def backward(ctx, gy):
        (y,) = ctx.saved
        return SoftmaxBackward.apply(gy, y, dim=ctx.dim)


class SoftmaxBackward(Op):
    """gx = y * (gy - sum(gy * y))."""

    def forward(ctx, gy, y, dim):
        ctx.dim = dim
        return ctx.backend.softmax_backward(gy, y, dim)

    def keep(ctx, gx, gy, y, dim):
        ctx.save(gy, y)

    def backward(ctx, ggx):
        gy, y = ctx.saved
        if not ctx.needs(1):
            return SoftmaxBackward.apply(ggx, y, dim=ctx.dim), None
        along = sum(gy * y, ctx.dim, keepdim=True) if y.ndim else gy * y
        across = sum(ggx * y, ctx.dim, keepdim=True) if y.ndim else ggx * y
        return SoftmaxBackward.apply(ggx, y, dim=ctx.dim), ggx * (gy - along) - gy * across


class LogSoftmax(Op):
    """y = x - log(sum(exp(x))) along `dim`."""

    saved_as = "result"

    def forward(ctx, x, dim):
        ctx.dim = dim
        return ctx.backend.log_softmax(x, dim)

    def keep(ctx, y, x, dim):
        ctx.save(ctx.own(y))

    def backward(ctx, gy):
        (y,) = ctx.saved
        return LogSoftmaxBackward.apply(gy, y, dim=ctx.dim)


class LogSoftmaxBackward(Op):
    """gx = gy - exp(y) * sum(gy)."""

    def forward(ctx, gy, y, dim):
        ctx.dim = dim
        return ctx.backend.log_softmax_backward(gy, y, dim)

    def keep(ctx, gx, gy, y, dim):
        ctx.save(gy, y)

    def backward(ctx, ggx):
        gy, y = ctx.saved
        p = exp(y)
        along = sum(ggx * p, ctx.dim, keepdim=True) if y.ndim else ggx * p
        total = sum(gy, ctx.dim, keepdim=True) if y.ndim else gy
        return ggx - along, -ggx * p * total if ctx.needs(1) else None


@public
def softmax(input: Tensor, dim: int, dtype: DType | None = None) -> Tensor:
    """Return exp(input) / sum(exp(input)) along `dim`. With `dtype`, input is cast to it first."""
    dim = _dim("softmax", input, dim)
    return Softmax.apply(_ready("softmax", input, dtype), dim=dim)


@public
def log_softmax(input: Tensor, dim: int, dtype: DType | None = None) -> Tensor:
    """Return log(softmax(input)) along `dim`, without the overflow and cancellation of taking both in turn."""
    dim = _dim("log_softmax", input, dim)
    return LogSoftmax.apply(_ready("log_softmax", input, dtype), dim=dim)


def _implicit(name: str, input: Tensor) -> int:
    """Return the dimension that PyTorch takes where none is given, with its warning."""
    warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.")
    return 0 if input.ndim in (0, 1, 3) else 1


def nn_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Tensor:
    """Return exp(input) / sum(exp(input)) along `dim`. With `dtype`, input is cast to it first."""
    dim = _dim("softmax", input, _implicit("softmax", input) if dim is None else dim)
    return Softmax.apply(_ready("softmax", input, dtype), dim=dim)


def nn_log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Tensor:
    """Return log(softmax(input)) along `dim`, without the overflow and cancellation of taking both in turn."""
    dim = _dim("log_softmax", input, _implicit("log_softmax", input) if dim is None else dim)
    return LogSoftmax.apply(_ready("log_softmax", input, dtype), dim=dim)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Tensor:
    """Return softmax(-input) along `dim`."""
    dim = _implicit("softmin", input) if dim is None else dim
    return nn_softmax(-input, dim, dtype=dtype)


def _ready(name: str, x: Tensor, dtype: DType | None) -> Tensor:
    if dtype is not None:
        x = cast(x, dtype)
    if x._array.dtype.kind in "iub":
        raise NotImplementedError(
            f'"{name}" not implemented for {x.dtype}: expected a floating point tensor. Pass dtype=torch.float32.'
        )
    return x


def _dim(name: str, x: Tensor, dim: int | None) -> int:
    if dim is None:
        raise TypeError(f"{name}() missing the argument 'dim': the dimension along which the results sum to 1")
    return wrap_dim(dim, x._array.ndim)
