"""What the arrays of one call must have in common is said and held: nothing is read or written beyond an array, no
dtype is taken for another. On both devices."""

import inspect

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu import nn, optim
from autograd_gpu.arrays import alike
from autograd_gpu.nn import functional as F

pytestmark = pytest.mark.ours

DIFFER = "expected scalar type|The size of|same dtype|dtypes match|Expected self.dtype"


def parameter(device, *values):
    return nn.Parameter(torch.tensor(values or (1.0, 2.0, 3.0), device=device))


def after_a_step(make, device):
    p = parameter(device)
    optimizer = make([p])
    p.grad = torch.tensor([0.1, 0.2, 0.3], device=device)
    optimizer.step()
    return p, optimizer


ADAMS = {
    "Adam": lambda ps: optim.Adam(ps, 0.1),
    "AdamW": lambda ps: optim.AdamW(ps, 0.1),
    "amsgrad": lambda ps: optim.Adam(ps, 0.1, amsgrad=True),
}
STEPS = {"SGD": lambda ps: optim.SGD(ps, 0.1, momentum=0.9), **ADAMS}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("make", ADAMS.values(), ids=ADAMS)
def test_adam_refuses_state_of_another_dtype_and_changes_nothing(device, make, dtype):
    p, optimizer = after_a_step(make, device)
    p.data, p.grad = p.data.to(dtype), None
    p.grad = torch.tensor([0.1, 0.2, 0.3], dtype=dtype, device=device)
    before, state = p.tolist(), optimizer.state[p]["exp_avg"].tolist()
    with pytest.raises(
        RuntimeError, match=r"adam_step: expected scalar type .* found Float for exp_avgs\[0\].*load_state_dict"
    ):
        optimizer.step()
    assert p.tolist() == before
    assert optimizer.state[p]["exp_avg"].tolist() == state
    assert optimizer.state[p]["step"].item() == 1
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.step()
    assert p.tolist() == pytest.approx([0.8, 1.8, 2.8], abs=0.05)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_goes_on_in_the_widest_dtype_after_the_parameters_dtype_changed(device, nesterov, dtype):
    p, optimizer = after_a_step(lambda ps: optim.SGD(ps, 0.1, momentum=0.9, nesterov=nesterov), device)
    p.data, p.grad = p.data.to(dtype), None
    p.grad = torch.tensor([0.1, 0.2, 0.3], dtype=dtype, device=device)
    start = p.to(torch.float64).numpy(force=True).copy()
    g = p.grad.to(torch.float64).numpy(force=True)
    optimizer.step()
    buffer = 0.9 * np.array([0.1, 0.2, 0.3]) + g
    expected = start - 0.1 * (g + 0.9 * buffer if nesterov else buffer)
    assert optimizer.state[p]["momentum_buffer"].dtype is torch.float32
    tolerance = {torch.float16: 1e-3, torch.bfloat16: 1e-2, torch.float64: 1e-6}[dtype]
    np.testing.assert_allclose(p.to(torch.float64).numpy(force=True), expected, atol=tolerance)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("make", STEPS.values(), ids=STEPS)
def test_a_pruned_or_grown_parameter_is_refused(device, make, size):
    p, optimizer = after_a_step(make, device)
    p.data = torch.ones(size, device=device)
    with pytest.raises(RuntimeError, match=r"_step: The size of gradients\[0\] \(3,\) must match"):
        optimizer.step()
    p.grad = None
    p.grad = torch.ones(size, device=device)
    with pytest.raises(
        RuntimeError, match=rf"_step: The size of \w+\[0\] \(3,\) must match that of parameters\[0\] \({size},\)"
    ):
        optimizer.step()
    assert p.tolist() == [1.0] * size


@pytest.mark.parametrize("make", STEPS.values(), ids=STEPS)
def test_a_gradient_of_another_size_behind_the_optimizers_back_is_refused(device, make):
    p, optimizer = after_a_step(make, device)
    before = p.tolist()
    p.grad.data = torch.ones(1, device=device)
    with pytest.raises(RuntimeError, match=r"gradients\[0\] \(1,\)"):
        optimizer.step()
    assert p.tolist() == before


