"""Derivatives of functions: vjp, jvp, Jacobians, Hessians and their products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..modes import enable_grad
from ..ops.creation import eye, zeros_like
from ..ops.pieces import stack
from ..tensor import Tensor
from . import forward_ad
from .backward import grad


def _prepare(func: Callable, inputs: Any, create_graph: bool) -> tuple[tuple, tuple, bool, bool]:
    """Run func on fresh leaves (or, to keep the outer graph, on views of the inputs)."""
    is_single = isinstance(inputs, Tensor)
    given = (inputs,) if is_single else tuple(inputs)
    leaves = tuple(x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in given)
    outputs = func(*leaves)
    is_single_output = isinstance(outputs, Tensor)
    results = (outputs,) if is_single_output else tuple(outputs)
    for number, output in enumerate(results):
        if not isinstance(output, Tensor):
            raise TypeError(
                "The outputs of the user-provided function must be either a Tensor or a tuple of Tensors but the "
                f"value at index {number} has type {type(output).__name__}."
            )
    return leaves, results, is_single, is_single_output


def _unwrap(values: Any, is_single: bool) -> Any:
    values = tuple(values)
    return values[0] if is_single else values


def _done(values: Any, create_graph: bool) -> tuple:
    return tuple(values) if create_graph else tuple(v.detach() for v in values)


def _gradients(
    outputs: tuple, inputs: tuple, vectors: Any, create_graph: bool, strict: bool = False, keep: bool = True
) -> tuple[Tensor, ...]:
    live = [(o, v) for o, v in zip(outputs, vectors) if o.requires_grad]
    if not live:
        if strict:
            raise RuntimeError(
                "The output of the user-provided function is independent of the input. This is not allowed in strict "
                "mode."
            )
        return tuple(x.new_zeros(x.shape) for x in inputs)
    found = grad(
        [o for o, _ in live],
        inputs,
        [v for _, v in live],
        retain_graph=keep,
        create_graph=create_graph,
        allow_unused=True,
    )
    if strict and any(g is None for g in found):
        raise RuntimeError(
            "The user-provided function is independent of one of its inputs. This is not allowed in strict mode."
        )
    return tuple(x.new_zeros(x.shape) if g is None else g for g, x in zip(found, inputs))


def vjp(
    func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return (func(inputs), v^T J): the outputs and the product of a vector with the Jacobian."""
    with enable_grad():
        leaves, outputs, is_single, is_single_output = _prepare(func, inputs, create_graph)
        vectors = _vectors(v, outputs, "vjp")
        products = _gradients(outputs, leaves, vectors, create_graph, strict)
    return _unwrap(_done(outputs, create_graph), is_single_output), _unwrap(_done(products, create_graph), is_single)


def _vectors(v: Any, outputs: tuple, name: str) -> tuple:
    if v is None:
        if len(outputs) != 1 or outputs[0].numel() != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single Tensor with a single "
                f"element. ({name})"
            )
        return (outputs[0].new_ones(outputs[0].shape),)
    vectors = (v,) if isinstance(v, Tensor) else tuple(v)
    if len(vectors) != len(outputs):
        raise RuntimeError(f"{name}: v should have {len(outputs)} elements, but got {len(vectors)}")
    for vector, output in zip(vectors, outputs):
        if vector.shape != output.shape:
            raise RuntimeError(
                f"{name}: v has invalid size: should be {list(output.shape)} but got {list(vector.shape)}."
            )
    return vectors


