"""The benchmark harness: rounds in turns and merged, what became slower said first, a planted slow-down named."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks import merged, plots, slower, speed_page

ROOT = Path(__file__).resolve().parents[1]


def entry(library, work, best, **info):
    return {
        "group": "workloads",
        "name": f"test_workload[{library}-{work}]",
        "params": {"library": library, "work": work},
        "extra_info": info,
        "stats": {"min": best},
    }


def run_of(*entries):
    return {"benchmarks": list(entries), "commit_info": {"id": "abc"}}


def test_rounds_are_merged_to_the_one_in_the_middle_with_all_bests():
    rounds = [run_of(entry("ours", "softmax", best), entry("torch", "softmax", 2.0)) for best in (3.0, 1.0, 2.0)]
    whole = merged.merge(rounds, {"cores": 2}, threads=2)
    ours, theirs = whole["benchmarks"]
    assert ours["stats"]["min"] == 2.0 and ours["extra_info"]["bests"] == [3.0, 1.0, 2.0]
    assert theirs["extra_info"]["bests"] == [2.0, 2.0, 2.0]
    (row,) = merged.rows_of(whole)
    assert row == {"work": "softmax", "ours ms": 2000.0, "torch ms": 2000.0, "ours / torch": 1.0}


def test_a_call_of_many_operations_is_told_by_the_operation():
    whole = merged.merge([run_of(entry("ours", "4 x 4: exp", 0.5, operations=50))], {}, threads=1)
    assert merged.bests_of(whole, "ours") == {"4 x 4: exp": [0.01]}


def test_a_process_that_had_nothing_to_do_is_no_round():
    whole = merged.merge([{"benchmarks": []}, run_of(entry("ours", "softmax", 1.0))], {}, threads=1)
    assert len(whole["benchmarks"]) == 1 and whole["commit_info"]["id"] == "abc"


def test_what_became_slower_is_said_first():
    changes = [
        slower.Change("as it was", [1.0, 1.1], [1.05, 1.0]),
        slower.Change("faster", [2.0, 2.1], [1.0, 1.1]),
        slower.Change("slower", [1.0, 1.1], [3.0, 3.1]),
        slower.Change("a bad round", [1.0, 1.0, 1.1], [1.0, 2.0, 2.0]),
    ]
    lines = slower.summary(changes).splitlines()
    assert lines[0] == "slower: slower  1050 ms -> 3050 ms, 2.90 times"
    assert lines[1].startswith("faster: faster  2050 ms -> 1050 ms")
    assert lines[2] == "as before: 2 of 4"
    assert slower.summary(changes[:1]).splitlines()[0] == "nothing became slower by 10%"


def test_a_machine_that_became_slower_is_no_change_of_ours():
    def run(ours, theirs):
        entries = entry("ours", "softmax", ours), entry("torch", "softmax", theirs)
        return merged.merge([run_of(*entries)], {}, threads=1)

    (same,) = slower.of_runs(run(1.0, 2.0), run(2.0, 4.0))
    assert same.times == pytest.approx(1.0)
    (worse,) = slower.of_runs(run(1.0, 2.0), run(4.0, 4.0))
    assert worse.is_slower(slower.WORSE)


def test_the_recorded_results_are_read_and_drawn(tmp_path):
    results = speed_page.recorded(2)
    assert any("GPT step" in row["work"] for row in results["rows"])
    for path in plots.draw(2, tmp_path):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_time_and_memory_are_drawn_against_size(tmp_path):
    entries = [
        {
            "group": "sizes",
            "params": {"library": library, "work": f"add of {size}"},
            "extra_info": {"operation": "add", "size": size, "peak_bytes": 8 * size, "bests": [1e-6 * size]},
        }
        for library in ("ours", "torch")
        for size in (10, 100)
    ]
    for what in ("time", "memory"):
        plots.against_size(entries, what, tmp_path / f"{what}.png")
        assert (tmp_path / f"{what}.png").read_bytes().startswith(b"\x89PNG")


def test_a_graph_is_drawn(tmp_path):
    import autograd_gpu as torch

    w = torch.ones(2, 3, requires_grad=True)
    plots.graph(torch.draw_graph((w.exp() * w).sum(), params={"w": w}).dot, tmp_path / "graph.png")
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")


def test_every_row_of_the_op_table_is_a_call():
    import autograd_gpu
    from autograd_gpu.testing.op_table import CASES
    from benchmarks.rows import call_of

    assert [case.id for case in CASES if call_of(autograd_gpu, case) is None] == []


def test_a_planted_slow_down_is_named_and_nothing_else(tmp_path, monkeypatch):
    pytest.importorskip("pytest_benchmark")
    from benchmarks import in_turns

    for folder in ("autograd_gpu", "kernels"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    source = tmp_path / "autograd_gpu" / "ops" / "nn" / "softmax.py"
    text = source.read_text()
    planted = text.replace(
        "        return ctx.backend.softmax(",
        "        __import__('time').sleep(0.03)\n        return ctx.backend.softmax(",
        1,
    )
    assert planted != text
    source.write_text(planted)
    monkeypatch.setattr(in_turns, "SECONDS", 0.05)
    ours = {"BENCHMARK_MODULE": "autograd_gpu", "AUTOGRAD_GPU_NATIVE": "0"}
    libraries = {in_turns.BEFORE: ours, "ours": {**ours, "BENCHMARK_VERSION": str(tmp_path)}}
    whole = in_turns.measure(libraries, ["small"], ["4 x 4: softmax", "4 x 4: x * y"], rounds=2, threads=1)
    lines = slower.summary(slower.of_labels(whole, in_turns.BEFORE, "ours"), worse=20.0).splitlines()
    assert lines[0].startswith("slower: 4 x 4: softmax  ")
    assert lines[1:] == ["as before: 1 of 2"]
    json.dumps(whole)
