"""Initial values: what each rule promises, on both devices. Those of variances are in test_nn.py."""

import math

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu import nn


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (4, 2, 3), (1, 7)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_orthogonal_rows_or_columns(shape, dtype, device):
    x = nn.init.orthogonal_(torch.empty(*shape, dtype=dtype, device=device), gain=2.0)
    assert x.dtype == dtype and tuple(x.shape) == shape
    matrix = x.cpu().numpy().reshape(shape[0], -1) / 2
    gram = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5)


def test_orthogonal_matrices_have_no_preferred_sign():
    torch.manual_seed(0)
    corners = [nn.init.orthogonal_(torch.empty(2, 2))[0, 0].item() for _ in range(60)]
    assert 15 < sum(corner > 0 for corner in corners) < 45


@pytest.mark.ours
def test_orthogonal_of_halves_and_of_nothing(device):
    x = nn.init.orthogonal_(torch.empty(4, 4, dtype=torch.bfloat16, device=device))
    np.testing.assert_allclose((x @ x.t()).float().cpu().numpy(), np.eye(4), atol=0.03)
    assert nn.init.orthogonal_(torch.empty(0, 3, device=device)).shape == (0, 3)


@pytest.mark.parametrize("a, b, mean, std", [(-2.0, 2.0, 0.0, 1.0), (-1.0, 0.5, 0.2, 2.0), (1.0, 3.0, 0.0, 1.0)])
def test_truncated_normal_numbers(a, b, mean, std, device):
    torch.manual_seed(0)
    x = nn.init.trunc_normal_(torch.empty(3000, device=device), mean, std, a, b).double().cpu().numpy()
    assert a <= x.min() and x.max() <= b

    def distribution(value):
        low, at, high = (math.erf((bound - mean) / std / math.sqrt(2)) for bound in (a, value, b))
        return (at - low) / (high - low)

    for place in np.linspace(a, b, 7):  # three standard deviations of a fraction of 3000
        assert (x <= place).mean() == pytest.approx(distribution(place), abs=3 * 0.5 / math.sqrt(3000))


def test_truncated_far_away_warns():
    with pytest.warns(UserWarning, match="mean is more than 2 std from"):
        nn.init.trunc_normal_(torch.empty(3), mean=10.0)


def test_sparse_columns(device):
    x = nn.init.sparse_(torch.empty(10, 6, device=device), 0.25, std=2.0).cpu().numpy()
    assert ((x == 0).sum(0) == 3).all() and x.std() > 0.5
    assert len({tuple(column) for column in (x == 0).T}) > 1


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)])
def test_identity(shape, device):
    parameter = nn.Parameter(torch.full(shape, 7.0, device=device))
    assert nn.init.eye_(parameter) is parameter and parameter.is_leaf
    np.testing.assert_array_equal(parameter.detach().cpu().numpy(), np.eye(*shape))


@pytest.mark.parametrize("groups, inputs, outputs", [(1, 3, 3), (1, 2, 4), (2, 4, 6)])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_a_dirac_convolution_passes_its_channels_on(dims, groups, inputs, outputs, device):
    weight = nn.init.dirac_(torch.full((outputs, inputs // groups, *(3,) * dims), 5.0, device=device), groups)
    x = torch.randn(1, inputs, *(4,) * dims, device=device)
    convolution = [nn.functional.conv1d, nn.functional.conv2d, nn.functional.conv3d][dims - 1]
    y = convolution(x, weight, padding=1, groups=groups)
    for group in range(groups):
        for channel in range(min(outputs // groups, inputs // groups)):
            passed = y[:, group * (outputs // groups) + channel]
            np.testing.assert_allclose(
                passed.cpu().numpy(), x[:, group * (inputs // groups) + channel].cpu().numpy(), rtol=1e-6
            )
    assert weight.sum().item() == groups * min(outputs // groups, inputs // groups)


@pytest.mark.parametrize("name", ["uniform_", "normal_", "trunc_normal_", "kaiming_normal_", "xavier_uniform_"])
def test_a_generator_of_ones_own(name, device):
    def drawn():
        generator = torch.Generator(device=device).manual_seed(3)
        return getattr(nn.init, name)(torch.empty(4, 4, device=device), generator=generator).tolist()

    first = drawn()
    torch.manual_seed(1)
    assert drawn() == first


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: nn.init.eye_(torch.empty(3)), "Only tensors with 2 dimensions are supported"),
        (lambda: nn.init.sparse_(torch.empty(3), 0.5), "Only tensors with 2 dimensions are supported"),
        (lambda: nn.init.orthogonal_(torch.empty(3)), "Only tensors with 2 or more dimensions are supported"),
        (lambda: nn.init.dirac_(torch.empty(3, 3)), "Only tensors with 3, 4, or 5 dimensions are supported"),
        (lambda: nn.init.dirac_(torch.empty(3, 3, 3), 2), "dim 0 must be divisible by groups"),
        (lambda: nn.init.calculate_gain("leaky_relu", True), "negative_slope True not a valid number"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
