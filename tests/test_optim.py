"""Optimizers against their formulas in NumPy, on both devices; groups, state dicts, schedules."""

import math

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu import nn, optim

GRADIENTS = np.random.default_rng(0).normal(size=(5, 3))
START = np.array([1.0, -2.0, 0.5])


def run(make, device, dtype=torch.float32):
    """Return the parameter after five steps with fixed gradients."""
    parameter = nn.Parameter(torch.tensor(START.tolist(), dtype=dtype, device=device))
    optimizer = make([parameter])
    for gradient in GRADIENTS:
        parameter.grad = torch.tensor(gradient.tolist(), dtype=dtype, device=device)
        optimizer.step()
    return parameter.detach().cpu()


def sgd(lr=0.1, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, sign=1):
    p, v = START.copy(), None
    for gradient in GRADIENTS:
        g = sign * gradient + weight_decay * p
        if momentum:
            v = g if v is None else momentum * v + (1 - dampening) * g
            g = g + momentum * v if nesterov else v
        p = p - lr * g
    return p


def adam(lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False, amsgrad=False):
    p, m, v, largest = START.copy(), 0.0, 0.0, 0.0
    for step, gradient in enumerate(GRADIENTS, 1):
        g = gradient
        if decoupled:
            p = p * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        largest = np.maximum(largest, v)
        used = (largest if amsgrad else v) / (1 - betas[1] ** step)
        p = p - lr * m / (1 - betas[0] ** step) / (np.sqrt(used) + eps)
    return p


SETTINGS = [
    {"lr": 0.1},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_sgd_follows_its_formula(settings, device):
    np.testing.assert_allclose(run(lambda p: optim.SGD(p, **settings), device).numpy(), sgd(**settings), rtol=1e-5)


def test_sgd_can_climb(device):
    climbed = run(lambda p: optim.SGD(p, lr=0.1, maximize=True), device)
    np.testing.assert_allclose(climbed.numpy(), sgd(sign=-1), rtol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"weight_decay": 0.3}, {"betas": (0.5, 0.9), "eps": 1e-3}], ids=str)
def test_adam_follows_its_formula(settings, device):
    np.testing.assert_allclose(
        run(lambda p: optim.Adam(p, 0.01, **settings), device).numpy(), adam(**settings), rtol=1e-4
    )


@pytest.mark.parametrize("settings", [{"weight_decay": 0.0}, {"weight_decay": 0.3}], ids=str)
def test_adamw_decays_the_parameter_itself(settings, device):
    expected = adam(decoupled=True, **settings)
    np.testing.assert_allclose(run(lambda p: optim.AdamW(p, 0.01, **settings), device).numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("kind, decoupled", [(optim.Adam, False), (optim.AdamW, True)])
def test_amsgrad_divides_by_the_largest_so_far(kind, decoupled, device):
    expected = adam(weight_decay=0.1, decoupled=decoupled, amsgrad=True)
    actual = run(lambda p: kind(p, 0.01, weight_decay=0.1, amsgrad=True), device)
    np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_other_dtypes_keep_their_dtype(dtype, device):
    result = run(lambda p: optim.AdamW(p, 0.01), device, dtype)
    assert result.dtype == dtype
    np.testing.assert_allclose(result.double().numpy(), adam(weight_decay=0.01, decoupled=True), rtol=2e-2)


@pytest.mark.parametrize("kind", [lambda p, **s: optim.SGD(p, momentum=0.9, **s), optim.AdamW], ids=["SGD", "AdamW"])
def test_many_parameters_of_every_size_are_stepped_as_one_by_one(kind, device):
    source = np.random.default_rng(1)
    sizes = [0, 1, 3, 8192 + 5] + [1 + 7 * n % 13 for n in range(150)]
    values, gradients = ([source.standard_normal(size).tolist() for size in sizes] for _ in range(2))

    def tensors(numbers, dtype=torch.float32):
        return [torch.tensor(x, dtype=dtype, device=device) for x in numbers]

    together = [nn.Parameter(x) for x in tensors(values)]
    alone = [nn.Parameter(x) for x in tensors(values)]
    optimizers = [kind(together, lr=0.1), *(kind([parameter], lr=0.1) for parameter in alone)]
    for _ in range(2):
        for parameters in (together, alone):
            for parameter, gradient in zip(parameters, tensors(gradients), strict=True):
                parameter.grad = gradient
        for optimizer in optimizers:
            optimizer.step()
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.detach().cpu().numpy(), other.detach().cpu().numpy(), rtol=1e-6)


