"""Row operations on the CPU give the same whether their rows are taken at once or in blocks that stay in the cache."""

from importlib import import_module

import numpy as np
import pytest

pytestmark = pytest.mark.ours

# By name: the package shows the functions of the same names.
norm, row_blocks, softmax = (
    import_module(f"autograd_gpu.arrays.cpu.{name}") for name in ("norm", "row_blocks", "softmax")
)

ROWS, COLUMNS = 10, 37


def array(seed, shape=(ROWS, COLUMNS)):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


X, GY, EXTRA, WEIGHT, BIAS = (array(0), array(1), array(2), array(3, (COLUMNS,)), array(4, (COLUMNS,)))
MEAN, RSTD = array(5, (ROWS,)), np.abs(array(6, (ROWS,)))

CALLS = {
    "softmax": lambda: softmax.softmax(X, 1),
    "softmax of three dimensions": lambda: softmax.softmax(X.reshape(2, 5, COLUMNS), 2),
    "softmax of columns": lambda: softmax.softmax(X, 0),
    "softmax_backward": lambda: softmax.softmax_backward(GY, X, 1),
    "log_softmax": lambda: softmax.log_softmax(X, 1),
    "log_softmax_backward": lambda: softmax.log_softmax_backward(GY, X, 1),
    "layer_norm": lambda: norm.layer_norm(X, WEIGHT, BIAS, 1e-5),
    "add_layer_norm": lambda: norm.add_layer_norm(X, EXTRA, WEIGHT, BIAS, 1e-5),
    "rms_norm": lambda: norm.rms_norm(X, WEIGHT, 1e-5),
    "layer_norm_backward": lambda: norm.layer_norm_backward(GY, X, MEAN, RSTD, WEIGHT, EXTRA, True),
    "layer_norm_backward, no parameters": lambda: norm.layer_norm_backward(GY, X, MEAN, RSTD, None, None, False),
    "rms_norm_backward": lambda: norm.rms_norm_backward(GY, X, RSTD, WEIGHT, EXTRA),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("block", [1, 3 * COLUMNS])
def test_blocks_change_nothing(name, block, monkeypatch):
    expected = CALLS[name]()
    for module in (norm, softmax, row_blocks):
        monkeypatch.setattr(module, "LARGE", 20)
    monkeypatch.setattr(row_blocks, "BLOCK", block)
    found = CALLS[name]()
    pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
    for ours, whole in pairs:
        if whole is None:
            assert ours is None
        else:
            assert ours.dtype == whole.dtype
            np.testing.assert_allclose(ours, whole, rtol=1e-5, atol=1e-6)


def test_blocks_part_all_rows(monkeypatch):
    monkeypatch.setattr(row_blocks, "LARGE", 20)
    monkeypatch.setattr(row_blocks, "BLOCK", 3 * COLUMNS)
    numbers = np.arange(ROWS)
    assert [len(numbers[block]) for block in row_blocks.row_blocks(ROWS, COLUMNS)] == [3, 3, 3, 1]
    assert [len(numbers[block]) for block in row_blocks.row_blocks(ROWS, 1)] == [ROWS]
