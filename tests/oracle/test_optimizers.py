"""Optimizers against PyTorch's: every setting over twenty steps in float64, states given and taken."""

import numpy as np
import pytest
import torch
from conftest import assert_same

import autograd_gpu as ag

LIBRARIES = (ag, torch)
NORMAL = np.random.default_rng(7).standard_normal
SHAPES = [(4, 3), (4,), (1, 4), (1,)]


def tensor(library, values):
    return library.tensor(np.asarray(values).tolist(), dtype=library.float64)


def parameters_of(library):
    source = np.random.default_rng(3)
    return [library.nn.Parameter(tensor(library, source.standard_normal(shape))) for shape in SHAPES]


def loss_of(library, parameters, source):
    """Of two layers on random data."""
    weight, bias, out, last = parameters
    x = tensor(library, source.standard_normal((5, 3)))
    y = (x @ weight.t() + bias).tanh() @ out.t() + last
    return ((y - x.sum(1, keepdim=True)) ** 2).mean()


def trained(library, make, steps=20):
    """Parameters after some steps, and the optimizer's state."""
    parameters, source = parameters_of(library), np.random.default_rng(4)
    optimizer = make(library.optim, parameters)
    for step in range(steps):
        optimizer.zero_grad()
        loss_of(library, parameters, source).backward()
        library.nn.utils.clip_grad_norm_(parameters, 1.5)
        if step % 5 == 4:
            parameters[1].grad = None  # a parameter may sit a step out
        optimizer.step()
    return parameters, [states_of(optimizer, parameter) for parameter in parameters]


def states_of(optimizer, parameter):
    """Values by name; PyTorch may keep None where nothing is kept."""
    state = {key: value for key, value in optimizer.state[parameter].items() if value is not None}
    return [(key, state[key]) for key in sorted(state)]