@pytest.mark.parametrize("kind", [lambda p, lr: optim.SGD(p, lr, momentum=0.9), optim.Adam, optim.AdamW])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_parameter_may_be_one_number(kind, dtype, device):
    number, vector = (nn.Parameter(torch.ones(shape, dtype=dtype, device=device)) for shape in ((), (1,)))
    optimizer = kind([number, vector], lr=0.1)
    for _ in range(2):
        for parameter in (number, vector):
            parameter.grad = torch.full_like(parameter.detach(), 2.0)
        optimizer.step()
    assert number.shape == () and number.item() == vector.item() < 1


def test_dtypes_may_be_mixed_in_a_group(device):
    dtypes = [torch.float32, torch.bfloat16, torch.float64, torch.float32]
    parameters = [nn.Parameter(torch.ones(3, dtype=dtype, device=device)) for dtype in dtypes]
    optimizer = optim.AdamW(parameters, lr=0.5, weight_decay=0.0)
    for parameter in parameters:
        parameter.grad = torch.full((3,), 2.0, dtype=parameter.dtype, device=device)
    optimizer.step()
    for parameter in parameters:
        assert parameter.detach().double().cpu().tolist() == pytest.approx([0.5] * 3, rel=1e-2)
        assert optimizer.state[parameter]["exp_avg"].dtype == parameter.dtype


def test_a_rate_may_be_a_tensor(device):
    parameter = nn.Parameter(torch.zeros(2, device=device))
    lr = torch.tensor(0.5, device=device)
    optimizer = optim.SGD([parameter], lr=lr)
    for rate, expected in ((0.5, -0.5), (0.25, -0.75)):
        lr.fill_(rate)
        parameter.grad = torch.ones(2, device=device)
        optimizer.step()
        assert parameter.tolist() == [expected] * 2


@pytest.mark.ours
def test_a_step_takes_a_factor_for_all_gradients(device):
    parameter = nn.Parameter(torch.zeros(2, device=device))
    parameter.grad = torch.tensor([2.0, 4.0], device=device)
    optim.SGD([parameter], lr=1.0).step(scale=torch.tensor(0.5, device=device))
    assert parameter.tolist() == [-1.0, -2.0]
    assert parameter.grad.tolist() == [2.0, 4.0]


@pytest.mark.ours
@pytest.mark.parametrize("kind", [optim.SGD, optim.AdamW])
def test_a_gradient_scaler_s_numbers_are_heeded(kind, device):
    """They divide gradients, and an overflow calls the step off; PyTorch does so where fused=True."""
    plain, scaled = (nn.Parameter(torch.ones(2, device=device)) for _ in range(2))
    one, other = kind([plain], lr=0.1), kind([scaled], lr=0.1)
    for found_inf in (0.0, 1.0, 0.0):
        plain.grad, scaled.grad = (torch.full((2,), value, device=device) for value in (0.25, 2.0))
        other.grad_scale = torch.tensor(8.0, device=device)
        other.found_inf = torch.tensor(found_inf, device=device)
        other.step()
        if not found_inf:
            one.step()
        assert scaled.tolist() == plain.tolist()


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW])
def test_what_chooses_an_implementation_is_accepted_or_refused(kind):
    parameter = nn.Parameter(torch.ones(1))
    assert kind([parameter], foreach=True).param_groups[0]["foreach"] is True
    with pytest.raises(RuntimeError, match="`fused` and `foreach` cannot be `True` together"):
        kind([parameter], foreach=True, fused=True)


@pytest.mark.ours
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW])
def test_a_differentiable_step_is_refused(kind):
    with pytest.raises(NotImplementedError, match="differentiable=True is not supported"):
        kind([nn.Parameter(torch.ones(1))], differentiable=True)


# ------------------------------------------------------------------------------------------------ groups and state


def test_groups_have_settings_of_their_own():
    a, b = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 1.0}], lr=0.1)
    a.grad, b.grad = torch.ones(1), torch.ones(1)
    optimizer.step()
    assert a.item() == pytest.approx(0.9) and b.item() == 0.0
    c = nn.Parameter(torch.ones(1))
    optimizer.add_param_group({"params": c, "lr": 2.0})
    assert optimizer.param_groups[2]["lr"] == 2.0 and optimizer.param_groups[2]["params"][0] is c


