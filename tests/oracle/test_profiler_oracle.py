"""The profiler's names, counts, bytes, columns and schedule against torch.profiler's."""

import pytest
import torch
import torch.profiler as theirs

import autograd_gpu as ag
import autograd_gpu.profiler as ours

SAME = [
    "aten::linear", "aten::relu", "aten::cross_entropy_loss", "forward", "AddmmBackward0", "ReluBackward0",
    "NllLossBackward0", "torch::autograd::AccumulateGrad", "Optimizer.step#AdamW.step",
    "Optimizer.zero_grad#AdamW.zero_grad", "ProfilerStep*", "aten::exp", "ExpBackward0", "aten::add_",
]  # fmt: skip


def profiled(library, profiler, **options):
    """Two recorded steps of a perceptron's training."""
    nn = library.nn
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = library.optim.AdamW(model.parameters())
    x, target = library.ones(5, 8), library.tensor([0, 1, 2, 3, 0])
    free = library.ones(3)
    ready = []
    plan = profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
    cpu = [profiler.ProfilerActivity.CPU]
    with profiler.profile(activities=cpu, schedule=plan, on_trace_ready=ready.append, **options) as prof:
        for _ in range(4):
            with profiler.record_function("forward"):
                loss = nn.functional.cross_entropy(model(x).exp(), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if library is ag:  # an optimizer of PyTorch's is made of such calls, and they would be counted too
                free.add_(1)
            prof.step()
    assert len(ready) == 1
    return prof


def test_names_and_counts_are_pytorchs():
    counted = [
        {row.key.removeprefix("autograd::engine::evaluate_function: "): row.count for row in prof.key_averages()}
        for prof in (profiled(ag, ours), profiled(torch, theirs))
    ]
    names = [name for name in SAME if name != "aten::add_"]
    assert {name: counted[0].get(name) for name in names} == {name: counted[1].get(name) for name in names}


@pytest.mark.parametrize("options", [{}, {"profile_memory": True}])
def test_columns_are_pytorchs(options):
    def titles(prof):
        lines = prof.key_averages().table(sort_by="cpu_time_total").splitlines()
        header = next(line for line in lines if "Self CPU %" in line)
        return [title for title in header.strip().split("  ") if title]

    found = [[title.strip() for title in titles(profiled(*each, **options))] for each in ((ag, ours), (torch, theirs))]
    assert found[0] == found[1]


def test_results_have_pytorchs_bytes():
    def size(library, profiler):
        x = library.ones(64, 32)
        with profiler.profile(activities=[profiler.ProfilerActivity.CPU], profile_memory=True) as prof:
            x.exp()
        return {row.key: row.cpu_memory_usage for row in prof.key_averages()}["aten::exp"]

    assert size(ag, ours) == size(torch, theirs) == 64 * 32 * 4


def test_schedules_are_pytorchs():
    for numbers in (
        {"wait": 1, "warmup": 1, "active": 2},
        {"wait": 0, "warmup": 2, "active": 1, "repeat": 2},
        {"wait": 3, "warmup": 1, "active": 1, "repeat": 1, "skip_first": 2},
        {"wait": 3, "warmup": 1, "active": 2, "skip_first": 1, "skip_first_wait": 1},
    ):
        plans = [profiler.schedule(**numbers) for profiler in (ours, theirs)]
        assert [plans[0](step).name for step in range(20)] == [plans[1](step).name for step in range(20)]


@pytest.mark.parametrize("column", ["cpu_time", "self_cpu_time_total", "cpu_time_total", "count"])
def test_rows_are_sorted_by_what_pytorch_sorts_by(column):
    for library, profiler in ((ag, ours), (torch, theirs)):
        rows = profiled(library, profiler).key_averages()
        assert all(hasattr(row, column) for row in rows)
        rows.table(sort_by=column, row_limit=3)
