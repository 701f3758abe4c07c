"""CuPy's own arrays over emulated memory: what they are given, what becomes of what they release, what CuPy has for us.

Needs CuPy, and neither GPU nor driver: `make test-cupy` installs it, and runs the CUDA side's other tests on it too.
"""

import re

import cupy_surface
import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu.arrays.cuda import driver, memory
from autograd_gpu.arrays.cuda.device_arrays import EmulatedPool
from autograd_gpu.testing import op_checks
from autograd_gpu.testing.op_table import CASES

pytestmark = [pytest.mark.ours, pytest.mark.xdist_group("CuPy's arrays")]
cupy = pytest.importorskip("cupy", reason="CuPy is not installed: make test-cupy")
FLOAT = np.dtype(np.float32)


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    before = cupy.cuda.get_allocator()
    made = driver.emulated_with_cupy()
    monkeypatch.setattr(driver, "_current", made)
    yield made
    cupy.cuda.set_allocator(before)


# ---- whose arrays


def test_tensors_lie_in_cupys_arrays():
    x = torch.arange(6.0, device="cuda").reshape(2, 3)
    assert type(x._array) is type(x.t()._array) is type((x @ x.t())._array) is cupy.ndarray
    assert (x.t() * 2).tolist() == [[0, 6], [2, 8], [4, 10]]
    assert torch.linalg.det(x @ x.t()).item() == pytest.approx(54)


def test_cupys_own_mathematics_does_not_slip_in():
    x = torch.ones(2, device="cuda")._array
    for attempt in (lambda: x + x, lambda: x.sum(), lambda: x.copy(), lambda: float(x[0]), lambda: x.__dlpack__()):
        with pytest.raises(cupy.cuda.runtime.CUDARuntimeError):
            attempt()


def strange():
    """Arrays that CuPy makes without a word, by what their numbers are."""
    block = cupy.cuda.alloc(64)
    return [cupy.ndarray((2,), np.dtype(dtype), memptr=block) for dtype in (">f4", "g", "O", ">i8", "c8")]


def test_kernels_refuse_the_numbers_that_cupy_takes_and_they_do_not_know():
    for x in strange():
        name = x.dtype.name if x.dtype.isnative else re.escape(x.dtype.str)
        with pytest.raises(TypeError, match=f"fill: no CUDA kernel for {name}; there is one for float16"):
            memory._fill(x.dtype, x, 1)


def test_the_host_does_not_send_numbers_that_no_kernel_knows(gpu):
    for dtype in (">f4", "g", "O", ">i8", "c8"):
        with pytest.raises(TypeError, match="no kernel knows dtype"):
            gpu.from_host(np.zeros(2, dtype))


# ---- where memory comes from


def test_the_last_block_released_is_the_next_of_its_size(gpu):
    x = gpu.from_host(np.ones(100, np.float32))
    address = gpu.pointer(x)
    view = x[50:]
    del x
    assert gpu.pointer(gpu.empty((100,), FLOAT)) != address  # a view holds it
    del view
    larger, again = gpu.empty((129,), FLOAT), gpu.empty((90,), FLOAT)
    assert gpu.pointer(again) == address != gpu.pointer(larger)
    assert np.isnan(gpu.to_host(again)).all()


def test_storage_is_in_whole_units_and_nothing_has_no_address(gpu):
    x = gpu.empty((129,), FLOAT)
    assert gpu.storage(x) == (gpu.pointer(x), 2 * EmulatedPool.UNIT)
    assert gpu.storage(x[3:]) == gpu.storage(x)
    assert gpu.pointer(gpu.empty((0, 3), FLOAT)) == 0


def holding_nothing(x):
    """The same array, but it forgets whose memory it shows."""
    block = cupy.cuda.UnownedMemory(x.data.mem.ptr, x.data.mem.size, None, 0)
    return cupy.ndarray(x.shape, x.dtype, memptr=cupy.cuda.MemoryPointer(block, 0), strides=x.strides)


def test_a_planted_use_after_release_is_found(monkeypatch):
    (case,) = (case for case in CASES if case.id == "softmax")
    op_checks.check_parity(case, "cuda", "float32")
    arrays = torch.device("cuda").backend
    softmax = arrays.softmax
    monkeypatch.setattr(arrays, "softmax", lambda x, dim: holding_nothing(softmax(x, dim)))
    with pytest.raises(AssertionError):
        op_checks.check_parity(case, "cuda", "float32")


def test_what_a_released_block_is_used_for_next_shows_in_it(gpu):
    x = gpu.from_host(np.full(8, 7, np.float32))
    stale = holding_nothing(x)
    del x
    assert np.isnan(gpu.to_host(stale)).all()
    _owner = gpu.from_host(np.arange(8, dtype=np.float32))
    assert gpu.to_host(stale).tolist() == list(range(8))


def test_a_graphs_memory_is_its_pools(gpu):
    streams, x = gpu.streams, gpu.from_host(np.ones(40, np.float32))
    pool = streams.pool()
    streams.begin_capture(pool)
    y = memory.copy(x)
    first = gpu.pointer(y)
    del y
    z = memory.copy(x)
    graph = streams.end_capture()
    assert gpu.pointer(z) == first  # a block released during a capture is taken again during it
    del z
    eager = [gpu.empty((40,), FLOAT) for _ in range(3)]
    assert first not in map(gpu.pointer, eager)  # and by nobody else after it
    streams.begin_capture(pool)
    z = memory.copy(x)
    streams.end_capture()
    assert gpu.pointer(z) == first
    streams.replay(graph)
    np.testing.assert_array_equal(gpu.to_host(z), 1)


# ---- what CuPy has


def test_cupy_has_what_we_use_of_it():
    import cupyx

    assert cupy_surface.missing(cupy, cupyx) == []
    assert len(cupy_surface.uses()) > 80


@pytest.mark.parametrize(
    ("use", "complaint"),
    [
        (cupy_surface.Use("cupy.cuda.nothing"), "there is no nothing"),
        (cupy_surface.Use("cupy.cuda.Stream.begin_capture", 2), "too many positional arguments"),
        (cupy_surface.Use("cupy.cuda.driver.launchKernel", 10), "missing a required argument"),
        (cupy_surface.Use("cupy.cuda.Event", 0, ("timed",)), "unexpected keyword argument 'timed'"),
        (cupy_surface.Use("cupy.linalg.svd", 1, ("compute_uvw",)), "unexpected keyword argument"),
        (cupy_surface.Use("cupy.cuda.MemoryPool.malloc", 0), "missing a required argument"),
    ],
)
def test_a_name_or_parameter_that_cupy_has_no_more_is_found(monkeypatch, use, complaint):
    import cupyx

    monkeypatch.setattr(cupy_surface, "OBJECTS", [*cupy_surface.OBJECTS, use])
    (found,) = cupy_surface.missing(cupy, cupyx)
    assert found.startswith(use.name) and complaint in found
