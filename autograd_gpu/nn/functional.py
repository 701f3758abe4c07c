"""``nn.functional``: the stateless functions that the modules call.

What has a kernel comes from ``ops`` and is re-exported here; the rest is composed of tensor operations, so that any
order of derivative works on every device.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence

from ..dtypes import DType, bfloat16, finfo, float16
from ..ops.activation import gelu, sigmoid, tanh
from ..ops.activation import relu as _relu
from ..ops.attention import scaled_dot_product_attention
from ..ops.channel_norm import batch_norm, group_norm, instance_norm
from ..ops.conv import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d, fold, unfold
from ..ops.elementwise import minimum, where
from ..ops.index import embedding, one_hot
from ..ops.loss import cross_entropy, nll_loss
from ..ops.matmul import linear
from ..ops.norm import layer_norm
from ..ops.pad import pad
from ..ops.pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)  # fmt: skip
from ..ops.random import dropout
from ..ops.reduce import norm
from ..ops.resize import interpolate, pixel_shuffle, pixel_unshuffle, upsample
from ..ops.softmax import log_softmax, softmax
from ..tensor import Tensor

__all__ = [
    # from ops
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cross_entropy",
    "dropout",
    "embedding",
    "fold",
    "gelu",
    "group_norm",
    "instance_norm",
    "interpolate",
    "layer_norm",
    "linear",
    "log_softmax",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "nll_loss",
    "one_hot",
    "pad",
    "pixel_shuffle",
    "pixel_unshuffle",
    "scaled_dot_product_attention",
    "sigmoid",
    "softmax",
    "tanh",
    "unfold",
    "upsample",
    # layers
    "cosine_similarity",
    "normalize",
    "pairwise_distance",
    "rms_norm",
    # activations
    "celu",
    "elu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "silu",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanhshrink",
    "threshold",
    # losses
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
]


# ---------------------------------------------------------------------------------------------------------- layers


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """y = x / sqrt(mean(x^2) + eps) * weight over the last dimensions (Zhang & Sennrich 2019)."""
    shape = tuple(normalized_shape)
    if tuple(input.shape[-len(shape) :]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*, {', '.join(map(str, shape))}], "
            f"but got input of size{list(input.shape)}"
        )
    x = input.float() if input.dtype in (float16, bfloat16) else input
    eps = finfo(x.dtype).eps if eps is None else eps
    y = x * ((x * x).mean(dim=tuple(range(-len(shape), 0)), keepdim=True) + eps).rsqrt()
    return (y if weight is None else y * weight).to(input.dtype)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """y = x / max(||x||_p, eps) along dim."""
    return input / _norm_at_least(input, p, dim, eps)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """y = x1 . x2 / (max(||x1||, eps) * max(||x2||, eps)) along dim."""
    return (normalize(x1, 2.0, dim, eps) * normalize(x2, 2.0, dim, eps)).sum(dim)


def _norm_at_least(x: Tensor, p: float, dim: int, eps: float) -> Tensor:
    # The bound goes inside the root, whose slope at zero is infinite.
    power = x * x if p == 2 else x.abs().pow(p)
    total = power.sum(dim, keepdim=True).clamp(min=eps**p)
    return total.sqrt() if p == 2 else total.pow(1 / p)


# ----------------------------------------------------------------------------------------------------- activations


def _place(input: Tensor, inplace: bool, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Return function(input), written into input when asked to."""
    # A copy is computed on, since what backward saved must not be overwritten.
    return input.copy_(function(input.clone())) if inplace else function(input)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """y = max(x, 0)."""
    return _place(input, inplace, _relu)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """y = min(max(x, 0), 6)."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """y = x held between min_val and max_val; the slope at the bounds is 0."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")

    def held(x: Tensor) -> Tensor:
        inside = (x > min_val) & (x < max_val)  # clamp's slope at its bounds is 1, this function's is 0
        return where(inside, x, x.detach().clamp(min_val, max_val))

    return _place(input, inplace, held)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """y = x for x > 0, else negative_slope * x."""
    return _place(input, inplace, lambda x: where(x > 0, x, x * negative_slope))


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """y = x for x > 0, else weight * x; weight is () or (1,), or one per channel (dimension 1)."""
    if weight.numel() != 1:
        channels = input.shape[1] if input.dim() > 1 else 1
        if weight.numel() != channels:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. "
                f"Found parameter numbers = {weight.numel()} and channel size = {channels}."
            )
        weight = weight.reshape((1, channels) + (1,) * (input.dim() - 2))
    return where(input > 0, input, input * weight)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """y = x for x > 0, else alpha * (exp(x) - 1)."""
    return _place(input, inplace, lambda x: where(x > 0, x, x.clamp(max=0.0).expm1() * alpha))


