"""The CUDA C text of a kernel that does what several launches do, and its packed arguments. Written from the functions
that those launches' kernels are made of (`<kernel>_of` in kernels/*.cu), for kernels/include/fused.cuh."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from autograd_gpu.arrays.fusion.groups import Plan
from autograd_gpu.arrays.fusion.launches import Reduction
from autograd_gpu.arrays.sources import DTYPE_FLAG, FLOATS, SCALARS
from autograd_gpu.arrays.strides import layout_format, pack_layout

NAME = "fused"
# Those whose kernels are made of functions with names of their own.
FILES = (
    "activation.cu", "cast.cu", "elementwise_binary.cu", "elementwise_fused.cu", "elementwise_select.cu",
    "elementwise_unary.cu", "memory.cu",
)  # fmt: skip
# What stands outside of every dtype's namespace.
_OF_EVERY_DTYPE = ("map.cuh", "scalar.cuh", "strides.cuh")
_C = {"i": "int", "q": "long long", "f": "float", "d": "double"}
# reduce.cu on the host: the state that a kernel's name stands for, and what becomes of it.
_STATES = {
    "sum": "Sum", "prod": "Prod", "any": "Any", "all": "All", "amax": "Extreme<true>", "amin": "Extreme<false>",
}  # fmt: skip
REDUCTIONS = frozenset(_STATES)


def write(plan: Plan, source: Callable[[str], str]) -> str:
    """The kernel; `source` gives the text of a kernel's file or of a header by its name."""
    files: dict[str, list[str]] = {}  # by dtype
    for step in plan.steps:
        of_dtype = files.setdefault(step.launch.dtype, [])
        if step.launch.file not in of_dtype:
            of_dtype.append(step.launch.file)
    if plan.reduction:
        files.setdefault(plan.reduction[0].dtype, []).append("reduce.cu")
    parts = ['#include "fused.cuh"\n']
    parts += [_functions(dtype, names, source) for dtype, names in sorted(files.items())]
    return "\n".join([*parts, _function(plan), _kernel(plan)])


def pack(plan: Plan) -> bytes:
    """The arguments of the kernel."""
    sides = [*(side for side, _ in plan.outputs), *plan.inputs]
    shape, strides = plan.sizes[::-1], tuple(tuple(plan.strides(side)[::-1]) for side in sides)
    packed = struct.pack("@q", plan.count) + pack_layout(shape, strides, reorder=False)
    numbers = plan.numbers
    held = struct.pack("@" + "".join(n.letter for n in numbers), *(n.value for n in numbers))
    packed += held + bytes(-len(held) % 8 or (0 if held else 8))
    if plan.reduction:
        reduction = plan.reduction[0]
        packed += struct.pack("@PPdqqqq", reduction.partial, reduction.out, reduction.divisor, *reduction.sizes,
                              reduction.slice)  # fmt: skip
    return packed + struct.pack(f"@{len(sides)}P", *(side.address for side in sides))


def format_of(plan: Plan) -> str:
    """The format of a kernel without a reduction, as arrays/cuda/launch.py has formats."""
    sides = len(plan.outputs) + len(plan.inputs)
    held = struct.calcsize("@" + "".join(number.letter for number in plan.numbers))
    return f"q{layout_format(sides)}{max(8, -(-held // 8) * 8)}s{'P' * sides}"


# ---- the functions that there are


def _functions(dtype: str, files: list[str], source: Callable[[str], str]) -> str:
    """The functions of some files for a dtype, in a namespace; their kernels are templates that nobody uses."""
    element, computed, _ = SCALARS[dtype]
    defines = {"scalar_t": element, "acc_t": computed, f"DTYPE_{DTYPE_FLAG[dtype]}": "1"}
    if dtype in FLOATS:
        defines["FLOATING"] = "1"
    met: set[str] = set(_OF_EVERY_DTYPE)
    texts = [_inlined(source(file), source, met) for file in files]
    lines = [*(f"#define {name} {value}" for name, value in defines.items()), f"namespace of_{dtype} {{"]
    for text in texts:  # a file's own macros end with it
        lines += [text, *(f"#undef {name}" for name in sorted(set(re.findall(r"^#define (\w+)", text, re.M))))]
    return "\n".join([*lines, "}", *(f"#undef {name}" for name in defines)])


