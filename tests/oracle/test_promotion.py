"""Result dtypes: every pair of dtypes, 0-d against n-d, with Python numbers, for each way that operands meet."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from conftest import dtype_name

import autograd_gpu as ag

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
OPERATIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda T, x, y: x + y,
    "sub": lambda T, x, y: x - y,
    "mul": lambda T, x, y: x * y,
    "div": lambda T, x, y: x / y,
    "floor_divide": lambda T, x, y: x // y,
    "remainder": lambda T, x, y: x % y,
    "pow": lambda T, x, y: x**y,
    "maximum": lambda T, x, y: T.maximum(x, y),
    "eq": lambda T, x, y: x == y,
    "where": lambda T, x, y: T.where(T.tensor([True, False]), x, y),
    "cat": lambda T, x, y: T.cat([x.reshape(-1), y.reshape(-1)]),
    "stack": lambda T, x, y: T.stack([x.reshape(-1)[:1], y.reshape(-1)[:1]]),
    "add_": lambda T, x, y: x.add_(y),
    "mul_": lambda T, x, y: x.mul_(y),
    "div_": lambda T, x, y: x.div_(y),
    "result_type": lambda T, x, y: T.result_type(x, y),
}
NUMBERS = [True, 2, 2.5]
NO_KERNEL = "no kernel"  # where PyTorch has none, ours may have one
# What we do otherwise on purpose: any of bytes is a bool like any other; argmax takes bools; True ** True is a bool.
OURS = {("any", "uint8"), ("argmax", "bool"), ("pow", "bool", True)}


def outcome(library: Any, operation: str, *operands: Callable[[Any], Any]) -> str:
    """The result's dtype, or the exception's type."""
    try:
        result = OPERATIONS[operation](library, *(make(library) for make in operands))
    except Exception as error:
        return NO_KERNEL if "not implemented" in str(error) else type(error).__name__
    return str(result).split(".")[-1] if operation == "result_type" else dtype_name(result)


def tensor(dtype: str, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    return lambda library: library.ones(shape, dtype=getattr(library, dtype))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_pair_of_dtypes(operation):
    differences = []
    for (a, b), shapes in itertools.product(
        itertools.product(DTYPES, DTYPES), [((2,), (2,)), ((2,), ()), ((), (2,)), ((), ())]
    ):
        operands = tensor(a, shapes[0]), tensor(b, shapes[1])
        expected, found = (outcome(library, operation, *operands) for library in (torch, ag))
        if found != expected and expected != NO_KERNEL:
            differences.append(f"{a}{shapes[0]} {operation} {b}{shapes[1]}: {found}, PyTorch {expected}")
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name not in ("maximum", "cat", "stack")])
def test_every_dtype_with_python_numbers(operation):
    differences = []
    for dtype, shape, number in itertools.product(DTYPES, [(2,), ()], NUMBERS):
        operands = tensor(dtype, shape), lambda library, number=number: number
        expected, found = (outcome(library, operation, *operands) for library in (torch, ag))
        if found != expected and expected != NO_KERNEL and (operation, dtype, number) not in OURS:
            differences.append(f"{dtype}{shape} {operation} {number!r}: {found}, PyTorch {expected}")
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize(
    "reduction", ["sum", "mean", "prod", "amax", "argmax", "cumsum", "var", "any", "exp", "abs", "neg"]
)
def test_the_dtype_of_a_reduction_or_a_unary_function(reduction):
    differences = []
    for dtype in DTYPES:
        results = []
        for library in (torch, ag):
            x = library.ones(2, dtype=getattr(library, dtype))
            try:
                results.append(dtype_name(getattr(x, reduction)(*([0] if reduction == "cumsum" else []))))
            except Exception as error:
                results.append(NO_KERNEL if "not implemented" in str(error) else type(error).__name__)
        if results[0] not in (results[1], NO_KERNEL) and (reduction, dtype) not in OURS:
            differences.append(f"{reduction} of {dtype}: {results[1]}, PyTorch {results[0]}")
    assert not differences, "\n".join(differences)
