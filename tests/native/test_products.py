"""Products of matrices by BLAS without NumPy, shared out to the pool's threads, which do what else BLAS shares out."""

import os
import threading

import numpy as np
import pytest

from autograd_gpu.arrays import cpu, native
from autograd_gpu.arrays.cpu.blas_threads import set_blas_threads
from autograd_gpu.arrays.native import runtime

pytestmark = [
    pytest.mark.ours,
    pytest.mark.skipif(native.matmul is cpu.matmul, reason="NumPy's BLAS is no OpenBLAS of 64 bits"),
]

SHAPES = [(4, 4, 4), (2, 1, 2), (33, 65, 17), (129, 200, 257), (700, 64, 90), (90, 64, 700), (64, 4096, 64)]


@pytest.fixture(autouse=True)
def three_threads():
    before = runtime.library().host_threads()
    runtime.library().host_set_threads(3)
    set_blas_threads(1)  # OpenBLAS's threads wait for each other: on a machine with other work to do, for very long
    yield
    runtime.library().host_set_threads(before)
    set_blas_threads(before)


def drawn(dtype: str, *shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def layouts(x: np.ndarray) -> list[np.ndarray]:
    """The array row by row, column by column, within a wider one, and with gaps, which BLAS does not read."""
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., : x.shape[-1]] = x
    gaps = np.zeros_like(wide)
    gaps[..., ::2] = x
    columns = np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)
    return [x, columns, wide[..., : x.shape[-1]], gaps[..., ::2]]


def close(got: np.ndarray, expected: np.ndarray, terms: int) -> None:
    assert got.dtype == expected.dtype and got.flags.c_contiguous
    np.testing.assert_allclose(got, expected, rtol=0, atol=np.finfo(got.dtype).eps * 8 * terms)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_product_is_numpys_in_every_layout(shape: tuple[int, int, int], dtype: str):
    m, k, n = shape
    for x in layouts(drawn(dtype, m, k)):
        for y in layouts(drawn(dtype, k, n)):
            close(native.matmul(x, y), np.matmul(x, y), k)
            bias = drawn(dtype, n)
            close(native.linear(x, y.T, bias), np.matmul(x, y) + bias, k)
            close(native.linear(x, y.T, None), np.matmul(x, y), k)


@pytest.mark.parametrize("batch", [(1,), (3,), (40,), (2, 3), (0,)])
@pytest.mark.parametrize("size", [5, 70])
def test_batches_are_products_one_by_one(batch: tuple[int, ...], size: int):
    for x in layouts(drawn("float32", *batch, size, 9)):
        for y in layouts(drawn("float32", *batch, 9, size)):
            close(native.matmul(x, y), np.matmul(x, y), 9)
    same = np.broadcast_to(drawn("float32", 9, size), (*batch, 9, size))
    close(native.matmul(drawn("float32", *batch, size, 9), same), np.matmul(drawn("float32", *batch, size, 9), same), 9)


def test_what_does_not_go_together_is_refused_as_numpy_refuses_it():
    x, y = drawn("float32", 3, 4), drawn("float32", 5, 3)
    with pytest.raises(ValueError, match="mismatch"):
        native.matmul(x, y)
    with pytest.raises(RuntimeError, match="expected scalar type"):
        native.matmul(x, y.T.astype(np.float64))


def test_nan_and_infinity_come_through_and_old_memory_does_not():
    x, y = drawn("float32", 200, 60), drawn("float32", 60, 300)
    for _ in range(5):
        np.full((200, 300), np.nan, np.float32)  # perhaps where the result will lie
        assert np.isfinite(native.matmul(x, y)).all()
    x[3, 5] = np.nan
    assert np.isnan(native.matmul(x, y)[3]).all() and np.isfinite(np.delete(native.matmul(x, y), 3, 0)).all()


def test_a_product_is_the_same_whether_threads_share_it_or_one_has_all_of_it():
    x, y = drawn("float32", 777, 300), drawn("float32", 300, 555)
    expected, results = native.matmul(x, y), []

    def work():
        results.extend(native.matmul(x, y) for _ in range(20))

    workers = [threading.Thread(target=work) for _ in range(4)]  # one has the pool, the others work alone
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    close(np.array(results), np.broadcast_to(expected, (80, 777, 555)).copy(), 300)


def test_numpys_own_products_and_decompositions_run_beside_ours():
    set_blas_threads(2)
    x, y = drawn("float64", 100, 100), drawn("float64", 100, 100)
    product, inverse, wrong = np.matmul(x, y), np.linalg.inv(x), []

    def of_numpy():
        for _ in range(3):
            wrong.extend([1] * (not np.allclose(x @ y, product) or not np.allclose(np.linalg.inv(x), inverse)))

    def of_ours():
        for _ in range(30):
            wrong.extend([1] * (not np.allclose(native.matmul(x, y), product)))

    workers = [threading.Thread(target=target) for target in (of_numpy, of_ours) * 2]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_products_run_in_the_child_of_a_fork():
    set_blas_threads(2)
    x = drawn("float64", 100, 100)
    expected = native.matmul(x, x), x @ x
    child = os.fork()
    if child == 0:
        same = all(np.allclose(native.matmul(x, x), expected[0]) and np.allclose(x @ x, expected[1]) for _ in range(3))
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
