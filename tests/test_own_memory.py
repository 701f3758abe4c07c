"""What a function returns is nobody else's memory unless it is a view: results, tangents, rates, gradients."""

import pytest

import autograd_gpu as torch
from autograd_gpu import nn, optim
from autograd_gpu.autograd import forward_ad
from autograd_gpu.nn import functional as F
from autograd_gpu.testing import op_checks
from autograd_gpu.testing.op_case import Call
from autograd_gpu.testing.op_table import CASES

pytestmark = pytest.mark.ours

COPIES = {
    "pad by zeros, reflect": lambda x: F.pad(x, (0, 0, 0, 0), "reflect"),
    "pad by zeros, replicate": lambda x: F.pad(x, (0, 0), "replicate"),
    "pad by zeros, circular": lambda x: F.pad(x, (0, 0), "circular"),
    "pad by zeros, constant": lambda x: F.pad(x, (0, 0)),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 1),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 1),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 1),
    "repeat": lambda x: x.repeat(1, 1, 1),
    "tile": lambda x: x.tile(1),
    "repeat_interleave": lambda x: x.repeat_interleave(1, 0),
    "chain_matmul": lambda x: torch.chain_matmul(x[0]),
    "clone": lambda x: x.clone(),
    "x + 0": lambda x: x + 0,
    "x + c": lambda x: x + torch.ones_like(x),
    "roll": lambda x: x.roll(0),
    "cat": lambda x: torch.cat([x]),
    "sum over a dimension of 1": lambda x: x[None].sum(0),
    "reshape of what has no view": lambda x: x[:, :, :1].expand(1, 2, 2).transpose(1, 2).reshape(4),
    "contiguous of a transpose": lambda x: x.transpose(1, 2).contiguous(),
    "flatten of an expansion": lambda x: x.expand(3, 2, 2).flatten(),
    "index_add": lambda x: x.index_add(0, torch.tensor([0], device=x.device), torch.ones_like(x)),
    "einsum": lambda x: torch.einsum("abc->abc", x).clone(),
}  # fmt: skip


def sample(device):
    return torch.tensor([[[1.0, 2.0], [3.0, 4.0]]], device=device)


@pytest.mark.parametrize("name", COPIES)
def test_a_write_to_a_copy_is_not_seen_in_what_it_was_made_of(device, name):
    x = sample(device)
    COPIES[name](x).fill_(7.0)
    assert x.tolist() == sample("cpu").tolist()


@pytest.mark.parametrize("name", COPIES)
def test_a_write_to_a_copy_leaves_the_others_tangent(device, name):
    direction = sample(device)
    with forward_ad.dual_level():
        x = forward_ad.make_dual(sample(device), direction)
        y = COPIES[name](x)
        y.mul_(0.0)
        assert forward_ad.unpack_dual(x).tangent.tolist() == sample("cpu").tolist()
        assert not forward_ad.unpack_dual(y).tangent.any()
    assert direction.tolist() == sample("cpu").tolist()


def test_a_residual_connection_relus_in_place_in_forward_mode(device):
    x, b = torch.tensor([-1.0, 2.0], device=device), torch.zeros(2, device=device)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, torch.ones(2, device=device))
        h = dual + b
        h.relu_()
        assert forward_ad.unpack_dual(h + dual).tangent.tolist() == [1.0, 2.0]


def test_a_tangent_takes_part_in_the_views_of_its_tensor(device):
    x = torch.arange(6.0, device=device).reshape(2, 3)
    for primal, direction in ((x, torch.ones(3, 2, device=device).t()), (x.t(), torch.ones(3, 2, device=device))):
        with forward_ad.dual_level():
            y = forward_ad.make_dual(primal, direction).reshape(6)
            assert forward_ad.unpack_dual(y).tangent.tolist() == [1.0] * 6


