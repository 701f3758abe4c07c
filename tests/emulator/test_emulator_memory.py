"""Guarded device memory as NumPy arrays: contents, alignment, ownership, reuse, and its checks in a launch."""

import struct

import ml_dtypes
import numpy as np
import pytest

from autograd_gpu.emulator import Kernel, KernelError, allocate, compile_module

SOURCE = """
extern "C" __global__ void fill(float *x, float value, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] = value;
}
extern "C" __global__ void indirect(float *const *table, int *unused) { table[threadIdx.x][0] = 1; }
"""


def _pointer(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _fill(x: np.ndarray, n: int, pointer: int | None = None, racecheck: bool = True) -> None:
    function = compile_module(SOURCE, "fill.cu", racecheck=racecheck).function("fill")
    packed = struct.pack("Pfi", _pointer(x) if pointer is None else pointer, 3.0, n)
    function.launch(-(-max(n, 1) // 64), 64, packed)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
def test_fresh_memory_is_nan_in_every_float_format(dtype):
    assert np.isnan(allocate(160).view(dtype).astype(np.float64)).all()


@pytest.mark.parametrize("nbytes", [1, 15, 16, 17, 4095, 4096, 4097, 100_000])
def test_the_end_lies_within_16_bytes_of_a_page_that_is_not_ours(nbytes):
    x = allocate(nbytes)
    end = _pointer(x) + nbytes
    assert x.nbytes == nbytes
    assert _pointer(x) % 16 == 0
    assert -end % 4096 < 16


def test_an_empty_buffer_has_an_address_and_no_bytes():
    x = allocate(0)
    assert x.size == 0
    _fill(x, 0)
    with pytest.raises(KernelError, match="past the end of argument 0 'x'"):
        _fill(x, 1)


def test_the_base_of_every_view_ends_in_an_owner_that_is_no_array():
    base = allocate(64).view(np.float32).reshape(4, 4).T[1:]
    while isinstance(base, np.ndarray):
        base = base.base
    assert base is not None


def test_a_view_keeps_the_buffer_and_the_last_one_frees_it():
    x = allocate(10_016)
    address = _pointer(x)
    view = x[100:200]
    del x
    assert _pointer(allocate(10_016)) != address
    view[:] = 1
    del view
    assert address in {_pointer(allocate(10_016)) for _ in range(2)}


def test_reused_memory_is_poisoned_again():
    x = allocate(20_000)
    x[:] = 0
    address = _pointer(x)
    del x
    y = allocate(20_000)
    assert _pointer(y) == address
    assert np.isnan(y.view(np.float64)).all()


def test_a_launch_writes_in_place_through_raw_pointers():
    x = allocate(400).view(np.float32)
    _fill(x, 100)
    assert (x == 3).all()


@pytest.mark.parametrize("view", [slice(0, 0), slice(3, 3), slice(5, None), slice(-1, 0, 1)])
def test_an_empty_view_is_an_argument_like_any(view):
    source = 'extern "C" __global__ void copy(const float *x, float *y, int n) { if (threadIdx.x < n) y[0] = x[0]; }'
    y = np.zeros(1, np.float32)
    for x in (allocate(20).view(np.float32), np.ones(5, np.float32)):
        Kernel(source, "copy")(1, 32, (x[view], y, np.int32(x[view].size)))
        with pytest.raises(KernelError):
            Kernel(source, "copy")(1, 32, (allocate(0).view(np.float32), y, np.int32(1)))


def test_a_pointer_into_the_middle_of_a_buffer():
    x = allocate(400).view(np.float32)
    _fill(x, 60, pointer=_pointer(x[40:]))
    assert np.isnan(x[:40]).all()
    assert (x[40:] == 3).all()


@pytest.mark.parametrize("racecheck", [False, True])
def test_a_pointer_to_host_memory_is_refused(racecheck):
    host = np.zeros(100, np.float32)
    with pytest.raises(KernelError, match="argument 0 points at no device memory"):
        _fill(host, 100, racecheck=racecheck)


def test_a_pointer_to_freed_memory_is_refused():
    address = _pointer(allocate(50_000))
    with pytest.raises(KernelError, match="argument 0 points at freed device memory"):
        _fill(allocate(4000), 100, pointer=address)


def test_the_buffers_behind_a_table_of_pointers_are_checked_too():
    function = compile_module(SOURCE, "fill.cu", racecheck=True).function("indirect")
    live, freed = allocate(4), _pointer(allocate(50_000))
    table = allocate(16).view(np.uint64)
    table[:] = _pointer(live), freed
    packed = struct.pack("PP", _pointer(table), 0)
    function.launch(1, 1, packed)
    assert live.view(np.float32)[0] == 1
    with pytest.raises(KernelError, match="use of freed memory"):
        function.launch(1, 2, packed)


def test_const_arguments_are_writable_again_after_a_fault():
    source = 'extern "C" __global__ void overwrite(const float *x) { ((float *)x)[threadIdx.x] = 0; }'
    x = allocate(128).view(np.float32)
    with pytest.raises(KernelError, match=r"argument 0 'x' .* is const"):
        compile_module(source).function("overwrite").launch(1, 32, struct.pack("P", _pointer(x)))
    x[:] = 1
    assert (x == 1).all()


def test_a_const_argument_that_is_also_the_output_may_be_written():
    source = 'extern "C" __global__ void twice(const float *x, float *y) { y[threadIdx.x] = 2 * x[threadIdx.x]; }'
    x = allocate(128).view(np.float32)
    x[:] = 4
    compile_module(source, racecheck=True).function("twice").launch(1, 32, struct.pack("PP", _pointer(x), _pointer(x)))
    assert (x == 8).all()
