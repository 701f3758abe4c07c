"""A stand-in for nvmath.bindings.cublasLt over host memory, written from cuBLASLt's documentation.

Matrices lie columns first: element (i, j) of one with leading dimension ld is at i + j * ld. D = op(A) op(B), then the
epilogue: BIAS adds a vector along D's rows; GELU_AUX writes gelu's argument to the auxiliary matrix; DGELU multiplies
by the slope at it; BGRADB writes B's sums over k, as many as D has columns.
"""

import ctypes
import enum
import itertools
import math

import ml_dtypes
import numpy as np

DTYPES = {0: np.float32, 1: np.float64, 2: np.float16, 14: ml_dtypes.bfloat16}
COMPUTE_TYPES = {68: np.float32, 77: np.float32, 70: np.float64}


class Epilogue(enum.IntEnum):
    DEFAULT, BIAS, GELU_AUX, GELU_AUX_BIAS, DGELU, BGRADB = 1, 4, 160, 164, 192, 512


MatmulDescAttribute = enum.IntEnum(
    "MatmulDescAttribute", "TRANSA TRANSB EPILOGUE BIAS_POINTER EPILOGUE_AUX_POINTER EPILOGUE_AUX_LD"
)
MatrixLayoutAttribute = enum.IntEnum("MatrixLayoutAttribute", "BATCH_COUNT STRIDED_BATCH_OFFSET")
MatmulPreferenceAttribute = enum.IntEnum(
    "MatmulPreferenceAttribute",
    [*(f"MIN_ALIGNMENT_{matrix}_BYTES" for matrix in "ABCD"), "MAX_WORKSPACE_BYTES"],
)
SIZES = {"TRANSA": 4, "TRANSB": 4, "EPILOGUE": 4, "BATCH_COUNT": 4, "MAX_WORKSPACE_BYTES": 8, "EPILOGUE_AUX_LD": 8,
         "STRIDED_BATCH_OFFSET": 8, "BIAS_POINTER": 8, "EPILOGUE_AUX_POINTER": 8,
         **{f"MIN_ALIGNMENT_{matrix}_BYTES": 4 for matrix in "ABCD"}}  # fmt: skip


class cuBLASLtError(Exception):
    pass


class MatmulHeuristicResult:
    def __init__(self, size):
        self.memory = ctypes.create_string_buffer(96 * size)
        self.ptr = ctypes.addressof(self.memory)


objects = {}
asked = []  # the epilogue and the alignment of every question for an algorithm
multiplied = []  # the epilogue of every product
_numbers = itertools.count(1)


def _new(**values):
    number = next(_numbers)
    objects[number] = values
    return number


def create():
    return _new(handle=True)


def matmul_desc_create(compute_type, scale_type):
    return _new(compute=COMPUTE_TYPES[compute_type], scale=DTYPES[scale_type])


def matrix_layout_create(type, rows, cols, ld):
    assert ld >= rows > 0 and cols > 0
    return _new(dtype=np.dtype(DTYPES[type]), rows=rows, cols=cols, ld=ld, BATCH_COUNT=1, STRIDED_BATCH_OFFSET=0)


def matmul_preference_create():
    return _new()


def matmul_preference_destroy(preference):
    del objects[preference]


def _setter(names):
    def set_attribute(target, attribute, buffer, size):
        name = names(attribute).name
        assert size == SIZES[name], name
        objects[target][name] = int.from_bytes(ctypes.string_at(buffer, size), "little")

    return set_attribute


matmul_desc_set_attribute = _setter(MatmulDescAttribute)
matrix_layout_set_attribute = _setter(MatrixLayoutAttribute)
matmul_preference_set_attribute = _setter(MatmulPreferenceAttribute)


def matmul_algo_get_heuristic(handle, desc, a, b, c, d, preference, requested, results, count):
    description = objects[desc]
    asked.append((Epilogue(description["EPILOGUE"]).name, objects[preference]["MIN_ALIGNMENT_A_BYTES"]))
    if description.get("EPILOGUE_AUX_LD", 0) % 8:
        raise cuBLASLtError("CUBLAS_STATUS_NOT_SUPPORTED (15)")
    ctypes.c_int32.from_address(count).value = 1


def matmul(
    handle, desc, alpha, a, a_layout, b, b_layout, beta, c, c_layout, d, d_layout, algo, workspace, size, stream
):
    description, out = objects[desc], objects[d_layout]
    number = ctypes.c_double if description["scale"] is np.float64 else ctypes.c_float
    assert number.from_address(alpha).value == 1 and number.from_address(beta).value == 0
    epilogue = Epilogue(description["EPILOGUE"]).name
    multiplied.append(epilogue)
    for batch in range(out["BATCH_COUNT"]):
        first = _matrix(a, objects[a_layout], batch, description["TRANSA"]).astype(np.float64)
        second = _matrix(b, objects[b_layout], batch, description["TRANSB"]).astype(np.float64)
        result = first @ second
        if epilogue == "BGRADB":
            _vector(description["BIAS_POINTER"], out["dtype"], out["cols"])[:] = second.sum(0)
        elif "BIAS" in epilogue:
            result += _vector(description["BIAS_POINTER"], out["dtype"], out["rows"]).astype(np.float64)[:, None]
        if "GELU" in epilogue:
            place = {**out, "ld": description["EPILOGUE_AUX_LD"]}
            aux = _matrix(description["EPILOGUE_AUX_POINTER"], place, batch, False)
            x = aux.astype(np.float64) if epilogue == "DGELU" else result
            t = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
            if epilogue == "DGELU":
                slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
                result = result * (1 + t + x * (1 - t**2) * slope) / 2
            else:
                aux[...] = result
                result = result * (1 + t) / 2
        _matrix(d, out, batch, False)[...] = result


def _matrix(pointer, layout, batch, transposed):
    dtype, rows, cols, ld = (layout[name] for name in ("dtype", "rows", "cols", "ld"))
    start = pointer + batch * layout["STRIDED_BATCH_OFFSET"] * dtype.itemsize
    flat = _vector(start, dtype, (cols - 1) * ld + rows)
    matrix = np.lib.stride_tricks.as_strided(flat, (rows, cols), (dtype.itemsize, ld * dtype.itemsize))
    return matrix.T if transposed else matrix


def _vector(pointer, dtype, count):
    dtype = np.dtype(dtype)
    return np.frombuffer((ctypes.c_char * (count * dtype.itemsize)).from_address(pointer), dtype)