# Fixed point of mean and variance: Klambauer, Unterthiner, Mayr & Hochreiter 2017.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """y = scale * elu(x, alpha), with the constants that keep mean 0 and variance 1."""
    return _place(input, inplace, lambda x: elu(x, _SELU_ALPHA) * _SELU_SCALE)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """y = x * sigmoid(x)."""
    return _place(input, inplace, lambda x: x * sigmoid(x))


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """y = x * tanh(softplus(x))."""
    return _place(input, inplace, lambda x: x * tanh(softplus(x)))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """y = log(1 + exp(beta * x)) / beta; simply x where beta * x is above the threshold."""
    scaled = input * beta
    # The branch not taken is held back from overflow: an infinity there would make the gradient NaN.
    return where(scaled > threshold, input, scaled.clamp(max=threshold).exp().log1p() / beta)


def logsigmoid(input: Tensor) -> Tensor:
    """y = log(sigmoid(x)) = min(x, 0) - log(1 + exp(-|x|)), which overflows nowhere."""
    return minimum(input, 0.0) - (-input.abs()).exp().log1p()


def softsign(input: Tensor) -> Tensor:
    """y = x / (1 + |x|)."""
    return input / (input.abs() + 1.0)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """y = max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0) (Barron 2017)."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _place(input, inplace, lambda x: where(x > 0, x, (x.clamp(max=0.0) / alpha).expm1() * alpha))


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """y = x above the threshold, else value."""
    return _place(input, inplace, lambda x: where(x > threshold, x, value))


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """y = min(max(x / 6 + 1 / 2, 0), 1); the slope at the bounds is 0."""
    return _place(input, inplace, lambda x: hardtanh(x + 3.0, 0.0, 6.0) / 6.0)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """y = x * min(max(x / 6 + 1 / 2, 0), 1) (Howard et al. 2019)."""
    return _place(input, inplace, lambda x: where(x < 3, where(x > -3, x * (x + 3.0) / 6.0, 0.0), x))


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """y = x where |x| > lambd, else 0."""
    return where(input.abs() <= lambd, 0.0, input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """y = x moved towards 0 by lambd, and 0 where it would pass it."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    return where(input > lambd, input - lambd, where(input < -lambd, input + lambd, input * 0.0))