def test_a_changed_rate_is_used_from_the_next_step(device):
    parameter = nn.Parameter(torch.zeros(1, device=device))
    optimizer = optim.SGD([parameter], lr=1.0)
    for lr, expected in ((1.0, -1.0), (0.5, -1.5)):
        optimizer.param_groups[0]["lr"] = lr
        parameter.grad = torch.ones(1, device=device)
        optimizer.step()
        assert parameter.item() == expected


def test_a_parameter_without_gradient_is_left_alone():
    parameter = nn.Parameter(torch.ones(1))
    optimizer = optim.AdamW([parameter], lr=0.1)
    optimizer.step()
    assert parameter.item() == 1.0 and not optimizer.state


def test_a_step_stays_out_of_the_graph_and_counts_as_a_change():
    parameter = nn.Parameter(torch.ones(2))
    loss = (parameter**2).sum()
    loss.backward(retain_graph=True)
    optim.SGD([parameter], lr=0.1).step()
    assert parameter.is_leaf
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_zero_grad_forgets_or_fills():
    parameter = nn.Parameter(torch.ones(1))
    optimizer = optim.SGD([parameter], lr=0.1)
    parameter.grad = torch.ones(1)
    kept = parameter.grad
    optimizer.zero_grad(set_to_none=False)
    assert parameter.grad is kept and parameter.grad.item() == 0.0
    optimizer.zero_grad()
    assert parameter.grad is None


def test_a_closure_is_run_with_gradients_and_its_loss_returned():
    parameter = nn.Parameter(torch.tensor([3.0]))
    optimizer = optim.SGD([parameter], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (parameter**2).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert parameter.item() == 0.0


@pytest.mark.parametrize(
    "make", [lambda p: optim.SGD(p, 0.1, 0.9), lambda p: optim.AdamW(p, 0.1)], ids=["SGD", "AdamW"]
)
def test_a_reloaded_optimizer_goes_on_exactly(make):
    def stepped(parameter, optimizer, gradients):
        for gradient in gradients:
            parameter.grad = torch.tensor(gradient.tolist(), dtype=torch.float32)
            optimizer.step()

    whole = nn.Parameter(torch.zeros(3))
    stepped(whole, make([whole]), GRADIENTS)
    first = nn.Parameter(torch.zeros(3))
    before = make([first])
    stepped(first, before, GRADIENTS[:2])
    second = nn.Parameter(first.detach().clone())
    after = make([second])
    after.load_state_dict(before.state_dict())
    stepped(second, after, GRADIENTS[2:])
    assert second.tolist() == whole.tolist()


@pytest.mark.ours
def test_a_loaded_state_is_a_copy():
    parameter = nn.Parameter(torch.zeros(1))
    one, two = optim.SGD([parameter], 0.1, 0.9), optim.SGD([parameter], 0.1, 0.9)
    parameter.grad = torch.ones(1)
    one.step()
    two.load_state_dict(one.state_dict())
    one.step()
    assert two.state[parameter]["momentum_buffer"].item() == 1.0


def test_a_state_dict_of_other_groups_is_refused():
    def make(*sizes):
        return optim.SGD([{"params": [nn.Parameter(torch.zeros(1)) for _ in range(size)]} for size in sizes], lr=0.1)

    with pytest.raises(ValueError, match="different number of parameter groups"):
        make(1).load_state_dict(make(1, 1).state_dict())
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        make(2).load_state_dict(make(1).state_dict())


@pytest.mark.ours
def test_a_state_of_the_wrong_shape_is_refused():
    def stepped(size):
        parameter = nn.Parameter(torch.zeros(size))
        parameter.grad = torch.zeros(size)
        optimizer = optim.AdamW([parameter])
        optimizer.step()
        return optimizer

    with pytest.raises(ValueError, match=r"exp_avg of shape \(2,\) for parameter 0, whose shape is \(3,\)"):
        stepped(3).load_state_dict(stepped(2).state_dict())


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda p: optim.SGD([], 0.1), ValueError, "empty parameter list"),
        (lambda p: optim.SGD(p, 0.1), TypeError, "should be an iterable"),
        (lambda p: optim.SGD([3], 0.1), TypeError, "can only optimize Tensors"),
        (lambda p: optim.SGD([p * 2], 0.1), ValueError, "can't optimize a non-leaf"),
        (lambda p: optim.SGD([{"params": p}, {"params": p}], 0.1), ValueError, "more than one parameter group"),
        (lambda p: optim.SGD([p], -0.1), ValueError, "Invalid learning rate: -0.1"),
        (lambda p: optim.SGD([p], 0.1, nesterov=True), ValueError, "Nesterov momentum requires"),
        (lambda p: optim.AdamW([p], betas=(0.9, 1.0)), ValueError, "Invalid beta parameter at index 1: 1.0"),
        (lambda p: optim.AdamW([p], eps=-1), ValueError, "Invalid epsilon value: -1"),
    ],
)
def test_bad_settings_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(nn.Parameter(torch.ones(1)))


