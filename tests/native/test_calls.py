"""From Python to the blocks of a kernel and back: layouts, numbers, threads, forks, and what is left to NumPy."""

import os
import threading

import numpy as np
import pytest

from autograd_gpu.arrays import cpu, native
from autograd_gpu.arrays.native import build, runtime
from autograd_gpu.arrays.sources import SCALARS

pytestmark = pytest.mark.ours


@pytest.fixture
def threads():
    before = runtime.library().host_threads()
    yield runtime.library().host_set_threads
    runtime.library().host_set_threads(before)


def drawn(dtype: str, *shape: int) -> np.ndarray:
    values = np.random.default_rng(0).standard_normal(shape) * 5
    return values.astype(runtime.DTYPES[list(SCALARS).index(dtype)])


@pytest.mark.parametrize("dtype", SCALARS)
def test_a_sum_is_numpys_in_every_layout_and_dtype(dtype: str):
    x, y = drawn(dtype, 6, 37), drawn(dtype, 37, 6).T
    wide, number = np.zeros((6, 74), x.dtype), True if dtype == "bool" else 1
    broadcast = np.broadcast_to(x[:1], x.shape)
    for out in (None, np.empty_like(x), wide[:, ::2]):
        for one, other in ((x, x), (x, y), (y, y), (x[::-1], y), (x, broadcast), (x, number), (number, y)):
            expected = cpu.add(one, other)
            got = native.add(one, other) if out is None else native.add(one, other, out)
            np.testing.assert_array_equal(np.asarray(got, np.float64), np.asarray(expected, np.float64))
            assert got.dtype == x.dtype and (out is None or got is out)


def test_nothing_of_the_kernels_wrapper_is_numpys_where_a_kernel_is_listed(monkeypatch: pytest.MonkeyPatch):
    """The functions handed to map_function are called for what has no kernel, and for nothing else."""
    x = drawn("float32", 8)
    counted = []
    sum_of = native.launch.map_function(
        lambda x, y, out=None: counted.append(1), "elementwise_binary.cu", "binary_add", ("PA", "PA")
    )
    np.testing.assert_array_equal(sum_of(x, x), x + x)
    np.testing.assert_array_equal(sum_of(x[::2], x[::2]), (x + x)[::2])
    assert not counted
    sum_of(x.astype(np.complex64), x.astype(np.complex64))
    assert counted == [1]


def test_numbers_are_taken_as_kernels_compute_with_them():
    x = np.array([1, 2, 3], np.int8)
    with pytest.raises(OverflowError):
        native.add(x, 1000)
    np.testing.assert_array_equal(native.lt(x, 1000), [True] * 3)
    np.testing.assert_array_equal(native.add(x.astype(np.float32), 1e300), [np.inf] * 3)
    halves = np.array([0.1], np.float16)
    assert native.eq(halves, 0.1)[0]  # 0.1 is rounded to a half first


def test_what_is_written_over_its_own_input_elsewhere_is_what_numpy_makes_of_it():
    for function in (native.add, cpu.add):
        x = np.arange(10, dtype=np.float32)
        function(x[:-1], x[:-1], x[1:])
        np.testing.assert_array_equal(x, [0, *range(0, 18, 2)])


def test_results_do_not_depend_on_the_number_of_threads(threads):
    x = drawn("float32", 1_000_003)
    results = []
    for count in (1, 2, 3, 8):
        threads(count)
        results.append(native.exp(x))
    assert all(np.array_equal(results[0], result) for result in results)


def test_several_python_threads_may_call_at_once(threads):
    threads(3)
    x = drawn("float32", 300_000)
    expected, wrong = native.exp(x), []

    def work():
        for _ in range(50):
            if not np.array_equal(native.exp(x), expected):
                wrong.append(1)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_the_pool_works_in_the_child_of_a_fork(threads):
    threads(3)
    x = drawn("float32", 300_000)
    expected = native.exp(x)
    child = os.fork()
    if child == 0:
        os._exit(0 if all(np.array_equal(native.exp(x), expected) for _ in range(20)) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(native.exp(x), expected)


def test_a_float_that_is_not_aligned_is_taken():
    bytes_of = np.zeros(4 * 5 + 1, np.uint8)
    x = bytes_of[1:].view(np.float32)
    np.testing.assert_array_equal(native.add(x, 1), np.ones(5))


def test_a_kernel_that_does_not_compile_leaves_numpys_function(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("AUTOGRAD_GPU_CACHE", str(tmp_path))
    monkeypatch.setattr(build, "compiler", lambda: ("/bin/false", "broken"))
    runtime.entries.cache_clear()
    x = drawn("float32", 8)
    try:
        sum_of = native.launch.map_function(cpu.add, "elementwise_binary.cu", "binary_add", ("PA", "PA"))
        np.testing.assert_array_equal(sum_of(x, x), x + x)
        assert "does not compile" in runtime.failures.pop(("elementwise_binary.cu", "float32"))
    finally:
        runtime.entries.cache_clear()


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists("/proc/self"), reason="needs a folder nobody can write to")
def test_where_the_cache_cannot_be_written_a_folder_of_the_process_serves(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOGRAD_GPU_CACHE", "/proc/self/nowhere")
    path = build.build_runtime(object.__basicsize__)
    assert path.exists() and "/proc" not in str(path)
