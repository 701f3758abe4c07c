"""Parametrized modules on both devices."""

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu import nn


@pytest.mark.parametrize("kind", ["weight_norm", "spectral_norm"])
def test_a_norm_moves_and_trains_with_its_module(kind, device):
    torch.manual_seed(0)
    module = nn.Linear(4, 3)
    before = module.weight.detach().clone()
    getattr(nn.utils.parametrizations, kind)(module)
    module.to(device)
    if kind == "weight_norm":
        np.testing.assert_allclose(module.weight.detach().cpu().numpy(), before.numpy(), rtol=1e-6)
    else:
        gains = np.linalg.svd(module.weight.detach().cpu().numpy(), compute_uv=False)
        assert gains[0] == pytest.approx(1.0, rel=1e-3)
    module(torch.ones(2, 4, device=device)).square().sum().backward()
    assert all(parameter.grad.abs().sum().item() > 0 for parameter in module.parameters())
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    optimizer.step()
    assert not np.allclose(module.weight.detach().cpu().numpy(), before.numpy())
    module.eval()
    nn.utils.parametrize.remove_parametrizations(module, "weight")
    assert type(module) is nn.Linear and isinstance(module.weight, nn.Parameter)