def test_an_optimizer_prints_its_groups():
    text = repr(optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1))
    assert text.startswith("SGD (\nParameter Group 0\n    dampening: 0\n") and "    lr: 0.1\n" in text


# ------------------------------------------------------------------------------------------------------- schedules


def rates(make, steps=12):
    optimizer = optim.SGD([nn.Parameter(torch.ones(1))], lr=2.0)
    schedule = make(optimizer)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        assert schedule.get_last_lr() == [seen[-1]]
        optimizer.step()
        schedule.step()
    return seen


S = optim.lr_scheduler


@pytest.mark.parametrize(
    "make, formula",
    [
        (lambda o: S.LambdaLR(o, lambda e: 0.5**e), lambda e: 0.5**e),
        (lambda o: S.StepLR(o, 3, gamma=0.5), lambda e: 0.5 ** (e // 3)),
        (lambda o: S.MultiStepLR(o, [2, 5]), lambda e: 1.0 if e < 2 else 0.1 if e < 5 else 0.01),
        (lambda o: S.ExponentialLR(o, 0.9), lambda e: 0.9**e),
        (lambda o: S.ConstantLR(o, 0.5, 4), lambda e: 0.5 if e < 4 else 1.0),
        (lambda o: S.LinearLR(o, 0.1, 1.0, 5), lambda e: 0.1 + 0.9 * min(e, 5) / 5),
        (lambda o: S.CosineAnnealingLR(o, 10), lambda e: (1 + math.cos(math.pi * e / 10)) / 2),
    ],
    ids=["Lambda", "Step", "MultiStep", "Exponential", "Constant", "Linear", "Cosine"],
)
def test_schedules_follow_their_formulas(make, formula):
    np.testing.assert_allclose(rates(make), [2.0 * formula(epoch) for epoch in range(12)], rtol=1e-9, atol=1e-12)


def warmup_then_cosine(optimizer):
    parts = [S.LinearLR(optimizer, 0.25, 1.0, 4), S.CosineAnnealingLR(optimizer, 8)]
    return S.SequentialLR(optimizer, parts, milestones=[4])


def test_schedules_follow_one_another():
    expected = [2.0 * (0.25 + 0.75 * e / 4) for e in range(4)]
    expected += [1 + math.cos(math.pi * e / 8) for e in range(8)]
    np.testing.assert_allclose(rates(warmup_then_cosine), expected, rtol=1e-9)


def test_a_reloaded_schedule_goes_on():
    parameter = nn.Parameter(torch.ones(1))
    first = optim.SGD([parameter], lr=2.0)
    schedule = warmup_then_cosine(first)
    for _ in range(6):
        first.step()
        schedule.step()
    second = optim.SGD([parameter], lr=2.0)
    resumed = warmup_then_cosine(second)
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(schedule.state_dict())
    for optimizer, continued in ((first, schedule), (second, resumed)):
        optimizer.step()
        continued.step()
    assert second.param_groups[0]["lr"] == pytest.approx(first.param_groups[0]["lr"])


def test_bad_schedules_are_refused():
    optimizer = optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    with pytest.raises(TypeError, match="is not an Optimizer"):
        S.StepLR(3, 1)
    with pytest.raises(ValueError, match="Expected 1 lr_lambdas, but got 2"):
        S.LambdaLR(optimizer, [abs, abs])
    with pytest.raises(ValueError, match="number of milestone"):
        S.SequentialLR(optimizer, [S.StepLR(optimizer, 1)], [1, 2])
    with pytest.raises(KeyError, match="initial_lr"):
        S.StepLR(optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0), 1, last_epoch=3)
