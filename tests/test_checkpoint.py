"""Checkpointing: the same gradients with less kept; what is computed again, and what must agree with the first time."""

import gc
import warnings
import weakref

import pytest

import autograd_gpu as torch
from autograd_gpu import nn
from autograd_gpu.utils.checkpoint import (
    CheckpointError,
    checkpoint,
    checkpoint_sequential,
    set_checkpoint_debug_enabled,
    set_checkpoint_early_stop,
)

REENTRANT = pytest.mark.parametrize("use_reentrant", [False, True])


def gradients_of(function, *leaves):
    for x in leaves:
        x.grad = None
    function().sum().backward()
    return [x.grad.tolist() for x in leaves]


@REENTRANT
def test_gradients_are_those_without_a_checkpoint(on_each_device, use_reentrant):
    x = torch.tensor([0.5, -1.0, 2.0], requires_grad=True)
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def block(x, w):
        return (x * w).tanh().exp() * x

    expected = gradients_of(lambda: block(x, w) * 2, x, w)
    assert gradients_of(lambda: checkpoint(block, x, w, use_reentrant=use_reentrant) * 2, x, w) == expected


@REENTRANT
def test_the_function_runs_again_in_backward_once(use_reentrant):
    runs = []

    def block(x):
        runs.append(torch.is_grad_enabled())
        return x.exp().sin().exp()

    x = torch.ones(2, requires_grad=True)
    y = checkpoint(block, x, use_reentrant=use_reentrant)
    assert len(runs) == 1
    y.sum().backward()
    assert runs == [not use_reentrant, True]


@REENTRANT
def test_inner_values_are_not_kept(use_reentrant):
    kept = []

    def block(x):
        inner = x.exp()
        kept.append(weakref.ref(inner))
        return inner.exp().sum()

    y = checkpoint(block, torch.ones(2, requires_grad=True), use_reentrant=use_reentrant)
    assert kept[0]() is None
    y.backward()


@REENTRANT
def test_a_checkpoint_is_freed_by_reference_counts_alone(use_reentrant):
    gc.collect()
    gc.disable()
    try:
        x = torch.ones(2, requires_grad=True)
        inside = torch.ones(2)
        gone = weakref.ref(inside)
        y = checkpoint(lambda x, inside: (x * inside).exp(), x, inside, use_reentrant=use_reentrant).sum()
        del inside
        y.backward()
        del y
        assert gone() is None
    finally:
        gc.enable()


@REENTRANT
def test_random_numbers_are_the_same_both_times_and_go_on_afterwards(on_each_device, use_reentrant):
    torch.manual_seed(0)
    x = torch.ones(64, requires_grad=True)
    y = checkpoint(lambda x: nn.functional.dropout(x.exp(), 0.5), x, use_reentrant=use_reentrant)
    after_forward = torch.rand(3)
    y.sum().backward()
    after_backward = torch.rand(3)
    kept = (y != 0).tolist()
    assert [gradient != 0 for gradient in x.grad.tolist()] == kept
    torch.manual_seed(0)
    torch.dropout(x.exp(), 0.5, True)
    assert after_forward.tolist() == torch.rand(3).tolist()
    assert after_backward.tolist() == torch.rand(3).tolist()


def test_without_preserve_rng_state_the_second_run_draws_anew():
    torch.manual_seed(0)
    draws = []

    def block(x):
        noise = torch.rand(4)
        draws.append(noise.tolist())
        return x.exp() * noise

    x = torch.ones(4, requires_grad=True)
    checkpoint(block, x, use_reentrant=False, preserve_rng_state=False).sum().backward()
    assert draws[0] != draws[1]
    draws.clear()
    checkpoint(block, x, use_reentrant=False).sum().backward()
    assert draws[0] == draws[1]


def test_keyword_arguments_and_other_values():
    x = torch.ones(2, requires_grad=True)
    y = checkpoint(lambda x, power, *, scale: (x.exp() ** power) * scale, x, 2, use_reentrant=False, scale=x * 3)
    y.sum().backward()
    e = torch.ones(2, dtype=torch.float64).mul(2).exp().tolist()
    assert x.grad.tolist() == pytest.approx([2 * 3 * v + 3 * v for v in e])


