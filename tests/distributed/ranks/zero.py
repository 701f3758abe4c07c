"""Claims about ZeroRedundancyOptimizer and sharded checkpoints, run by pytest on every rank at once."""

import os
import tempfile

import numpy as np
import pytest
from on_every_rank import HOME, ON_NCCL, RANK, SIZE

import autograd_gpu as torch
from autograd_gpu import distributed as dist
from autograd_gpu import nn
from autograd_gpu.distributed import checkpoint
from autograd_gpu.distributed.algorithms.ddp_comm_hooks.default_hooks import bf16_compress_hook
from autograd_gpu.distributed.optim import ZeroRedundancyOptimizer
from autograd_gpu.nn.parallel import DistributedDataParallel


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 31), nn.Tanh(), nn.Linear(31, 7)).to(HOME)


def batch(step):
    x = np.random.default_rng([step, RANK]).standard_normal((3, 5)).astype(np.float32)
    return torch.from_numpy(x).to(HOME)


def take_steps(model, wrapped, optimizer, steps, schedule=None, clip=None):
    for step in steps:
        optimizer.zero_grad()
        wrapped(batch(step)).square().mean().backward()
        if clip is not None:
            getattr(optimizer, "clip_grad_norm_", lambda m: nn.utils.clip_grad_norm_(model.parameters(), m))(clip)
        optimizer.step()
        if schedule is not None:
            schedule.step()


def weights(model):
    return np.concatenate([p.detach().cpu().numpy().ravel() for p in model.parameters()])


def groups(model):
    return [
        {"params": [p for p in model.parameters() if p.dim() == 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() == 1], "lr": 0.003},
    ]


