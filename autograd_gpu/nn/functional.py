"""``nn.functional``: the stateless functions that the modules call.

What has a kernel comes from ``ops`` and is re-exported here; the rest is composed of tensor operations, so that any
order of derivative works on every device.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

from ..dtypes import bfloat16, finfo, float16
from ..ops.attention import scaled_dot_product_attention
from ..ops.channel_norm import batch_norm, group_norm, instance_norm
from ..ops.conv import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d, fold, unfold
from ..ops.elementwise import gelu, minimum, sigmoid, tanh, where
from ..ops.elementwise import relu as _relu
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
    "rms_norm",
    # activations
    "elu",
    "glu",
    "hardtanh",
    "leaky_relu",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "silu",
    "softplus",
    "softsign",
    # losses
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "smooth_l1_loss",
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
