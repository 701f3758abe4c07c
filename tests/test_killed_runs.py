"""A run that is killed at any instant, with workers, comes to the same weights as one that is not, bit for bit."""

import os
import random
import subprocess
import sys

import pytest

from autograd_gpu import serialization

pytestmark = pytest.mark.ours

KILLS = int(os.environ.get("AUTOGRAD_GPU_KILLS", 5))  # the whole claim, at length: 20

PROGRAM = """
import sys
from pathlib import Path
import autograd_gpu as torch
from autograd_gpu.data import DataLoader, TensorDataset

torch.manual_seed(1)
torch.set_num_threads(1)
x = torch.randn(60, 4)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), 4, shuffle=True, num_workers=2)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.2), torch.nn.Tanh(), torch.nn.Linear(8, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1.0, 40)
parts = {"model": model, "optimizer": optimizer, "schedule": schedule, "loader": loader}
path, step = Path(sys.argv[1]), 0
if path.exists():
    saved = torch.load(path)
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    step = saved["step"]
print(step, flush=True)
while step < 60:
    for inputs, targets in loader:
        loss = ((model(inputs) - targets) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        step += 1
        torch.save({"step": step, **{name: part.state_dict() for name, part in parts.items()}}, path)
        if step == 60:
            break
print("done", flush=True)
"""


def run(path, seconds=None):
    """Run the program; after so many seconds from its first word, kill it and what it has started."""
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert started.stdout.readline().strip().isdigit()
    try:
        said, _ = started.communicate(timeout=seconds)
        return said.strip() == "done"
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, 9)
        started.communicate()
        return False


def test_a_run_killed_again_and_again_is_the_undisturbed_run(tmp_path):
    assert run(tmp_path / "whole")
    source, kills, done = random.Random(0), 0, False
    while kills < KILLS and not done:
        done = run(tmp_path / "parts", source.uniform(0.0, 0.3))
        kills += not done
    assert done or run(tmp_path / "parts")
    assert kills
    whole, parts = (serialization.load(tmp_path / name) for name in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 60
    for name, value in whole["model"].items():
        assert value.tolist() == parts["model"][name].tolist(), name
    assert not list(tmp_path.glob(".*.partial"))
