"""What nn.functional refuses: the same calls as PyTorch, with the same type of exception and its key words."""

import re

import pytest
import torch

import autograd_gpu as ag

CALLS = {
    "channels": (lambda F, z: F.conv2d(z(1, 2, 5, 5), z(4, 3, 3, 3)), "to have 3 channels, but got 2 channels instead"),
    "groups": (lambda F, z: F.conv2d(z(1, 4, 5, 5), z(3, 2, 3, 3), groups=2), "Given groups=2, expected weight to be"),
    "dimensions": (lambda F, z: F.conv2d(z(5), z(4, 3, 3, 3)), r"Expected 3D \(unbatched\) or 4D \(batched\) input"),
    "kernel": (lambda F, z: F.conv1d(z(1, 1, 2), z(1, 1, 3)), "Kernel size can't be greater than actual input size"),
    "bias": (lambda F, z: F.conv1d(z(1, 1, 3), z(2, 1, 3), z(3)), "expected bias to be 1-dimensional with 2 elements"),
    "same": (lambda F, z: F.conv1d(z(1, 1, 3), z(2, 1, 3), stride=2, padding="same"), "padding='same' is not"),
    "stride": (lambda F, z: F.conv1d(z(1, 1, 3), z(2, 1, 3), stride=0), "non-positive stride is not supported"),
    "dtype": (lambda F, z: F.conv1d(z(1, 1, 3), z(2, 1, 3), z(2).double()), "should be the same"),
    "transposed": (lambda F, z: F.conv_transpose1d(z(1, 2, 3), z(3, 2, 2)), "to have 3 channels, but got 2 channels"),
    "output padding": (
        lambda F, z: F.conv_transpose1d(z(1, 1, 3), z(1, 1, 2), output_padding=1),
        "output padding must be smaller than either stride or dilation",
    ),
    "pool padding": (lambda F, z: F.max_pool2d(z(1, 1, 5, 5), 2, padding=2), "pad should be at most half of"),
    "pool size": (lambda F, z: F.avg_pool2d(z(1, 1, 2, 2), 3), "Output size is too small"),
    "divisor": (lambda F, z: F.avg_pool2d(z(1, 1, 2, 2), 2, divisor_override=0), "divisor must be not zero"),
    "group norm": (lambda F, z: F.group_norm(z(2, 5), 2), "number of channels in input to be divisible by num_groups"),
    "batch of one": (lambda F, z: F.batch_norm(z(1, 3), None, None, training=True), "Expected more than 1 value per"),
    "reflection": (lambda F, z: F.pad(z(1, 3), (3, 0), mode="reflect"), "should be less than the corresponding input"),
    "odd padding": (lambda F, z: F.pad(z(1, 3), (3,)), "Padding length"),
    "no size": (lambda F, z: F.interpolate(z(1, 1, 3)), "either size or scale_factor should be defined"),
    "corners": (lambda F, z: F.interpolate(z(1, 1, 3), 4, align_corners=True), "align_corners option can only be set"),
    "shuffle": (lambda F, z: F.pixel_shuffle(z(1, 3, 2, 2), 2), "to be divisible by the square of upscale_factor"),
    "columns": (lambda F, z: F.fold(z(1, 4, 3), (3, 3), 2), "to match the calculated number of sliding blocks"),
    "grid's batch": (
        lambda F, z: F.grid_sample(z(2, 1, 3, 3), z(1, 2, 2, 2)),
        "grid and input to have same batch size",
    ),
    "grid's last": (lambda F, z: F.grid_sample(z(1, 1, 3, 3), z(1, 2, 2, 3)), "to have size 2 in last dimension"),
    "grid's dtype": (lambda F, z: F.grid_sample(z(1, 1, 3, 3), z(1, 2, 2, 2).double()), "expected scalar type"),
    "grid's mode": (lambda F, z: F.grid_sample(z(1, 1, 3, 3), z(1, 2, 2, 2), "x"), "expected mode to be 'bilinear'"),
    "grid's padding": (
        lambda F, z: F.grid_sample(z(1, 1, 3, 3), z(1, 2, 2, 2), "nearest", "x"),
        "expected padding_mode",
    ),
    "grid in 3d": (
        lambda F, z: F.grid_sample(z(1, 1, 3, 3, 3), z(1, 2, 2, 2, 3), "bicubic"),
        "bicubic interpolation only",
    ),
    "affine size": (lambda F, z: F.affine_grid(z(1, 2, 3), (1, 1, 3)), "only supports 4D and 5D sizes"),
    "affine theta": (lambda F, z: F.affine_grid(z(1, 3, 3), (1, 1, 3, 3)), "Expected a batch of 2D affine matrices"),
    "bag's mode": (lambda F, z: F.embedding_bag(z(2, 2).long(), z(3, 2), mode="x"), "mode has to be one of sum, mean"),
    "bag's offsets": (lambda F, z: F.embedding_bag(z(2).long(), z(3, 2)), "offsets has to be a 1D Tensor but got None"),
    "bag's weights": (
        lambda F, z: F.embedding_bag(z(2, 2).long(), z(3, 2), per_sample_weights=z(2, 3), mode="sum"),
        "must have the same shape as the input",
    ),
    "bag's mean": (
        lambda F, z: F.embedding_bag(z(2, 2).long(), z(3, 2), per_sample_weights=z(2, 2)),
        "only supported for mode='sum'",
    ),
    "bag's first": (
        lambda F, z: F.embedding_bag(z(3).long(), z(3, 2), (z(2) + 1).long()),
        r"offsets\[0\] has to be 0",
    ),
    "padding row": (lambda F, z: F.embedding(z(2).long(), z(3, 2), 3), "Padding_idx must be within num_embeddings"),
    "rows": (lambda F, z: F.embedding((z(2) + 3).long(), z(3, 2)), "index out of range in self"),
    "unpooled indices": (lambda F, z: F.max_unpool2d(z(1, 1, 2, 2), z(1, 1, 2, 2), 2), "should be type int64"),
    "unpooled shape": (
        lambda F, z: F.max_unpool2d(z(1, 1, 2, 2), z(1, 1, 2, 1).long(), 2),
        "to be same as that of the input",
    ),
    "unpooled place": (
        lambda F, z: F.max_unpool2d(z(1, 1, 2, 2), (z(1, 1, 2, 2) + 16).long(), 2),
        "Found an invalid max index: 16",
    ),
    "unpooled size": (
        lambda F, z: F.max_unpool1d(z(1, 1, 2), z(1, 1, 2).long(), 2, output_size=(9,)),
        "invalid output_size",
    ),
    "fraction": (
        lambda F, z: F.fractional_max_pool2d(z(1, 1, 4, 4), 2),
        "requires specifying either an output_size or",
    ),
    "fraction's kernel": (
        lambda F, z: F.fractional_max_pool2d(z(1, 1, 4, 4), 3, 3),
        "too large relative to input height",
    ),
    "bilinear": (
        lambda F, z: F.bilinear(z(2, 3), z(2, 4), z(5, 3, 3)),
        "input2 size does not match weight size: got 4",
    ),
    "time": (lambda F, z: F.conv_tbc(z(4, 2, 3), z(2, 2, 3), z(3)), "Input dim 2"),
    "groups of channels": (
        lambda F, z: F.channel_shuffle(z(1, 4, 2), 3),
        "Number of channels must be divisible by groups",
    ),
    "neighbours": (lambda F, z: F.local_response_norm(z(2, 3), 2), "Expected 3D or higher dimensionality"),
    "probability": (lambda F, z: F.alpha_dropout(z(3), 1.5), "dropout probability has to be between 0 and 1"),
    "a channel": (
        lambda F, z: F.feature_alpha_dropout(z(3), 0.5, True),
        "Feature dropout requires at least 2 dimensions",
    ),
    "dropped sequences": (lambda F, z: F.dropout1d(z(1, 2, 3, 4)), "Expected 2D or 3D input, but received a 4D input"),
    "slopes": (lambda F, z: F.rrelu(z(3), 0.5, 0.1), "Lower bound should be less than or equal to the upper bound"),
    "halves": (lambda F, z: F.glu(z(3, 5)), "Halving dimension must be even"),
    "bounds": (lambda F, z: F.hardtanh(z(3), 2.0, 1.0), "min_val"),
    "celu": (lambda F, z: F.celu(z(3), 0.0), "alpha cannot be 0 for CELU"),
    "integers": (lambda F, z: F.silu(z(3).long()), "not implemented for"),
    "a leaf": (lambda F, z: F.elu_(z(3).requires_grad_()), "a leaf Variable that requires grad"),
    "reduction": (lambda F, z: F.mse_loss(z(3), z(3), reduction="x"), "x is not a valid value for reduction"),
    "weights": (lambda F, z: F.l1_loss(z(3), z(3), weight=z(2)), "Weights and input must have the same size"),
    "delta": (lambda F, z: F.huber_loss(z(3), z(3), delta=0.0), "does not support non-positive values for delta"),
    "probabilities": (
        lambda F, z: F.binary_cross_entropy(z(3) + 2, z(3)),
        "elements of input should be between 0 and 1",
    ),
    "bce's sizes": (lambda F, z: F.binary_cross_entropy(z(3), z(2)), "that is different to the input size"),
    "logits' sizes": (lambda F, z: F.binary_cross_entropy_with_logits(z(3), z(2)), "must be the same as input size"),
    "variance": (lambda F, z: F.gaussian_nll_loss(z(3), z(3), z(3) - 1), "var has negative entry"),
    "variance's size": (lambda F, z: F.gaussian_nll_loss(z(3, 4), z(3, 4), z(2)), "var is of incorrect size"),
    "ranks": (lambda F, z: F.margin_ranking_loss(z(3), z(3, 1), z(3)), "All input tensors should have same dimension"),
    "cosine's target": (lambda F, z: F.cosine_embedding_loss(z(3), z(3), z(3)), "1D target tensor expects 2D input"),
    "triplet's margin": (
        lambda F, z: F.triplet_margin_loss(z(3), z(3), z(3), margin=0.0),
        "margin must be greater than 0",
    ),
    "power": (lambda F, z: F.multi_margin_loss(z(2, 3), z(2).long(), p=3), "only p == 1 and p == 2 supported"),
    "distances of": (lambda F, z: F.pdist(z(2, 3, 4)), "pdist only supports 2D tensors, got: 3D"),
    "ctc's lengths": (
        lambda F, z: F.ctc_loss(z(3, 1, 4), z(1, 2).long(), (5,), (2,)),
        "Expected input_lengths to have value at most 3, but got value 5",
    ),
    "ctc's batch": (lambda F, z: F.ctc_loss(z(3, 1, 4), z(1, 2).long(), (3, 3), (2,)), "input_lengths must be of size"),
    "ctc's blank": (lambda F, z: F.ctc_loss(z(3, 1, 4), z(1, 2).long(), (3,), (2,), 4), "blank must be in label range"),
    "ctc's targets": (
        lambda F, z: F.ctc_loss(z(3, 1, 4), z(1, 2).long(), (3,), (3,)),
        "to have size at least 3 at dimension 1, but got size 2",
    ),
    "antialias": (
        lambda F, z: F.interpolate(z(1, 1, 4), 2, mode="linear", antialias=True),
        "Anti-alias option is restricted",
    ),
    "lanczos": (lambda F, z: F.interpolate(z(1, 1, 4, 4), 2, mode="lanczos"), "Lanczos mode requires antialias=True"),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_same_calls_are_refused(name: str):
    call, words = CALLS[name]
    with pytest.raises(Exception, match=words) as theirs:
        call(torch.nn.functional, torch.zeros)
    with pytest.raises(Exception, match=words) as ours:
        call(ag.nn.functional, ag.zeros)
    assert ours.type is theirs.type, f"{ours.type.__name__}, not {theirs.type.__name__}"


EQUATIONS = {
    "terms": ("ij,jk", 1, "fewer operands were provided than specified"),
    "dimensions": ("ijk", 1, "does not match the number of dimensions"),
    "result": ("ij->k", 1, "does not appear in the equation for any input operand"),
    "twice": ("ij->ii", 1, "appears more than once in the output"),
    "sizes": ("ij,ij", 2, "does not broadcast with previously seen size 2"),
}


@pytest.mark.parametrize("name", EQUATIONS)
def test_the_same_equations_are_refused(name: str):
    equation, count, words = EQUATIONS[name]
    for library in (torch, ag):
        operands = [library.zeros(2, 3), library.zeros(4, 3)][:count]
        with pytest.raises(RuntimeError, match=re.escape(words)):
            library.einsum(equation, *operands)