def test_multi_head_attention_has_tangents(device):
    attention = nn.MultiheadAttention(4, 2, device=device)
    x = torch.ones(3, 1, 4, device=device)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, torch.ones_like(x))
        y, _ = attention(dual, dual, dual, need_weights=False)
        assert forward_ad.unpack_dual(y).tangent.shape == y.shape


def test_histogram_copies_the_edges_that_it_is_given():
    edges = torch.tensor([0.0, 1.0, 2.0])
    torch.histogram(torch.tensor([0.5]), edges)[1].fill_(7.0)
    assert edges.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "schedule",
    [
        lambda o, rate: optim.lr_scheduler.CyclicLR(o, rate, 1.0, 2, cycle_momentum=False),
        lambda o, rate: optim.lr_scheduler.CyclicLR(o, 0.01, rate, 2, cycle_momentum=False),
        lambda o, rate: optim.lr_scheduler.OneCycleLR(o, rate, 4, cycle_momentum=False),
        lambda o, rate: optim.swa_utils.SWALR(o, rate, anneal_epochs=2),
    ],
)
@pytest.mark.parametrize("tensor_rate", [False, True])
def test_schedules_write_to_no_tensor_that_they_are_given(schedule, tensor_rate):
    p = nn.Parameter(torch.ones(2))
    optimizer = optim.SGD([p], torch.tensor(0.1) if tensor_rate else 0.1)
    rate = torch.tensor(0.5)
    steps = schedule(optimizer, rate)
    for _ in range(3):
        optimizer.step()
        steps.step()
    assert rate.item() == 0.5
    rates = [group["lr"] for group in optimizer.param_groups]
    rate.fill_(100.0)
    assert [float(lr) for lr in rates] == [float(group["lr"]) for group in optimizer.param_groups]
    steps.step()
    assert all(float(group["lr"]) <= 1.0 for group in optimizer.param_groups)


def test_gradients_of_a_graphed_callable_stay_after_the_next_replay(device):
    if device == "cpu":
        return  # only a GPU's launches are captured
    weight = torch.ones(2, device=device, requires_grad=True)
    graphed = torch.cuda.make_graphed_callables(
        lambda x: x * weight * x, (torch.ones(2, device=device, requires_grad=True),)
    )
    x = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    (first,) = torch.autograd.grad(graphed(x).sum(), x)
    torch.autograd.grad(graphed(x * 10).sum(), x)
    assert first.tolist() == [2.0, 4.0]


# ---------------------------------------------------------------------------------------------- no dimensions


def without_dimensions(call):
    def first(array):
        return array.reshape(-1)[:1].reshape(()) if array.size and op_checks.is_floating(array) else array

    return Call(op_checks.replaced(call.args, first), op_checks.replaced(call.kwargs, first))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_a_backend_returns_is_an_array_without_dimensions_too(case):
    """NumPy makes numbers of arrays without dimensions, which nothing can be written into."""
    for dtype in {"float32", "float16"} & set(case.dtypes):
        for call in op_checks.every_sample(case, dtype):
            for given in (call, without_dimensions(call)):
                try:
                    results = op_checks.run(case, given, "cpu")[1]
                except (RuntimeError, IndexError, ValueError, AssertionError, NotImplementedError):
                    continue  # it is refused without dimensions
                assert {type(y._array).__name__ for y in results} <= {"ndarray"}


def test_a_variance_can_be_computed_with():
    x = torch.tensor([1.0, 2.0, 4.0])
    v = x.var()
    assert (v * 2).item() == pytest.approx(14 / 3)
    assert (v + 1e-5).item() == pytest.approx(7 / 3 + 1e-5)
    assert v.add_(1).item() == pytest.approx(10 / 3)
    assert torch.where(v > 0, v, 0.0).item() == pytest.approx(10 / 3)
    spread, mean = torch.var_mean(x)
    assert (spread / mean).item() == pytest.approx(1.0)
    assert F.dropout(torch.tensor(3.0), 0.5).item() in (0.0, 6.0)
    assert torch.tensor(3.0).var().isnan().item()
