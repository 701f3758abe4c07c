"""Methods that change a tensor's own shape, in place: x goes on as what was a view of it.

A base remembers its old layouts: a view made before finds its way from one that gives the old shape back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from sys import getrefcount
from typing import Any

from ..modes import duals, modes
from ..tensor import AccumulateGrad, Tensor, Version, bump_version, wrap
from ..views import edge_of
from .inplace import check_changeable, move_history
from .integers import as_sizes
from .public import public
from .shape import squeeze, t, transpose, unsqueeze
from .strided import AsStrided, as_strided, dense_strides, strides_of


def in_place_view(name: str, function: Callable, later: int = 1) -> Callable:
    """Return the in-place form of a function that returns a view.

    PyTorch numbers its nodes after those of the out-of-place forms, `later` further on.
    """

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_changeable(self, name)
        edge = edge_of(self)
        is_leaf = edge is None or type(edge[0]) is AccumulateGrad
        is_shared = _has_views(self)
        grad_mode, modes.grad = modes.grad, not is_leaf  # a leaf stays one; a history always follows the shape
        try:
            view = function(self, *args, **kwargs)
        finally:
            modes.grad = grad_mode
        if not is_leaf:
            node, number = view._edge
            node.suffix = f"Backward{int(node.suffix[-1]) + later}"
            move_history(self, (node, number))
        bump_version(self)
        _take_shape(self, view, is_shared)
        return self

    method.__name__ = method.__qualname__ = name
    method.__wrapped__ = function  # type: ignore[attr-defined]
    method.__doc__ = f"In-place version of `{function.__name__}`: this tensor's own shape changes. Returns it."
    return method


def _has_views(x: Tensor) -> bool:
    # Whoever shares the memory shares the version: x, and getrefcount's own argument, make two.
    return x._cell is not None and getrefcount(x._cell) > 2


def _take_shape(x: Tensor, view: Tensor, is_shared: bool) -> None:
    before, x._array = x._array, view._array
    if duals:
        duals[-1].carry(x, view._tangent)
    if x._base is not None:
        x._steps, x._epoch = view._steps, x._base._epoch
        return
    x._epoch += 1
    if not is_shared:
        x._layouts = ()
        return
    begin = x.device.backend.offset(before)
    x._layouts = (*x._layouts, (x._epoch, partial(_step_back, before.shape, strides_of(before), begin)))


def _step_back(size: tuple[int, ...], stride: tuple[int, ...], begin: int, view: Tensor) -> tuple:
    """Return the step from the view's base as it is now to what that showed once."""
    base: Any = view._base
    start = begin - base.device.backend.offset(base._array)
    return AsStrided, {"size": size, "stride": stride, "start": start, "source": strides_of(base._array)}, None


_method = public(function=False)
_method(in_place_view("t_", t))
_method(in_place_view("transpose_", transpose))
_method(in_place_view("swapaxes_", transpose))
_method(in_place_view("swapdims_", transpose))
_method(in_place_view("squeeze_", squeeze, later=3))
_method(in_place_view("unsqueeze_", unsqueeze))
public(in_place_view("as_strided_", as_strided))


@public(function=False)
def resize_(self: Tensor, *sizes: Any) -> Tensor:
    """Give this tensor another shape, row-major from where it begins, in its storage or, if that is too small, a new
    one.

    What the old storage does not reach is unset. RuntimeError for tensors that require grad; after a move to a new
    storage, also for the use of older views.
    """
    size = as_sizes(sizes)
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    if min(size, default=0) < 0:
        raise RuntimeError(f"resize_: sizes must not be negative: {list(size)}")
    if size == self._array.shape:
        return self
    array, backend, is_shared = self._array, self.device.backend, _has_views(self)
    begin, itemsize = backend.offset(array), array.dtype.itemsize
    available = backend.storage(array)[1] // itemsize - begin
    if math.prod(size) <= available:
        _take_shape(self, as_strided(self, size, dense_strides(size), begin), is_shared)
    else:
        grown = backend.empty((math.prod(size),), array.dtype)
        if array.size:
            backend.copy_into(grown[:available], backend.as_strided(array, (available,), (1,), begin))
        _take_memory(self, grown.reshape(size), _refuse)
    bump_version(self)
    return self


def _take_memory(x: Tensor, array: Any, way_back: Callable) -> None:
    """Let x show other memory: it is a view of nothing then, and no base of the views made before."""
    x._array, x._base, x._steps = array, None, None
    x._epoch += 1
    x._layouts = ((x._epoch, way_back),)


def _refuse(view: Tensor) -> None:
    raise RuntimeError("a view's base was given other memory since the view was made. Take the view again.")


def _give_base(former: Tensor, view: Tensor) -> None:
    view._base, view._epoch = former, former._epoch


@public(function=False)
def set_(self: Tensor, source: Tensor | None = None) -> Tensor:
    """Let this tensor show the memory of `source`, or none at all. Older views go on showing the old memory.

    RuntimeError for a tensor that requires grad (a leaf under ``no_grad`` excepted), and for another dtype.
    """
    if source is None:
        source = self.new_empty(0)
    if not isinstance(source, Tensor):
        raise TypeError(f"set_(): argument 'source' must be Tensor, not {type(source).__name__}: there are no storages")
    check_changeable(self, "set_")
    if source.dtype is not self.dtype:
        raise RuntimeError(f"Could not set tensor of type {source.dtype} to a tensor of type {self.dtype}")
    if source.device is not self.device:
        raise RuntimeError(f"set_: the tensor is on {self.device} and its source on {source.device}")
    if not self.is_leaf or (modes.grad and source.requires_grad):
        raise RuntimeError("derivative for set_ is not implemented")
    former = wrap(self._array, self.device)
    former._cell, former._epoch = self._cell, self._epoch + 1
    self._cell, version = Version(), self._version
    self._cell.value = version
    _take_memory(self, source._array, _refuse if self.requires_grad else partial(_give_base, former))
    bump_version(self)
    return self


@public
def resize_as_(self: Tensor, the_template: Tensor) -> Tensor:
    """Give this tensor the shape of another one, as `resize_` does."""
    return resize_(self, the_template.shape)
