"""Claims about DistributedDataParallel, run by pytest on every rank at once by `tests/distributed/test_ranks.py`."""

import time

import numpy as np
import pytest
from on_every_rank import DEVICES, HOME, ON_NCCL, RANK, SIZE

import autograd_gpu as torch
from autograd_gpu import distributed as dist
from autograd_gpu import nn
from autograd_gpu.nn.parallel import DistributedDataParallel


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


class Net(nn.Module):
    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.first, self.second = nn.Linear(4, 8, dtype=dtype), nn.Linear(8, 3, dtype=dtype)
        self.side = nn.Linear(8, 3, dtype=dtype)

    def forward(self, x, side=False):
        h = self.first(x).tanh()
        return self.side(h) if side else self.second(h)


def net(device=HOME, dtype=torch.float32, seed=0):
    torch.manual_seed(seed)
    return Net(dtype).to(device)


def batch(device, step=0, dtype=torch.float32):
    source = np.random.default_rng([3, step])
    x = torch.from_numpy(source.standard_normal((SIZE * 2, 4))).to(device, dtype)
    return x, x[2 * RANK : 2 * RANK + 2]


def mean_gradients(model, x, **kwargs):
    """The gradients of one process with the whole batch."""
    model.zero_grad()
    model(x, **kwargs).square().mean().backward()
    return {name: None if p.grad is None else p.grad.cpu().double().numpy() for name, p in model.named_parameters()}


def agree(model, expected, rtol=1e-5):
    for name, p in model.named_parameters():
        if expected[name] is None:
            assert p.grad is None, name
        else:
            np.testing.assert_allclose(
                p.grad.cpu().double().numpy(), expected[name], rtol=rtol, atol=1e-7, err_msg=name
            )


def without_side(model):
    model.side.requires_grad_(False)
    return model


@pytest.mark.parametrize("megabytes", [25, 1e-4])
def test_gradients_are_the_means_over_the_whole_batch(device, megabytes):
    whole, model = without_side(net(device)), without_side(net(device, seed=RANK))
    wrapped = DistributedDataParallel(model, bucket_cap_mb=megabytes)
    for step in range(3):
        x, mine = batch(device, step)
        wrapped.zero_grad(set_to_none=step != 1)
        wrapped(mine).square().mean().backward()
        agree(model, mean_gradients(whole, x))
    assert len(wrapped._reducer.buckets) == (1 if megabytes == 25 else 4)
    for bucket in wrapped._reducer.buckets:
        for p, view in zip(bucket.parameters, bucket.views):
            assert p.grad is view and view._is_view() and view._base is bucket.flat


def test_two_backwards_accumulate_means_and_no_sync_waits_for_the_next():
    whole, model = without_side(net()), without_side(net())
    wrapped = DistributedDataParallel(model)
    (x0, mine0), (x1, mine1) = batch(HOME, 0), batch(HOME, 1)
    first, second = mean_gradients(whole, x0), mean_gradients(whole, x1)
    both = {name: None if first[name] is None else first[name] + second[name] for name in first}
    wrapped(mine0).square().mean().backward()
    wrapped(mine1).square().mean().backward()
    agree(model, both)
    wrapped.zero_grad()
    with wrapped.no_sync():
        loss = wrapped(mine0).square().mean()
    loss.backward()  # no_sync is the forward's
    own = model.first.weight.grad.clone()
    others = [torch.zeros_like(own) for _ in range(SIZE)]
    dist.all_gather(others, own)
    assert any(other.tolist() != own.tolist() for other in others)
    wrapped(mine1).square().mean().backward()
    agree(model, both)


def test_what_nobody_uses_keeps_its_gradient_and_what_some_use_gets_the_mean_with_zeros():
    model = net()
    wrapped = DistributedDataParallel(model, find_unused_parameters=True)
    _, mine = batch(HOME)
    wrapped(mine).square().mean().backward()
    assert model.side.weight.grad is None and model.second.weight.grad is not None
    wrapped.zero_grad()
    wrapped(mine, side=RANK == 0).square().mean().backward()
    alone = mean_gradients(net(), batch(HOME)[0][:2], side=True)["side.weight"]
    np.testing.assert_allclose(model.side.weight.grad.cpu().numpy(), alone / SIZE, rtol=1e-5)
    assert model.second.weight.grad is not None


