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
