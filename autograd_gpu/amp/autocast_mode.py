"""Regions in which operations choose their dtype, and Functions that take part.

Knows the switches, not what they do.
"""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ..autocasting import CASTABLE, Switches, switch, switches
from ..dtypes import DType, bfloat16, float16
from ..tensor import Tensor
from .casting import clear_autocast_cache as clear_autocast_cache


class _Thread(threading.local):
    depth = 0  # of regions in one another


_thread = _Thread()


class autocast:
    """Within the block, or a decorated function, operations on `device_type` compute in the dtype that suits them.

    Products take their operands in `dtype` (float16 on "cuda", bfloat16 on "cpu"), what would overflow or cancel in
    float32, and everything else in what it is given (Micikevicius et al. 2018, "Mixed precision training"). Regions
    nest; ``enabled=False`` computes in the operands' dtypes within another. Weights are cast once while the outermost
    region is open, unless ``cache_enabled=False``. Backward casts nothing, wherever it is called: gradients have
    forward's dtypes.

    ValueError for a `device_type` that is no str, RuntimeError for an unknown one; another dtype than float16 and
    bfloat16 warns and casts nothing.
    """

    def __init__(
        self, device_type: str, dtype: DType | None = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        self.device = _known(device_type)
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        if enabled and self.fast_dtype not in (bfloat16, float16):
            warnings.warn(
                f"In {device_type.upper()} autocast, but the target dtype is not supported. Disabling autocast.\n"
                f"{device_type.upper()} Autocast only supports dtypes of {bfloat16}, {float16} currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled
        self._caches = is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        self._entered: list[Switches] = []

    def __enter__(self) -> autocast:
        now = switches()
        enabled = now.enabled | {self.device} if self._enabled else now.enabled - {self.device}
        dtypes = MappingProxyType({**now.dtypes, self.device: self.fast_dtype})
        self._entered.append(switch(Switches(enabled, dtypes, self._caches)))
        _thread.depth += 1
        return self

    def __exit__(self, *exception: object) -> None:
        _thread.depth -= 1
        if not _thread.depth:
            clear_autocast_cache()
        switch(self._entered.pop())

    def __call__(self, func: Callable) -> Callable:
        if not callable(func):
            raise TypeError(
                f"autocast()(func) requires a callable, but got {type(func).__name__}. Did you mean to use autocast as "
                "a context manager? For example: with autocast(device_type=...): output = model(input)"
            )

        @functools.wraps(func)
        def in_region(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return func(*args, **kwargs)

        return in_region

    def _again(self) -> autocast:
        """Return the same region anew: a decorated function may run on several threads at once."""
        region = object.__new__(autocast)
        region.__dict__.update(self.__dict__, _entered=[])
        return region


def is_autocast_available(device_type: str) -> bool:
    """Return whether there are regions for a type of device."""
    return device_type in ("cpu", "cuda")


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Return whether operations on a type of device cast now, on this thread."""
    return _known(device_type) in switches().enabled


def set_autocast_enabled(device_type: str, enabled: bool) -> None:
    """Switch casting on or off on this thread, for good; a region is the better way."""
    now = switches()
    switch(now._replace(enabled=now.enabled | {_known(device_type)} if enabled else now.enabled - {device_type}))


def get_autocast_dtype(device_type: str) -> DType:
    """Return the dtype that products on a type of device are computed in under autocast."""
    return switches().dtypes[_known(device_type)]


def set_autocast_dtype(device_type: str, dtype: DType) -> None:
    """Set the dtype that regions without one of their own take, on this thread."""
    now = switches()
    switch(now._replace(dtypes=MappingProxyType({**now.dtypes, _known(device_type): dtype})))


def is_autocast_cache_enabled() -> bool:
    """Return whether weights are cast once for all their uses in a region."""
    return switches().caches


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Set whether weights are cast once for all their uses in a region, on this thread."""
    switch(switches()._replace(caches=enabled))


def _known(device_type: str) -> str:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if not is_autocast_available(device_type):
        raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
    return device_type


# ------------------------------------------------------------------------------------------------ users' Functions


def custom_fwd(fwd: Callable | None = None, *, device_type: str, cast_inputs: DType | None = None) -> Callable:
    """Decorate a Function's forward. With `cast_inputs`, a call in a region gets its floating point tensors of the
    device cast to that dtype, containers included, and runs with autocast off; else it runs as it is called."""
    _known(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        ctx._dtype = get_autocast_dtype(device_type)
        ctx._fwd_used_autocast = is_autocast_enabled(device_type) and cast_inputs is None
        if cast_inputs is None or not is_autocast_enabled(device_type):
            return fwd(ctx, *args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(ctx, *_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs))

    return forward


def custom_bwd(bwd: Callable | None = None, *, device_type: str) -> Callable:
    """Decorate a Function's backward, whose forward is decorated by `custom_fwd`: it runs with forward's autocast."""
    _known(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, ctx._dtype, ctx._fwd_used_autocast):
            return bwd(ctx, *args, **kwargs)

    return backward


def _cast(value: Any, device_type: str, dtype: DType) -> Any:
    """Return a tensor, or the tensors of a container, in `dtype`; others stay as they are."""
    if isinstance(value, Tensor):
        is_castable = value.device.type == device_type and value._array.dtype in CASTABLE
        return value.to(dtype) if is_castable else value
    if isinstance(value, (str, bytes, np.ndarray)):
        return value
    if isinstance(value, Mapping):
        return {_cast(k, device_type, dtype): _cast(v, device_type, dtype) for k, v in value.items()}
    if isinstance(value, Iterable):
        values = (_cast(v, device_type, dtype) for v in value)
        return type(value)(values) if isinstance(value, (list, tuple)) else values
    return value
