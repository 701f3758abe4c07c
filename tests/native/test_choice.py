"""Which path the CPU takes, what it says of it, and that without a compiler everything goes on."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_gpu as ag
from autograd_gpu import settings
from autograd_gpu.arrays.native import build, runtime
from autograd_gpu.cli import main

pytestmark = pytest.mark.ours

PROGRAM = """
import autograd_gpu as ag
from autograd_gpu.arrays.native import runtime
x = ag.arange(12.0).reshape(3, 4).requires_grad_()
ag.nn.functional.gelu(x).softmax(-1).log().sum().backward()
print(runtime.describe())
print([round(value, 4) for value in x.grad.flatten().tolist()])
"""


def run(**environment: str) -> tuple[str, str]:
    """What `info` says of the path, and the program's gradient."""
    given = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=given, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    path, gradient = done.stdout.splitlines()
    return path, gradient


@pytest.fixture(scope="module")
def compiled() -> str:
    path, gradient = run()
    assert "compiled for this processor" in path
    return gradient


def test_a_switch_turns_it_off(compiled: str):
    assert run(AUTOGRAD_GPU_NATIVE="0") == ("NumPy's path, since: AUTOGRAD_GPU_NATIVE=0", compiled)


@pytest.mark.parametrize(
    ("compiler", "reason"), [("/bin/false", "does not compile with"), ("/nowhere/g++", "no C++ compiler found")]
)
def test_a_compiler_that_is_broken_or_missing_leaves_numpys_path(
    compiled: str, compiler: str, reason: str, tmp_path: Path
):
    (tmp_path / "bin").mkdir()
    path, gradient = run(CXX=compiler, PATH=str(tmp_path / "bin"), AUTOGRAD_GPU_CACHE=str(tmp_path))
    assert path.startswith("NumPy's path, since: ") and reason in path
    assert gradient == compiled


def test_two_processes_may_build_at_once_into_one_cache(tmp_path: Path, compiled: str):
    code = "from autograd_gpu.arrays.native import build; print(build.build_library('memory.cu', 'int64'))"
    environment = {**os.environ, "AUTOGRAD_GPU_CACHE": str(tmp_path), "AUTOGRAD_GPU_NATIVE": "0"}
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = {process.communicate()[0] for process in both}
    assert len(told) == 1 and Path(told.pop().strip()).exists()
    assert len(list((tmp_path / "native").iterdir())) == 1  # nothing else is left there


def test_another_processors_or_compilers_cache_is_not_taken(monkeypatch: pytest.MonkeyPatch):
    here = build.library_path("memory.cu", "int64")
    monkeypatch.setattr(build, "processor", lambda: "another")
    assert build.library_path("memory.cu", "int64") != here


def test_num_threads_is_kept_and_refused_as_in_pytorch(monkeypatch: pytest.MonkeyPatch):
    before = ag.get_num_threads()
    ag.set_num_threads(3)
    assert ag.get_num_threads() == runtime.library().host_threads() == 3
    ag.set_num_threads(before)
    with pytest.raises(RuntimeError, match="positive integer"):
        ag.set_num_threads(0)
    with pytest.raises(TypeError, match="expects an int"):
        ag.set_num_threads("2")  # type: ignore[arg-type]
    monkeypatch.setattr(settings, "_threads", None)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert ag.get_num_threads() == 5


def test_info_says_which_path_is_in_use(capsys: pytest.CaptureFixture[str]):
    assert main(["info"]) == 0
    assert "kernels compiled for this processor by" in capsys.readouterr().out


def test_kernels_are_built_ahead_by_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(build, "all_pairs", lambda: [("memory.cu", "float32"), ("memory.cu", "int64")])
    assert main(["kernels", "build", "--arch", "native"]) == 0
    assert "2 of 2 libraries for this processor in" in capsys.readouterr().out


def test_what_training_needs_is_built_ahead(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    runtime.prepare()
    capsys.readouterr()
    runtime.prepare()
    assert capsys.readouterr().err == ""  # all is there
    ag.manual_seed(0)
    model = ag.nn.Sequential(
        ag.nn.Linear(8, 8), ag.nn.GELU(), ag.nn.LayerNorm(8), ag.nn.Dropout(0.1), ag.nn.Linear(8, 4)
    )
    optimizer = ag.optim.AdamW(model.parameters())
    built, build_library = [], build.build_library

    def recording(file: str, dtype: str) -> Path:
        built.append((file, dtype))
        return build_library(file, dtype)

    monkeypatch.setattr(build, "build_library", recording)
    loss = ag.nn.functional.cross_entropy(model(ag.randn(6, 8)), ag.arange(6) % 4)
    loss.backward()
    ag.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    asked = {(file, dtype) for dtype, files in runtime.OF_TRAINING.items() for file in files.split()}
    assert set(built) <= asked
    assert np.isfinite(loss.item())


def test_a_number_of_threads_beyond_all_reason_does_not_use_up_the_systems():
    program = (
        "import os, autograd_gpu as ag\n"
        "ag.set_num_threads(10**6)\n"
        "ag.ones(2000, 1000).softmax(1)\n"
        "print(len(os.listdir('/proc/self/task')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 400
