"""Parametrized modules against PyTorch's: values, gradients, state dicts, the way back, mistakes."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.utils.parametrizations
import torch.nn.utils.parametrize
from conftest import assert_same

import autograd_gpu as ag

LIBRARIES = (ag, torch)
NORMAL = np.random.default_rng(0).standard_normal


def tensor(library, values):
    return library.tensor(np.asarray(values).tolist(), dtype=library.float64)


MODULES = {
    "linear": (lambda nn: nn.Linear(4, 3), NORMAL((2, 4))),
    "convolution": (lambda nn: nn.Conv2d(2, 3, 2), NORMAL((1, 2, 4, 4))),
    "transposed convolution": (lambda nn: nn.ConvTranspose1d(2, 3, 2), NORMAL((1, 2, 4))),
}
VALUES = {name: NORMAL(200) for name in MODULES}


def module_of(library, name):
    module = MODULES[name][0](library.nn).double()
    start = 0
    for parameter in module.parameters():
        parameter.data = tensor(library, VALUES[name][start : start + parameter.numel()]).reshape(parameter.shape)
        start += parameter.numel()
    return module


def trained(library, module, x, steps=3):
    """Outputs on the way, and the state after some steps."""
    optimizer = library.optim.SGD(module.parameters(), lr=0.1)
    outputs = []
    for _ in range(steps):
        y = module(tensor(library, x))
        optimizer.zero_grad()
        y.square().sum().backward()
        optimizer.step()
        outputs.append(y)
    module.eval()
    return [*outputs, module(tensor(library, x)), module.weight], module


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("dim", [0, 1, None, -1])
def test_weight_norm(name, dim):
    results = []
    for library in LIBRARIES:
        module = library.nn.utils.parametrizations.weight_norm(module_of(library, name), dim=dim)
        results.append(trained(library, module, MODULES[name][1]))
    (ours, our_module), (theirs, their_module) = results
    assert_same(ours, theirs, name)
    assert list(our_module.state_dict()) == list(their_module.state_dict())
    assert_same(list(our_module.state_dict().values()), list(their_module.state_dict().values()), name)
    assert type(our_module).__name__ == type(their_module).__name__


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("settings", [{}, {"dim": 1, "n_power_iterations": 3}], ids=str)
def test_spectral_norm(name, settings):
    modules = [
        library.nn.utils.parametrizations.spectral_norm(module_of(library, name), **settings) for library in LIBRARIES
    ]
    state = {key: tensor(ag, value.numpy()) for key, value in modules[1].state_dict().items()}
    modules[0].load_state_dict(state)  # the iteration begins at random
    results = [trained(library, module, MODULES[name][1]) for library, module in zip(LIBRARIES, modules, strict=True)]
    assert_same(results[0][0], results[1][0], name, 1e-9)


def test_the_spectral_norm_of_a_vector_is_its_length():
    results = []
    for library in LIBRARIES:
        module = library.nn.utils.parametrizations.spectral_norm(module_of(library, "linear"), "bias")
        results.append(module.bias)
    assert_same(*results, "bias")


def symmetric_of(library):
    class Symmetric(library.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).t()

        def right_inverse(self, x):
            return x.triu()

    return Symmetric()


def scaled_of(library, factor):
    class Scaled(library.nn.Module):
        def forward(self, x):
            return x * factor

        def right_inverse(self, x):
            return x / factor

    return Scaled()


def test_a_course_of_registering_assigning_and_removing():
    results = []
    for library in LIBRARIES:
        P, seen = library.nn.utils.parametrize, []
        module = library.nn.Linear(3, 3).double()
        weight = module.weight
        weight.data = tensor(library, NORMAL.__self__.standard_normal((3, 3)) * 0 + np.arange(9.0).reshape(3, 3))
        module.bias.data = tensor(library, [1.0, 2.0, 3.0])
        assert P.register_parametrization(module, "weight", symmetric_of(library)) is module
        P.register_parametrization(module, "weight", scaled_of(library, 2.0))
        P.register_parametrization(module, "bias", scaled_of(library, -1.0))
        assert module.parametrizations.weight.original is weight
        assert P.is_parametrized(module) and P.is_parametrized(module, "bias")
        assert not P.is_parametrized(module, "other")
        seen += [module.weight, module.bias, module.parametrizations.weight.original]
        module.weight = tensor(library, np.ones((3, 3)))
        seen += [module.weight, weight]
        with P.cached():
            assert module.weight is module.weight
        assert module.weight is not module.weight
        twin = copy.deepcopy(module)
        with library.no_grad():
            twin.parametrizations.weight.original.zero_()
        seen += [module.weight, twin.weight, list(module.state_dict())]
        P.remove_parametrizations(module, "weight")
        assert module.weight is weight and P.is_parametrized(module, "bias")
        P.remove_parametrizations(module, "bias", leave_parametrized=False)
        assert type(module) is library.nn.Linear and not P.is_parametrized(module)
        seen += [module.weight, module.bias, list(module.state_dict()), len(list(module.parameters()))]
        results.append(seen)
    assert_same(*results, "course")


def test_a_weight_of_two_parts_becomes_a_parameter_again():
    results = []
    for library in LIBRARIES:
        module = library.nn.utils.parametrizations.weight_norm(module_of(library, "linear"))
        with pytest.raises(ValueError, match="Cannot leave unparametrized"):
            library.nn.utils.parametrize.remove_parametrizations(module, "weight", leave_parametrized=False)
        library.nn.utils.parametrize.remove_parametrizations(module, "weight")
        assert isinstance(module.weight, library.nn.Parameter) and module.weight.is_leaf
        results.append((module.weight, sorted(module.state_dict())))
    assert_same(*results, "weight")


def test_what_has_no_way_back_is_not_assigned_to():
    for library in LIBRARIES:

        class Doubled(library.nn.Module):
            def forward(self, x):
                return x * 2

        class Undone(Doubled):
            def right_inverse(self, x):
                raise NotImplementedError

        for kind, error in ((Doubled, RuntimeError), (Undone, NotImplementedError)):
            module = library.nn.Linear(2, 2)
            before = module.weight.detach().clone()
            library.nn.utils.parametrize.register_parametrization(module, "weight", kind())
            assert module.weight.tolist() == (before * 2).tolist()
            with pytest.raises(error):
                module.weight = before


def shrinking_of(library):
    class Shrinking(library.nn.Module):
        def forward(self, x):
            return x[:1]

    return Shrinking()


MISTAKES = {
    "no such name": lambda m, P, Q, lin: P.register_parametrization(lin, "wait", scaled_of(m, 1.0)),
    "shape": lambda m, P, Q, lin: P.register_parametrization(lin, "weight", shrinking_of(m)),
    "shape of the second": lambda m, P, Q, lin: P.register_parametrization(
        P.register_parametrization(lin, "weight", scaled_of(m, 1.0)), "weight", shrinking_of(m)
    ),
    "nothing to remove": lambda m, P, Q, lin: P.remove_parametrizations(lin, "weight"),
    "no list": lambda m, P, Q, lin: P.ParametrizationList([], lin.weight),
    "spectral name": lambda m, P, Q, lin: Q.spectral_norm(lin, "wait"),
    "spectral steps": lambda m, P, Q, lin: Q.spectral_norm(lin, n_power_iterations=0),
    "spectral dimension": lambda m, P, Q, lin: Q.spectral_norm(lin, dim=2),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    kinds = []
    for library in LIBRARIES:
        module = library.nn.Linear(3, 3)
        with pytest.raises((ValueError, IndexError)) as caught:
            MISTAKES[name](library, library.nn.utils.parametrize, library.nn.utils.parametrizations, module)
        kinds.append(caught.type)
        if "second" not in name:
            assert type(module) is library.nn.Linear and len(list(module.parameters())) == 2
    assert kinds[0] is kinds[1]