def test_a_gradient_that_is_missing_raises_at_the_end_of_backward():
    wrapped = DistributedDataParallel(net())
    with pytest.raises(RuntimeError, match=r"Expected to have finished reduction.*side.weight.*find_unused_parameters"):
        wrapped(batch(HOME)[1]).square().mean().backward()


@pytest.mark.parametrize(
    "change, match",
    [
        (lambda m: m.second.requires_grad_(False), "rank 1 has parameter 'second.weight'.*requires_grad=False"),
        (lambda m: setattr(m, "first", nn.Linear(4, 9, device=HOME)), r"rank 1 has parameter 'first.weight'.*\(9, 4\)"),
        (lambda m: m.second.double(), "rank 1 has parameter 'second.weight' .torch.float64"),
        (lambda m: setattr(m, "more", nn.Linear(1, 1, device=HOME)), "rank 1 alone has parameter 'more.weight'"),
        (lambda m: m.register_buffer("mask", torch.ones(2, device=HOME)), "rank 1 alone has buffer 'mask'"),
    ],
)
def test_modules_that_differ_are_named_before_the_first_collective(change, match):
    model = without_side(net())
    if RANK == 1:
        change(model)
    with pytest.raises(RuntimeError, match=match):
        DistributedDataParallel(model)


def test_parameters_that_change_after_wrapping_are_named():
    model = without_side(net())
    wrapped = DistributedDataParallel(model)
    model.side.weight.requires_grad_(True)
    with pytest.raises(RuntimeError, match=r"side.weight would never be reduced, none would be waited for"):
        wrapped(batch(HOME)[1])
    model.side.weight.requires_grad_(False)
    model.first = nn.Linear(4, 8, device=HOME)
    with pytest.raises(
        RuntimeError, match=r"first.weight, first.bias would never be reduced, first.weight, first.bias"
    ):
        wrapped(batch(HOME)[1])


def test_buffers_are_those_of_the_first_rank_before_each_forward():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).to(HOME)
    wrapped = DistributedDataParallel(model)
    for step in range(2):
        before = [torch.zeros(4, device=HOME) for _ in range(SIZE)]
        dist.all_gather(before, model[1].running_mean)
        mine = batch(HOME, step)[1]
        expected = 0.9 * before[0] + 0.1 * model[0](mine).mean(0)
        wrapped(mine).sum().backward()
        np.testing.assert_allclose(
            model[1].running_mean.cpu().numpy(), expected.detach().cpu().numpy(), rtol=1e-5, atol=1e-7
        )
    assert model[1].num_batches_tracked.item() == 2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_gradients_are_added_in_float32(dtype, device):
    model = without_side(net(device, dtype))
    wrapped = DistributedDataParallel(model)
    mine = batch(device, dtype=dtype)[1]
    wrapped(mine).square().mean().backward()
    alone = without_side(net(device, dtype))
    alone(mine).square().mean().backward()
    for p, own in zip(model.parameters(), alone.parameters()):
        if p.grad is None:
            continue
        rows = [torch.zeros_like(own.grad) for _ in range(SIZE)]
        dist.all_gather(rows, own.grad)
        mean = sum(row.float() for row in rows) / SIZE
        assert p.grad.tolist() == mean.to(dtype).tolist()


def test_bf16_compression_adds_in_float32():
    from autograd_gpu.distributed.algorithms.ddp_comm_hooks.default_hooks import bf16_compress_hook

    model = without_side(net())
    wrapped = DistributedDataParallel(model)
    wrapped.register_comm_hook(None, bf16_compress_hook)
    mine = batch(HOME)[1]
    wrapped(mine).square().mean().backward()
    alone = without_side(net())
    alone(mine).square().mean().backward()
    rows = [torch.zeros_like(alone.first.weight.grad) for _ in range(SIZE)]
    dist.all_gather(rows, alone.first.weight.grad)
    mean = sum(row.bfloat16().float() for row in rows) / SIZE
    assert model.first.weight.grad.tolist() == mean.bfloat16().float().tolist()
    with pytest.raises(RuntimeError, match="can only be called once"):
        wrapped.register_comm_hook(None, bf16_compress_hook)


