"""A profile: what it counts, how calls lie within calls, when it looks, what it writes, and that it leaves no trace."""

import json
import sys
import threading
import types

import pytest

import autograd_gpu as torch
from autograd_gpu import nn
from autograd_gpu.autograd import profiler as older
from autograd_gpu.op import Op
from autograd_gpu.profiler import (
    ProfilerAction,
    ProfilerActivity,
    emit_nvtx,
    profile,
    record_function,
    schedule,
    tensorboard_trace_handler,
)
from autograd_gpu.tensor import AccumulateGrad, Tensor

pytestmark = pytest.mark.ours


class Job:
    """A small perceptron and one step of its training."""

    def __init__(self, device="cpu"):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters())
        self.x, self.target = torch.randn(5, 8, device=device), torch.tensor([0, 1, 2, 3, 0], device=device)

    def step(self):
        with record_function("forward"):
            loss = nn.functional.cross_entropy(self.model(self.x), self.target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


def counts(prof):
    return {row.key: row.count for row in prof.key_averages()}


def test_every_operation_node_and_step_is_counted_once(on_each_device):
    job = Job(on_each_device)
    job.step()
    with profile() as prof:
        for _ in range(3):
            job.step()
    found = counts(prof)
    expected = {
        "forward": 3, "aten::linear": 6, "aten::relu": 3, "aten::cross_entropy_loss": 3, "AddmmBackward0": 6,
        "ReluBackward0": 3, "NllLossBackward0": 3, "torch::autograd::AccumulateGrad": 12,
        "Optimizer.step#AdamW.step": 3, "Optimizer.zero_grad#AdamW.zero_grad": 3,
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected


def test_calls_lie_within_calls_and_their_own_times_add_up():
    job = Job()
    with profile() as prof, record_function("everything"):
        job.step()
    events = prof.events()
    by_name = {event.name: event for event in events}
    assert by_name["aten::relu"].cpu_parent is by_name["forward"]
    assert by_name["forward"].cpu_parent is by_name["everything"]
    assert by_name["aten::relu_backward"].cpu_parent is by_name["ReluBackward0"]
    assert all(event.self_cpu_time_total >= 0 for event in events)
    assert events.self_cpu_time_total == pytest.approx(by_name["everything"].cpu_time_total)
    assert prof.key_averages().self_cpu_time_total == pytest.approx(events.self_cpu_time_total)


def test_what_is_written_in_place_without_a_graph_is_seen():
    x = torch.ones(3)
    with profile() as prof:
        x.add_(1).mul_(2)
        x += 1
    assert counts(prof)["aten::add_"] >= 1 and counts(prof)["aten::mul_"] == 1


def test_under_autocast_an_operation_counts_once():
    layer, x = nn.Linear(4, 4), torch.ones(2, 4)
    with torch.autocast("cpu", torch.bfloat16), profile() as prof:
        layer(x)
    assert counts(prof)["aten::linear"] == 1
    assert counts(prof)["aten::to"] == 3


def test_kinds_of_one_class_have_their_own_names():
    x = torch.ones(3, requires_grad=True)
    with profile() as prof:
        nn.functional.silu(x).sum().backward()
        torch.exp(x)
    assert {"aten::silu", "aten::silu_backward", "aten::exp", "SiluBackward0"} <= set(counts(prof))


# ------------------------------------------------------------------------------------------------ nothing when off


def state_of_what_is_replaced():
    owners = (Op, Tensor, AccumulateGrad, torch.optim.Optimizer, torch.optim.AdamW)
    return {(owner, name): value for owner in owners for name, value in vars(owner).items() if callable(value)} | {
        "apply": Op.__dict__["apply"].__func__
    }


def test_off_nothing_stands_anywhere():
    with profile():
        pass  # reads every method once
    before = state_of_what_is_replaced()
    with profile(record_shapes=True, profile_memory=True, with_stack=True):
        Job().step()
        assert state_of_what_is_replaced() != before
    assert state_of_what_is_replaced() == before


def test_after_an_exception_nothing_stands_and_the_call_is_noted():
    before = Op.__dict__["apply"].__func__
    with pytest.raises(RuntimeError), profile() as prof:
        torch.linalg.cholesky(-torch.eye(2))
    assert Op.__dict__["apply"].__func__ is before
    assert counts(prof)["aten::cholesky"] == 1


def test_anomaly_mode_may_begin_and_end_within_or_around():
    run = Op.run
    x = torch.ones(2, requires_grad=True)
    with profile() as prof:
        with pytest.warns(UserWarning, match="Anomaly"):
            detecting = torch.autograd.detect_anomaly()
        detecting.__enter__()
        x.exp().sum().backward()
    with pytest.raises(RuntimeError, match="nan"):
        (x - 1).sqrt().mul(0).sum().backward()
    detecting.__exit__()
    assert counts(prof)["ExpBackward0"] == 1
    assert Op.run is run


def test_a_second_profile_is_refused():
    with profile(), pytest.raises(RuntimeError, match="another profile is at work"), profile():
        pass
    with profile():
        pass


def test_what_is_not_supported_is_refused():
    for name in ("with_flops", "with_modules", "experimental_config"):
        with pytest.raises(NotImplementedError, match=name):
            profile(**{name: True})
    with pytest.raises(AssertionError, match="No valid profiler activities"):
        profile(activities=[])


def test_a_profiled_step_computes_what_it_computes_otherwise(on_each_device):
    def trained():
        job = Job(on_each_device)
        for _ in range(3):
            loss = job.step()
        return loss.item(), [p.detach().cpu().numpy().tobytes() for p in job.model.parameters()]

    plain = trained()
    with profile(record_shapes=True, profile_memory=True, with_stack=True):
        assert trained() == plain


def test_other_threads_are_seen_and_their_calls_lie_within_their_own():
    def work():
        with record_function("work"):
            torch.ones(3).exp()

    with profile() as prof:
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counts(prof)["aten::exp"] == 3
    for event in prof.events():
        if event.name == "aten::exp":
            assert event.cpu_parent.name == "work" and event.cpu_parent.thread == event.thread


# -------------------------------------------------------------------------------------------- shapes, memory, lines


def test_memory_is_the_bytes_of_results_and_views_have_none():
    x = torch.ones(128, 256)
    with profile(profile_memory=True) as prof, record_function("both"):
        x.exp()
        x.reshape(-1)
    rows = {row.key: row for row in prof.key_averages()}
    assert rows["aten::exp"].self_cpu_memory_usage == 128 * 256 * 4
    assert rows["aten::reshape"].self_cpu_memory_usage == 0
    assert rows["both"].cpu_memory_usage == 128 * 256 * 4 and rows["both"].self_cpu_memory_usage == 0
    assert "128.00 KB" in prof.key_averages().table()


def test_on_a_gpu_memory_and_time_are_the_gpus(monkeypatch):
    x = torch.ones(128, 256, device="cuda")
    with profile(profile_memory=True, activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as prof:
        x.exp()
    (row,) = (row for row in prof.key_averages() if row.key == "aten::exp")
    assert row.self_device_memory_usage == 128 * 256 * 4 and row.self_cpu_memory_usage == 0
    assert row.device_time_total >= 0
    assert "Self CUDA" in prof.key_averages().table(sort_by="cuda_time_total")


def test_rows_by_shape_and_by_line():
    with profile(record_shapes=True, with_stack=True, profile_memory=True) as prof:
        for size in (2, 3, 3):
            x = torch.ones(size)
            x.exp()
        x.exp()
    first = test_rows_by_shape_and_by_line.__code__.co_firstlineno
    by_shape = [row for row in prof.key_averages(group_by_input_shape=True) if row.key == "aten::exp"]
    assert [(row.input_shapes, row.count) for row in by_shape] == [([[2]], 1), ([[3]], 3)]
    by_line = [row for row in prof.key_averages(group_by_stack_n=1) if row.key == "aten::exp"]
    name = "test_rows_by_shape_and_by_line"
    assert [(row.stack, row.count) for row in by_line] == [
        ([f"{__file__}({first + 4}): {name}"], 3),
        ([f"{__file__}({first + 5}): {name}"], 1),
    ]
    assert [row.self_cpu_memory_usage for row in by_line] == [4 * (2 + 3 + 3), 4 * 3]


def test_a_node_is_of_the_line_that_recorded_it():
    x = torch.ones(2, requires_grad=True)
    with profile(with_stack=True) as prof:
        y = x.exp()
        y.sum().backward()
    line = test_a_node_is_of_the_line_that_recorded_it.__code__.co_firstlineno + 3
    (node,) = (event for event in prof.events() if event.name == "ExpBackward0")
    assert node.stack[0].startswith(f"{__file__}({line})")


# --------------------------------------------------------------------------------------------------------- schedule


def test_a_schedule_waits_warms_up_and_records_again():
    plan = schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
    names = "NONE NONE WARMUP RECORD RECORD_AND_SAVE NONE WARMUP RECORD RECORD_AND_SAVE NONE NONE".split()
    assert [plan(step).name for step in range(11)] == names
    assert schedule(wait=5, warmup=1, active=1, skip_first_wait=1)(0) is ProfilerAction.WARMUP
    with pytest.raises(AssertionError):
        schedule(wait=0, warmup=1, active=0)


def test_only_the_steps_of_the_schedule_are_recorded():
    ready = []
    job = Job()
    with profile(schedule=schedule(wait=1, warmup=1, active=2, repeat=2), on_trace_ready=ready.append) as prof:
        seen = []
        for _ in range(9):
            job.step()
            prof.step()
            if len(ready) > len(seen):
                seen.append({e.name for e in prof.events() if e.name.startswith("ProfilerStep")})
    assert seen == [{"ProfilerStep#2", "ProfilerStep#3"}, {"ProfilerStep#6", "ProfilerStep#7"}]
    assert counts(prof)["aten::linear"] == 4 and counts(prof)["ProfilerStep*"] == 2


def test_a_step_of_the_schedule_holds_what_happens_in_it():
    job = Job()
    with profile(schedule=schedule(wait=0, warmup=1, active=1)) as prof:
        for _ in range(2):
            job.step()
            prof.step()
    (step,) = (event for event in prof.events() if event.name == "ProfilerStep#1")
    assert {"forward", "Optimizer.step#AdamW.step"} <= {child.name for child in step.cpu_children}


def test_events_while_it_is_at_work_are_refused():
    with profile() as prof, pytest.raises(AssertionError, match="stopped"):
        prof.events()


# ----------------------------------------------------------------------------------------------------------- traces


def test_the_trace_holds_every_call_arrows_and_what_the_graph_keeps(tmp_path):
    job = Job()
    with profile(record_shapes=True, profile_memory=True, with_stack=True) as prof:
        job.step()
    prof.add_metadata("model", "perceptron")
    prof.export_chrome_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert trace["model"] == "perceptron"
    calls = [entry for entry in trace["traceEvents"] if entry["ph"] == "X"]
    assert [entry["name"] for entry in calls].count("aten::linear") == 2
    assert {entry["cat"] for entry in calls} == {"cpu_op", "user_annotation"}
    linear = next(entry for entry in calls if entry["name"] == "aten::linear")
    assert linear["args"]["Input Dims"] == [[5, 8], [16, 8], [16]]
    assert linear["args"]["Bytes"] == 5 * 16 * 4
    starts = {entry["id"]: entry for entry in trace["traceEvents"] if entry["ph"] == "s"}
    ends = {entry["id"]: entry for entry in trace["traceEvents"] if entry["ph"] == "f"}
    assert len(starts) == 4 and starts.keys() == ends.keys()  # two layers, one relu, one loss
    assert all(starts[name]["ts"] < ends[name]["ts"] for name in starts)
    (report,) = (entry for entry in trace["traceEvents"] if entry["name"] == "memory_report")
    assert report["args"]["bytes"] > 0 and any("AddmmBackward0" in row for row in report["args"]["rows"])
    (curve,) = (entry for entry in trace["traceEvents"] if entry["ph"] == "C")
    assert curve["args"]["bytes"] == report["args"]["bytes"]


def test_traces_are_packed_and_named_for_tensorboard(tmp_path):
    with profile(on_trace_ready=tensorboard_trace_handler(str(tmp_path / "a"), "me", use_gzip=True)):
        torch.ones(2).exp()
    (path,) = (tmp_path / "a").iterdir()
    assert path.name.startswith("me.") and path.name.endswith(".pt.trace.json.gz")
    assert path.read_bytes()[:2] == b"\x1f\x8b"


def test_stacks_are_written_for_flame_graphs(tmp_path):
    with profile(with_stack=True) as prof:
        torch.ones(1000, 1000).exp()
    prof.export_stacks(tmp_path / "stacks.txt")
    line = (tmp_path / "stacks.txt").read_text().splitlines()[-1]
    frames, _, microseconds = line.rpartition(" ")
    assert int(microseconds) > 0 and "test_stacks_are_written_for_flame_graphs" in frames.split(";")[-1]
    with profile() as prof:
        pass
    with pytest.raises(AssertionError, match="with_stack"):
        prof.export_stacks(tmp_path / "stacks.txt")


# ------------------------------------------------------------------------------------------------- NVTX, older names


@pytest.fixture
def ranges(monkeypatch):
    """What CuPy's nvtx is told."""
    told = []
    nvtx = types.ModuleType("cupy.cuda.nvtx")
    nvtx.RangePush = lambda name, color=-1: told.append(f"push {name}")
    nvtx.RangePop = lambda: told.append("pop")
    nvtx.Mark = lambda name, color=-1: told.append(f"mark {name}")
    cuda = types.ModuleType("cupy.cuda")
    cuda.nvtx = nvtx
    for name, module in {"cupy": types.ModuleType("cupy"), "cupy.cuda": cuda, "cupy.cuda.nvtx": nvtx}.items():
        monkeypatch.setitem(sys.modules, name, module)
    return told


def test_operations_nodes_and_names_are_nvtx_ranges(ranges):
    x = torch.ones(2, requires_grad=True)
    with emit_nvtx():
        with record_function("mine"):
            y = x.exp()
        y.backward(torch.ones(2))
    assert ranges[:4] == ["push mine", "push aten::exp", "pop", "pop"]
    assert ranges[4] == f"push ExpBackward0, seq = {y.grad_fn._sequence_nr()}"
    assert ranges.count("pop") == sum(each.startswith("push") for each in ranges)
    before = len(ranges)
    x.exp()
    assert len(ranges) == before


def test_ranges_of_the_programs_own(ranges):
    assert torch.cuda.nvtx.range_push("a") == 0
    torch.cuda.nvtx.mark("b")
    with torch.cuda.nvtx.range("c {}", 1):
        pass
    assert torch.cuda.nvtx.range_pop() == 0
    assert ranges == ["push a", "mark b", "push c 1", "pop", "pop"]


def test_without_cupy_nvtx_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy.cuda", None)
    with pytest.raises(RuntimeError, match=r"NVTX functions not installed.*CuPy"), emit_nvtx():
        pass


def test_the_older_names():
    with older.profile() as prof:
        torch.ones(2).exp()
    assert prof.total_average().count == 1
    assert "aten::exp" in prof.table(sort_by="cpu_time_total")
    with older.profile(enabled=False) as prof:
        torch.ones(2).exp()
    assert len(prof.function_events) == 0
    assert older.record_function is record_function


def test_record_function_decorates():
    @record_function("named")
    def work(x):
        return x.exp()

    with profile() as prof:
        work(torch.ones(2))
    assert counts(prof) == {"named": 1, "aten::exp": 1}


def test_batches_and_replays_are_named():
    loader = torch.utils.data.DataLoader(list(range(6)), batch_size=2)
    x = torch.ones(2, requires_grad=True)
    step = torch.capture(lambda: x.exp().sum().backward())
    for _ in range(3):
        step()
    with profile() as prof:
        for _ in loader:
            pass
        step()
    found = counts(prof)
    assert found["enumerate(DataLoader)#Epoch.__next__"] == 4  # the last says that there are no more
    assert found["captured_step"] == 1
