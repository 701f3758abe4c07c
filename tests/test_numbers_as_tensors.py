"""Where a number is asked for, a tensor without dimensions is one: read at the call, and at every call anew."""

import math
from typing import Any

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu.nn import functional as F
from autograd_gpu.testing import op_checks
from autograd_gpu.testing.op_case import Call, Draw, OpCase
from autograd_gpu.testing.op_table import CASES


def places_of_numbers() -> list[tuple[OpCase, Call, Any]]:
    """Each place of each row's first samples where a number stands that is not whole."""
    found = {}
    for case in CASES:
        if case.random or case.writes or case.before:
            continue
        for sample in case.samples(Draw("float32")):
            for place, value in [*enumerate(sample.args), *sample.kwargs.items()]:
                if isinstance(value, float) and math.isfinite(value):
                    found.setdefault((case.id, place), (case, sample, place))
    return list(found.values())


def results(case: OpCase, sample: Call, place: Any, number: Any, device: str) -> list[np.ndarray]:
    args, kwargs = list(sample.args), dict(sample.kwargs)
    (args if isinstance(place, int) else kwargs)[place] = number
    return [op_checks.to_numpy(y) for y in op_checks.run(case, Call(tuple(args), kwargs), device)[1]]


@pytest.mark.parametrize(
    ("case", "sample", "place"),
    [pytest.param(*found, id=f"{found[0].id}-{found[2]}") for found in places_of_numbers()],
)
def test_a_tensor_without_dimensions_is_the_number_that_it_is_now(case, sample, place, device):
    value = sample.args[place] if isinstance(place, int) else sample.kwargs[place]
    number = torch.tensor(value, device=device)
    for current in (value, value * 0.75):
        number.fill_(current)
        found, expected = (results(case, sample, place, n, device) for n in (number, current))
        for ours, right in zip(found, expected, strict=True):
            np.testing.assert_allclose(
                ours.astype(np.float64), right.astype(np.float64), rtol=1e-5, atol=1e-6, err_msg=f"{case.id} {place}"
            )


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW"])
def test_a_setting_of_an_optimiser_is_read_at_each_step(optimizer, device):
    def parameter_after(decay: Any, change: Any) -> list:
        parameter = torch.nn.Parameter(torch.ones(3, device=device))
        optim = getattr(torch.optim, optimizer)([parameter], lr=0.1, weight_decay=decay)
        parameter.grad = torch.ones(3, device=device)
        optim.step()
        change(optim)
        optim.step()
        return parameter.tolist()

    decay = torch.tensor(0.5, device=device)
    found = parameter_after(decay, lambda _: decay.fill_(2.0))
    assert found == parameter_after(0.5, lambda optim: optim.param_groups[0].update(weight_decay=2.0))


@pytest.mark.parametrize("number", [torch.tensor(0.5, requires_grad=True), torch.tensor([0.5]), torch.tensor([0.5, 1])])
def test_a_tensor_that_is_no_number_is_refused(number, device):
    x, number = torch.tensor([1.0, 2.0], device=device), number.to(device)
    for function in (lambda: F.leaky_relu(x, number), lambda: torch.addcmul(x, x, x, value=number)):
        with pytest.raises(TypeError, match="must be Number, not Tensor"):
            function()
