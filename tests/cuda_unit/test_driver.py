"""The two drivers: what device arrays refuse, and what CuPy is asked to do, told by a stand-in that writes it down."""

import contextlib
import ctypes
import sys
import types

import ml_dtypes
import numpy as np
import pytest

from autograd_gpu.arrays.cuda import compile, driver
from autograd_gpu.arrays.cuda.device_arrays import DeviceArray
from autograd_gpu.arrays.cuda.launch import Kernel
from autograd_gpu.errors import DeviceUnavailable

# ---- emulated memory


def test_device_arrays_refuse_numpy_s_mathematics():
    x = driver.emulated().from_host(np.ones((2, 3), np.float32))
    for attempt in (
        lambda: x + x,
        lambda: np.exp(x),
        lambda: x.sum(),
        lambda: np.concatenate([x, x]),
        lambda: x.astype(np.float64),
        lambda: x.__setitem__(0, 1),
        lambda: float(x[0, 0]),
        lambda: x[[0, 1]],
        lambda: x.T.reshape(6),
        lambda: x.copy(),
    ):
        with pytest.raises(TypeError):
            attempt()


def test_device_arrays_view_as_numpy_does():
    x = driver.emulated().from_host(np.arange(6, dtype=np.int64).reshape(2, 3))
    views = (x.T, x[1], x[:, ::2], x[None, ..., 1], x[1, 2], x.reshape(3, 2), x.swapaxes(0, 1))
    assert [view.shape for view in views] == [(3, 2), (3,), (2, 2), (1, 2), (), (3, 2), (3, 2)]
    assert all(isinstance(view, DeviceArray) for view in views)


def test_new_device_memory_is_not_zero():
    x = driver.current().to_host(driver.current().empty((3,), np.dtype(np.float32)))
    assert np.isnan(x).all()


# ---- CuPy


class Recorder:
    """cupy.cuda.driver and what else CudaDriver uses, on host memory."""

    CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8

    class CUDADriverError(RuntimeError):
        pass

    def __init__(self):
        self.launches, self.attributes = [], []

    def launchKernel(self, function, gx, gy, gz, bx, by, bz, shared, stream, parameters, extra):
        kind, buffer, size_kind, size, end = (ctypes.c_void_p * 5).from_address(extra)
        assert (kind, size_kind, end, parameters) == (1, 2, None, 0)
        packed = ctypes.string_at(buffer, ctypes.c_size_t.from_address(size).value)
        self.launches.append((function, (gx, gy, gz), (bx, by, bz), shared, stream, packed))

    def funcSetAttribute(self, function, attribute, value):
        self.attributes.append((function, attribute, value))


@pytest.fixture
def cupy(monkeypatch, tmp_path):
    recorder = Recorder()

    class Module:
        def load(self, cubin):
            assert cubin.startswith(b"\x7fELF")

        def get_function(self, name):
            if name == "nothing":
                raise recorder.CUDADriverError("CUDA_ERROR_NOT_FOUND")
            return types.SimpleNamespace(ptr=4242)

    stand_in = types.ModuleType("cupy")
    stand_in.__version__ = "0"
    stand_in.empty, stand_in.asnumpy = np.empty, np.asarray
    stand_in.cuda = types.SimpleNamespace(
        is_available=lambda: True,
        runtime=types.SimpleNamespace(getDevice=lambda: 0, getDeviceCount=lambda: 1),
        driver=recorder,
        MemoryPool=None,
        get_current_stream=lambda: types.SimpleNamespace(ptr=77, is_capturing=lambda: False),
        Stream=types.SimpleNamespace(null=None),
        function=types.SimpleNamespace(Module=Module),
        Device=lambda index: types.SimpleNamespace(compute_capability="90"),
    )
    monkeypatch.setitem(sys.modules, "cupy", stand_in)
    monkeypatch.setattr(driver, "_current", driver.on_a_gpu())
    monkeypatch.setattr(Kernel, "all", [])
    return recorder