RULES = [
    (torch.optim.AdamW, {"lr": 0.01}),
    (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (torch.optim.RMSprop, {"lr": 0.01}),
]


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("rule, settings", RULES, ids=lambda value: getattr(value, "__name__", ""))
def test_steps_are_those_of_the_plain_optimizer(rule, settings, stage):
    plain, dealt = net(), net()
    wrapped, plain_optimizer = DistributedDataParallel(plain), rule(groups(plain), **settings)
    optimizer = ZeroRedundancyOptimizer(groups(dealt), rule, stage=stage, **settings)
    schedules = [torch.optim.lr_scheduler.StepLR(each, 2, 0.1) for each in (plain_optimizer, optimizer)]
    clip = 0.05 if rule is torch.optim.AdamW else None
    take_steps(plain, wrapped, plain_optimizer, range(5), schedules[0], clip)
    take_steps(dealt, DistributedDataParallel(dealt) if stage == 1 else dealt, optimizer, range(5), schedules[1], clip)
    np.testing.assert_allclose(weights(dealt), weights(plain), rtol=1e-5, atol=1e-6)
    kept = sum(
        v.numel() for state in optimizer.optim.state.values() for k, v in state.items() if k != "step" and v.numel() > 1
    )
    whole = sum(v.numel() for s in plain_optimizer.state.values() for k, v in s.items() if k != "step")
    assert kept <= 1.1 * whole / SIZE
    if stage == 2:
        assert all(p.grad is None for p in dealt.parameters())


def test_the_whole_state_goes_to_a_plain_optimizer_and_back():
    dealt = net()
    optimizer = ZeroRedundancyOptimizer(groups(dealt), torch.optim.AdamW, lr=0.01)
    wrapped = DistributedDataParallel(dealt)
    take_steps(dealt, wrapped, optimizer, range(3))
    with pytest.raises(RuntimeError, match="has not been consolidated on this rank"):
        optimizer.state_dict()
    optimizer.consolidate_state_dict(to=0)
    box = [optimizer.state_dict() if RANK == 0 else None]
    dist.broadcast_object_list(box, 0)
    plain, again = net(), net()
    for model in (plain, again):
        model.load_state_dict(dealt.state_dict())
    plain_optimizer = torch.optim.AdamW(groups(plain), lr=0.5)
    plain_optimizer.load_state_dict(box[0])
    other = ZeroRedundancyOptimizer(groups(again), torch.optim.AdamW, lr=0.5)
    other.load_state_dict(box[0])
    assert [group["lr"] for group in other.param_groups] == [0.01, 0.003]
    for model, each in ((dealt, optimizer), (plain, plain_optimizer), (again, other)):
        take_steps(model, wrapped if model is dealt else DistributedDataParallel(model), each, range(3, 6))
    np.testing.assert_allclose(weights(plain), weights(dealt), rtol=1e-5, atol=1e-6)
    assert weights(again).tolist() == weights(dealt).tolist()


@pytest.mark.skipif(ON_NCCL, reason="the stand-in has communicators of all ranks only")
def test_a_sharded_checkpoint_loads_on_another_number_of_ranks():
    box = [tempfile.mkdtemp() if RANK == 0 else None]
    dist.broadcast_object_list(box, 0)
    model = net()
    wrapped, optimizer = (
        DistributedDataParallel(model),
        ZeroRedundancyOptimizer(model.parameters(), torch.optim.Adam, lr=0.01),
    )
    take_steps(model, wrapped, optimizer, range(2))
    for step in (1, 2):  # the second takes the first's place
        checkpoint.save({"model": model, "optimizer": optimizer, "step": step}, checkpoint_id=box[0])
    assert len([name for name in os.listdir(box[0]) if name.isdigit()]) == 1
    optimizer.consolidate_state_dict(0)
    expected = [optimizer.state_dict() if RANK == 0 else None]
    dist.broadcast_object_list(expected, 0)
    fewer = dist.new_group(range(SIZE - 1))
    if RANK < SIZE - 1:
        loaded = net(seed=1)
        other = ZeroRedundancyOptimizer(loaded.parameters(), torch.optim.Adam, process_group=fewer, lr=0.01)
        state = {"model": loaded, "optimizer": other, "step": 0}
        checkpoint.load(state, checkpoint_id=box[0], process_group=fewer)
        assert state["step"] == 2 and weights(loaded).tolist() == weights(model).tolist()
        other.consolidate_state_dict(0)
        if RANK == 0:
            found = other.state_dict()["state"]
            assert found.keys() == expected[0]["state"].keys()
            for place, values in found.items():
                for key, value in values.items():
                    assert value.tolist() == expected[0]["state"][place][key].tolist()
        with pytest.raises(KeyError, match="has no 'other'"):
            checkpoint.load({"other": 1}, checkpoint_id=box[0], process_group=fewer)
    with pytest.raises(FileNotFoundError, match="holds no whole checkpoint"):
        checkpoint.load({}, checkpoint_id=box[0] + "/none")
    dist.barrier()


@pytest.mark.parametrize("stage", [1, 2])
def test_an_infinity_of_one_rank_skips_the_step_of_all(stage):
    model = net()
    optimizer = ZeroRedundancyOptimizer(model.parameters(), torch.optim.SGD, lr=0.1, stage=stage)
    wrapped = DistributedDataParallel(model) if stage == 1 else model
    scaler = torch.amp.GradScaler(HOME, init_scale=8.0)
    before = weights(model)
    for step in range(2):
        optimizer.zero_grad()
        scaler.scale(wrapped(batch(step)).square().mean()).backward()
        if step == 0 and (stage == 1 or RANK == 1):
            next(model.parameters()).grad[0, 0] = float("inf")
        scaler.step(optimizer)
        scaler.update()
        assert scaler.get_scale() == 4.0
        assert (weights(model).tolist() == before.tolist()) is (step == 0)
    rows = [None] * SIZE
    dist.all_gather_object(rows, weights(model).tolist())
    assert all(row == rows[0] for row in rows)


PAYLOAD = {
    "Iallreduce": lambda sent, received, *_: received.nbytes,
    "Ireduce_scatter_block": lambda sent, received, *_: sent.nbytes,
    "Iallgather": lambda sent, received, *_: received.nbytes,
    "Ialltoallv": lambda sent, received, *_: sent[0].nbytes,
}


class Counting:
    """A communicator, and the bytes that its calls were given."""

    def __init__(self, communicator):
        self._communicator, self.calls = communicator, []

    def __getattr__(self, name):
        function = getattr(self._communicator, name)
        if name not in PAYLOAD:
            return function

        def call(*arguments):
            self.calls.append((name, PAYLOAD[name](*arguments)))
            return function(*arguments)

        return call


@pytest.mark.skipif(ON_NCCL, reason="MPI's calls are counted")
@pytest.mark.parametrize("kind", ["data parallel", "bfloat16", "stage 1", "stage 2"])
def test_the_bytes_of_a_step_are_those_that_docs_scaling_says(kind):
    model = net()
    wrapped = model if kind == "stage 2" else DistributedDataParallel(model)
    if kind == "bfloat16":
        wrapped.register_comm_hook(None, bf16_compress_hook)
    if kind.startswith("stage"):
        optimizer = ZeroRedundancyOptimizer(model.parameters(), torch.optim.AdamW, lr=0.1, stage=int(kind[-1]))
    else:
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    take_steps(model, wrapped, optimizer, range(1))
    engines = [dist.group.WORLD.engines["cpu"]]
    if wrapped is not model:
        engines.append(wrapped._reducer.group.engines["cpu"])
    for engine in engines:
        engine._communicator = Counting(engine._communicator)
    try:
        take_steps(model, wrapped, optimizer, range(1, 2))
        calls = [call for engine in engines for call in engine._communicator.calls]
    finally:
        for engine in engines:
            engine._communicator = engine._communicator._communicator
    count = sum(p.numel() for p in model.parameters())
    cut = -(-count // SIZE) * SIZE  # so that all parts are equal
    compared = 16  # what ranks ask for
    assert sorted(calls) == sorted(
        {
            "data parallel": [("Iallreduce", 4 * count)],
            "bfloat16": [
                ("Iallreduce", compared), ("Ialltoallv", 2 * cut), ("Iallreduce", compared), ("Iallgather", 2 * cut)
            ],
            "stage 1": [("Iallreduce", 4 * count), ("Iallreduce", compared), ("Iallgather", 4 * cut)],
            "stage 2": [
                ("Iallreduce", compared), ("Ireduce_scatter_block", 4 * cut), ("Iallreduce", compared),
                ("Iallgather", 4 * cut),
            ],
        }[kind]
    )  # fmt: skip


def test_what_cannot_be_dealt_out_is_refused():
    parameters = list(net().parameters())
    with pytest.raises(NotImplementedError, match="LBFGS looks at more than one element"):
        ZeroRedundancyOptimizer(parameters, torch.optim.LBFGS)
    with pytest.raises(TypeError, match="expected an Optimizer's class"):
        ZeroRedundancyOptimizer(parameters, nn.Linear)
    with pytest.raises(ValueError, match="stage to be 1 or 2"):
        ZeroRedundancyOptimizer(parameters, torch.optim.SGD, stage=3)
    with pytest.raises(ValueError, match="does not lie row by row"):
        ZeroRedundancyOptimizer([nn.Parameter(torch.zeros(3, 4, device=HOME).t())], torch.optim.SGD, lr=0.1)
    optimizer = ZeroRedundancyOptimizer(parameters, torch.optim.SGD, lr=0.1)
    with pytest.raises(RuntimeError, match="stage=2"):
        optimizer.reduce_gradients()
    with pytest.raises(NotImplementedError, match="add all parameter groups when it is made"):
        optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2))]})