@pytest.mark.skipif(ON_NCCL, reason="what stands in for NCCL does all at once")
def test_reduction_goes_on_while_backward_does():
    ended = []

    class Slow(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            time.sleep(0.4)
            ended.append(time.perf_counter())
            return g

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.second(Slow.apply(self.first(x)))

    wrapped = DistributedDataParallel(Model().to(HOME), bucket_cap_mb=8e-5)  # a layer each
    wrapped(batch(HOME)[1]).sum().backward()
    works = [bucket.work for bucket in wrapped._reducer.buckets]
    # The trace: the second layer's are on their way before the first's begin to be computed.
    assert works[0].began < ended[0] < works[-1].began


def test_a_resumed_run_has_the_bits_of_the_run_that_went_on():
    def steps(model, first, last, state=None):
        wrapped = DistributedDataParallel(model, bucket_cap_mb=1e-4)
        optimizer = torch.optim.AdamW(model.parameters(), 0.01)
        if state is not None:
            optimizer.load_state_dict(state)
        for step in range(first, last):
            optimizer.zero_grad()
            wrapped(batch(HOME, step)[1]).square().mean().backward()
            optimizer.step()
        return optimizer.state_dict()

    went_on, resumed = without_side(net()), without_side(net())
    steps(went_on, 0, 6)
    state = steps(resumed, 0, 3)
    again = without_side(net(seed=5))
    again.load_state_dict(resumed.state_dict())
    steps(again, 3, 6, state)
    for ours, theirs in zip(again.parameters(), went_on.parameters()):
        assert ours.tolist() == theirs.tolist()


def test_a_captured_step_reduces_at_every_replay(device):
    if device == "cuda" and not ON_NCCL:
        pytest.skip("by way of the host nothing is captured")

    def trained(captured):
        model = without_side(net(device))
        wrapped = DistributedDataParallel(model)
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)

        def step(x):
            optimizer.zero_grad()
            loss = wrapped(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        run = torch.capture(step) if captured else step
        losses = [run(batch(device, n)[1]).item() for n in range(5)]
        return losses, [p.tolist() for p in model.parameters()]

    assert trained(True) == trained(False)
    parts = [None] * SIZE
    dist.all_gather_object(parts, trained(True)[1])
    assert all(part == parts[0] for part in parts)


def test_statistics_over_processes_are_refused():
    norm = nn.SyncBatchNorm(3)
    with pytest.raises(NotImplementedError, match="statistics over several processes are not supported"):
        norm(torch.ones(2, 3))
    assert norm.eval()(torch.ones(2, 3)).shape == (2, 3)


def test_what_is_sparse_is_refused():
    table = nn.Embedding(5, 2, sparse=True, device=HOME)
    wrapped = DistributedDataParallel(table)
    with pytest.raises(NotImplementedError, match="gradient is sparse"):
        wrapped(torch.tensor([1, 2], device=HOME)).sum().backward()
    del wrapped
    table.weight.grad = None
    table(torch.tensor([1, 2], device=HOME)).sum().backward()
    with pytest.raises(NotImplementedError, match="tensor is sparse, which no engine takes"):
        dist.all_reduce(table.weight.grad)


def test_what_cannot_be_wrapped_is_refused():
    with pytest.raises(RuntimeError, match="not needed when a module doesn't have any parameter"):
        DistributedDataParallel(nn.ReLU())
    with pytest.raises(ValueError, match="device_ids can only be None or contain a single element"):
        DistributedDataParallel(net(), device_ids=[0, 1])
    with pytest.raises(ValueError, match="bucket_cap_mb to be positive"):
        DistributedDataParallel(net(), bucket_cap_mb=0)
