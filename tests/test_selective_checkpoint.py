"""Selective checkpointing: what the policy saves is recalled, the rest is computed again, the gradients stay the
same."""

import functools
import weakref

import pytest

import autograd_gpu as torch
from autograd_gpu import nn
from autograd_gpu.op import Op
from autograd_gpu.utils.checkpoint import (
    CheckpointPolicy,
    SelectiveCheckpointContext,
    checkpoint,
    create_selective_checkpoint_contexts,
)

pytestmark = [pytest.mark.usefixtures("on_each_device"), pytest.mark.ours]  # PyTorch's operations have other names

MATMUL = type((torch.ones(2, 2, requires_grad=True) @ torch.ones(2, 2)).grad_fn)
LAYER_NORM = type(nn.functional.layer_norm(torch.ones(2, 2, requires_grad=True), (2,)).grad_fn)
DROPOUT = type(nn.functional.dropout(torch.ones(2, requires_grad=True), 0.5).grad_fn)
SPLIT_MAX = type(torch.ones(2, 2, requires_grad=True).max(0).values.grad_fn)


@pytest.fixture
def computed(monkeypatch) -> list[str]:
    """The names of the operations whose forward ran."""
    names: list[str] = []
    for operation in (MATMUL, LAYER_NORM, DROPOUT, SPLIT_MAX):

        def forward(ctx, *arrays, original=operation.forward, **parameters):
            names.append(type(ctx).__name__)
            return original(ctx, *arrays, **parameters)

        monkeypatch.setattr(operation, "forward", forward)
    return names


def block(x, w):
    y = nn.functional.layer_norm(x @ w, (3,)).tanh()
    y = nn.functional.dropout(y @ w, 0.5)
    return y.max(1).values * y.sum(1)


def leaves():
    return (torch.arange(9.0).view(3, 3) / 9).requires_grad_(), (torch.eye(3) + 0.1).requires_grad_()


def run(context_fn=None, function=block):
    torch.manual_seed(3)
    x, w = leaves()
    options = {} if context_fn is None else {"context_fn": context_fn}
    y = function(x, w) if context_fn == "none" else checkpoint(function, x, w, use_reentrant=False, **options)
    y.sum().backward()
    return y.tolist(), x.grad.tolist(), w.grad.tolist()


@pytest.mark.parametrize("saved", [[], [MATMUL], [LAYER_NORM, DROPOUT], [MATMUL, LAYER_NORM, DROPOUT, SPLIT_MAX]])
def test_what_is_saved_is_not_computed_again(computed, saved):
    expected = run("none")
    without = list(computed)
    computed.clear()
    assert run(functools.partial(create_selective_checkpoint_contexts, saved)) == expected
    for operation, calls in ((MATMUL, 2), (LAYER_NORM, 1)):
        again = computed.count(operation.__name__) - without.count(operation.__name__)
        assert again == (0 if operation in saved else calls)
    # Dropout draws its numbers in any case: those after it want the ones behind.
    assert computed.count(DROPOUT.__name__) - without.count(DROPOUT.__name__) == 1


@pytest.mark.parametrize("number", [1, 2])
def test_random_numbers_are_the_same_whichever_operation_is_saved(number):
    def function(x, w):
        for _ in range(3):
            x = nn.functional.dropout(x @ w, 0.4)
        return x

    asked = []

    def policy(context, operation, *inputs, **parameters):
        asked.append(operation)
        return operation is DROPOUT and asked.count(DROPOUT) == number

    expected = run("none", function)
    assert run(functools.partial(create_selective_checkpoint_contexts, policy), function) == expected


def test_a_policy_decides_by_operation_arguments_and_result(computed):
    asked = []

    def policy(context, operation, *inputs, **parameters):
        assert isinstance(context, SelectiveCheckpointContext) and not context.is_recompute
        assert issubclass(operation, Op) and isinstance(inputs[0], torch.Tensor)
        asked.append(operation)
        is_first = operation is MATMUL and asked.count(MATMUL) == 1
        if is_first:
            assert context.op_output.shape == (3, 3)
        return CheckpointPolicy.PREFER_SAVE if is_first else CheckpointPolicy.PREFER_RECOMPUTE

    expected = run("none")
    without = computed.count(MATMUL.__name__)
    computed.clear()
    assert run(functools.partial(create_selective_checkpoint_contexts, policy)) == expected
    assert asked.count(MATMUL) == 2 and computed.count(MATMUL.__name__) == without + 1


def test_what_is_saved_goes_with_the_graph():
    x, w = leaves()
    contexts = functools.partial(create_selective_checkpoint_contexts, lambda *_, **__: True)
    y = checkpoint(lambda x, w: (x @ w).tanh() @ w, x, w, use_reentrant=False, context_fn=contexts)
    y.sum().backward()
    nodes = [weakref.ref(y.grad_fn), weakref.ref(y.grad_fn.next_functions[0][0])]
    del y
    assert [node() for node in nodes] == [None, None]


def test_saved_outputs_are_there_once_and_unchanged():
    x, w = leaves()
    contexts = functools.partial(create_selective_checkpoint_contexts, [MATMUL])
    y = checkpoint(lambda x, w: (x @ w).tanh() @ w, x, w, use_reentrant=False, context_fn=contexts)
    y.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match=r"Trying to backward an extra time"):
        y.sum().backward()

    def writes(x, w):
        y = x @ w
        return (y.add_(1) * 1).tanh() @ w

    y = checkpoint(writes, x, w, use_reentrant=False, context_fn=contexts)
    with pytest.raises(RuntimeError, match=r"Tensor cached during selective activation checkpoint has been mutated"):
        y.sum().backward()


def test_a_function_that_does_something_else_the_second_time():
    x, w = leaves()
    runs = []

    def function(x, w):
        runs.append(1)
        return ((x @ w).exp() if len(runs) == 1 else ((x @ w) @ w) @ w).tanh()

    contexts = functools.partial(create_selective_checkpoint_contexts, [MATMUL])
    y = checkpoint(function, x, w, use_reentrant=False, context_fn=contexts)
    with pytest.raises(RuntimeError, match=r"invocation index 1 encountered during backward but not found in storage"):
        y.sum().backward()


def test_what_is_no_policy_is_refused():
    with pytest.raises(ValueError, match=r"Expected op in `op_list` to be an operation, as type\(y.grad_fn\) gives it"):
        create_selective_checkpoint_contexts([torch.matmul])
    with pytest.raises(TypeError, match=r"policy_fn_or_list must be either a function or a list of ops"):
        create_selective_checkpoint_contexts(3)
    first, second = create_selective_checkpoint_contexts([MATMUL])
    with first, pytest.raises(RuntimeError, match=r"selective checkpoints are not nested"):
        second.__enter__()
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).tolist() == [[2, 2], [2, 2]]
