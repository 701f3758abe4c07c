"""The optimizers that are written in operations: both devices alike, settings refused, dtypes kept."""

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu import nn, optim

KINDS = {
    "RMSprop": lambda p: optim.RMSprop(p, 0.01, momentum=0.9, centered=True),
    "Adagrad": lambda p: optim.Adagrad(p, 0.1, weight_decay=0.1),
    "Adadelta": optim.Adadelta,
    "Adamax": lambda p: optim.Adamax(p, 0.1),
    "NAdam": lambda p: optim.NAdam(p, 0.1),
    "RAdam": lambda p: optim.RAdam(p, 0.1, betas=(0.5, 0.6)),
    "Rprop": lambda p: optim.Rprop(p, 0.1),
    "ASGD": lambda p: optim.ASGD(p, 0.1, t0=1),
    "Muon": lambda p: optim.Muon(p, 0.1),
}
GRADIENTS = np.random.default_rng(0).normal(size=(4, 3, 5))


def steps(kind, device, dtype=torch.float32):
    parameter = nn.Parameter(torch.ones(3, 5, dtype=dtype, device=device))
    optimizer = KINDS[kind]([parameter])
    for gradient in GRADIENTS:
        parameter.grad = torch.tensor(gradient.tolist(), dtype=dtype, device=device)
        optimizer.step()
    return parameter.detach(), optimizer.state[parameter]


@pytest.mark.ours
@pytest.mark.parametrize("kind", KINDS)
def test_devices_agree(kind):
    (here, state_here), (there, state_there) = (steps(kind, device) for device in ("cpu", "cuda"))
    tolerance = 2e-2 if kind == "Muon" else 1e-5  # Muon's direction is found in bfloat16
    np.testing.assert_allclose(there.cpu().numpy(), here.numpy(), rtol=tolerance, atol=tolerance)
    assert state_here.keys() == state_there.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_halves_stay_halves_and_go_the_same_way(kind, device):
    half, state = steps(kind, device, torch.bfloat16)
    whole, _ = steps(kind, device)
    assert half.dtype == torch.bfloat16
    assert {value.dtype for value in state.values() if value.dim()} == {torch.bfloat16}
    np.testing.assert_allclose(half.float().cpu().numpy(), whole.cpu().numpy(), rtol=0.1, atol=0.1)


@pytest.mark.ours
@pytest.mark.parametrize("gradient", [1e-4, 1e-7, 300.0])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "Muon"])  # Muon's direction is found in bfloat16
def test_a_step_of_float16_is_one_of_float32_rounded(kind, gradient, device):
    def step(dtype):
        parameter = nn.Parameter(torch.ones(3, dtype=dtype, device=device))
        parameter.grad = torch.full((3,), gradient, dtype=torch.float16, device=device).to(dtype)
        optimizer = KINDS[kind]([parameter])
        optimizer.step()
        return [parameter.detach(), *(value for value in optimizer.state[parameter].values() if value.dim())]

    for half, whole in zip(step(torch.float16), step(torch.float32), strict=True):
        np.testing.assert_array_equal(half.cpu().numpy(), whole.half().cpu().numpy())


@pytest.mark.ours
@pytest.mark.parametrize("kind", ["RMSprop", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD"])
def test_what_is_not_supported_says_so(kind):
    parameter = nn.Parameter(torch.ones(1))
    with pytest.raises(NotImplementedError, match=f"{kind}: capturable=True is not supported"):
        getattr(optim, kind)([parameter], capturable=True)
    with pytest.raises(NotImplementedError, match="differentiable=True is not supported"):
        getattr(optim, kind)([parameter], differentiable=True)


@pytest.mark.ours
def test_a_gradient_scaler_s_numbers_are_heeded(device):
    plain, scaled = (nn.Parameter(torch.ones(2, device=device)) for _ in range(2))
    one, other = (optim.RMSprop([parameter]) for parameter in (plain, scaled))
    for found_inf in (0.0, 1.0):
        plain.grad, scaled.grad = (torch.full((2,), value, device=device) for value in (0.25, 2.0))
        other.grad_scale = torch.tensor(8.0, device=device)
        other.found_inf = torch.tensor(found_inf, device=device)
        other.step()
        if not found_inf:
            one.step()
        assert scaled.tolist() == plain.tolist()


def test_lbfgs_reaches_the_bottom(device):
    x = nn.Parameter(torch.tensor([-1.2, 1.0], dtype=torch.float64, device=device))
    optimizer = optim.LBFGS([x], line_search_fn="strong_wolfe", max_iter=100)

    def closure():
        optimizer.zero_grad()
        loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == pytest.approx(24.2)
    np.testing.assert_allclose(x.detach().cpu().numpy(), [1.0, 1.0], rtol=1e-4)


@pytest.mark.ours
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_stay_on_the_host(kind, on_each_device):
    _, state = steps(kind, on_each_device)
    assert {value.device.type for value in state.values() if value.dim() == 0} <= {"cpu"}
