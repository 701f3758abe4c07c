"""``autograd-gpu profile`` and ``graph``, and ``train --find-lr``: what they print and write, and what they refuse."""

import json
import re
import shutil
from pathlib import Path

import pytest

from autograd_gpu import cli
from autograd_gpu.training.rate_finder import smoothed, steepest

pytestmark = pytest.mark.ours

TINY = "--batch 4 --width 8".split()  # of the LSTM, the smallest job

PROGRAM = """\
import sys
import autograd_gpu as torch
model = torch.nn.Linear(3, 2)
loss = model(torch.ones(1, 3)).exp().sum()
loss.backward()
print("arguments:", sys.argv[1:])
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


def complaint(capsys):
    """The one line that was said."""
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_a_jobs_steps_are_profiled(tmp_path, capsys):
    trace = tmp_path / "trace.json"
    assert run("profile", "--device", "cpu", "--steps", 2, "--rows", 50, "--trace", trace, "lstm", *TINY) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^ +train_step .* 2$", printed, re.M)
    assert re.search(r"^ +Optimizer.step#AdamW.step .* 2$", printed, re.M)
    assert f"trace in {trace}" in printed
    names = [entry["name"] for entry in json.loads(trace.read_text())["traceEvents"]]
    assert names.count("train_step") == 2 and "ProfilerStep#2" in names


def test_a_program_is_profiled_as_it_runs_by_itself(program, capsys):
    options = "--memory", "--shapes", "--lines", "--sort-by", "count"
    assert run("profile", *options, program, "one", "--two") == 0
    printed = capsys.readouterr().out
    assert "arguments: ['one', '--two']" in printed
    (row,) = re.findall(r"^ +aten::exp .*$", printed, re.M)
    assert "8 B" in row and "[[1, 2]]" in row and "program.py(4)" in row


def test_a_profile_of_nothing_is_refused_in_one_line(program, capsys):
    assert run("profile", "nothing.py") == 1
    assert "neither a job (gpt, " in complaint(capsys)
    assert run("profile", "lstm", "--nothing", 3) == 1
    assert "--nothing: no setting of `train lstm`" in complaint(capsys)
    assert run("profile", "lstm", "--width", "wide") == 1
    assert "invalid int value: 'wide'" in complaint(capsys)
    assert run("profile", "lstm", "--width", 0) == 1
    assert "--width: expected at least 1" in complaint(capsys)
    assert run("profile", "--sort-by", "nothing", program) == 1
    assert "--sort-by: expected one of count, " in complaint(capsys)


def test_a_programs_graph_is_printed_with_its_parameters_names(program, capsys):
    assert run("graph", program) == 0
    printed = capsys.readouterr().out
    assert "SumBackward0" in printed and "program.py:4" in printed
    assert "model.weight  (2, 3) torch.float32" in printed


def test_a_jobs_graph_is_written(tmp_path, capsys):
    out = tmp_path / "graph.dot"
    assert run("graph", "--device", "cpu", "--out", out, "lstm", *TINY) == 0
    assert out.read_text().startswith("digraph autograd {") and "NllLossBackward0" in out.read_text()
    assert str(out) in capsys.readouterr().out


def test_without_graphviz_a_picture_is_refused_in_one_line(program, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert run("graph", "--out", tmp_path / "graph.svg", program) == 1
    assert "needs Graphviz's `dot` program" in complaint(capsys)
    assert not (tmp_path / "graph.svg").exists()


def test_a_graph_of_nothing_is_refused_in_one_line(program, tmp_path, capsys):
    assert run("graph", "--of", "model", program) == 1
    assert "leaves no tensor 'model' with a graph; it has loss" in complaint(capsys)
    assert run("graph", "--out", tmp_path / "graph.bmp", program) == 1
    assert ".svg, .dot" in complaint(capsys)
    assert run("graph", tmp_path / "none.py") == 1
    assert "neither a job" in complaint(capsys)


# ------------------------------------------------------------------------------------------------ the rate's finder


def test_the_rate_is_looked_for_and_nothing_is_trained(tmp_path, capsys):
    out = tmp_path / "out"
    assert run("train", "digits", "--find-lr", "--device", "cpu", "--out", out) == 0
    found = re.search(r"the loss falls fastest at --lr (\S+): ", capsys.readouterr().out)
    assert 1e-4 < float(found[1]) < 1e-1
    assert {path.name for path in out.iterdir()} - {".lock"} == {"lr.png"}
    assert (out / "lr.png").read_bytes().startswith(b"\x89PNG")


def test_the_rate_of_a_run_that_is_there_is_refused(tmp_path, capsys):
    out = tmp_path / "out"
    assert run("train", "lstm", "--steps", 2, *TINY, "--device", "cpu", "--out", out) == 0
    kept = Path(out, "checkpoint.safetensors").read_bytes()
    capsys.readouterr()
    for more in ("--resume", "--overwrite"):
        assert run("train", "lstm", "--find-lr", more, "--device", "cpu", "--out", out) == 1
        complaint(capsys)
    assert Path(out, "checkpoint.safetensors").read_bytes() == kept


def test_the_steepest_rate_of_a_curve_is_where_it_falls_most():
    rates = [10.0 ** (-place / 4) for place in range(20, 0, -1)]
    curve = [(rate, 2.0 if rate < 1e-3 else 1.0) for rate in rates]
    assert steepest(curve) == pytest.approx(1e-3, rel=1)
    assert steepest([(rate, 1.0) for rate in rates]) is None
    assert steepest([]) is None
    assert smoothed([(rate, 3.0) for rate in rates])[-1][1] == pytest.approx(3.0)
