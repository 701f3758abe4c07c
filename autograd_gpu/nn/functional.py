"""``nn.functional``: the stateless functions that the modules call. The public names; what they do is in ``ops``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ops.arguments import front as _front
from ..ops.arguments import fronts as _fronts
from ..ops.nn.fused_activation import gelu, sigmoid, tanh
from ..ops.nn.attention import scaled_dot_product_attention
from ..ops.nn.bilinear import bilinear
from ..ops.nn.channel_norm import batch_norm, group_norm, instance_norm, local_response_norm
from ..ops.nn.columns import fold, unfold
from ..ops.nn.conv import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d
from ..ops.nn.conv_tbc import conv_tbc
from ..ops.nn.ctc import ctc_loss
from ..ops.nn.distance import cosine_similarity, normalize, pairwise_distance, pdist
from ..ops.nn.dropout import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout
from ..ops.nn.embedding import embedding, embedding_bag
from ..ops.nn.fractional_pool import (
    fractional_max_pool2d, fractional_max_pool2d_with_indices, fractional_max_pool3d,
    fractional_max_pool3d_with_indices,
)  # fmt: skip
from ..ops.nn.grid import affine_grid, grid_sample
from ..ops.nn.gumbel import gumbel_softmax
from ..ops.index import one_hot
from ..ops.nn.linear import feed_forward, linear
from ..ops.nn.linear_cross_entropy import linear_cross_entropy
from ..ops.nn.loss import cross_entropy, nll_loss
from ..ops.nn.loss_elementwise import (
    binary_cross_entropy, binary_cross_entropy_with_logits, gaussian_nll_loss, huber_loss, kl_div, l1_loss, mse_loss,
    poisson_nll_loss, smooth_l1_loss, soft_margin_loss,
)  # fmt: skip
from ..ops.nn.loss_margin import (
    cosine_embedding_loss, hinge_embedding_loss, margin_ranking_loss, multi_margin_loss, multilabel_margin_loss,
    multilabel_soft_margin_loss, triplet_margin_loss, triplet_margin_with_distance_loss,
)  # fmt: skip
from ..ops.nn.multihead import multi_head_attention_forward
from ..ops.nn.activation import (
    celu, celu_, elu, elu_, glu, hardshrink, hardsigmoid, hardswish, hardtanh, hardtanh_, leaky_relu, leaky_relu_,
    logsigmoid, mish, prelu, relu, relu6, relu_, rrelu, rrelu_, selu, selu_, silu, softplus, softshrink, softsign,
    tanhshrink, threshold, threshold_,
)  # fmt: skip
from ..ops.nn.norm import add_layer_norm, add_rms_norm, layer_norm, rms_norm
from ..ops.nn.pad import pad
from ..ops.nn.pool import (
    adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d, adaptive_max_pool1d, adaptive_max_pool2d,
    adaptive_max_pool3d, avg_pool1d, avg_pool2d, avg_pool3d, lp_pool1d, lp_pool2d, lp_pool3d, max_pool1d, max_pool2d,
    max_pool3d,
)  # fmt: skip
from ..ops.nn.pool_indices import (
    adaptive_max_pool1d_with_indices, adaptive_max_pool2d_with_indices, adaptive_max_pool3d_with_indices,
    max_pool1d_with_indices, max_pool2d_with_indices, max_pool3d_with_indices,
)  # fmt: skip
from ..ops.nn.resize import (
    channel_shuffle, interpolate, pixel_shuffle, pixel_unshuffle, upsample, upsample_bilinear, upsample_nearest,
)  # fmt: skip
from ..ops.nn.softmax import nn_log_softmax as log_softmax
from ..ops.nn.softmax import nn_softmax as softmax
from ..ops.nn.softmax import softmin
from ..ops.nn.unpool import max_unpool1d, max_unpool2d, max_unpool3d

__all__ = [
    # activations
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish",
    "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid", "mish", "prelu", "relu",
    "relu6", "relu_", "rrelu", "rrelu_", "selu", "selu_", "sigmoid", "silu", "softmax", "softmin", "softplus",
    "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
    # layers
    "alpha_dropout", "bilinear", "dropout", "dropout1d", "dropout2d", "dropout3d", "embedding", "embedding_bag",
    "feature_alpha_dropout", "feed_forward", "linear", "multi_head_attention_forward", "one_hot",
    "scaled_dot_product_attention",
    # convolutions
    "conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "fold",
    "unfold",
    # pools
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d",
    "fractional_max_pool2d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d",
    "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices", "max_pool3d", "max_pool3d_with_indices",
    "max_unpool1d", "max_unpool2d", "max_unpool3d",
    # normalisation and distances
    "add_layer_norm", "add_rms_norm", "batch_norm", "cosine_similarity", "group_norm", "instance_norm", "layer_norm",
    "local_response_norm", "normalize", "pairwise_distance", "pdist", "rms_norm",
    # pictures of other sizes
    "affine_grid", "channel_shuffle", "grid_sample", "interpolate", "pad", "pixel_shuffle", "pixel_unshuffle",
    "upsample", "upsample_bilinear", "upsample_nearest",
    # losses
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cross_entropy", "ctc_loss",
    "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "linear_cross_entropy",
    "margin_ranking_loss", "mse_loss", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss",
    "nll_loss", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]  # fmt: skip

if not TYPE_CHECKING:
    __getattr__ = _fronts(__all__, globals(), lambda name, function: _front(function, name))