def _inlined(text: str, source: Callable[[str], str], met: set[str]) -> str:
    def include(found: re.Match) -> str:
        name = found[1]
        if name in met:
            return ""
        met.add(name)
        return _inlined(source(name), source, met)

    text = re.sub(r'^#include "(\S+)"$', include, text.replace("#pragma once", ""), flags=re.M)
    text = re.sub(r'extern "C" __global__', "template <int> __device__", text)
    return re.sub(r"^\s*//.*\n", "", text, flags=re.M)


# ---- the kernel


def _function(plan: Plan) -> str:
    """Struct `Function`: the numbers, and what is done to an element."""
    outputs, inputs = len(plan.outputs), len(plan.inputs)
    names = [
        *(["result"] if plan.reduction else []),
        *(f"y{i}" for i in range(outputs)),
        *(f"x{i}" for i in range(inputs)),
    ]
    fields = "".join(f"    {_C[number.letter]} n{i};\n" for i, number in enumerate(plan.numbers))
    lines = [f"auto i{i} = load(x{i});" for i in range(inputs)]
    number = 0
    word = {"step": "s", "input": "i", "number": "n"}
    for place, step in enumerate(plan.steps):
        launch = step.launch
        arguments = ", ".join(word[kind] + str(which) for kind, which in step.operands)
        number += sum(kind == "number" for kind, _ in step.operands)
        own = ", ".join(f"n{number + i}" for i in range(len(launch.numbers)))
        number += len(launch.numbers)
        function = f"of_{launch.dtype}::{launch.kernel}_of{{{own}}}"
        lines.append(f"auto s{place} = kept<{SCALARS[launch.out.dtype][0]}>({function}({arguments}));")
    lines += [f"store(y{i}, s{step});" for i, (_, step) in enumerate(plan.outputs)]
    if plan.reduction:
        kind, which = plan.reduction[1]
        lines.append(f"store(result, {word[kind]}{which});")
    types = ", ".join(f"class T{i}" for i in range(len(names)))
    parameters = ", ".join(f"T{i}* {name}" for i, name in enumerate(names))
    body = "\n".join(f"        {line}" for line in lines)
    return (
        f"struct alignas(8) Function {{\n{fields}\n    template <{types}>\n"
        f"    __device__ void operator()({parameters}) const {{\n{body}\n    }}\n}};\n"
    )


def _kernel(plan: Plan) -> str:
    sides = [*((side, "Result") for side, _ in plan.outputs), *((side, "Operand") for side in plan.inputs)]
    pointers, made = [], []
    for slot, (side, kind) in enumerate(sides):
        element = SCALARS[side.dtype][0]
        pointers.append(f"{'' if kind == 'Result' else 'const '}{element}* p{slot}")
        made.append(f"{kind}<{element}, {slot}>{{p{slot}}}")
    head = f"long long count, Layout<{len(sides)}> layout, Function f"
    if plan.reduction is None:
        return (
            f'extern "C" __global__ void {NAME}({head}, {", ".join(pointers)}) {{\n'
            f"    fuse(f, count, layout, {', '.join(made)});\n}}\n"
        )
    reduction = plan.reduction[0]
    state, out = states_of(reduction)
    space, element = f"of_{reduction.dtype}", SCALARS[reduction.dtype][0]
    return (
        f"using namespace {space};\n"
        f'extern "C" __global__ void {NAME}({head}, {state}* partial, {out}* out, Extent extent, '
        f"{', '.join(pointers)}) {{\n"
        f"    fuse_{reduction.way}<{space}::STRIP, {space}::States<{state}>, {state}, {element}>(\n"
        f"        f, layout, partial, out, extent, {', '.join(made)});\n}}\n"
    )


def states_of(reduction: Reduction) -> tuple[str, str]:
    """The reduction's state and its result's type, as C++ has them."""
    state = f"of_{reduction.dtype}::{_STATES[reduction.name]}"
    return state, "bool" if reduction.name in ("any", "all") else SCALARS[reduction.dtype][0]