def array_at(address):
    return types.SimpleNamespace(data=types.SimpleNamespace(ptr=address))


def test_a_launch_hands_the_driver_packed_parameters(cupy):
    kernel = Kernel("memory.cu", "arange_reals", "Pqdd")
    kernel(np.dtype(ml_dtypes.bfloat16), 3, (64, 2), array_at(0x1000), 5, 0.5, 2.0)
    kernel(np.dtype(np.float32), 1, 32, None, 6, 0.0, 1.0)
    first, second = cupy.launches
    assert first[:5] == (4242, (3, 1, 1), (64, 2, 1), 0, 77)
    assert np.frombuffer(first[5][:16], np.int64).tolist() == [0x1000, 5]
    assert np.frombuffer(first[5][16:]).tolist() == [0.5, 2.0]
    assert np.frombuffer(second[5][:16], np.int64).tolist() == [0, 6]


def test_more_shared_memory_than_usual_is_asked_for_once(cupy):
    kernel = Kernel("memory.cu", "arange_reals", "Pqdd")
    for size in (48 << 10, 64 << 10, 60 << 10):
        kernel(np.dtype(np.float32), 1, 32, None, 1, 0.0, 1.0, shared_mem=size)
    assert cupy.attributes == [(4242, 8, 64 << 10)]


def test_a_kernel_that_the_cubin_lacks_is_a_type_error(cupy):
    with pytest.raises(TypeError, match="nothing: no CUDA kernel for float32"):
        Kernel("memory.cu", "nothing", "P")(np.dtype(np.float32), 1, 1, None)


def test_hopper_gets_its_own_target(cupy):
    assert driver.current()._arch(0) == "sm_90a"


def test_cupy_s_linalg_is_told_to_raise(cupy, monkeypatch):
    asked = []

    @contextlib.contextmanager
    def errstate(linalg):
        asked.append(linalg)
        yield
        asked.append("left")

    monkeypatch.setitem(sys.modules, "cupyx", types.SimpleNamespace(errstate=errstate))
    sys.modules["cupy"].linalg = types.SimpleNamespace(qr=lambda x, mode: asked.append((x, mode)))
    driver.current().linalg("qr", 7, mode="reduced")
    assert asked == ["raise", (7, "reduced"), "left"]


@pytest.mark.parametrize("present", [False, True])
def test_no_gpu_is_one_line_that_says_what_to_do(monkeypatch, present):
    stand_in = types.SimpleNamespace(cuda=types.SimpleNamespace(is_available=lambda: False)) if present else None
    monkeypatch.setitem(sys.modules, "cupy", stand_in)
    with pytest.raises(DeviceUnavailable) as raised:
        driver.on_a_gpu()
    message = str(raised.value)
    assert "\n" not in message
    assert "pip install autograd-gpu[cuda13]" in message
    assert "AUTOGRAD_GPU_EMULATE=1" in message


def test_the_mode_is_read_from_the_environment(monkeypatch):
    for value, racecheck in (("1", False), ("race", True)):
        monkeypatch.setattr(driver, "_current", None)
        monkeypatch.setenv("AUTOGRAD_GPU_EMULATE", value)
        assert driver.current().context() is racecheck
    monkeypatch.setattr(driver, "_current", None)
    monkeypatch.setenv("AUTOGRAD_GPU_EMULATE", "rase")
    with pytest.raises(DeviceUnavailable, match="expected 0, 1, race or cupy, but got 'rase'"):
        driver.current()


def test_no_compiler_says_what_to_install(monkeypatch):
    monkeypatch.setattr(compile, "_nvrtc_candidates", lambda: ["/nowhere/libnvrtc.so"])
    compile._nvrtc.cache_clear()
    with pytest.raises(compile.CompileError, match="pip install nvidia-cuda-nvrtc"):
        compile._nvrtc()