OPTIMIZERS = {
    "SGD": lambda o, p: o.SGD(p, 0.1),
    "SGD momentum": lambda o, p: o.SGD(p, 0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "SGD Nesterov": lambda o, p: o.SGD(p, 0.003, momentum=0.9, nesterov=True, maximize=True),
    "Adam": lambda o, p: o.Adam(p),
    "Adam decay": lambda o, p: o.Adam(p, 0.05, weight_decay=0.1),
    "Adam amsgrad": lambda o, p: o.Adam(p, 0.05, amsgrad=True, maximize=True),
    "Adam decoupled": lambda o, p: o.Adam(p, 0.05, weight_decay=0.1, decoupled_weight_decay=True),
    "AdamW": lambda o, p: o.AdamW(p, 0.05, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
    "AdamW amsgrad": lambda o, p: o.AdamW(p, 0.05, amsgrad=True, maximize=True),
    "RMSprop": lambda o, p: o.RMSprop(p),
    "RMSprop centered": lambda o, p: o.RMSprop(p, 0.03, 0.9, 1e-6, 0.1, 0.5, centered=True, maximize=True),
    "Adagrad": lambda o, p: o.Adagrad(p),
    "Adagrad settings": lambda o, p: o.Adagrad(p, 0.1, 0.2, 0.1, 0.3, 1e-6, maximize=True),
    "Adadelta": lambda o, p: o.Adadelta(p),
    "Adadelta settings": lambda o, p: o.Adadelta(p, 0.5, 0.8, 1e-4, 0.1, maximize=True),
    "Adamax": lambda o, p: o.Adamax(p),
    "Adamax settings": lambda o, p: o.Adamax(p, 0.05, (0.8, 0.95), 1e-4, 0.1, maximize=True),
    "NAdam": lambda o, p: o.NAdam(p),
    "NAdam settings": lambda o, p: o.NAdam(p, 0.05, (0.8, 0.95), 1e-4, 0.1, 0.01, maximize=True),
    "NAdam decoupled": lambda o, p: o.NAdam(p, 0.05, weight_decay=0.1, decoupled_weight_decay=True),
    "RAdam": lambda o, p: o.RAdam(p),
    "RAdam settings": lambda o, p: o.RAdam(p, 0.05, (0.8, 0.95), 1e-4, 0.1, maximize=True),
    "RAdam decoupled": lambda o, p: o.RAdam(p, 0.05, weight_decay=0.1, decoupled_weight_decay=True),
    "Rprop": lambda o, p: o.Rprop(p),
    "Rprop settings": lambda o, p: o.Rprop(p, 0.1, (0.4, 1.5), (0.05, 0.2), maximize=True),
    "ASGD": lambda o, p: o.ASGD(p),
    "ASGD averaging": lambda o, p: o.ASGD(p, 0.01, 0.05, 0.6, t0=5, weight_decay=0.1, maximize=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_twenty_steps(name):
    ours, theirs = (trained(library, OPTIMIZERS[name]) for library in LIBRARIES)
    # NAdam's product of momenta is a float32 in both.
    tolerance = 1e-7 if name.startswith("NAdam") else 1e-10
    assert_same(*(result[0] for result in (ours, theirs)), name, tolerance)
    for mine, other in zip(ours[1], theirs[1], strict=True):
        assert_same(mine, other, name, tolerance)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_on_from_pytorchs_state(name):
    optimizers, parameters = [], [parameters_of(library) for library in LIBRARIES]
    for library, mine in zip(LIBRARIES, parameters, strict=True):
        optimizers.append(OPTIMIZERS[name](library.optim, mine))
    source = np.random.default_rng(4)
    for _ in range(3):
        optimizers[1].zero_grad()
        loss_of(torch, parameters[1], source).backward()
        optimizers[1].step()
    state = optimizers[1].state_dict()
    state["state"] = {
        number: {key: converted(value) for key, value in entries.items()} for number, entries in state["state"].items()
    }
    optimizers[0].load_state_dict(state)
    for mine, theirs in zip(*parameters, strict=True):
        mine.data = tensor(ag, theirs.detach().numpy())
    for _ in range(3):
        for library, mine, optimizer in zip(LIBRARIES, parameters, optimizers, strict=True):
            optimizer.zero_grad()
            loss_of(library, mine, np.random.default_rng(5)).backward()
            optimizer.step()
    assert_same(*parameters, name, 1e-7 if name.startswith("NAdam") else 1e-10)


def converted(value):
    return ag.from_numpy(value.numpy().copy()) if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("name", sorted({make.split()[0] for make in OPTIMIZERS}))
def test_the_settings_are_pytorchs(name):
    ours, theirs = (getattr(library.optim, name)(parameters_of(library)) for library in LIBRARIES)
    for mine, other in ((ours.defaults, theirs.defaults), (ours.param_groups[0], theirs.param_groups[0])):
        assert {k: v for k, v in mine.items() if k != "params"} == {k: v for k, v in other.items() if k != "params"}
    assert repr(ours) == repr(theirs)


MISTAKES = {
    "rate": lambda o, p, kind: getattr(o, kind)(p, lr=-1.0),
    "decay": lambda o, p, kind: getattr(o, kind)(p, weight_decay=-1.0),
    "eps": lambda o, p, kind: getattr(o, kind)(p, eps=-1.0),
    "betas": lambda o, p, kind: getattr(o, kind)(p, betas=(0.9, 1.5)),
    "rho": lambda o, p, kind: getattr(o, kind)(p, rho=1.5),
    "etas": lambda o, p, kind: getattr(o, kind)(p, etas=(1.5, 0.5)),
    "momentum": lambda o, p, kind: getattr(o, kind)(p, momentum=-1.0),
    "momentum decay": lambda o, p, kind: getattr(o, kind)(p, momentum_decay=-1.0),
    "alpha": lambda o, p, kind: getattr(o, kind)(p, alpha=-1.0),
    "accumulator": lambda o, p, kind: getattr(o, kind)(p, initial_accumulator_value=-1.0),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("kind", sorted({make.split()[0] for make in OPTIMIZERS} | {"Muon", "LBFGS"}))
def test_bad_settings(kind, mistake):
    errors = []
    for library in LIBRARIES:
        try:
            MISTAKES[mistake](library.optim, parameters_of(library)[:1], kind)
        except Exception as error:
            errors.append((type(error), str(error)))
        else:
            errors.append((None, ""))
    if errors[1][0] is TypeError:  # no such setting
        assert errors[0][0] is TypeError
    else:
        assert errors[0] == errors[1]


# ------------------------------------------------------------------------------------------------ L-BFGS and Muon


def rosenbrock(x):
    return (1 - x[:-1]).square().sum() + 100 * (x[1:] - x[:-1].square()).square().sum()


LBFGS = {
    "fixed steps": {"lr": 1e-3, "max_iter": 15},
    "first steps": {"lr": 0.5},
    "short history": {"lr": 0.3, "history_size": 2, "max_iter": 8},
    "line search": {"line_search_fn": "strong_wolfe"},
    "line search, short": {"line_search_fn": "strong_wolfe", "max_iter": 7, "history_size": 3},
    "few evaluations": {"line_search_fn": "strong_wolfe", "max_eval": 5},
    "loose": {"line_search_fn": "strong_wolfe", "tolerance_grad": 0.5, "tolerance_change": 1e-3},
    "far": {"line_search_fn": "strong_wolfe", "lr": 50.0, "max_iter": 6},
}


@pytest.mark.parametrize("function", [rosenbrock, lambda x: (x**4 + x**2 * 3 + x).sum()], ids=["Rosenbrock", "bowl"])
@pytest.mark.parametrize("settings", LBFGS)
def test_lbfgs(settings, function):
    results = []
    for library in LIBRARIES:
        parts = [library.nn.Parameter(tensor(library, values)) for values in ([-1.2, 1.0], [[0.5], [-0.3]])]
        idle = library.nn.Parameter(tensor(library, [1.0]))  # never has a gradient
        optimizer = library.optim.LBFGS([*parts, idle], **LBFGS[settings])
        losses = []

        def closure(library=library, parts=parts, optimizer=optimizer):
            optimizer.zero_grad()
            loss = function(library.cat([part.reshape(-1) for part in parts]))
            loss.backward()
            return loss

        for _ in range(3):
            losses.append(optimizer.step(closure).item())
        state = optimizer.state[parts[0]]
        results.append((losses, [part.detach() for part in parts], state["func_evals"], state["n_iter"]))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-6, atol=1e-12)
    assert_same(results[0][1], results[1][1], settings, 1e-6)
    assert results[0][2:] == results[1][2:]


def test_lbfgs_goes_on_from_its_state():
    def closure_of(x, optimizer):
        def closure():
            optimizer.zero_grad()
            loss = rosenbrock(x)
            loss.backward()
            return loss

        return closure

    whole, first = (ag.nn.Parameter(tensor(ag, [-1.2, 1.0, 0.7])) for _ in range(2))
    one, two = (ag.optim.LBFGS([x], max_iter=3, line_search_fn="strong_wolfe") for x in (whole, first))
    for x, optimizer in ((whole, one), (first, two)):
        optimizer.step(closure_of(x, optimizer))
    second = ag.nn.Parameter(first.detach().clone())
    three = ag.optim.LBFGS([second], max_iter=3, line_search_fn="strong_wolfe")
    three.load_state_dict(two.state_dict())
    for x, optimizer in ((whole, one), (second, three)):
        optimizer.step(closure_of(x, optimizer))
    assert whole.tolist() == second.tolist()


def test_lbfgs_takes_one_group():
    for library in LIBRARIES:
        with pytest.raises(ValueError, match="doesn't support per-parameter options"):
            library.optim.LBFGS([{"params": [p]} for p in parameters_of(library)])
        with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
            parameter = library.nn.Parameter(tensor(library, [3.0]))
            optimizer = library.optim.LBFGS([parameter], line_search_fn="backtracking")

            def closure(parameter=parameter):
                loss = parameter.square().sum()
                loss.backward()
                return loss

            optimizer.step(closure)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)])
@pytest.mark.parametrize("settings", [{}, {"nesterov": False, "adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.0}])
def test_muon(shape, settings):
    values, gradients = (np.random.default_rng(n).standard_normal((5, *shape)) for n in range(2))
    results = []
    for library in LIBRARIES:
        parameter = library.nn.Parameter(tensor(library, values[0]))
        optimizer = library.optim.Muon([parameter], lr=0.1, **settings)
        for gradient in gradients:
            parameter.grad = tensor(library, gradient)
            optimizer.step()
        results.append((parameter, optimizer.state[parameter]["momentum_buffer"]))
    # The direction is found in bfloat16.
    assert_same(results[0][0], results[1][0], "parameter", 2e-2)
    assert_same(results[0][1], results[1][1], "momentum", 1e-12)


def test_muon_goes_on_from_pytorchs_state():
    values, gradients = NORMAL((3, 4)), NORMAL((4, 3, 4))
    parameters = [library.nn.Parameter(tensor(library, values)) for library in LIBRARIES]
    ours, theirs = (library.optim.Muon([p], lr=0.1) for library, p in zip(LIBRARIES, parameters, strict=True))
    for number, gradient in enumerate(gradients):
        if number == 2:
            state = theirs.state_dict()
            state["state"] = {0: {key: converted(value) for key, value in state["state"][0].items()}}
            ours.load_state_dict(state)
            parameters[0].data = tensor(ag, parameters[1].detach().numpy())
        for library, parameter, optimizer in zip(LIBRARIES, parameters, (ours, theirs), strict=True):
            parameter.grad = tensor(library, gradient)
            optimizer.step()
    assert_same(*parameters, "parameter", 2e-2)
    buffers = [optimizer.state[p]["momentum_buffer"] for optimizer, p in zip((ours, theirs), parameters, strict=True)]
    assert_same(*buffers, "momentum", 1e-12)


def test_muon_is_for_matrices():
    for library in LIBRARIES:
        with pytest.raises(ValueError, match="Muon only supports 2D parameters"):
            library.optim.Muon(parameters_of(library))
