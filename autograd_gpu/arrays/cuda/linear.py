"""The affine map with what surrounds it in one kernel: bias, gelu, gelu's slope. Launches the matrix product's kernels.

Where operands are not on tensor cores, or K is cut into slices, gelu is a pass of its own. cuBLASLt, where it is
chosen, has epilogues for all of these, and for the gradient of the bias as well; of the two gelus it knows the one by
tanh.
"""

from __future__ import annotations

from typing import Any

from autograd_gpu.arrays.cuda import blas
from autograd_gpu.arrays.cuda import matmul_choice as choice
from autograd_gpu.arrays.cuda.elementwise import gelu, gelu_backward
from autograd_gpu.arrays.cuda.launch import Kernel
from autograd_gpu.arrays.cuda.matmul import PROBLEM, THREADS, Plan, matmul, plan_of, product
from autograd_gpu.arrays.cuda.memory import contiguous, empty
from autograd_gpu.arrays.cuda.reduce import sum

__all__ = ["gelu_linear_backward", "linear", "linear_gelu", "linear_parameters_backward"]

Array = Any

_gelu = Kernel("matmul_tensor.cu", "matmul_gelu_nt", f"PPPPP{PROBLEM.size}si")
_gelu_backward = Kernel("matmul_tensor.cu", "matmul_gelu_backward_nn", f"PPPP{PROBLEM.size}si")


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """x @ weight.T + bias for x (rows, in), weight (out, in), bias (out,) or None."""
    return product("linear", x, weight.swapaxes(0, 1), None if bias is None else contiguous(bias))


def linear_gelu(x: Array, weight: Array, bias: Array | None, approximate: str) -> tuple[Array, Array]:
    """h = x @ weight.T + bias and gelu(h), which is taken before h is rounded."""
    bias = None if bias is None else contiguous(bias)
    if approximate == "tanh" and choice.mode() != choice.OWN:
        h = empty((x.shape[0], weight.shape[0]), x.dtype)
        if (y := blas.product(x, weight.swapaxes(0, 1), bias, h, "GELU_AUX")) is not None:
            return h, y
    plan = plan_of(x, weight.swapaxes(0, 1))
    if not _in_one_kernel(plan, "nt") or x.dtype != weight.dtype:
        h = linear(x, weight, bias)
        return h, gelu(h, approximate)
    shape = x.shape[0], weight.shape[0]
    h, y = empty(shape, x.dtype), empty(shape, x.dtype)
    by_tanh = approximate == "tanh"
    _gelu(x.dtype, plan.grid, THREADS, x, weight, bias, h, y, plan.problem, by_tanh, shared_mem=plan.shared)
    return h, y


def gelu_linear_backward(gy: Array, weight: Array, h: Array, approximate: str) -> Array:
    """The gradient of h in gelu(h) @ weight.T: (gy @ weight) * gelu'(h)."""
    h = contiguous(h)
    if approximate == "tanh" and choice.mode() != choice.OWN:
        gh = blas.product(gy, weight, None, h, "DGELU")
        if gh is not None:
            return gh
    plan = plan_of(gy, weight)
    if not _in_one_kernel(plan, "nn") or not gy.dtype == weight.dtype == h.dtype:
        return gelu_backward(matmul(gy, weight), h, approximate)
    gh = empty(h.shape, h.dtype)
    by_tanh = approximate == "tanh"
    _gelu_backward(gy.dtype, plan.grid, THREADS, gy, weight, h, gh, plan.problem, by_tanh, shared_mem=plan.shared)
    return gh


def linear_parameters_backward(gy: Array, x: Array) -> tuple[Array, Array]:
    """The gradients of weight (out, in) and bias (out,), given that of y: gy.T @ x and gy's sum over the rows."""
    if choice.mode() != choice.OWN:
        gbias = empty((gy.shape[1],), gy.dtype)
        if (gweight := blas.product(gy.swapaxes(0, 1), x, gbias, None, "BGRADB")) is not None:
            return gweight, gbias
    return matmul(gy.swapaxes(0, 1), x), sum(gy, (0,), False, gy.dtype)


def _in_one_kernel(plan: Plan | None, layout: str) -> bool:
    return plan is not None and plan.layout == layout and plan.slices == 1 and plan.grid > 0