def jvp(
    func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return (func(inputs), J v): the outputs and the product of the Jacobian with a vector, by two reverse passes."""
    with enable_grad():
        leaves, outputs, _, is_single_output = _prepare(func, inputs, create_graph)
        vectors = _vectors(v, leaves, "jvp")
        # u -> u^T J is linear in u, so its own vjp with v is J v.
        duals = tuple(o.new_zeros(o.shape).requires_grad_() for o in outputs)
        rows = _gradients(outputs, leaves, duals, True, strict)
        products = _gradients(rows, duals, vectors, create_graph)
    return _unwrap(_done(outputs, create_graph), is_single_output), _unwrap(
        _done(products, create_graph), is_single_output
    )


def jacobian(
    func: Callable,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return d output / d input, of shape (*output.shape, *input.shape); nested tuples for several of either.

    `vectorize` computes all rows at once under vmap; with `strategy="forward-mode"`, all columns, by dual tensors.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs '
            'than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    if strict and vectorize:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. "
            "Please either set `strict=False` or `vectorize=False`."
        )
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                'torch.autograd.functional.jacobian: `create_graph=True` and `strategy="forward-mode"` are not '
                'supported together (yet). Please either set `create_graph=False` or `strategy="reverse-mode"`.'
            )
        if not vectorize:
            raise NotImplementedError(
                "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented for "
                "`vectorize=True`. Please set it."
            )
        return _jacobian_by_columns(func, inputs)
    with enable_grad():
        leaves, outputs, is_single, is_single_output = _prepare(func, inputs, create_graph)
        blocks = []
        for output in outputs:
            flat = output.reshape(-1)
            if flat.numel() == 0 or (vectorize and not flat.requires_grad):
                columns = [leaf.new_zeros((flat.numel(), *leaf.shape)) for leaf in leaves]
            elif vectorize:
                basis = eye(flat.numel(), dtype=flat.dtype, device=flat.device)
                columns = list(
                    grad(flat, leaves, basis, True, create_graph, is_grads_batched=True, materialize_grads=True)
                )
            else:
                one = flat.new_ones(())
                rows = [_gradients((y,), leaves, (one,), create_graph, strict) for y in flat.unbind()]
                columns = [stack(column) for column in zip(*rows)]
            columns = [block.reshape(*output.shape, *leaf.shape) for block, leaf in zip(columns, leaves)]
            blocks.append(_unwrap(_done(columns, create_graph), is_single))
    return _unwrap(blocks, is_single_output)


def _jacobian_by_columns(func: Callable, inputs: Any) -> Any:
    from ..batching.vmap import vmap  # imported when asked for

    is_single = isinstance(inputs, Tensor)
    given = (inputs,) if is_single else tuple(inputs)
    is_single_output = True
    blocks = []  # by input, then by output
    for number, x in enumerate(given):

        def tangents(direction: Tensor, number: int = number) -> tuple[Tensor, ...]:
            nonlocal is_single_output
            with forward_ad.dual_level():
                duals = [
                    forward_ad.make_dual(other, direction) if place == number else other
                    for place, other in enumerate(given)
                ]
                outputs = func(*duals)
                is_single_output = isinstance(outputs, Tensor)
                parts = [forward_ad.unpack_dual(y) for y in ((outputs,) if is_single_output else outputs)]
                return tuple(zeros_like(p) if t is None else t.clone() for p, t in parts)

        basis = eye(x.numel(), dtype=x.dtype, device=x.device).reshape(x.numel(), *x.shape)
        columns = vmap(tangents, out_dims=-1)(basis)
        blocks.append([column.reshape(*column.shape[:-1], *x.shape) for column in columns])
    by_output = [_unwrap(_done(row, False), is_single) for row in zip(*blocks)]
    return _unwrap(by_output, is_single_output)


def hessian(
    func: Callable,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return the second derivatives of a scalar function, of shape (*input.shape, *input.shape)."""
    is_single = isinstance(inputs, Tensor)

    def gradient(*leaves: Tensor) -> Any:
        if outer_jacobian_strategy == "forward-mode":  # dual tensors, not yet variables
            leaves = tuple(x.view_as(x).requires_grad_() for x in leaves)
        output = func(*leaves)
        if not isinstance(output, Tensor) or output.numel() != 1:
            raise RuntimeError("The Tensor returned by the function given to hessian should contain a single element")
        return _gradients((output.reshape(()),), leaves, (output.new_ones(()),), True, strict)

    blocks = jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return blocks[0] if is_single else blocks


def hvp(
    func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return (func(inputs), H v): the output and the product of the Hessian with a vector."""
    with enable_grad():
        leaves, outputs, is_single, is_single_output = _prepare(func, inputs, create_graph)
        if outputs[0].numel() != 1:
            raise RuntimeError("The Tensor returned by the function given to hvp should contain a single element")
        gradients = _gradients(outputs, leaves, (outputs[0].new_ones(outputs[0].shape),), True, strict)
        products = _gradients(gradients, leaves, _vectors(v, leaves, "hvp"), create_graph)
    return _unwrap(_done(outputs, create_graph), is_single_output), _unwrap(_done(products, create_graph), is_single)


def vhp(
    func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return (func(inputs), v^T H), which is `hvp`: Hessians are symmetric."""
    return hvp(func, inputs, v, create_graph, strict)
