"""Recurrent layers as one operation: the derivatives of every order, every transform, every dtype and device, and what
they refuse. That the modules agree with PyTorch is tests/oracle/test_modules.py's to say."""

import copy

import ml_dtypes
import numpy as np
import pytest

import autograd_gpu as ag
from autograd_gpu.arrays import cpu, native
from autograd_gpu.ops.nn.recurrent import Gru, Lstm, Rnn

KINDS = {
    "LSTM": (Lstm, 4, 2, False, {}),
    "GRU": (Gru, 3, 1, True, {}),
    "RNN": (Rnn, 1, 1, False, {"is_relu": False}),
    "RNN relu": (Rnn, 1, 1, False, {"is_relu": True}),
}
MODULES = {
    "LSTM": lambda: ag.nn.LSTM(3, 4, 2, bidirectional=True),
    "GRU": lambda: ag.nn.GRU(3, 4, 2, batch_first=True),
    "RNN": lambda: ag.nn.RNN(3, 4, bidirectional=True, bias=False),
}


def operands(gates, states, biased, device="cpu", steps=3, batch=2, hidden=3):
    """x, the states, weight and, where there is one, bias."""
    draw = np.random.default_rng(1).standard_normal
    shapes = [(steps, batch, gates * hidden), *[(batch, hidden)] * states, (gates * hidden, hidden)]
    shapes += [(gates * hidden,)] * biased
    return [ag.tensor(draw(shape), device=device).requires_grad_() for shape in shapes]


@pytest.mark.ours
@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_of_every_output_are_the_differences(kind, is_reversed):
    op, gates, states, biased, options = KINDS[kind]

    def run(*tensors):
        return op.apply(*tensors, **options, is_reversed=is_reversed)

    tensors = operands(gates, states, biased)
    assert ag.autograd.gradcheck(run, tensors, check_forward_ad=True)
    assert ag.autograd.gradgradcheck(run, tensors)


@pytest.mark.ours
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_step_by_step_are_those_of_the_whole(kind, device):
    op, gates, states, biased, options = KINDS[kind]
    tensors = operands(gates, states, biased, device)
    y = op.apply(*tensors, **options, is_reversed=True)
    outputs = y[:states] if isinstance(y, tuple) else (y,)  # not the gates
    loss = sum((part * part).sum() for part in outputs)
    whole = ag.autograd.grad(loss, tensors, retain_graph=True)
    by_steps = ag.autograd.grad(loss, tensors, create_graph=True)
    for ours, theirs in zip(whole, by_steps, strict=True):
        np.testing.assert_allclose(ours.tolist(), theirs.tolist(), rtol=1e-12, atol=1e-12)


@pytest.mark.ours
@pytest.mark.parametrize("in_dims", [(0, None), (None, 0), (0, 0)])
@pytest.mark.parametrize("name", MODULES)
def test_vmap_is_a_loop_over_the_examples(name, in_dims):
    ag.manual_seed(0)
    module = MODULES[name]()
    parameters = {key: p.detach() for key, p in module.named_parameters()}
    many = {key: ag.randn(2, *p.shape) for key, p in parameters.items()}
    x = ag.randn(2, 5, 4, 3)

    def gradient(x, parameters):
        return ag.func.grad(lambda p: ag.func.functional_call(module, p, (x,))[0].square().sum())(parameters)

    chosen = (x if in_dims[0] == 0 else x[0], many if in_dims[1] == 0 else parameters)
    found = ag.vmap(gradient, in_dims=in_dims)(*chosen)
    for n in range(2):
        p = {key: value[n] for key, value in many.items()} if in_dims[1] == 0 else parameters
        expected = gradient(x[n] if in_dims[0] == 0 else x[0], p)
        for key, value in expected.items():
            np.testing.assert_allclose(found[key][n].tolist(), value.tolist(), rtol=2e-4, atol=2e-4, err_msg=key)