# ---------------------------------------------------------------------------------------------- gradients that meet


@pytest.mark.parametrize("size", [1, 2])
def test_a_gradient_is_not_added_to_one_of_another_size(device, size):
    p = parameter(device)
    p.grad = torch.ones(3, device=device)
    p.data = torch.ones(size, device=device)
    with pytest.raises(
        RuntimeError, match=rf"The size of tensor a \(3\) must match the size of tensor b \({size}\)|Mismatch"
    ):
        (p * 2).sum().backward()
    assert p.grad.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_a_gradient_is_added_in_the_dtype_of_the_first(device, dtype):
    p = parameter(device)
    p.grad = torch.ones(3, device=device)
    p.data = p.data.to(dtype)
    (p * 2).sum().backward()
    assert p.grad.dtype is torch.float32
    assert p.grad.tolist() == [3.0, 3.0, 3.0]


@pytest.mark.parametrize("wrong", [lambda g: g[:1], lambda g: g.double()], ids=["size", "dtype"])
def test_hooks_of_nodes_keep_sizes_and_dtypes(device, wrong):
    for register in (
        lambda node: node.register_prehook(lambda gradients: (wrong(gradients[0]),)),
        lambda node: node.register_hook(lambda gradients, outputs: (wrong(gradients[0]),)),
    ):
        x = parameter(device)
        y = x.exp()
        register(y.grad_fn)
        with pytest.raises(RuntimeError, match=r"has changed the (size|type) of value"):
            y.sum().backward()


def test_what_was_packed_into_fewer_bits_is_computed_with_in_its_own_dtype(device):
    x = parameter(device)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.half(), lambda t: t):
        y = x.tanh()
    y.sum().backward()
    assert x.grad.dtype is torch.float32
    np.testing.assert_allclose(x.grad.tolist(), 1 - np.tanh([1, 2, 3]) ** 2, atol=1e-3)


# ---------------------------------------------------------------------------------------------- operands of two dtypes


def two_dtypes(device):
    def ones(*shape, dtype=torch.float32):
        return torch.ones(*shape, dtype=dtype, device=device)

    def other(*shape):
        return ones(*shape, dtype=torch.float64)

    zeros = torch.zeros(2, 3, dtype=torch.int64, device=device)
    row = zeros[:, 0]
    return {
        "scatter": lambda: ones(2, 3).scatter(0, zeros, other(2, 3)),
        "scatter_": lambda: ones(2, 3).scatter_(0, zeros, other(2, 3)),
        "scatter_add": lambda: ones(2, 3).scatter_add(0, zeros, other(2, 3)),
        "scatter_add_": lambda: ones(2, 3).scatter_add_(0, zeros, other(2, 3)),
        "index_put": lambda: ones(3).index_put((row,), other(2)),
        "x[i] = y": lambda: ones(3).__setitem__(row, other(2)),
        "linear_cross_entropy": lambda: F.linear_cross_entropy(ones(2, 3), other(4, 3), row),
        "linear_cross_entropy bias": lambda: F.linear_cross_entropy(ones(2, 3), ones(4, 3), row, linear_bias=other(4)),
        "layer_norm": lambda: F.layer_norm(ones(2, 3), (3,), other(3)),
        "layer_norm bias": lambda: F.layer_norm(ones(2, 3), (3,), ones(3), other(3)),
        "layer_norm of doubles": lambda: F.layer_norm(other(2, 3), (3,), ones(3)),
        "batch_norm": lambda: F.batch_norm(ones(2, 3), other(3), other(3)),
        "group_norm": lambda: F.group_norm(ones(2, 4), 2, other(4)),
        "instance_norm": lambda: F.instance_norm(ones(2, 3, 4), weight=other(3)),
        "prelu": lambda: F.prelu(ones(2, 3), other(1)),
        "bilinear": lambda: F.bilinear(ones(2, 3), other(2, 4), ones(5, 3, 4)),
        "nll_loss": lambda: F.nll_loss(ones(2, 3), row, other(3)),
        "cross_entropy": lambda: F.cross_entropy(ones(2, 3), row, other(3)),
        "binary_cross_entropy": lambda: F.binary_cross_entropy(ones(3), other(3)),
        "cdist": lambda: torch.cdist(ones(2, 3), other(2, 3)),
    }


