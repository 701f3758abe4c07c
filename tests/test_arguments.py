"""What is no tensor where a tensor is needed: every function names the argument in PyTorch's words."""

import re

import numpy as np
import pytest

import autograd_gpu as torch

F = torch.nn.functional

pytestmark = pytest.mark.usefixtures("on_each_device")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: torch.sum([1.0]), "sum(): argument 'input' (position 1) must be Tensor, not list"),
        (lambda: torch.relu(3), "relu(): argument 'input' (position 1) must be Tensor, not int"),
        (lambda: torch.exp(np.ones(2)), "exp(): argument 'input' (position 1) must be Tensor, not numpy.ndarray"),
        (lambda: torch.add(torch.ones(2), [1]), "add(): argument 'other' (position 2) must be Tensor, not list"),
        (lambda: torch.ones(2).add([1]), "add(): argument 'other' (position 1) must be Tensor, not list"),
        (lambda: torch.ones(2).gather(0, [1]), "gather(): argument 'index' (position 2) must be Tensor, not list"),
        (
            lambda: F.linear(torch.ones(2, 2), None),
            "linear(): argument 'weight' (position 2) must be Tensor, not NoneType",
        ),
        (lambda: torch.nn.Linear(2, 2)([1, 2]), "linear(): argument 'input' (position 1) must be Tensor, not list"),
        (
            lambda: torch.cat(torch.ones(2)),
            "cat(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor",
        ),
        (lambda: torch.stack([torch.ones(2), 1]), "expected Tensor as element 1 in argument 0, but got int"),
    ],
)
def test_the_argument_is_named(call, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        call()


def test_an_error_of_another_kind_stays_as_it_is():
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.sum(torch.ones(2), 5)
    with pytest.raises(TypeError, match="unexpected keyword argument 'bad'"):
        torch.sum(torch.ones(2), bad=1)


@pytest.mark.ours
def test_of_every_function_a_list_in_place_of_a_tensor_is_refused_by_name(device):
    from autograd_gpu.testing.op_case import Draw
    from autograd_gpu.testing.op_table import CASES

    wrong = []
    for case in CASES:
        if case.name.startswith("Tensor.") or case.before:
            continue
        function = torch
        for part in case.name.split("."):
            function = getattr(function, part)
        call = case.samples(Draw(case.dtypes[0]))[0]
        tensors = [torch.tensor(v) if isinstance(v, np.ndarray) else v for v in call.args]
        kwargs = {name: torch.tensor(v) if isinstance(v, np.ndarray) else v for name, v in call.kwargs.items()}
        for place, value in enumerate(call.args):
            if isinstance(value, np.ndarray):
                args = [[[1.0]] if at == place else tensor for at, tensor in enumerate(tensors)]
                try:
                    function(*args, **kwargs)
                    wrong.append(f"{case.name} takes a list as argument {place}")
                except TypeError as error:
                    if not re.search("must be .*Tensor|invalid combination|expected Tensor as element", str(error)):
                        wrong.append(f"{case.name}, argument {place}: {error}")
                except Exception as error:
                    wrong.append(f"{case.name}, argument {place}: {error!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: torch.softmax(x, 1.5), "argument 'dim' .*must be int, not float"),
        (lambda x: torch.softmax(x, None), "argument 'dim' .*must be int, not NoneType"),
        (lambda x: torch.rot90(x, "x"), "argument 'k' .*must be int, not str"),
        (lambda x: torch.movedim(x, None, 0), "must be|invalid combination"),
        (
            lambda x: torch.full((2, "x"), 1.0),
            "argument 'size'.*(found element of type str|but got str)|failed to unpack",
        ),
    ],
)
def test_a_value_of_the_wrong_plain_type_is_named_with_the_type_that_was_wanted(call, words):
    with pytest.raises(TypeError, match=words):
        call(torch.ones(2, 3))