@pytest.mark.ours
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("name", MODULES)
def test_every_dtype_is_float64s_to_rounding(name, dtype, device):
    ag.manual_seed(0)
    module = MODULES[name]()
    x = ag.randn(4, 3, 3)
    results = []
    for each, where in (("float64", "cpu"), (dtype, device)):
        run = copy.deepcopy(module).to(getattr(ag, each)).to(where)
        y, _ = run(x.to(getattr(ag, each)).to(where))
        assert y.dtype is getattr(ag, each)
        (y * y).sum().backward()
        results.append([y, *(p.grad for p in run.parameters())])
    tolerance = {"float16": 1e-2, "bfloat16": 8e-2, "float32": 1e-5}[dtype]
    for expected, found in zip(*results, strict=True):
        np.testing.assert_allclose(found.float().tolist(), expected.tolist(), rtol=tolerance, atol=tolerance)


@pytest.mark.ours
@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 17), (2, 9, 70), (4, 0, 3)], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_what_is_compiled_has_numpys_values_on_any_number_of_threads(shape, dtype, is_reversed):
    draw = np.random.default_rng(0).standard_normal
    steps, batch, hidden = shape

    def make(*sizes):
        return (0.5 * draw(sizes)).astype(dtype)

    gy, gcells, h, c = make(*shape), make(*shape), make(batch, hidden), make(batch, hidden)
    tolerance = {2: 0.06, 4: 1e-5, 8: 1e-13}[np.dtype(dtype).itemsize]

    def same(name, *arguments):
        results = []
        for backend, threads in ((cpu, 1), (native, 1), (native, 3)):
            ag.set_num_threads(threads)
            found = getattr(backend, name)(*arguments)
            results.append(found if isinstance(found, tuple) else (found,))
        for numpys, ours, on_threads in zip(*results, strict=True):
            assert numpys.dtype == ours.dtype == dtype and numpys.shape == ours.shape
            np.testing.assert_allclose(ours.astype(float), numpys.astype(float), rtol=tolerance, atol=tolerance)
            np.testing.assert_array_equal(ours, on_threads)
        return results[0]

    threads = ag.get_num_threads()
    try:
        weight = make(4 * hidden, hidden)
        _, cells, gates = same("lstm", make(steps, batch, 4 * hidden), h, c, weight, is_reversed)
        for given in (None, gcells):
            same("lstm_backward", gy, given, c, cells, gates, weight, is_reversed)
        weight = make(3 * hidden, hidden)
        for bias in (None, make(3 * hidden)):
            y, gates = same("gru", make(steps, batch, 3 * hidden), h, weight, bias, is_reversed)
        same("gru_backward", gy, h, y, gates, weight, is_reversed)
        weight = make(hidden, hidden)
        for is_relu in (False, True):
            (y,) = same("rnn", make(*shape), h, weight, is_relu, is_reversed)
            same("rnn_backward", gy, y, weight, is_relu, is_reversed)
    finally:
        ag.set_num_threads(threads)


def test_a_sequence_of_no_steps_is_refused():
    with pytest.raises(RuntimeError, match="Expected sequence length to be larger than 0"):
        ag.nn.GRU(3, 4)(ag.zeros(0, 2, 3))


def test_a_batch_of_none_has_outputs_of_none():
    y, (h, c) = ag.nn.LSTM(3, 4, bidirectional=True)(ag.zeros(5, 0, 3))
    assert y.shape == (5, 0, 8) and h.shape == c.shape == (2, 0, 4)


def test_an_input_of_another_dtype_is_refused_by_name():
    with pytest.raises(ValueError, match=r"RNN input dtype \(.*float64\) does not match weight dtype"):
        ag.nn.RNN(3, 4)(ag.zeros(5, 2, 3, dtype=ag.float64))


@pytest.mark.ours
def test_a_state_of_another_dtype_is_refused_by_name():
    with pytest.raises(RuntimeError, match=r"lstm: expected scalar type Float.* but found Double for h"):
        ag.nn.LSTM(3, 4)(ag.zeros(5, 2, 3), (ag.zeros(1, 2, 4, dtype=ag.float64), ag.zeros(1, 2, 4)))


@pytest.mark.parametrize("name", ["GRU", "RNN"])
def test_the_output_may_be_written_to(name):
    module = getattr(ag.nn, name)(3, 4)
    y, _ = module(ag.ones(5, 2, 3))
    y.mul_(2)
    y.sum().backward()
    assert module.weight_hh_l0.grad.isfinite().all()
