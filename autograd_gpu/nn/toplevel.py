"""Functions of `nn.functional` that PyTorch has at the top level too, where their arguments are in another order or
their reductions are numbers. (Those with the same arguments are the very same functions: see `autograd_gpu._LAZY`.)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ops.cast import broadcast_shape
from ..tensor import Tensor
from . import functional as F

# A reduction left out is 0, whatever the mean that PyTorch's signatures speak of.
_REDUCTIONS = ("none", "mean", "sum")


def _named(reduction: int) -> str:
    return _REDUCTIONS[reduction] if reduction in (1, 2) else "none"


# ---------------------------------------------------------------------------------------------- lookups and norms


def embedding(
    weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Tensor:
    """Return the rows of weight at `indices`."""
    padding = None if padding_idx == -1 else padding_idx
    return F.embedding(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """Return `nn.functional.batch_norm` of input."""
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """Return `nn.functional.instance_norm` of input."""
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """Return `nn.functional.layer_norm` of input."""
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Return `nn.functional.group_norm` of input."""
    return F.group_norm(input, num_groups, weight, bias, eps)


def adaptive_max_pool1d(input: Tensor, output_size: int | Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the largest of each of `output_size` stretches, and where they are."""
    return F.adaptive_max_pool1d(input, output_size, return_indices=True)


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """Return input with `value` around it (see `nn.functional.pad`)."""
    return F.pad(input, pad, "constant", value)


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor:
    """Return the convolution, or transposed convolution, over as many dimensions as weight has beyond two."""
    dims = weight.ndim - 2
    if not 1 <= dims <= 3:
        raise RuntimeError(f"convolution: expected a weight of 3 to 5 dimensions, but got {weight.ndim}")
    if transposed:
        function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[dims - 1]
        return function(input, weight, bias, stride, padding, output_padding, groups, dilation)
    return (F.conv1d, F.conv2d, F.conv3d)[dims - 1](input, weight, bias, stride, padding, dilation, groups)


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """Return `nn.functional.grid_sample`: 0, 1, 2 are bilinear, nearest, bicubic, and zeros, border, reflection."""
    modes, paddings = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
    return F.grid_sample(input, grid, modes[interpolation_mode], paddings[padding_mode], align_corners)


def affine_grid_generator(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """Return `nn.functional.affine_grid`."""
    return F.affine_grid(theta, size, align_corners)


# ---------------------------------------------------------------------------------------------- losses


def kl_div(input: Tensor, target: Tensor, reduction: int = 0, *, log_target: bool = False) -> Tensor:
    """Return `nn.functional.kl_div`; 0, 1 and 2 are no reduction, mean and sum."""
    return F.kl_div(input, target, reduction=_named(reduction), log_target=log_target)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 0,
) -> Tensor:
    """Return `nn.functional.binary_cross_entropy_with_logits`; 0, 1 and 2 are no reduction, mean and sum."""
    shape = broadcast_shape(input._array.shape, target._array.shape)
    if shape != target._array.shape:
        raise RuntimeError(f"output with shape {list(target.shape)} doesn't match the broadcast shape {list(shape)}")
    input = input.expand(shape)
    return F.binary_cross_entropy_with_logits(input, target, weight, reduction=_named(reduction), pos_weight=pos_weight)


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int) -> Tensor:
    """Return `nn.functional.poisson_nll_loss`; 0, 1 and 2 are no reduction, mean and sum."""
    return F.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=_named(reduction))


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 0) -> Tensor:
    """Return `nn.functional.hinge_embedding_loss`; 0, 1 and 2 are no reduction, mean and sum."""
    return F.hinge_embedding_loss(input, target, margin, reduction=_named(reduction))


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """Return `nn.functional.cosine_embedding_loss`; 0, 1 and 2 are no reduction, mean and sum."""
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=_named(reduction))


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """Return `nn.functional.margin_ranking_loss`; 0, 1 and 2 are no reduction, mean and sum."""
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=_named(reduction))


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 0,
) -> Tensor:
    """Return `nn.functional.triplet_margin_loss`; 0, 1 and 2 are no reduction, mean and sum."""
    return F.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=_named(reduction))


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: int = 0,
    zero_infinity: bool = False,
) -> Tensor:
    """Return `nn.functional.ctc_loss`; 0, 1 and 2 are no reduction, mean and sum."""
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, _named(reduction), zero_infinity)


# ---------------------------------------------------------------------------------------------- dropout


def _in_place(function: Any) -> Any:
    def dropout(input: Tensor, p: float, train: bool) -> Tensor:
        return function(input, p, train, inplace=True)

    dropout.__name__ = dropout.__qualname__ = f"{function.__name__}_"
    dropout.__doc__ = f"In-place version of `nn.functional.{function.__name__}`."
    return dropout


dropout_, alpha_dropout_, feature_alpha_dropout_ = map(_in_place, (F.dropout, F.alpha_dropout, F.feature_alpha_dropout))
