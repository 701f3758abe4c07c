"""What a launch does to memory, read from its packed arguments: maps (kernels/include/map.cuh) and reductions of the
host (kernels/host/reduce.cu). Knows how arguments are packed; compiles and runs nothing."""

from __future__ import annotations

import functools
import math
import re
import struct
from typing import NamedTuple

from autograd_gpu.arrays.sources import SCALARS

WIDTH = {"float16": 2, "bfloat16": 2, "int16": 2, "float32": 4, "int32": 4, "float64": 8, "int64": 8}
MAX_DIMS = 8  # of a Layout (kernels/include/strides.cuh)

Dims = tuple[tuple[int, int], ...]  # (size, stride in elements), innermost first


class Side(NamedTuple):
    """An array that is walked along: element i lies where the dimensions say."""

    address: int
    dtype: str
    dims: Dims

    @property
    def width(self) -> int:
        return WIDTH.get(self.dtype, 1)

    @property
    def range(self) -> tuple[int, int]:
        """The bytes from the first to behind the last."""
        return _range(self)

    @property
    def nbytes(self) -> int:
        """Of the elements that differ in place."""
        return self.width * math.prod(size for size, stride in self.dims if stride)

    @property
    def is_flat(self) -> bool:
        return len(self.dims) == 1 and self.dims[0][1] == 1


@functools.lru_cache(maxsize=65536)
def _range(side: Side) -> tuple[int, int]:
    reaches = [(size - 1) * stride for size, stride in side.dims]
    low = side.address + side.width * sum(reach for reach in reaches if reach < 0)
    return low, side.address + side.width * (sum(reach for reach in reaches if reach > 0) + 1)


class Number(NamedTuple):
    """A number among the arguments, as `letter` of struct packs it."""

    letter: str
    value: float


class Map(NamedTuple):
    """out[i] = f(operands[i]...), with numbers that f has beside its operands."""

    file: str
    kernel: str
    dtype: str
    count: int
    out: Side
    operands: tuple[Side | Number, ...]
    numbers: tuple[Number, ...]

    @property
    def sides(self) -> list[Side]:
        return [x for x in self.operands if isinstance(x, Side)]

    @property
    def nbytes(self) -> int:
        """What it reads and writes."""
        return self.out.nbytes + sum(side.nbytes for side in self.sides)


class Reduction(NamedTuple):
    """x (outer, n, inner), flat: of rows (outer 1) over the last, of columns over the middle; cut into slices."""

    way: str  # "rows", "columns"
    name: str
    dtype: str
    x: Side
    partial: int
    out: int
    divisor: float
    sizes: tuple[int, int, int]
    slice: int
    grid: tuple[int, int]

    @property
    def count(self) -> int:
        return math.prod(self.sizes)

    @property
    def nbytes(self) -> int:
        """What it reads; results are few."""
        return self.x.nbytes


def read_map(file: str, kernel: str, dtype: str, letters: tuple[str, ...], gives: str | None, packed: bytes) -> Map:
    """The launch of a kernel of map.cuh; `letters` are its operands as map_function has them."""
    arrays = sum(letter in ("P", "PA", "C") for letter in letters)
    take = _Packed(packed)
    out, count = take("P"), take("q")
    each = _dims(take, count, 1 + arrays)
    computed = SCALARS[dtype][2]
    operands: list[Side | Number] = []
    numbers: list[Number] = []
    slot = 0
    for letter in letters:
        if letter in ("A", "iA"):
            numbers += [Number(kind, take(kind)) for kind in letter.replace("A", computed)]
            continue
        slot += 1
        address = take("P")
        value = take(computed) if letter == "PA" else 0
        if address:
            operands.append(Side(address, "bool" if letter == "C" else dtype, each[slot]))
        else:
            operands.append(Number(computed, value))
    result = Side(out, gives or dtype, each[0])
    return Map(file, kernel, dtype, count, result, tuple(operands), tuple(numbers))


