"""Planted bugs: each is a small change to a correct kernel, and each is caught, with a message that names the place.

`finds` is what the race-checked run must report and `line` a piece of the source line that it must point at; a bug
with neither is one that no check can see, so the numbers must be wrong. `plain` says that the fast mode, which has no
race checker, reports it as well. Wrong calls of correct kernels are refused before anything runs.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import emulated_kernels as kernels
import numpy as np
import pytest

from autograd_gpu.emulator import EmulatorError, Kernel, KernelError, allocate


@dataclass(frozen=True)
class Bug:
    name: str
    job: Callable
    damage: tuple[tuple[str, str], ...] = ()  # texts to replace in the kernel, by their first occurrence
    finds: str = ""  # pattern
    line: str = ""
    plain: bool = False

    def text(self) -> str:
        text = kernels.text_of(kernels.FILES[self.job]) if self.job in kernels.FILES else ""
        for old, new in self.damage:
            assert old in text, f"{self.name}: nothing to damage"
            text = text.replace(old, new, 1)
        return text


def _launch(source: str, *args: object, grid=1, block=32, shared_mem=0) -> Callable:
    """A job for a kernel of its own, called `bug`, with no damage to do."""

    def job(_: str, **options) -> None:
        Kernel(source, "bug", **options)(grid, block, args, shared_mem)

    job.source = source
    return job


def _kernel(parameters: str, body: str) -> str:
    return f'extern "C" __global__ void bug({parameters}) {{\n{body}\n}}\n'


def _ones(n: int = 32) -> np.ndarray:
    return np.ones(n, np.float32)


OVER_THE_END = ("c < columns; c += blockDim.x) dot", "c <= columns; c += blockDim.x) dot")
EXCHANGE = "value = Op::fold(value, __shfl_xor_sync(0xffffffffu, value, offset));\n    if (lane == 0) total"

MISSING_ORDER = [
    Bug(
        "tile read before it is complete",
        kernels.matmul,
        (("__syncthreads();  // the tiles", "// the tiles"),),
        r"(uninitialised read|data race).*__shared__ (as|bs)",
        "sum += as",
    ),
    Bug(
        "tile overwritten while it is read",
        kernels.matmul,
        (("__syncthreads();  // nobody", "// nobody"),),
        r"data race on __shared__ (as|bs), byte offset \d+: .*read by.*with no order between",
        "[ty][tx] =",
    ),
    Bug(
        "partial sums read too early",
        kernels.softmax,
        (("__syncthreads();  // partial", "// partial"),),
        "uninitialised read: __shared__ partial",
        "value = lane < warps",
    ),
    Bug(
        "result of a reduction read too early",
        kernels.softmax,
        (("__syncthreads();  // total", "// total"),),
        "uninitialised read: __shared__ total",
        "return total",
    ),
    Bug(
        "partial sums overwritten by the next reduction",
        kernels.layer_norm,
        (("__syncthreads();  // partial may", "// partial may"),),
        "data race on __shared__ partial",
        "partial[warp] =",
    ),
    Bug(
        "warp exchanges through shared memory without __syncwarp",
        kernels.softmax,
        (
            (
                EXCHANGE,
                "{ partial[lane] = value; value = Op::fold(value, partial[lane ^ offset]); }\nif (lane == 0) total",
            ),
        ),
        "(data race|uninitialised read).*__shared__ partial",
        "partial[lane ^ offset]",
    ),
    Bug(
        "tensor core: next stage copied over the one being read",
        kernels.matmul_tensor,
        (("__syncthreads();  // this stage", "// this stage"),),
        "data race on __shared__ (as|bs)",
        "copy_async(&",
    ),
    Bug(
        "tensor core: other threads' copies not waited for",
        kernels.matmul_tensor,
        (("__syncthreads();  // everybody", "// everybody"),),
        "(data race on|waited for: ) ?__shared__ (as|bs)",
        "load_",
    ),
    Bug(
        "cp.async waits for too little",
        kernels.matmul_tensor,
        (("wait_all_but(1)", "wait_all_but(2)"),),
        "read before cp.async was waited for: __shared__ as",
        "load_a(fragment_a",
    ),
    Bug(
        "blocks add to global memory without atomics",
        kernels.layer_norm_dbias,
        (("atomicAdd(&dbias[c], partial[c]);", "dbias[c] += partial[c];"),),
        r"data race on argument 1 'dbias'.*block \(1,0,0\).*block \(0,0,0\)",
        "dbias[c] +=",
    ),
    Bug(
        "a plain read beside atomics",
        kernels.layer_norm_dbias,
        (("atomicAdd(&dbias[c]", "if (dbias[c] < 1e30f) atomicAdd(&dbias[c]"),),
        "data race on argument 1 'dbias'.*atomic by",
        "dbias[c] < 1e30f",
    ),
    Bug(
        "threads share an accumulator in shared memory",
        kernels.layer_norm_dbias,
        (("partial[c] += dy", "partial[c % 8] += dy"),),
        "data race on dynamic shared memory",
        "partial[c % 8] +=",
    ),
    Bug(
        "two blocks write the same tile",
        kernels.matmul,
        (("column = blockIdx.x * TILE + tx", "column = tx"),),
        r"data race on argument 2 'c'.*write by block",
        "c[row * n + column] = sum",
    ),
    Bug(
        "memcpy from shared memory that another thread fills",
        _launch(
            _kernel(
                "float *x",
                "__shared__ float v[64];\nv[threadIdx.x] = 1;\n"
                "if (threadIdx.x == 0)\nmemcpy(x, v, threadIdx.x * 4 + blockDim.x * 4);",
            ),
            _ones(64),
            block=64,
        ),
        (),
        r"(uninitialised read: |data race on )__shared__ v",
        "memcpy(x",
    ),
    Bug(
        "a fence is no barrier",
        _launch(
            _kernel(
                "float *x",
                "__shared__ float v;\nif (threadIdx.x == 0) v = 1;\n__threadfence_block();\nx[threadIdx.x] = v;",
            ),
            _ones(64),
            block=64,
        ),
        (),
        "data race on __shared__ v",
        "x[threadIdx.x] = v",
    ),
]

OUT_OF_BOUNDS = [
    Bug(
        "write one past the end, within the alignment slack",
        kernels.gelu,
        (("i < n; i += step) y[i]", "i <= n; i += step) y[i]"),),
        r"out-of-bounds write: argument 1 'y' \(4012 bytes\), byte offset 4012",
        "y[i] =",
        plain=True,
    ),
    Bug(
        "write without a bounds check",
        kernels.matmul,
        (("if (row < m && column < n) c[", "c["),),
        "out-of-bounds write.* argument 2 'c'|past the end of argument 2 'c'",
        "c[row * n + column] = sum",
        plain=True,
    ),
    Bug(
        "read one past the end",
        kernels.softmax_backward,
        (OVER_THE_END,),
        "past the end of argument 0 'y'",
        "dot +=",
        plain=True,
    ),
    Bug(
        "read one past the end, within the alignment slack",
        lambda text, **options: kernels.softmax_backward(
            kernels.text_of("softmax.cu").replace(*OVER_THE_END), columns=301, rows=1, **options
        ),
        (),
        r"out-of-bounds read: argument 0 'y' \(1204 bytes\), byte offset 1204",
    ),
    Bug(
        "read before the start",
        kernels.softmax_backward,
        (("dot += y[start + c]", "dot += y[start + c - 1]"),),
        "out-of-bounds read: argument 0 'y'.*byte offset -4",
        "dot +=",
    ),
    Bug(
        "write before the start",
        kernels.softmax_backward,
        (("dx[start + c] =", "dx[start + c - 1] ="),),
        "out-of-bounds write: argument 2 'dx'.*byte offset -4",
        "dx[start + c - 1]",
        plain=True,
    ),
    Bug(
        "a wild address",
        _launch(_kernel("float *x", "x[threadIdx.x + (1ll << 40)] = 0;"), _ones()),
        (),
        "illegal (write|access).*outside every buffer",
        "x[threadIdx.x",
        plain=True,
    ),
    Bug(
        "null pointer",
        _launch(_kernel("float *x", "if (threadIdx.x == 5) x[0] = 1;"), None),
        (),
        r"illegal (write|access).*null pointer in block \(0,0,0\) thread \(5,0,0\)",
        "x[0] = 1",
        plain=True,
    ),
    Bug(
        "first index of a static shared array",
        kernels.matmul,
        (("as[ty][tx] =", "as[ty + 1][tx] ="),),
        r"array index 16 out of bounds in block \(0,0,0\) thread \(0,15,0\)",
        "as[ty + 1]",
        plain=True,
    ),
    Bug(
        "inner index runs into the next row",
        kernels.matmul,
        (("sum += as[ty][i]", "sum += as[ty][i + 1]"),),
        "array index 16 out of bounds",
        "as[ty][i + 1]",
        plain=True,
    ),
    Bug(
        "write past a static shared array, through a pointer",
        kernels.softmax,
        (("if (lane == 0) partial[warp] = value", "float *p = partial; p[warp] = p[warp + 32] = value"),),
        "out-of-bounds write: shared memory between variables",
        "p[warp + 32]",
        plain=True,
    ),
    Bug(
        "too little dynamic shared memory",
        lambda text, **options: kernels.softmax(kernels.text_of("softmax.cu"), shared=1000, **options),
        (),
        r"past the end of dynamic shared memory \(1000 bytes\)|out-of-bounds write: dynamic shared memory",
        plain=True,
    ),
    Bug(
        "dynamic shared memory that was not asked for",
        lambda text, **options: kernels.softmax(kernels.text_of("softmax.cu"), shared=0, **options),
        (),
        r"past the end of dynamic shared memory \(0 bytes\)",
        plain=True,
    ),
    Bug(
        "too much static shared memory",
        _launch(_kernel("float *x", "__shared__ float big[13000];\nbig[threadIdx.x] = x[threadIdx.x];"), _ones()),
        (),
        "static shared memory: 52000 bytes, the limit is 49152",
        plain=True,
    ),
    Bug(
        "static and dynamic shared memory together too much",
        lambda text, **options: kernels.softmax(kernels.text_of("softmax.cu"), columns=12250, **options),
        (),
        r"shared memory: 260 static \+ 49000 dynamic bytes exceed the limit of 49152",
        plain=True,
    ),
    Bug(
        "write through a const argument",
        kernels.gelu,
        (("i < n; i += step) y[i]", "i < n; i += step) const_cast<T *>(x)[i]"),),
        r"illegal (write|access).*argument 0 'x' \(4012 bytes\) is const, offset 4000",
        "const_cast",
        plain=True,
    ),
    Bug(
        "misaligned vector load",
        kernels.gelu,
        (("__ldg((const Pack<T> *)x + i)", "__ldg((const Pack<T> *)(x + 1) + (i ? i - 1 : i))"),),
        r"misaligned access.*16-byte alignment needed: argument 0 'x', byte offset 4",
        "__ldg",
        plain=True,
    ),
    Bug(
        "misaligned cp.async",
        kernels.matmul_tensor,
        (("&b[(start + lane) * n + column0]", "&b[(start + lane) * n + column0 + 1]"),),
        "cp.async: misaligned copy of 16 bytes",
        "copy_async(&bs",
        plain=True,
    ),
    Bug(
        "misaligned ldmatrix row",
        kernels.matmul_tensor,
        (("load_b(fragment_b, &bs[stage][lane % 16][0])", "load_b(fragment_b, &bs[stage][lane % 16][4])"),),
        "ldmatrix.*not 16-byte aligned",
        "load_b",
        plain=True,
    ),
    Bug(
        "stack overflow",
        _launch(
            _kernel(
                "float *x", "volatile float big[40000];\nfor (int i = 0; i < 40000; i++) big[i] = x[0];\nx[0] = big[3];"
            ),
            _ones(),
        ),
        (),
        "the thread's stack overflowed",
        plain=True,
    ),
]

DIVERGENCE = [
    Bug(
        "barrier inside a branch",
        kernels.softmax,
        (("__syncthreads();  // partial", "if (threadIdx.x < 64) __syncthreads();  // partial"),),
        r"divergent __syncthreads in block \(0,0,0\): 64 thread\(s\) wait.*64 thread\(s\) wait.*first \(64,0,0\)",
        "__syncthreads()",
        plain=True,
    ),
    Bug(
        "a barrier in each branch",
        kernels.softmax,
        (("__syncthreads();  // partial", "if (warp) __syncthreads();\nelse __syncthreads();  // partial"),),
        r"divergent __syncthreads",
        "else __syncthreads()",
        plain=True,
    ),
    Bug(
        "return before a barrier",
        kernels.matmul,
        (("float sum = 0;", "float sum = 0;\nif (row >= m || column >= n) return;"),),
        r"divergent __syncthreads.*have exited",
        "__syncthreads();  // the tiles",
        plain=True,
    ),
    Bug(
        "shuffle in a branch, with the full mask",
        kernels.softmax,
        (("value = Op::fold(value, __shfl_down", "if (lane < 16) value = Op::fold(value, __shfl_down"),),
        r"deadlock in block \(0,0,0\): .*wait at __shfl_down_sync .* mask 0xffffffff",
        "__shfl_down_sync",
        plain=True,
    ),
    Bug(
        "lane outside its own mask",
        _launch(_kernel("float *x", "x[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, 1.0f, 1);"), _ones()),
        (),
        r"__shfl_xor_sync .*: lane 16 is not in its own mask 0x0000ffff in block \(0,0,0\) thread \(16,0,0\)",
        plain=True,
    ),
    Bug(
        "shuffle names lanes that have returned",
        _launch(
            _kernel("float *x", "if (threadIdx.x < 8) return;\nx[threadIdx.x] = __shfl_sync(~0u, 1.0f, 9);"),
            _ones(),
        ),
        (),
        r"mask 0xffffffff names lane 0, which has exited",
        plain=True,
    ),
    Bug(
        "shuffle over a width that is no power of two",
        _launch(_kernel("float *x", "x[threadIdx.x] = __shfl_down_sync(~0u, 1.0f, 1, 24);"), _ones()),
        (),
        "__shfl_down_sync: width 24 is not a power of two",
        plain=True,
    ),
    Bug(
        "a loop that never ends",
        kernels.softmax,
        (("float sum = 0;", "while (*(volatile float *)row > -1e30f) ;\nfloat sum = 0;"),),
        r"timeout after 0.3 s: the kernel does not end, in block \(0,0,0\) thread \(\d+,0,0\)",
        plain=True,
    ),
    Bug(
        "a barrier that is never the last",
        _launch(_kernel("float *x", "for (;;) __syncthreads();"), _ones()),
        (),
        "timeout after 0.3 s: the kernel does not end",
        plain=True,
    ),
]

UNDEFINED = [
    Bug(
        "uninitialised shared memory",
        kernels.softmax,
        (("value = lane < warps ? partial[lane] : identity;", "value = partial[lane];"),),
        "uninitialised read: __shared__ partial .*byte offset 16",
        "value = partial[lane]",
    ),
    Bug(
        "uninitialised global memory",
        lambda text, **options: Kernel(_kernel("float *x", "x[threadIdx.x] += 1;"), "bug", **options)(
            1, 32, (allocate(128).view(np.float32),)
        ),
        (),
        r"uninitialised read: argument 0 'x' \(128 bytes\), byte offset 0",
    ),
    Bug("uninitialised local variable", kernels.matmul, (("float sum = 0;", "float sum;"),)),
    Bug(
        "shift by more than the width",
        _launch(_kernel("int *x", "x[threadIdx.x] = 1 << (threadIdx.x + 1);"), np.zeros(32, np.int32)),
        (),
        r"shift exponent 32 out of range in block \(0,0,0\) thread \(31,0,0\)",
        "1 << ",
        plain=True,
    ),
    Bug(
        "integer division by zero",
        _launch(_kernel("int *x", "x[0] = 7 / x[threadIdx.x];"), np.zeros(32, np.int32)),
        (),
        "integer division by zero",
        "7 / x",
        plain=True,
    ),
    Bug(
        "a function that forgets to return",
        _launch(
            "__device__ __noinline__ int f(int x) {\n  if (x) return 1;\n}\n" + _kernel("int *x", "x[0] = f(x[1]);"),
            np.zeros(32, np.int32),
        ),
        (),
        "a function that returns a value ended without one",
        plain=True,
    ),
    Bug(
        "device assertion",
        _launch(_kernel("int *x", "assert(x[threadIdx.x] > 0);"), np.arange(3, -29, -1, dtype=np.int32)),
        (),
        r"device assertion failed at .*: x\[threadIdx.x\] > 0 in block \(0,0,0\) thread \(3,0,0\)",
        "assert(",
        plain=True,
    ),
    Bug(
        "trap",
        _launch(_kernel("int *x", "if (threadIdx.x == 7) __trap();"), np.zeros(1, np.int32)),
        (),
        r"__trap\(\) in block \(0,0,0\) thread \(7,0,0\)",
        "__trap",
        plain=True,
    ),
]

WRONG_NUMBERS = [
    Bug(
        "fragment registers swapped",
        kernels.matmul_tensor,
        (
            (
                "multiply(sum, fragment_a, fragment_b);",
                "unsigned swapped[2] = {fragment_b[1], fragment_b[0]};\nmultiply(sum, fragment_a, swapped);",
            ),
        ),
    ),
    Bug("the last element is never written", kernels.gelu, (("i < n; i += step) y[i]", "i < n - 1; i += step) y[i]"),)),
    Bug("a wrong constant", kernels.gelu, (("0.70710678f", "0.70610678f"),)),
]

COUNTED = _kernel("const float *x, float *y, long long n", "if (threadIdx.x < n) y[threadIdx.x] = x[threadIdx.x];")
BY_VALUE = "struct Sizes { long long value[4]; };\n" + _kernel("float *x, Sizes sizes", "x[0] = sizes.value[3];")


def _read_only() -> np.ndarray:
    array = _ones()
    array.flags.writeable = False
    return array


WRONG_CALLS = [
    Bug(
        "an array of another type",
        _launch(COUNTED, np.ones(32), _ones(), np.int64(32)),
        finds=r"argument 0 'x' is const float \*x, got an array of float64",
    ),
    Bug(
        "a number of another size",
        _launch(COUNTED, _ones(), _ones(), np.int32(32)),
        finds=r"argument 2 'n' must be np.int64\(...\), got np.int32",
    ),
    Bug(
        "a Python number, whose size is anyone's guess",
        _launch(COUNTED, _ones(), _ones(), 32),
        finds=r"argument 2 'n' must be np.int64\(...\), got int",
    ),
    Bug(
        "an array for a number",
        _launch(COUNTED, _ones(), _ones(), _ones()),
        finds="argument 2 'n' must be np.int64",
    ),
    Bug(
        "a number for an array",
        _launch(COUNTED, np.float32(1), _ones(), np.int64(32)),
        finds="argument 0 'x' must be an array",
    ),
    Bug("arguments in another order", _launch(COUNTED, _ones(), np.int64(32), _ones()), finds="argument 1 'y' must be"),
    Bug("an argument too few", _launch(COUNTED, _ones(), _ones()), finds="bug takes 3 arguments, got 2"),
    Bug(
        "an argument too many", _launch(COUNTED, _ones(), _ones(), np.int64(3), None), finds="takes 3 arguments, got 4"
    ),
    Bug(
        "an array with gaps",
        _launch(COUNTED, np.ones((8, 4), np.float32).T, _ones(), np.int64(32)),
        finds="argument 0 'x' must be C-contiguous",
    ),
    Bug(
        "a result that must not be written",
        _launch(COUNTED, _ones(), _read_only(), np.int64(32)),
        finds="argument 1 'y' is written by the kernel, got a read-only array",
    ),
    Bug(
        "a struct of another size",
        _launch(BY_VALUE, _ones(), bytes(24)),
        finds="argument 1 'sizes' is a Sizes of 32 bytes",
    ),
    Bug(
        "a block of too many threads",
        _launch(COUNTED, _ones(), _ones(), np.int64(32), block=1025),
        finds=r"block \(1025, 1, 1\)",
    ),
    Bug("a grid of no blocks", _launch(COUNTED, _ones(), _ones(), np.int64(32), grid=0), finds=r"grid \(0, 1, 1\)"),
    Bug(
        "more shared memory than there is",
        _launch(COUNTED, _ones(), _ones(), np.int64(32), shared_mem=1 << 20),
        finds="1048576 bytes of dynamic shared memory, limit 49152",
    ),
]

REPORTED = [*MISSING_ORDER, *OUT_OF_BOUNDS, *DIVERGENCE, *[bug for bug in UNDEFINED if bug.finds]]
SILENT = [*WRONG_NUMBERS, *[bug for bug in UNDEFINED if not bug.finds]]


def _name(bug: Bug) -> str:
    return bug.name.replace(" ", "-")


def _caught(bug: Bug, racecheck: bool) -> str:
    with pytest.raises(KernelError) as caught:
        bug.job(bug.text(), racecheck=racecheck, timeout=0.3)
    return str(caught.value)


@pytest.mark.parametrize("bug", REPORTED, ids=_name)
def test_planted_bug_is_reported(bug):
    message = _caught(bug, racecheck=True)
    assert re.search(bug.finds, message), message
    text = bug.text() or getattr(bug.job, "source", "")
    if bug.line:
        numbers = [int(number) for number in re.findall(r"kernel\.cu:(\d+)", message)]
        assert any(bug.line in text.splitlines()[number - 1] for number in numbers), message


@pytest.mark.parametrize("bug", [bug for bug in REPORTED if bug.plain], ids=_name)
def test_planted_bug_is_reported_without_the_race_checker(bug):
    assert _caught(bug, racecheck=False)


@pytest.mark.parametrize("bug", WRONG_CALLS, ids=_name)
def test_a_wrong_call_is_refused(bug):
    with pytest.raises((TypeError, EmulatorError)) as caught:
        bug.job(bug.text())
    assert re.search(bug.finds, str(caught.value)), str(caught.value)


@pytest.mark.parametrize("bug", SILENT, ids=_name)
def test_planted_bug_shows_in_the_numbers(bug):
    assert not kernels.agrees(bug.job(bug.text(), racecheck=False))


def test_the_matrix_is_as_large_as_promised():
    assert len(REPORTED) + len(SILENT) + len(WRONG_CALLS) >= 64
