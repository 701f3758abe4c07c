"""Launching: parameter lists, formats, strict arguments, limits, interrupts, signal handlers."""

import faulthandler
import os
import signal
import struct
import subprocess
import threading
import time

import numpy as np
import pytest

from autograd_gpu.emulator import EmulatorError, Kernel, KernelError, compile_module

SOURCE = """
struct Sizes { long long values[8]; };
struct f16 { unsigned short bits; };
#define SCALE(T, suffix) \\
  extern "C" __global__ void __launch_bounds__(64) scale_##suffix(const T *__restrict__ x, T *y, int n, T factor) { \\
    if (threadIdx.x < n) y[threadIdx.x] = x[threadIdx.x] * factor; \\
  }
SCALE(float, f32)
SCALE(double, f64)
extern "C" __global__ void mixed(f16 *h, Sizes sizes, bool flag, unsigned u, long long q, double d, const void *any) {}
extern "C" __global__ void spin(int *x) { while (*(volatile int *)x == 0) ; }
extern "C" __global__ void nothing() {}
template <class T> __global__ void generic(T *x) {}
__global__ void prototype(int *x);
"""


@pytest.fixture(scope="module")
def module():
    return compile_module(SOURCE, "launch.cu")


def _scale(**options) -> Kernel:
    return Kernel(SOURCE, "scale_f32", **options)


def _arguments() -> list:
    return [np.arange(8, dtype=np.float32), np.zeros(8, np.float32), np.int32(8), np.float32(2)]


def test_kernels_made_by_macros_are_found_and_templates_and_prototypes_are_not(module):
    assert module.kernels == ("scale_f32", "scale_f64", "mixed", "spin", "nothing")


def test_parameters_are_the_compiled_ones(module):
    described = [
        (p.name, p.type, p.kind, p.const, p.code, p.size, p.offset) for p in module.function("mixed").parameters
    ]
    assert described == [
        ("h", "f16", "pointer", False, "V2", 8, 0),
        ("sizes", "Sizes", "struct", False, "V64", 64, 8),
        ("flag", "bool", "scalar", False, "b1", 1, 72),
        ("u", "unsigned int", "scalar", False, "u4", 4, 76),
        ("q", "long long int", "scalar", False, "i8", 8, 80),
        ("d", "double", "scalar", False, "f8", 8, 88),
        ("any", "void", "pointer", True, "v0", 8, 96),
    ]


def test_structs_of_the_same_name_in_two_modules_are_two_structs():
    text = 'struct Twin {{ int values[{}]; }};\nextern "C" __global__ void k(Twin twin) {{}}'
    sizes = [compile_module(text.format(n)).function("k").parameters[0].size for n in (2, 6)]
    assert sizes == [8, 24]


def test_a_kernel_may_have_a_name_that_the_c_library_has():
    source = 'extern "C" __global__ void advance(int *x) { x[threadIdx.x] = 5; }'
    x = np.zeros(4, np.int32)
    Kernel(source, "advance")(1, 4, (x,))
    assert (x == 5).all()


def test_launch_bounds_are_read(module):
    assert module.function("scale_f32").max_threads == 64
    assert module.function("mixed").max_threads == 1024


@pytest.mark.parametrize(
    ("kernel", "format"), [("scale_f32", "PPif"), ("scale_f64", "PPid"), ("mixed", "P64s?IqdP"), ("nothing", "")]
)
def test_a_right_format_passes(module, kernel, format):
    module.function(kernel).check_format(format)


@pytest.mark.parametrize(
    ("kernel", "format", "complaint"),
    [
        ("scale_f32", "PPi", "3 arguments, the kernel takes 4"),
        ("scale_f32", "PPqf", "argument 2 is 'q' of 8 bytes, not int n"),
        ("scale_f32", "PPIf", "argument 2 is 'I' of 4 bytes, not int n"),
        ("scale_f32", "PPid", "argument 3 is 'd' of 8 bytes, not float factor"),
        ("scale_f32", "PqiP", "argument 1 is 'q' of 8 bytes, not float *y"),
        ("mixed", "P56s?IqdP", "argument 1 is 's' of 56 bytes, not Sizes sizes"),
    ],
)
def test_a_wrong_format_is_refused(module, kernel, format, complaint):
    with pytest.raises(EmulatorError, match="does not fit " + kernel) as refused:
        module.function(kernel).check_format(format)
    assert complaint in str(refused.value)


def test_a_packed_buffer_that_is_too_short_is_refused(module):
    with pytest.raises(EmulatorError, match="16 bytes of parameters, the kernel takes 24"):
        module.function("scale_f32").launch(1, 1, struct.pack("PP", 0, 0))


def test_an_unknown_kernel_names_those_there_are(module):
    with pytest.raises(EmulatorError, match=r"no kernel 'scale'.*scale_f32, scale_f64"):
        module.function("scale")


def test_arguments_of_the_right_types_are_computed_with():
    arguments = _arguments()
    _scale()(1, 32, arguments)
    assert arguments[1].tolist() == [0, 2, 4, 6, 8, 10, 12, 14]


