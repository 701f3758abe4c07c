"""The table of PyTorch's names that the package carries is that of the PyTorch that is installed."""

from autograd_gpu.as_torch.missing import TABLE
from benchmarks.torch_names import table


def test_the_table_of_names_is_current():
    assert TABLE.read_text() == table(), "run `python -m benchmarks.torch_names`"
