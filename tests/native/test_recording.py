"""A recording of what an operation does to arrays does it again, bit for bit, with other values: every row of the op
table, forward and backward."""

import numpy as np
import pytest

import autograd_gpu as ag
from autograd_gpu.arrays.native import runtime
from autograd_gpu.steps.host_graph import HostGraph
from autograd_gpu.testing import op_checks
from autograd_gpu.testing.op_case import OpCase
from autograd_gpu.testing.op_table import CASES

try:
    runtime.library()
except runtime.Unusable as error:
    pytest.skip(f"nothing is compiled here: {error}", allow_module_level=True)

pytestmark = pytest.mark.ours


@pytest.fixture(autouse=True)
def launches_as_they_are(monkeypatch):
    """What becomes of them together is test_fusion.py's: each row has kernels of its own to compile."""
    monkeypatch.setenv("AUTOGRAD_GPU_FUSE", "0")


def outcome(case: OpCase, sample, tensors) -> list[ag.Tensor]:
    """Results and gradients for fixed directions."""
    leaves = [x.requires_grad_() for x in tensors if case.order and x.dtype.is_floating_point]
    outputs = op_checks.apply(case, sample, tensors)
    roots = [y for y in outputs if y.requires_grad]
    if not leaves or not roots:
        return outputs
    random = np.random.default_rng(0)
    directions = [ag.tensor(random.standard_normal(tuple(y.shape)), dtype=y.dtype) for y in roots]
    gradients = ag.autograd.grad(roots, leaves, directions, allow_unused=True)
    return [*outputs, *(g for g in gradients if g is not None)]


def check_replays(case: OpCase, dtype: str) -> tuple[int, list[str]]:
    """Record with values in another order, replay with the sample's own: how many samples were compared, what was
    read."""
    compared, all_reads = 0, []
    for sample in op_checks.every_sample(case, dtype):
        tensors = op_checks.tensors_of(sample, "cpu")
        try:
            wanted = [x.detach().numpy().copy() for x in outcome(case, sample, tensors)]
        except (RuntimeError, IndexError, ValueError, TypeError):
            continue
        own = [x._array.copy() for x in tensors]
        for x in tensors:
            if x.dtype.is_floating_point:
                x._array[...] = x._array[tuple(slice(None, None, -1) for _ in x.shape)].copy()
        reads: list[str] = []
        graph = HostGraph(reads.append)
        try:
            with graph.capture():
                found = outcome(case, sample, tensors)
                for x in found:
                    graph.give(x)
        except (RuntimeError, IndexError, ValueError, TypeError):
            continue
        all_reads += reads
        if reads:
            continue
        for x, values in zip(tensors, own, strict=True):
            x._array[...] = values
        ag.manual_seed(op_checks.SEED)
        graph.recording.replay()
        for got, want in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(got.detach().numpy(), want, err_msg=op_checks.describe(case, sample))
        compared += 1
    return compared, all_reads


@pytest.mark.parametrize(
    ("case", "dtype"),
    [
        pytest.param(case, dtype, id=f"{case.id}-{dtype}")
        for case in CASES
        for dtype in ("float32", "float16", "int64")
        if dtype in case.dtypes
    ],
)
def test_a_replay_is_the_operation(case: OpCase, dtype: str):
    compared, reads = check_replays(case, dtype)
    assert compared or reads
