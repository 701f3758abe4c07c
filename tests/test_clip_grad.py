"""The norm of all gradients and clipping by it, on both devices."""

import math

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu import nn

VALUES = [[3.0, -4.0], [[12.0]], [], [0.0] * 5]  # of norm 13


def parameters_with_gradients(device, values=VALUES, dtype=torch.float32):
    made = []
    for numbers in values:
        gradient = torch.tensor(numbers, dtype=dtype, device=device)
        made.append(nn.Parameter(torch.zeros_like(gradient)))
        made[-1].grad = gradient
    return [*made, nn.Parameter(torch.ones(1, device=device))]  # the last has no gradient


@pytest.mark.parametrize("max_norm, factor", [(6.5, 0.5), (13.5, 1.0)])
def test_gradients_are_scaled_down_to_the_norm_and_never_up(max_norm, factor, device):
    parameters = parameters_with_gradients(device)
    norm = nn.utils.clip_grad_norm_(parameters, max_norm)
    assert norm.item() == 13.0 and tuple(norm.shape) == () and norm.dtype == torch.float32
    for parameter, numbers in zip(parameters, VALUES, strict=False):
        expected = factor * np.array(numbers, np.float32)
        np.testing.assert_allclose(parameter.grad.cpu().numpy(), expected, rtol=1e-6)
    assert parameters[-1].grad is None


def test_clipping_takes_a_norm_that_is_known(device):
    parameters = parameters_with_gradients(device)
    norm = nn.utils.get_total_norm([parameter.grad for parameter in parameters[:-1]])
    assert nn.utils.clip_grads_with_norm_(parameters, 6.5, norm) is None
    assert nn.utils.get_total_norm([p.grad for p in parameters[:-1]]).item() == pytest.approx(6.5, rel=1e-6)
    nn.utils.clip_grads_with_norm_(nn.Parameter(torch.ones(1)), 1.0, norm)


@pytest.mark.parametrize("norm_type, expected", [(1, 19.0), (3.0, (27 + 64 + 1728) ** (1 / 3)), (math.inf, 12.0)])
def test_norms_of_other_orders(norm_type, expected, device):
    gradients = [torch.tensor(numbers, device=device) for numbers in VALUES if numbers]
    assert nn.utils.get_total_norm(gradients, norm_type).item() == pytest.approx(expected, rel=1e-6)


def test_half_gradients_are_summed_in_more_digits(device):
    gradient = torch.full((3000,), 60.0, dtype=torch.float16, device=device)  # whose squares' sum is beyond float16
    norm = nn.utils.get_total_norm([gradient])
    assert norm.dtype == torch.float16 and norm.item() == pytest.approx(60 * math.sqrt(3000), rel=1e-3)


def test_the_norm_of_several_dtypes_has_the_one_that_holds_all(device):
    gradients = [torch.ones(8, dtype=dtype, device=device) for dtype in (torch.bfloat16, torch.float64)]
    assert nn.utils.get_total_norm(gradients).dtype == torch.float64
    assert nn.utils.get_total_norm(gradients).item() == pytest.approx(4.0, rel=1e-3)


def test_the_norm_of_one_tensor_and_of_none(device):
    assert nn.utils.get_total_norm(torch.full((4,), 2.0, device=device)).item() == 4.0
    assert nn.utils.get_total_norm([]).item() == 0.0
    assert nn.utils.clip_grad_norm_([nn.Parameter(torch.ones(1, device=device))], 1.0).item() == 0.0


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_norm_that_is_no_number_is_refused_when_asked(bad, device):
    parameters = parameters_with_gradients(device, [[bad, 1.0], [2.0]])
    with pytest.raises(RuntimeError, match=r"total norm of order 2\.0 for gradients from `parameters` is non-finite"):
        nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert parameters[1].grad.tolist() == [2.0]
    nn.utils.clip_grad_norm_(parameters, 1.0)
    expected = [0.0] if bad == math.inf else [math.nan]
    np.testing.assert_array_equal(parameters[1].grad.cpu().numpy(), expected)
    assert math.isnan(parameters[0].grad[0].item())


def test_clipping_counts_as_a_change_of_the_gradients(device):
    (parameter, *_) = parameters_with_gradients(device)
    before = parameter.grad._version
    nn.utils.clip_grad_norm_([parameter], 1.0)
    assert parameter.grad._version == before + 1


def test_values_are_held_to_their_bounds(device):
    parameters = parameters_with_gradients(device)
    nn.utils.clip_grad_value_(parameters, 3.5)
    assert [p.grad.tolist() for p in parameters[:-1]] == [[3.0, -3.5], [[3.5]], [], [0.0] * 5]
