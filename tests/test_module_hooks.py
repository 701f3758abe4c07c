"""Hooks on a module's backward, and state dicts that are loaded whole or not at all."""

import pytest

import autograd_gpu as torch

nn = torch.nn


def numbers(*values, grad=True):
    return torch.tensor([float(v) for v in values], requires_grad=grad)


class Twice(nn.Module):
    def forward(self, x, factor=2.0):
        return x * factor


def test_a_full_backward_hook_sees_both_sides():
    seen = []
    module = Twice()
    module.register_full_backward_hook(lambda m, gi, go: seen.append((m, gi, go)))
    x = numbers(1, 2)
    (module(x) * 3).sum().backward()
    ((m, grad_input, grad_output),) = seen
    assert m is module
    assert grad_input[0].tolist() == [6, 6]
    assert grad_output[0].tolist() == [3, 3]
    assert x.grad.tolist() == [6, 6]


def test_what_the_hook_returns_replaces_the_gradient():
    module = Twice()
    module.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,))
    x = numbers(1)
    module(x).backward()
    assert x.grad.tolist() == [20]


def test_a_pre_hook_changes_what_enters():
    module = Twice()
    seen = []
    module.register_full_backward_pre_hook(lambda m, go: (go[0] * 5,))
    module.register_full_backward_hook(lambda m, gi, go: seen.append(go[0].item()))
    x = numbers(1)
    module(x).backward()
    assert (x.grad.tolist(), seen) == ([10], [5])


def test_arguments_that_are_no_tensors_are_none():
    module = Twice()
    seen = []
    module.register_full_backward_hook(lambda m, gi, go: seen.append(gi))
    module(numbers(1), 3.0).backward()
    assert seen[0][0].tolist() == [3]
    assert seen[0][1] is None


def test_inputs_that_need_no_gradient():
    module = nn.Linear(2, 1)
    seen = []
    module.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].tolist())))
    module(torch.ones(3, 2)).sum().backward()
    assert seen == [((None,), [[1], [1], [1]])]


def test_a_hook_is_removed():
    module = Twice()
    handle = module.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,))
    handle.remove()
    x = numbers(1)
    module(x).backward()
    assert x.grad.tolist() == [2]


def test_a_wrong_number_of_gradients_is_refused():
    module = Twice()
    module.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    with pytest.raises(
        RuntimeError, match="Backward hook returned an invalid number of grad_input, got 2, but expected 1"
    ):
        module(numbers(1)).backward()


@pytest.mark.ours
def test_a_state_dict_with_one_wrong_shape_changes_nothing():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    wrong = {name: torch.zeros(value.shape) for name, value in before.items()}
    wrong["1.bias"] = torch.zeros(3)
    with pytest.raises(RuntimeError, match=r"size mismatch for 1\.bias"):
        module.load_state_dict(wrong)
    assert all((value == before[name]).all() for name, value in module.state_dict().items())
