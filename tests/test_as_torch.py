"""``import torch`` is this library where it stands in for PyTorch, and what a program would miss is listed unread."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_gpu
from autograd_gpu.as_torch import Version
from autograd_gpu.as_torch.missing import TABLE, report, torch_names

pytestmark = pytest.mark.ours

ROOT = Path(autograd_gpu.__file__).parent.parent


def run(folder, *arguments, code=None):
    """Run `python -m autograd_gpu.as_torch arguments`, or code, in a fresh process."""
    command = ["-c", code] if code else ["-m", "autograd_gpu.as_torch", *map(str, arguments)]
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=folder, env={"PYTHONPATH": str(ROOT)}
    )


PROGRAM = """
import sys
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
import autograd_gpu, autograd_gpu.nn.functional
assert __name__ == "__main__" and sys.argv[1:] == ["one", "--two"]
assert torch.Tensor is autograd_gpu.Tensor and F is autograd_gpu.nn.functional and nn.Linear is autograd_gpu.nn.Linear
assert torch.__version__ >= "2.0" and torch.__version__ > (1, 13) and isinstance(torch.__version__, str)
assert nn.functional.__spec__.name == "autograd_gpu.nn.functional"
import beside
x = torch.tensor([1.0, 2.0], requires_grad=True)
(x * x).sum().backward()
print(x.grad.tolist(), beside.value)
"""


@pytest.mark.parametrize("arguments", [["program.py"], ["-m", "program"]])
def test_a_program_for_torch_runs(tmp_path, arguments):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "beside.py").write_text("import torch\nvalue = torch.ones(2).sum().item()\n")
    done = run(tmp_path, *arguments, "one", "--two")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[2.0, 4.0] 2.0\n"


def test_a_script_exits_as_it_says(tmp_path):
    (tmp_path / "program.py").write_text("import torch, sys; sys.exit(7)")
    assert run(tmp_path, "program.py").returncode == 7
    assert run(tmp_path).returncode == 2 and "usage" in run(tmp_path).stderr


INSTALLED = """
import importlib.metadata, importlib.util
from autograd_gpu import as_torch
as_torch.install()
as_torch.install()
assert importlib.util.find_spec("torch") and importlib.util.find_spec("torch.nn.init")
assert importlib.metadata.version("torch").startswith("2.13")
from torch import *
assert tensor([1]).item() == 1
import torch
torch.mine = 3
import autograd_gpu
assert torch.mine == 3 and not hasattr(autograd_gpu, "mine") and not hasattr(torch, "no_such_name")
"""


def test_other_tools_find_a_torch(tmp_path):
    done = run(tmp_path, code=INSTALLED)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "statement, error, words",
    [
        ("import torch; torch._C.Graph", "AttributeError", "needs PyTorch itself"),
        ("from torch.utils import cpp_extension", "ImportError", "cpp_extension"),
        ("import torch.utils.cpp_extension", "ModuleNotFoundError", "needs PyTorch itself"),
        ("torch.ops.mine.op", "AttributeError", "needs PyTorch itself"),
        ("import torch.no_such_part", "ModuleNotFoundError", "No module named 'torch.no_such_part'"),
        ("torch.no_such_name", "AttributeError", "module 'torch' has no attribute 'no_such_name'"),
    ],
)
def test_what_needs_torch_itself_says_so_in_its_last_line(tmp_path, statement, error, words):
    (tmp_path / "program.py").write_text(f"import torch\n{statement}\n")
    last = run(tmp_path, "program.py").stderr.splitlines()[-1]
    assert last.startswith(error) and words in last


def test_after_torch_itself_it_is_too_late(tmp_path):
    code = "import sys; sys.modules['torch'] = sys\nfrom autograd_gpu import as_torch; as_torch.install()"
    assert "imported already" in run(tmp_path, code=code).stderr


def test_versions_compare_by_their_numbers():
    version = Version("2.13.0")
    assert version == "2.13" and version != "2.1.3" and version > "2.9" and version >= "2.13.0a0" and version < "10"
    assert version > (2, 9) and not version < (2, 13) and version <= "v2.13.0+cu130" and not version > "2.13.0"
    assert hash(version) == hash("2.13.0") and version.split(".")[0] == "2"


MISSING = """
import torch as th, numpy
import torch.nn as nn
from torch.nn import Linear, NoSuchModule as other
from torch.hub import load as fetch
import torch.nn.functional as F
def never(): 1 / 0
1 / 0
x = th.zeros(3, dtype=th.quint8)
th.rot91(th.quint8)
y = F.relu(x, inplace=True); F.interpolate(x, recompute_scale_factor=True)
F.conv2d(x, bias=None)
x.to_mkldnn().to_sparse_bsr(); numpy.nanmean(x); x.tolist(); th.float32.anything
th.nn.Module().no_method()
nn.parallel.DistributedDataParallel(x)
th.set_default_tensor_type(x)
"""


def test_names_that_are_missing_are_listed_with_their_places(tmp_path):
    """The names stand for kinds that this library leaves out on purpose: quantised numbers, other layouts, devices."""
    program = tmp_path / "program.py"
    program.write_text(MISSING)
    lines = list(report([str(program)]))
    found = {
        line.split()[1]: (line.split()[0], line.partition("(")[2], place)
        for line, place in itertools.pairwise(lines)
        if not line.startswith("      ")
    }
    assert found["torch.quint8"] == ("2", "", f"         {program}:9,10")
    assert found["torch.rot91"][1] == "not in PyTorch 2.13 either)"
    assert found["torch.nn.NoSuchModule"][1] == "not in PyTorch 2.13 either)"
    assert found[".to_sparse_bsr"][1] == "perhaps)" and found[".to_mkldnn"][1] == "perhaps)"
    assert not {"torch.nn.Linear", ".tolist", ".nanmean", "torch.zeros", ".no_method", "torch.float32.anything"} & set(
        found
    )
    assert lines[-1].startswith("1 files: ")


def test_keywords_that_are_missing_are_listed(tmp_path, monkeypatch):
    from autograd_gpu.as_torch import missing

    program = tmp_path / "program.py"
    program.write_text("import torch\ntorch.relu(input=1)\ntorch.amax(1, dim=0, out=2)\nx.amax(keepdim=True)\n")
    assert list(report([str(program)]))[:-1] == []
    monkeypatch.setattr(missing, "our_parameters", lambda name: set())
    names = [line.split()[1] for line in report([str(program)]) if line.startswith("    1")]
    assert sorted(names) == [".amax(keepdim=)", "torch.amax(dim=)", "torch.amax(out=)", "torch.relu(input=)"]


def test_a_package_is_found_without_being_run(tmp_path):
    package = tmp_path / "needy"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('this was run')\nimport torch\ntorch.quint8\n")
    (package / "broken.py").write_text("def (")
    done = run(tmp_path, "--missing", "needy")
    assert done.returncode == 0, done.stderr
    assert "torch.quint8" in done.stdout and "broken.py: not read" in done.stdout
    assert run(tmp_path, "--missing", "no_such_package").returncode == 2


def test_the_table_is_small_and_has_parameters():
    assert TABLE.stat().st_size < 300_000
    known = torch_names().parameters
    assert {"input", "dim", "axis", "keepdim"} <= known["torch.sum"] and known["torch.nn.LSTM"] is None
    assert known["torch.nn.modules.linear.Linear"] is known["torch.nn.Linear"] and "bias" in known["torch.nn.Linear"]
