"""The optimisers' steps, and the norm and scale of all gradients: over many tensors at once, in place, not recorded.

The tensors of one call are on one device, and those of a step have one dtype. Numbers that change from step to step are
tensors on that device, so that a captured step reads what they are when it is replayed: `lr` and `scale` (what
gradients are multiplied by as they are read) float64 (), `found_inf` float32 (), where anything but 0 means that
nothing happens.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ..arrays.alike import DtypesDiffer
from ..dtypes import promote_types
from ..tensor import Tensor, version_cell, wrap
from ..user_line import user_line
from .cast import as_number, cast

Tensors = Sequence[Tensor]


def sgd_step(
    parameters: Tensors,
    gradients: Tensors,
    momentum_buffers: Tensors | None,
    lr: Tensor,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
    first: bool = False,
    scale: Tensor | None = None,
    found_inf: Tensor | None = None,
) -> None:
    """Update parameters (and momentum buffers, filled when `first`) by stochastic gradient descent.

    Where they have several dtypes, as after ``.half()`` between two steps, all is computed in the widest of them.
    """
    momentum, dampening, weight_decay = map(as_number, (momentum, dampening, weight_decay))
    settings = momentum, dampening, weight_decay, nesterov, maximize, first, _array(scale), _array(found_inf)
    step = parameters[0].device.backend.sgd_step
    try:
        step(_arrays(parameters), _arrays(gradients), _arrays(momentum_buffers), lr._array, *settings)
    except DtypesDiffer:
        given = parameters, gradients, momentum_buffers
        widest = functools.reduce(promote_types, (x.dtype for column in given for x in column or ()))
        wide = [None if column is None else [cast(x, widest) for x in column] for column in given]
        step(*map(_arrays, wide), lr._array, *settings)
        for column, copies in ((parameters, wide[0]), (momentum_buffers, wide[2])):
            for x, copy in zip(column or (), copies or (), strict=True):
                if x is not copy:
                    x.device.backend.copy_into(x._array, copy._array)
    _note_writes(parameters, momentum_buffers)


def adam_step(
    parameters: Tensors,
    gradients: Tensors,
    exp_avgs: Tensors,
    exp_avg_sqs: Tensors,
    max_exp_avg_sqs: Tensors | None,
    steps: Tensors,
    lr: Tensor,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool = False,
    maximize: bool = False,
    scale: Tensor | None = None,
    found_inf: Tensor | None = None,
) -> None:
    """Update parameters and moments by Adam (Kingma & Ba 2015), after adding 1 to each of `steps`, float32 ().

    `decoupled` shrinks the parameter itself by weight_decay (AdamW: Loshchilov & Hutter 2019). With max_exp_avg_sqs the
    largest second moment so far is used (AMSGrad: Reddi, Kale & Kumar 2018).
    """
    beta1, beta2, eps, weight_decay = map(as_number, (beta1, beta2, eps, weight_decay))
    try:
        parameters[0].device.backend.adam_step(
            _arrays(parameters), _arrays(gradients), _arrays(exp_avgs), _arrays(exp_avg_sqs), _arrays(max_exp_avg_sqs),
            _arrays(steps), lr._array, beta1, beta2, eps, weight_decay, decoupled, maximize, _array(scale),
            _array(found_inf),
        )  # fmt: skip
    except DtypesDiffer as error:
        state = "optimizer.load_state_dict(optimizer.state_dict())"
        raise RuntimeError(f"{error} An optimizer's state is cast to its parameters' dtypes by {state}.") from None
    _note_writes(parameters, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps)


def norm_of_all(tensors: Tensors) -> Tensor:
    """Return the 2-norm of all elements of all tensors together, float64 (). The tensors may differ in dtype."""
    device = tensors[0].device
    return wrap(device.backend.norm_of_all(_arrays(tensors)), device)


def scale_all(tensors: Tensors, scale: Tensor) -> None:
    """Multiply all tensors by `scale`, float64 (). The tensors may differ in dtype."""
    tensors[0].device.backend.scale_all(_arrays(tensors), scale._array)
    _note_writes(tensors)


def _array(tensor: Tensor | None) -> Any:
    return None if tensor is None else tensor._array


def _arrays(tensors: Tensors | None) -> list[Any] | None:
    return None if tensors is None else [tensor._array for tensor in tensors]


def _note_writes(*columns: Tensors | None) -> None:
    """Count a write to every tensor, with the line that asked for it."""
    where = user_line(2)
    for tensors in columns:
        for tensor in tensors or ():
            if not tensor._inference:
                cell = tensor._cell or version_cell(tensor)
                cell.value += 1
                cell.where = where