def test_several_outputs_and_containers():
    x = torch.ones(2, requires_grad=True)
    out = checkpoint(lambda x: {"a": x.exp(), "b": [x * 2]}, x, use_reentrant=False)
    (out["a"] * 0 + out["b"][0]).sum().backward()
    assert x.grad.tolist() == [2, 2]
    x.grad = None
    _, second = checkpoint(lambda x: (x.exp(), x * 2), x, use_reentrant=True)
    second.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_autograd_grad_works_without_reentrance_only():
    x = torch.ones(2, requires_grad=True)
    (g,) = torch.autograd.grad(checkpoint(torch.exp, x, use_reentrant=False).sum(), x)
    assert g.tolist() == pytest.approx([2.7182817] * 2)
    y = checkpoint(torch.exp, x, use_reentrant=True).sum()
    with pytest.raises(RuntimeError, match=r"use_reentrant=True.* incompatible with \.grad\(\)"):
        torch.autograd.grad(y, x)


def test_a_second_derivative_goes_through_a_checkpoint():
    x = torch.tensor([0.3, 0.7], dtype=torch.float64, requires_grad=True)

    def second(function):
        (g,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
        return torch.autograd.grad((g * g).sum(), x)[0].tolist()

    def block(x):
        return x.sin().exp() * x

    assert second(lambda x: checkpoint(block, x, use_reentrant=False)) == pytest.approx(second(block))


def test_checkpoints_nest():
    runs = []

    def inner(x):
        runs.append("inner")
        return x.sin().exp()

    def outer(x):
        runs.append("outer")
        return checkpoint(inner, x * 2, use_reentrant=False).tanh().exp()

    x = torch.tensor([0.1, 0.2], requires_grad=True)
    y = checkpoint(outer, x, use_reentrant=False)
    assert runs == ["outer", "inner"]
    expected = gradients_of(lambda: (x * 2).sin().exp().tanh().exp(), x)[0]
    x.grad = None
    y.sum().backward()
    assert x.grad.tolist() == pytest.approx(expected)
    # Again in backward: the outer one as a whole, then the inner one for its own values.
    assert runs == ["outer", "inner", "outer", "inner", "inner"]


def test_retain_graph_runs_the_function_for_each_backward():
    runs = []
    x = torch.ones(2, requires_grad=True)

    def block(x):
        runs.append(1)
        return x.exp().exp()

    y = checkpoint(block, x, use_reentrant=False).sum()
    y.backward(retain_graph=True)
    once = x.grad.tolist()
    y.backward()
    assert x.grad.tolist() == [2 * g for g in once]
    assert len(runs) == 3


def test_early_stop_skips_what_backward_never_asks_for():
    ran = []

    def block(x):
        y = x.exp()
        ran.append("after the last saved value")
        return y

    x = torch.ones(2, requires_grad=True)
    checkpoint(block, x, use_reentrant=False).sum().backward()
    assert len(ran) == 1
    with set_checkpoint_early_stop(False):
        y = checkpoint(block, x, use_reentrant=False)
    y.sum().backward()
    assert len(ran) == 3


def test_no_grad_keeps_nothing_and_runs_once():
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        assert not checkpoint(torch.exp, x, use_reentrant=False).requires_grad


def changing(first, second):
    """A function that does one thing the first time and another afterwards."""
    runs = []

    def block(x):
        runs.append(1)
        return first(x) if len(runs) == 1 else second(x)

    return block


def test_a_second_run_that_saves_another_number_of_tensors_is_refused():
    x = torch.ones(2, requires_grad=True)
    y = checkpoint(changing(lambda x: x.exp().sin(), torch.exp), x, use_reentrant=False)
    with pytest.raises(CheckpointError, match=r"(?s)different number of tensors.*forward: 2.*recomputation: 1"):
        y.sum().backward()


def test_a_second_run_that_saves_other_shapes_is_refused():
    x = torch.ones(2, requires_grad=True)
    y = checkpoint(changing(torch.exp, lambda x: x[:1].exp()), x, use_reentrant=False)
    with pytest.raises(
        CheckpointError, match=r"(?s)different metadata.*position 0.*torch\.Size\(\[2\]\).*torch\.Size\(\[1\]\)"
    ):
        y.sum().backward()
    y = checkpoint(changing(torch.sin, lambda x: x.double().sin()), x, use_reentrant=False)
    with pytest.raises(CheckpointError, match=r"(?s)saved metadata.*float32.*recomputed metadata.*float64"):
        y.sum().backward()


def test_determinism_check_none_trusts_the_second_run():
    x = torch.ones(2, requires_grad=True)
    y = checkpoint(changing(torch.sin, lambda x: x[:1].sin()), x, use_reentrant=False, determinism_check="none")
    y.sum().backward()
    assert x.grad.shape == (2,)


@pytest.mark.ours
def test_the_mismatch_names_the_line_of_the_checkpoint_and_with_debug_of_each_save():
    x = torch.ones(2, requires_grad=True)
    y = checkpoint(changing(torch.sin, lambda x: x[:1].sin()), x, use_reentrant=False, debug=True)
    with pytest.raises(CheckpointError, match=r"(?s)position 0 \(saved at .*test_checkpoint\.py:\d+\).*made at .*:\d+"):
        y.sum().backward()


@pytest.mark.ours
def test_lines_are_named_for_every_checkpoint_when_enabled():
    x = torch.ones(2, requires_grad=True)
    for enabled, names_lines in ((True, True), (None, False), (False, False)):
        with set_checkpoint_debug_enabled(enabled):
            y = checkpoint(changing(torch.sin, lambda x: x[:1].sin()), x, use_reentrant=False)
        with pytest.raises(CheckpointError) as error:
            y.sum().backward()
        assert ("(saved at " in str(error.value)) == names_lines


def test_an_input_changed_in_place_is_noticed():
    x = torch.ones(2, requires_grad=True)
    z = x * 1
    y = checkpoint(lambda z: z.exp().sin(), z, use_reentrant=False).sum()
    with torch.no_grad():
        z.zero_()
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation"):
        y.backward()


def test_contexts_surround_each_run():
    entered = []

    class Note:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            entered.append(self.name)

        def __exit__(self, *exception):
            entered.append("/" + self.name)

    x = torch.ones(2, requires_grad=True)
    y = checkpoint(torch.exp, x, use_reentrant=False, context_fn=lambda: (Note("first"), Note("again")))
    y.sum().backward()
    assert entered == ["first", "/first", "again", "/again"]


def test_arguments_that_do_not_go_together():
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match=r"Unexpected keyword arguments: scale"):
        checkpoint(torch.exp, x, use_reentrant=True, scale=1)
    with pytest.raises(ValueError, match=r"only supported when use_reentrant=False"):
        checkpoint(torch.exp, x, use_reentrant=True, debug=True)
    with pytest.raises(ValueError, match=r"determinism_check should be one of \['default', 'none'\], but got no"):
        checkpoint(torch.exp, x, use_reentrant=False, determinism_check="no")


def test_warnings():
    x = torch.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match=r"use_reentrant parameter should be passed explicitly"):
        checkpoint(torch.exp, x)
    with pytest.warns(UserWarning, match=r"None of the inputs have requires_grad=True"):
        checkpoint(torch.exp, torch.ones(2), use_reentrant=True)


@REENTRANT
def test_a_sequence_in_segments(use_reentrant):
    torch.manual_seed(0)
    model = nn.Sequential(*(layer for _ in range(4) for layer in (nn.Linear(3, 3), nn.Tanh())))
    x = torch.randn(2, 3).requires_grad_()
    parameters = [x, *model.parameters()]
    expected = gradients_of(lambda: model(x), *parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = gradients_of(lambda: checkpoint_sequential(model, 3, x, use_reentrant=use_reentrant), *parameters)
    for mine, theirs in zip(got, expected):
        assert torch.allclose(torch.tensor(mine), torch.tensor(theirs))


def test_the_names_of_pytorchs_utils():
    from autograd_gpu.utils.data import DataLoader, TensorDataset

    (batch,) = next(iter(DataLoader(TensorDataset(torch.arange(4)), batch_size=4)))
    assert batch.tolist() == [0, 1, 2, 3]