def read_reduction(kernel: str, dtype: str, packed: bytes, grid: tuple[int, int]) -> Reduction | None:
    """The launch of rows_* or columns_*; None of one with segments."""
    x, partial, out, _, divisor, *sizes, slice = struct.unpack_from("@PPPPdqqqq", packed)
    way, name = kernel.split("_", 1)
    if way == "rows" and sizes[0] != 1:
        return None
    side = Side(x, dtype, ((math.prod(sizes), 1),))
    return Reduction(way, name, dtype, side, partial, out, divisor, tuple(sizes), slice, grid)


class Pointer(NamedTuple):
    """An address among a launch's arguments; a word of a struct may be one, or not."""

    address: int
    may_write: bool
    is_certain: bool


def pointers(packed: bytes, signature: Signature, computed: str) -> list[Pointer]:
    """The addresses among the arguments."""
    at, found = 0, []
    for letter, may_write in signature:
        letter = letter.replace("A", computed)
        size = struct.calcsize(letter)
        step = 8 if letter[-1] == "s" else size
        at = -(-at // step) * step
        if letter == "P":
            found.append(Pointer(struct.unpack_from("Q", packed, at)[0], may_write, True))
        elif letter[-1] == "s":  # a table of addresses, perhaps
            found += [Pointer(word, True, False) for word in struct.unpack_from(f"{size // 8}Q", packed, at)]
        at += size
    return found


Signature = tuple[tuple[str, bool], ...]  # a parameter's letter, and whether it may be written through


def signature(source: str, name: str, format: str) -> Signature:
    """A kernel's parameters by its format, and by its declaration: its own, else what those that the file's macros
    make, with as many pointers at the same places, agree on."""
    letters = re.findall(r"\d+s|[a-zA-Z]", format)
    fitting: list[list[str]] = []
    for declared, parameters in _KERNELS.findall(source.replace("\\\n", "\n")):
        each = re.split(r",\s*", parameters)
        if [letter == "P" for letter in letters] == ["*" in one for one in each]:
            if declared == name:
                fitting = [each]
                break
            fitting.append(each)
    return tuple(
        (letter, not fitting or any(not each[place].strip().startswith("const ") for each in fitting))
        for place, letter in enumerate(letters)
    )


_KERNELS = re.compile(r"__global__ void (?:__launch_bounds__.*?\)\s+)?([\w#]+)\(([^()]*)\)\s*\{", re.DOTALL)


class _Packed:
    """Arguments one after another, each at its natural alignment."""

    def __init__(self, packed: bytes) -> None:
        self.packed, self.at = packed, 0

    def __call__(self, letter: str) -> int | float:
        size = struct.calcsize(letter)
        self.at = -(-self.at // size) * size
        (value,) = struct.unpack_from(letter, self.packed, self.at)
        self.at += size
        return value


def _dims(take: _Packed, count: int, arrays: int) -> list[Dims]:
    """How each array of a Layout lies."""
    used = take("q")
    sizes = [struct.unpack_from("I", take.packed, take.at + 16 * d)[0] for d in range(used)]
    take.at += 16 * MAX_DIMS
    rows = [struct.unpack_from(f"{arrays}q", take.packed, take.at + 8 * arrays * d) for d in range(used)]
    take.at += 8 * arrays * MAX_DIMS
    if not used:
        return [((count, 1),)] * arrays
    return [merged(tuple(zip(sizes, (row[n] for row in rows), strict=True))) for n in range(arrays)]


def merged(dims: Dims) -> Dims:
    """The same places with as few dimensions as there can be."""
    found: list[tuple[int, int]] = []
    for size, stride in dims:
        if size == 1 and len(dims) > 1:
            continue
        if found and stride == found[-1][0] * found[-1][1]:
            found[-1] = found[-1][0] * size, found[-1][1]
        else:
            found.append((size, stride))
    return tuple(found) or ((1, 1),)