@pytest.mark.parametrize("name", two_dtypes("cpu"))
def test_operands_of_two_dtypes_are_refused(device, name):
    with pytest.raises(RuntimeError, match=DIFFER):
        two_dtypes(device)[name]()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_norms_of_half_types_take_parameters_in_float32(device, dtype):
    x, one = torch.ones(2, 4, dtype=dtype, device=device), torch.ones(4, device=device)
    assert F.layer_norm(x, (4,), one, one).dtype is dtype
    assert F.batch_norm(x, one, one, one, one).dtype is dtype
    assert F.group_norm(x, 2, one, one).dtype is dtype


# ---------------------------------------------------------------------------------------------- the table


def arrays_of(line, backend, dtype, sizes):
    """Arrays as a line of the table says, with sizes drawn for its words."""
    dtypes = {"T": dtype, "A": np.dtype(np.float32), "int64": np.dtype(np.int64)}
    return {
        term.name: backend.full(
            tuple(
                n
                for size in term.sizes
                for n in ((2, 3) if size[0] == "*" else (sizes.setdefault(size, 2 + len(sizes)),))
            ),
            0,
            dtypes[term.dtype],
        )
        for term in alike._terms(line)
    }


@pytest.mark.parametrize("name", sorted(alike.ALIKE))
def test_every_line_of_the_table_is_held_for_each_of_its_arrays(device, name):
    backend = torch.device(device).backend
    function = getattr(backend, name)
    terms, parameters = list(alike._terms(alike.ALIKE[name])), inspect.signature(function).parameters
    assert {term.name for term in terms} <= set(parameters)

    def call(arrays):
        given = dict.fromkeys(("size", "output", "kernel", "stride", "padding", "dilation"), (2, 3))
        function(*(arrays.get(name, given.get(name, 1)) for name in parameters))

    def arrays(**sizes):
        return arrays_of(alike.ALIKE[name], backend, np.dtype(np.float32), dict(sizes))

    compared = [
        term for term in terms if sum(term.dtype == other.dtype for other in terms) > 1 or term.dtype == "int64"
    ]
    for term in compared:
        wrong = arrays()
        wrong[term.name] = backend.full(wrong[term.name].shape, 0, np.dtype(np.float64))
        with pytest.raises(RuntimeError, match=rf"^{name}: expected scalar type"):
            call(wrong)
    words = [word for term in terms for word in term.sizes]
    for term in terms:
        for place, word in enumerate(term.sizes):
            if word[0] != "*" and words.count(word) > 1:
                wrong = arrays()
                shape = list(wrong[term.name].shape)
                shape[place - len(term.sizes) if any(s[0] == "*" for s in term.sizes[:place]) else place] += 1
                wrong[term.name] = backend.full(tuple(shape), 0, wrong[term.name].dtype)
                with pytest.raises(RuntimeError, match=rf"^{name}: The size of"):
                    call(wrong)


def test_elementwise_functions_refuse_operands_that_are_not_alike_on_a_gpu(device):
    if device == "cpu":
        x = np.ones(3, np.float32)
        with pytest.raises(ValueError, match="broadcast"):
            torch.device("cpu").backend.add(x, np.ones(2, np.float32), out=x)
        return
    backend = torch.device(device).backend
    x, longer, wide = (backend.full((n,), 1, np.dtype(kind)) for n, kind in ((3, "f4"), (5, "f4"), (3, "f8")))
    for name in ("add", "mul", "atan2", "lt", "nextafter"):
        function = getattr(backend, name)
        for other in (longer, wide):
            with pytest.raises(RuntimeError, match=r"The size of|expected scalar type"):
                function(x, other)
            with pytest.raises(RuntimeError, match=r"The size of|expected scalar type|expected out"):
                function(x, x, out=other)
    with pytest.raises(RuntimeError, match="The size of"):
        backend.copy_into(longer, x)
