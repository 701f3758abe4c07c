"""Matrix products by cuBLASLt through nvmath's low-level bindings, with what surrounds them done in its epilogues.

cuBLASLt counts columns first: our out (m, n) is its D (n, m), so that its A is our y and its B our x. A plan, which is
the descriptors and the algorithm of one kind of product, is made once and kept. What cuBLASLt cannot do (strides along
both dimensions, several batch dimensions) is answered by None: our own kernels do it.

Not proved: no GPU has run this file yet. The tests run it against a stand-in written from cuBLASLt's documentation.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from autograd_gpu.arrays.cuda import driver
from autograd_gpu.arrays.cuda import matmul_choice as choice
from autograd_gpu.arrays.cuda.matmul_problem import Problem, problem_of
from autograd_gpu.arrays.cuda.memory import empty
from autograd_gpu.settings import allows_tf32

Array = Any

WORKSPACE = 32 << 20  # bytes; what cuBLAS's own documentation recommends for Hopper
# dtype -> cudaDataType_t, cublasComputeType_t, cudaDataType_t of alpha and beta
R_32F, R_64F, R_16F, R_16BF = 0, 1, 2, 14
COMPUTE_32F, COMPUTE_64F, COMPUTE_TF32 = 68, 70, 77
TYPES = {
    "float16": (R_16F, COMPUTE_32F, R_32F),
    "bfloat16": (R_16BF, COMPUTE_32F, R_32F),
    "float32": (R_32F, COMPUTE_32F, R_32F),
    "tf32": (R_32F, COMPUTE_TF32, R_32F),
    "float64": (R_64F, COMPUTE_64F, R_64F),
}
ALIGNED = 16  # bytes that cuBLASLt's fast kernels want pointers to lie at


@functools.cache
def bindings() -> Any | None:
    """nvmath.bindings.cublasLt, None where it is not installed or does not load."""
    try:
        from nvmath.bindings import cublasLt
    except Exception:  # a broken installation raises more than ImportError
        return None
    return cublasLt


def product(
    x: Array, y: Array, bias: Array | None = None, aux: Array | None = None, epilogue: str | None = None
) -> Array | None:
    """x @ y and what the epilogue makes of it, or None where cuBLASLt cannot, or was measured to be slower.

    Without an epilogue: x @ y + bias. "GELU_AUX": aux becomes x @ y + bias, and the result is its gelu by tanh.
    "DGELU": the result is (x @ y) * gelu'(aux). "BGRADB": bias becomes the sums of x's rows.
    """
    name = x.dtype.name
    if name == "float32" and allows_tf32():
        name = "tf32"
    if name not in TYPES or bindings() is None:
        return None
    problem = problem_of(x.dtype.itemsize, x.shape, x.strides, y.shape, y.strides)
    gpu = driver.current()
    pointers = [0 if array is None else gpu.pointer(array) for array in (x, y, bias, aux)]
    alignment = ALIGNED if all(pointer % ALIGNED == 0 for pointer in pointers) else x.dtype.itemsize
    if epilogue is None:
        epilogue = "BIAS" if bias is not None else "DEFAULT"
    elif epilogue == "GELU_AUX" and bias is not None:
        epilogue = "GELU_AUX_BIAS"
    plan = _plan(gpu.context(), threading.get_ident(), choice.mode(), name, problem, epilogue, alignment)
    if plan is None:
        return None
    out = empty((*x.shape[:-1], y.shape[-1]), x.dtype)
    plan.run(gpu, gpu.pointer(out), *pointers)
    return out


# A plan holds the pointers of the call that is under way, so threads share none.
@functools.lru_cache(maxsize=4096)
def _plan(
    context: Hashable, thread: int, mode: str, name: str, problem: Problem, epilogue: str, alignment: int
) -> _Plan | None:
    """How cuBLASLt does this, or None where it cannot or should not."""
    m, n, k, x_row, x_col, y_row, y_col, batch = problem
    x, y = _operand(problem.x_layout, m, k, x_row, x_col), _operand(problem.y_layout, k, n, y_row, y_col)
    if x is None or y is None or len(batch) > 1 or problem.is_empty or not choice.is_cublaslt(name, m, n, k):
        return None
    plan = _Plan(bindings(), _handle(context), name, problem, x, y, epilogue)
    return plan if plan.find_algorithm(alignment) else None


@functools.cache
def _handle(context: Hashable) -> int:
    return bindings().create()


@functools.cache
def _workspace(context: Hashable, stream: int) -> Array:
    """Scratch memory; the products of a stream run one after another and share it."""
    return empty((WORKSPACE,), np.dtype(np.uint8))


class _Operand(NamedTuple):
    """A matrix as cuBLASLt takes it: stored columns first, `ld` elements apart, and perhaps to be transposed."""

    rows: int
    cols: int
    ld: int
    transposed: bool


def _operand(layout: str | None, rows: int, cols: int, row_stride: int, col_stride: int) -> _Operand | None:
    """The transpose of a (rows, cols) matrix of ours; None where neither dimension is contiguous, or rows overlap."""
    if layout is None:
        return None
    if layout == "n":
        operand = _Operand(cols, rows, row_stride if rows > 1 else cols, False)
    else:
        operand = _Operand(rows, cols, col_stride if cols > 1 else rows, True)
    return operand if operand.ld >= operand.rows else None


class _Plan:
    """The descriptors and the algorithm of one kind of product; they live as long as the process."""

    def __init__(
        self, lt: Any, handle: int, name: str, problem: Problem, x: _Operand, y: _Operand, epilogue: str
    ) -> None:
        data, compute, scale = TYPES[name]
        number = ctypes.c_double if scale == R_64F else ctypes.c_float
        self.lt, self.handle, self.one, self.zero = lt, handle, number(1), number(0)
        self.bias, self.aux = ctypes.c_void_p(), ctypes.c_void_p()
        self.description = lt.matmul_desc_create(compute, scale)
        describe = functools.partial(_set, lt.matmul_desc_set_attribute, self.description, lt.MatmulDescAttribute)
        describe(TRANSA=ctypes.c_int32(y.transposed), TRANSB=ctypes.c_int32(x.transposed))
        describe(EPILOGUE=ctypes.c_int32(int(lt.Epilogue[epilogue])))
        if "GELU" in epilogue:
            describe(EPILOGUE_AUX_LD=ctypes.c_int64(problem.n))
        self.has_pointers = epilogue != "DEFAULT"
        self.set_pointers = functools.partial(describe, BIAS_POINTER=self.bias, EPILOGUE_AUX_POINTER=self.aux)
        count, x_step, y_step = problem.batch[0] if problem.batch else (1, 0, 0)
        self.y, self.x, self.out = (
            self._matrix(data, rows, cols, ld, count, step)
            for rows, cols, ld, step in (
                (*y[:3], y_step), (*x[:3], x_step), (problem.n, problem.m, problem.n, problem.m * problem.n)
            )
        )  # fmt: skip
        self.found = lt.MatmulHeuristicResult(1)

    def _matrix(self, data: int, rows: int, cols: int, ld: int, count: int, step: int) -> int:
        matrix = self.lt.matrix_layout_create(data, rows, cols, ld)
        if count > 1:
            _set(
                self.lt.matrix_layout_set_attribute, matrix, self.lt.MatrixLayoutAttribute,
                BATCH_COUNT=ctypes.c_int32(count), STRIDED_BATCH_OFFSET=ctypes.c_int64(step),
            )  # fmt: skip
        return matrix

    def find_algorithm(self, alignment: int) -> bool:
        """Ask cuBLASLt for its first choice for pointers at multiples of `alignment` bytes; False when it has none."""
        lt = self.lt
        if self.has_pointers:  # their alignment may matter to the choice; they are not followed yet
            self.bias.value = self.aux.value = alignment
            self.set_pointers()
        preference, found = lt.matmul_preference_create(), ctypes.c_int32()
        limits = {f"MIN_ALIGNMENT_{matrix}_BYTES": ctypes.c_uint32(alignment) for matrix in "ABCD"}
        limits["MAX_WORKSPACE_BYTES"] = ctypes.c_uint64(WORKSPACE)
        _set(lt.matmul_preference_set_attribute, preference, lt.MatmulPreferenceAttribute, **limits)
        matrices = (self.y, self.x, self.out, self.out)
        asked = (self.handle, self.description, *matrices, preference, 1, self.found.ptr, ctypes.addressof(found))
        try:
            lt.matmul_algo_get_heuristic(*asked)
        except lt.cuBLASLtError:  # "not supported" for this combination
            return False
        finally:
            lt.matmul_preference_destroy(preference)
        return found.value > 0

    def run(self, gpu: driver.Driver, out: int, x: int, y: int, bias: int, aux: int) -> None:
        if self.has_pointers:
            self.bias.value, self.aux.value = bias, aux
            self.set_pointers()
        stream = gpu.stream()
        workspace = gpu.pointer(_workspace(gpu.context(), stream))
        one, zero = ctypes.addressof(self.one), ctypes.addressof(self.zero)
        # C, which a beta of zero leaves unread, is D. The algorithm is the first member of what was found.
        operands = one, y, self.y, x, self.x, zero, out, self.out, out, self.out
        self.lt.matmul(self.handle, self.description, *operands, self.found.ptr, workspace, WORKSPACE, stream)


def _set(setter: Any, target: int, names: Any, **values: Any) -> None:
    """Set attributes of a descriptor, each from a ctypes value of the size that cuBLASLt expects."""
    for name, value in values.items():
        setter(target, names[name], ctypes.addressof(value), ctypes.sizeof(value))