def tanhshrink(input: Tensor) -> Tensor:
    """y = x - tanh(x)."""
    return input - tanh(input)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Tensor:
    """y = softmax(-x) along dim."""
    return softmax(-input, dim, dtype=dtype)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """y = a * sigmoid(b), where a and b are the halves of the input along dim."""
    size = input.size(dim)
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {size}")
    return input.narrow(dim, 0, size // 2) * sigmoid(input.narrow(dim, size // 2, size // 2))


# ---------------------------------------------------------------------------------------------------------- losses


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction")


def _difference(input: Tensor, target: Tensor) -> Tensor:
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )
    return input - target


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """(x - y)^2, reduced; weight scales each element, and the mean is then over the sum of weights."""
    difference = _difference(input, target)
    loss = difference * difference
    if weight is None:
        return _reduced(loss, reduction)
    loss = loss * weight
    return loss.sum() / weight.expand(loss.shape).sum() if reduction == "mean" else _reduced(loss, reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """|x - y|, reduced."""
    return _reduced(_difference(input, target).abs(), reduction)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """(x - y)^2 / 2 up to |x - y| = delta, then delta * (|x - y| - delta / 2), reduced (Huber 1964)."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    distance = _difference(input, target).abs()
    return _reduced(where(distance <= delta, distance * distance * 0.5, (distance - 0.5 * delta) * delta), reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """(x - y)^2 / (2 beta) up to |x - y| = beta, then |x - y| - beta / 2, reduced."""
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return l1_loss(input, target, reduction)
    distance = _difference(input, target).abs()
    return _reduced(where(distance < beta, distance * distance * (0.5 / beta), distance - 0.5 * beta), reduction)


def _check_same_size(input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-(y log x + (1 - y) log(1 - x)), reduced; x are probabilities. The logarithms are held above -100."""
    _check_same_size(input, target)
    loss = -(target * _log_above(input) + (1.0 - target) * _log_above(1.0 - input))
    return _reduced(loss if weight is None else loss * weight, reduction)


def _log_above(x: Tensor, least: float = -100.0) -> Tensor:
    positive = x > 0  # log's slope at zero is infinite, and infinity times the clamp's zero is NaN
    return where(positive, where(positive, x, 1.0).log(), least).clamp(min=least)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-(pos_weight y log s + (1 - y) log(1 - s)) with s = sigmoid(x), reduced; overflows nowhere."""
    _check_same_size(input, target)
    positive = target if pos_weight is None else target * pos_weight
    # log(1 - sigmoid(x)) = logsigmoid(x) - x
    loss = (1.0 - target) * input - (positive + (1.0 - target)) * logsigmoid(input)
    return _reduced(loss if weight is None else loss * weight, reduction)


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """y (log y - x), reduced; x are log-probabilities, y probabilities (or their logarithms with log_target)."""
    if log_target:
        loss = target.exp() * (target - input)
    else:
        positive = target > 0  # 0 log 0 = 0
        loss = where(positive, target * where(positive, target, 1.0).log(), 0.0) - target * input
    if reduction == "batchmean":
        return loss.sum() / (input.size(0) if input.dim() else 1)
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size. 'batchmean' divides "
            "only by the batch size, and aligns with the KL div math definition.",
            stacklevel=2,
        )
    return _reduced(loss, reduction)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """exp(x) - y x with x the rate's logarithm, else x - y log(x + eps), reduced; `full` adds Stirling's log y!."""
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        many = where(target > 1, target, 1.0)
        loss = loss + where(target > 1, many * many.log() - many + 0.5 * (2 * math.pi * many).log(), 0.0)
    return _reduced(loss, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log v + (x - y)^2 / v) / 2 with v = max(var, eps) held constant there, reduced (Nix & Weigend 1994)."""
    variance = var if isinstance(var, Tensor) else input.new_full(input.shape, var)
    if variance.shape != input.shape and variance.shape == input.shape[:-1]:
        variance = variance.unsqueeze(-1)
    if (variance < 0).any():
        raise ValueError("var has negative entry/entries")
    # The bound passes the gradient on, as PyTorch's does, which writes it in place unseen.
    variance = variance + (variance.detach().clamp(min=eps) - variance.detach())
    loss = (variance.log() + (input - target) ** 2 / variance) * 0.5
    return _reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-y x)), reduced; y are 1 or -1."""
    return _reduced(-logsigmoid(target * input), reduction)


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """x where y = 1, max(margin - x, 0) where y = -1, reduced."""
    nothing = input * 0.0
    apart = where(target.ne(1), (margin - input).clamp(min=0.0), nothing)
    return _reduced(apart + where(target.ne(-1), input, nothing), reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """max(margin - y (x1 - x2), 0), reduced; y = 1 wants x1 above x2, y = -1 below."""
    return _reduced((margin - target * (input1 - input2)).clamp(min=0.0), reduction)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """y = ||x1 - x2 + eps||_p along the last dimension."""
    return norm(x1 - x2 + eps, p, -1, keepdim)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(margin + d(anchor, positive) - d(anchor, negative), 0), reduced; `swap`: or d(positive, negative) if less."""
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    return _reduced((margin + near - far).clamp(min=0.0), reduction)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """1 - cos(x1, x2) where y = 1, max(cos(x1, x2) - margin, 0) where y = -1, reduced."""
    cosine = cosine_similarity(input1, input2, -1)
    loss = where(target.eq(1), 1.0 - cosine, where(target.eq(-1), (cosine - margin).clamp(min=0.0), cosine * 0.0))
    return _reduced(loss, reduction)