@pytest.mark.parametrize(
    ("position", "value", "complaint"),
    [
        (0, np.arange(8.0), "argument 0 'x' is const float *x, got an array of float64"),
        (0, [1.0], "argument 0 'x' must be an array"),
        (1, np.zeros((8, 2), np.float32)[:, 0], "argument 1 'y' must be C-contiguous"),
        (1, np.broadcast_to(np.float32(0), (1,)), "argument 1 'y' is written by the kernel, got a read-only array"),
        (2, 8, "argument 2 'n' must be np.int32(...), got int"),
        (2, np.int64(8), "argument 2 'n' must be np.int32(...), got np.int64"),
        (3, 2.0, "argument 3 'factor' must be np.float32(...), got float"),
        (3, np.float64(2), "argument 3 'factor' must be np.float32(...), got np.float64"),
    ],
)
def test_an_argument_of_a_wrong_type_is_refused(position, value, complaint):
    arguments = _arguments()
    arguments[position] = value
    with pytest.raises(TypeError) as refused:
        _scale()(1, 32, arguments)
    assert complaint in str(refused.value)


def test_a_wrong_number_of_arguments_is_refused():
    with pytest.raises(TypeError, match="scale_f32 takes 4 arguments, got 3"):
        _scale()(1, 32, _arguments()[:3])


@pytest.mark.parametrize(
    ("grid", "block", "shared", "complaint"),
    [
        (1, 65, 0, "block .65, 1, 1. has 65 threads, limit 64"),
        (1, 2048, 0, "is outside 1 to .1024, 1024, 64."),
        (1, (1, 1, 65), 0, "is outside 1 to .1024, 1024, 64."),
        (0, 32, 0, "grid .0, 1, 1. is outside"),
        ((1, 70_000), 32, 0, "grid .1, 70000, 1. is outside"),
        (1, 32, 50_000, "50000 bytes of dynamic shared memory, limit 49152"),
    ],
)
def test_a_launch_beyond_the_limits_is_refused(grid, block, shared, complaint):
    with pytest.raises(EmulatorError, match=complaint):
        _scale()(grid, block, _arguments(), shared_mem=shared)


def test_larger_shared_memory_can_be_opted_into():
    _scale(max_shared=100 << 10)(1, 32, _arguments(), shared_mem=50_000)


def test_an_array_passed_twice_is_one_buffer():
    x = np.arange(8, dtype=np.float32)
    _scale()(1, 32, (x, x, np.int32(8), np.float32(3)))
    assert x.tolist() == [0, 3, 6, 9, 12, 15, 18, 21]


def test_arrays_stay_as_they_were_when_the_kernel_fails():
    arguments = _arguments()
    with pytest.raises(KernelError, match="past the end of argument 0 'x'"):
        _scale()(1, 32, [*arguments[:2], np.int32(9), arguments[3]])
    assert (arguments[1] == 0).all()


def test_a_source_that_does_not_compile_shows_the_compiler_s_words():
    with pytest.raises(EmulatorError, match=r"broken\.cu does not compile for the emulator:\n(.|\n)*undeclared_name"):
        compile_module('extern "C" __global__ void k(int *x) {\n  x[0] = undeclared_name;\n}', "broken.cu")


def test_dynamic_shared_memory_at_file_scope_is_refused():
    with pytest.raises(
        EmulatorError, match=r"extern __shared__ rows\[\] at file scope: declare it inside the function"
    ):
        compile_module('extern __shared__ float rows[];\nextern "C" __global__ void k(int *x) {}')


def test_headers_and_defines_reach_the_source():
    source = '#include "include/scale.cuh"\n#include "twice.cuh"\n'
    source += 'extern "C" __global__ void k(int *x) { x[0] = twice(FACTOR); }'
    headers = {
        "scale.cuh": '#pragma once\n#include "twice.cuh"\n',
        "twice.cuh": "#pragma once\n__device__ inline int twice(int x) { return 2 * x; }\n",
    }
    x = np.zeros(1, np.int32)
    Kernel(source, "k", ["FACTOR=21"], headers=headers)(1, 1, (x,))
    assert x[0] == 42


@pytest.mark.parametrize("racecheck", [False, True])
def test_ctrl_c_ends_a_kernel_that_never_would(racecheck):
    kernel = Kernel(SOURCE, "spin", racecheck=racecheck)
    # A process that a shell has started in the background ignores the signal until it says otherwise.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()
    try:
        with subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -INT {os.getpid()}"]), pytest.raises(KeyboardInterrupt):
            kernel(1, 1, (np.zeros(1, np.int32),))
    finally:
        signal.signal(signal.SIGINT, previous)
    assert time.monotonic() - started < 10


def test_signal_handlers_are_restored_after_a_launch():
    seen = []
    previous = signal.signal(signal.SIGINT, lambda *_: seen.append("interrupt"))
    was_enabled = faulthandler.is_enabled()
    try:
        with pytest.raises(KernelError):
            Kernel(SOURCE, "scale_f32")(1, 32, [*_arguments()[:2], np.int32(32), np.float32(2)])
        assert signal.getsignal(signal.SIGINT) is not previous
        os.kill(os.getpid(), signal.SIGINT)
        assert seen == ["interrupt"]
        assert faulthandler.is_enabled() == was_enabled
    finally:
        signal.signal(signal.SIGINT, previous)


def test_launches_from_several_threads():
    results = [_arguments() for _ in range(4)]
    kernel = _scale()
    threads = [threading.Thread(target=kernel, args=(1, 32, arguments)) for arguments in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(arguments[1].tolist() == [0, 2, 4, 6, 8, 10, 12, 14] for arguments in results)
