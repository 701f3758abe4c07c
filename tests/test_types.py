"""What an editor and a type checker see of Tensor and of the package: every name, with its own signature."""

import subprocess
import sys
from pathlib import Path

import pytest

import autograd_gpu

pytestmark = pytest.mark.ours

PACKAGE = Path(autograd_gpu.__file__).parent

PROGRAM = """\
import autograd_gpu as torch

x = torch.rand(3, 4)
reveal_type(x.softmax)
reveal_type(x.exp_)
reveal_type(torch.abs)
reveal_type(1 - x[0] @ x)
reveal_type(x == x)
reveal_type(x.mT)
reveal_type(x.sort().values)
reveal_type(x.sum().backward)
x.no_such_method()
torch.no_such_function(x)
x.softmax("rows")
"""

SEEN = """\
4: note: Revealed type is "def (dim: int, dtype: autograd_gpu.dtypes.DType | None =) -> autograd_gpu.tensor.Tensor"
5: note: Revealed type is "def () -> autograd_gpu.tensor.Tensor"
6: note: Revealed type is "def (input: autograd_gpu.tensor.Tensor, *, out: autograd_gpu.tensor.Tensor | None =) -> autograd_gpu.tensor.Tensor"
7: note: Revealed type is "autograd_gpu.tensor.Tensor"
8: note: Revealed type is "autograd_gpu.tensor.Tensor"
9: note: Revealed type is "autograd_gpu.tensor.Tensor"
10: note: Revealed type is "autograd_gpu.tensor.Tensor"
12: error: "Tensor" has no attribute "no_such_method"  [attr-defined]
13: error: Module has no attribute "no_such_function"  [attr-defined]
14: error: Argument 1 to "softmax" of "Methods" has incompatible type "str"; expected "int"  [arg-type]
"""  # noqa: E501


def test_a_users_file_is_checked_against_the_signatures(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    options = ["--config-file=", "--follow-imports=silent", f"--cache-dir={tmp_path / 'cache'}", "program.py"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options],
        cwd=tmp_path,
        env={"MYPYPATH": str(PACKAGE.parent), "PATH": ""},
        capture_output=True,
        text=True,
    )
    lines = checked.stdout.replace("program.py:", "").splitlines(keepends=True)
    assert "".join(lines[:-1]).replace(_backward(lines), "") == SEEN, checked.stdout + checked.stderr


def _backward(lines):
    """The line about backward, which has many arguments: that its first is `gradient` is enough."""
    (line,) = (line for line in lines if line.startswith("11:"))
    assert "def (gradient: autograd_gpu.tensor.Tensor | None =" in line
    return line
