"""Averages of weights and what goes with them, against PyTorch's."""

import numpy as np
import pytest
import torch
import torch.optim.swa_utils
from conftest import assert_same

import autograd_gpu as ag

LIBRARIES = (ag, torch)


def tensor(library, values):
    return library.tensor(np.asarray(values).tolist(), dtype=library.float64)


def model_of(library):
    source = np.random.default_rng(0)
    model = library.nn.Sequential(library.nn.Linear(3, 4), library.nn.BatchNorm1d(4), library.nn.Linear(4, 1)).double()
    for parameter in model.parameters():
        parameter.data = tensor(library, source.standard_normal(tuple(parameter.shape)))
    return model


AVERAGES = {
    "mean": lambda s: {},
    "mean with buffers": lambda s: {"use_buffers": True},
    "ema": lambda s: {"avg_fn": s.get_ema_avg_fn(0.8)},
    "ema of all": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.7)},
    "mean of all": lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn()},
    "greatest": lambda s: {"avg_fn": lambda average, new, count: (average * count + 2 * new) / (count + 2)},
}


@pytest.mark.parametrize("name", AVERAGES)
def test_averaged_models(name):
    results = []
    for library in LIBRARIES:
        swa, source = library.optim.swa_utils, np.random.default_rng(1)
        model = model_of(library)
        averaged = swa.AveragedModel(model, **AVERAGES[name](swa))
        optimizer = library.optim.SGD(model.parameters(), lr=0.05)
        for _ in range(5):
            optimizer.zero_grad()
            model(tensor(library, source.standard_normal((6, 3)))).square().mean().backward()
            optimizer.step()
            averaged.update_parameters(model)
        state = averaged.state_dict()
        results.append((list(state), [value for key, value in state.items() if "n_" not in key], state["n_averaged"]))
        data = [tensor(library, np.random.default_rng(n).standard_normal((4, 3))) for n in range(3)]
        swa.update_bn([(x, None) for x in data] if name == "mean" else data, averaged)
        averaged.eval()
        results[-1] += (averaged(data[0]), averaged.module[1].momentum)
    # PyTorch's mean of all divides by a float32.
    assert_same(*results, name, 1e-6 if name == "mean of all" else None)


def test_batch_norms_need_not_be_there():
    for library in LIBRARIES:
        model = library.nn.Linear(2, 2)
        assert library.optim.swa_utils.update_bn([], model) is None


def test_an_average_is_a_copy_and_goes_on_from_its_state():
    model = model_of(ag)
    averaged = ag.optim.swa_utils.AveragedModel(model)
    averaged.update_parameters(model)
    again = ag.optim.swa_utils.AveragedModel(model)
    again.load_state_dict(averaged.state_dict())
    for parameter in model.parameters():
        parameter.data.fill_(1.0)
    for average in (averaged, again):
        average.update_parameters(model)
    assert_equal = np.testing.assert_array_equal
    for mine, other in zip(averaged.parameters(), again.parameters(), strict=True):
        assert_equal(mine.detach().numpy(), other.detach().numpy())
        assert not np.array_equal(mine.detach().numpy(), np.ones(tuple(mine.shape)))


@pytest.mark.parametrize(
    "settings", [{}, {"anneal_epochs": 4, "anneal_strategy": "linear"}, {"anneal_epochs": 0}, {"swa_lr": [0.1, 0.2]}]
)
def test_rates(settings):
    seen = []
    for library in LIBRARIES:
        groups = [{"params": [library.nn.Parameter(library.zeros(1))], "lr": lr} for lr in (0.5, 0.02)]
        optimizer = library.optim.SGD(groups)
        schedule = library.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        swa = library.optim.swa_utils.SWALR(optimizer, **{"swa_lr": 0.05} | settings)
        rates = []
        for step in range(18):
            optimizer.step()
            (swa if step > 3 else schedule).step()
            rates.append([group["lr"] for group in optimizer.param_groups])
            if step == 8:
                swa.load_state_dict(swa.state_dict())
        seen.append(rates)
    np.testing.assert_allclose(*seen, rtol=1e-9)


MISTAKES = {
    "two averages": (AssertionError, lambda m, s: s.AveragedModel(m.nn.Linear(1, 1), avg_fn=abs, multi_avg_fn=abs)),
    "decay": (ValueError, lambda m, s: s.get_ema_avg_fn(1.5)),
    "decay of all": (ValueError, lambda m, s: s.get_ema_multi_avg_fn(-0.5)),
    "strategy": (ValueError, lambda m, s: s.SWALR(m.optim.SGD([m.nn.Parameter(m.zeros(1))]), 0.1, 3, "jump")),
    "epochs": (ValueError, lambda m, s: s.SWALR(m.optim.SGD([m.nn.Parameter(m.zeros(1))]), 0.1, -3)),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    kind, call = MISTAKES[name]
    messages = []
    for library in LIBRARIES:
        with pytest.raises(kind) as caught:
            call(library, library.optim.swa_utils)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
