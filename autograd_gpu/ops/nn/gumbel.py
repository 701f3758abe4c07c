"""Samples of a categorical distribution that can be differentiated by its logits."""

from __future__ import annotations

from ...dtypes import float32
from ...tensor import Tensor
from ...user_line import warn
from ..cast import cast, result_type
from ..elementwise import clamp
from ..index import one_hot
from ..random import rand
from ..reduce import argmax
from ..shape import movedim
from ..unary import log, log1p
from .softmax import softmax


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """Return softmax((logits + g) / tau) along dim, g drawn from Gumbel(0, 1) (Jang, Gu & Poole; Maddison et al. 2017).

    With `hard`, 1 at the largest and 0 elsewhere, with the gradient of the soft sample.
    """
    if eps != 1e-10:
        warn("`eps` parameter is deprecated and has no effect.")
    if not logits.is_floating_point():
        raise RuntimeError(
            "Exponential distribution is a continuous probability distribution. dtype must be a floating point but you "
            f"specified {logits.dtype} (gumbel_softmax: use logits.float())"
        )
    uniform = rand(logits.shape, dtype=float32, device=logits.device)
    exponential = -log1p(-cast(uniform, result_type(uniform, logits)))
    gumbel = -log(clamp(exponential, min=2.0**-25))  # below the least that 24 bits give, but for zero
    soft = softmax((logits + cast(gumbel, logits.dtype)) / tau, dim)
    if not hard:
        return soft
    chosen = movedim(one_hot(argmax(soft, dim), soft._array.shape[dim]), -1, dim)
    return cast(chosen, soft.dtype) - soft.detach() + soft
