"""Hooks on a module's backward, and state dicts that are loaded whole or not at all."""

import collections

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


class Computing(nn.Module):
    """A module of any function, and what its backward hooks saw: (grad_input, grad_output)."""

    def __init__(self, function):
        super().__init__()
        self.function, self.seen = function, []
        self.register_full_backward_hook(lambda m, gi, go: m.seen.append((listed(gi), listed(go))))

    def forward(self, *args):
        return self.function(*args)


def listed(gradients):
    return [None if g is None else g.tolist() for g in gradients]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_where_nothing_is_recorded_hooks_do_not_matter(mode):
    module, x = Computing(lambda x: x * 2), numbers(1, 2)
    with mode():
        assert module(x).tolist() == [2, 4]


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_hooks_run_within_a_checkpoint(use_reentrant):
    from autograd_gpu.utils.checkpoint import checkpoint

    module, x = Computing(lambda x: x * 2), numbers(1, 2)
    checkpoint(module, x, use_reentrant=use_reentrant).sum().backward()
    assert (module.seen, x.grad.tolist()) == ([([[2, 2]], [[1, 1]])], [2, 2])


def test_a_named_tuple_keeps_its_type():
    Pair = collections.namedtuple("Pair", "a b")
    module, x = Computing(lambda x: Pair(x * 2, x * 3)), numbers(1)
    pair = module(x)
    assert isinstance(pair, Pair)
    (pair.a + pair.b).backward()
    assert module.seen == [([[5]], [[1], [1]])]


@pytest.mark.parametrize("make", [lambda x: [x * 2], lambda x: {"y": x * 2}])
def test_an_output_of_another_kind_has_no_hooks_and_says_so(make):
    module, x = Computing(make), numbers(1)
    with pytest.warns(UserWarning, match="module output should be a Tensor or a tuple of Tensors but received"):
        output = module(x)
    (output[0] if isinstance(output, list) else output["y"]).backward()
    assert (module.seen, x.grad.tolist()) == ([], [2])


def test_a_loss_from_within_a_module_passes_its_hooks_by():
    inner = []
    module, x = Computing(lambda x: inner.append((x * 5).sum()) or x * 2), numbers(1, 2)
    y = module(x)
    inner[0].backward(retain_graph=True)
    assert (module.seen, x.grad.tolist()) == ([], [5, 5])
    (y.sum() + inner[0]).backward()
    assert module.seen == [([[7, 7]], [[1, 1]])]


def test_a_second_backward_passes_the_hooks_of_the_first_by():
    module, x = Computing(lambda x: x**3), numbers(1, 2)
    (g,) = torch.autograd.grad(module(x).sum(), x, create_graph=True)
    g.sum().backward()
    assert (g.tolist(), x.grad.tolist()) == ([3, 12], [6, 12])
    assert module.seen == [([[3, 12]], [[1, 1]])]


def test_hooks_make_nothing_require_grad():
    flags = []

    def function(x, constant, places):
        flags.extend(value.requires_grad for value in (x, constant, places))
        return x * constant, x.detach() * 3

    module, x = Computing(function), numbers(1, 2)
    y, z = module(x, numbers(3, 4, grad=False), torch.tensor([0, 1]))
    assert flags == [True, False, False]
    assert (y.requires_grad, z.requires_grad) == (True, False)
    y.sum().backward()
    assert module.seen == [([[3, 4], [0, 0], [0, 0]], [[1, 1], None])]
