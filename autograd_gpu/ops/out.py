"""``out=``: a function's result written into a tensor that the caller gives. Never recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autocasting import switched
from ..dtypes import SCALAR_TYPES
from ..modes import modes, no_grad
from ..tensor import Tensor, bump_version
from ..user_line import warn
from .arguments import front, type_name
from .cast import cast
from .inplace import check_writable, overwrite
from .overlap import check_overlap

# Their results are not cast into an `out`, which must have the result's own dtype.
_UNCAST = frozenset(
    "abs addbmm addmm addmv all amax amin any argmax argmin baddbmm bitwise_not bmm bucketize ceil chain_matmul clamp "
    "clamp_max clamp_min cross det diag dot eigvalsh fix floor frac gather heaviside histc index_add index_copy "
    "index_reduce index_select inner inv inverse isin isneginf isposinf linalg_cross log_softmax logcumsumexp "
    "masked_select matmul matrix_norm matrix_power mm msort multi_dot mv nan_to_num nanquantile narrow_copy neg "
    "nonzero nonzero_static norm quantile renorm round scatter scatter_add scatter_reduce searchsorted sign signbit "
    "slice_scatter softmax solve solve_triangular svdvals take take_along_dim tensordot tril triu trunc vdot vecdot "
    "vector_norm where multinomial".split()
)


# Computed in the dtype of `out`, unless one is named.
_IN_DTYPE = frozenset("sum nansum prod cumsum cumprod".split())

# Nobody asks for their gradients.
_CONSTANT = frozenset(
    "eq ne lt le gt ge logical_and logical_or logical_xor logical_not isposinf isneginf isin signbit argmax argmin any "
    "all searchsorted bucketize nonzero".split()
)


def accepting_out(function: Callable, name: str = "") -> Callable:
    """Return the function's front with an `out` argument."""
    return front(function, name, into=into)


def into(out: Any, name: str, function: Callable, args: tuple, kwargs: dict) -> Any:
    """Write a function's result into out, which takes its shape; several into several. `name` is the function's in
    errors."""
    if isinstance(out, (tuple, list)):
        return _into_several(tuple(out), name, function, args, kwargs)
    return _into(out, name, function, args, kwargs)


def _into_several(outs: tuple, name: str, function: Callable, args: tuple, kwargs: dict) -> Any:
    """Write each result of a function into its tensor; returns these as the function returns its own."""
    with no_grad(), switched():
        results = function(*args, **kwargs)
    if not isinstance(results, tuple) or len(results) != len(outs):
        count = len(results) if isinstance(results, tuple) else 1
        raise TypeError(f"{name}(): argument 'out' must be {count} tensors, but got {len(outs)}")
    operands = [*args, *kwargs.values()]
    if modes.grad and any(_requires_grad(value) for value in (*outs, *operands)):
        _refuse_gradients(name)
    for out, result in zip(outs, results):
        if out.dtype is not result.dtype:
            raise RuntimeError(f"{name}: Expected out tensor to have dtype {result.dtype}, but got {out.dtype} instead")
        _into(out, name, lambda result=result: result, (), {})
    return type(results)(*outs) if hasattr(results, "_fields") else outs


def _refuse_gradients(name: str) -> None:
    raise RuntimeError(
        f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
        f"arguments requires grad. Use the result instead: y = {name}(...), or work under no_grad()."
    )


def _into(out: Tensor, name: str, function: Callable, args: tuple, kwargs: dict) -> Tensor:
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type_name(out)}")
    if not any(kind in str(function.__annotations__.get("return", "Any")) for kind in ("Tensor", "Any")):
        raise TypeError(f"{name}(): argument 'out' must be tuple of Tensors, not Tensor")
    if function.__name__ in _IN_DTYPE and kwargs.get("dtype") is None:
        kwargs = kwargs | {"dtype": out.dtype}
    operands = [*args, *kwargs.values()]
    if modes.grad and function.__name__ not in _CONSTANT and any(_requires_grad(value) for value in (out, *operands)):
        _refuse_gradients(name)
    check_overlap(out, operands, name)
    with no_grad(), switched():  # autocast casts nothing
        result = function(*args, **kwargs)
        if not isinstance(result, Tensor):
            raise TypeError(f"{name}(): argument 'out' must be tuple of Tensors, not Tensor")
        if result.dtype is not out.dtype and function.__name__ in _UNCAST:
            raise RuntimeError(
                f"{name}: Expected out tensor to have dtype {result.dtype}, but got {out.dtype} instead: the result "
                "and out must have the same scalar type"
            )
        if result.dtype.kind > out.dtype.kind:
            raise RuntimeError(
                f"result type {SCALAR_TYPES[result.dtype.name]} can't be cast to the desired output type "
                f"{SCALAR_TYPES[out.dtype.name]} ({name}, out=)"
            )
        if result._array.shape == out._array.shape:
            return overwrite(out, result, name)
        check_writable(out, name)
        if out._array.size:
            warn(
                f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not "
                f"match the required output shape {list(result.shape)}."
            )
        out._array = cast(result, out.dtype)._array
        bump_version(out)
    return out


def _requires_grad(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_requires_grad, value))
    return isinstance(value, Tensor) and value.requires_grad
