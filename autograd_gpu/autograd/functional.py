"""Derivatives of functions: vjp, jvp, Jacobians, Hessians and their products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine import enable_grad
from ..ops.shape import stack
from ..tensor import Tensor
from .backward import grad


def _prepare(func: Callable, inputs: Any, create_graph: bool) -> tuple[tuple, tuple, bool, bool]:
    """Run func on fresh leaves (or, to keep the outer graph, on views of the inputs)."""
    is_single = isinstance(inputs, Tensor)
    given = (inputs,) if is_single else tuple(inputs)
    leaves = tuple(
        x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_()  # type: ignore[attr-defined]
        for x in given
    )
    outputs = func(*leaves)
    is_single_output = isinstance(outputs, Tensor)
    results = (outputs,) if is_single_output else tuple(outputs)
    for number, output in enumerate(results):
        if not isinstance(output, Tensor):
            raise TypeError(
                f"The outputs of the user-provided function must be either a Tensor or a tuple of Tensors but the value at "
                f"index {number} has type {type(output).__name__}."
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
                "The output of the user-provided function is independent of the input. This is not allowed in strict mode."
            )
        return tuple(x.new_zeros(x.shape) for x in inputs)  # type: ignore[attr-defined]
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
    return tuple(x.new_zeros(x.shape) if g is None else g for g, x in zip(found, inputs))  # type: ignore[attr-defined]


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
        return (outputs[0].new_ones(outputs[0].shape),)  # type: ignore[attr-defined]
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
        duals = tuple(o.new_zeros(o.shape).requires_grad_() for o in outputs)  # type: ignore[attr-defined]
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
    """Return d output / d input, of shape (*output.shape, *input.shape); nested tuples for several of either."""
    with enable_grad():
        leaves, outputs, is_single, is_single_output = _prepare(func, inputs, create_graph)
        blocks = []
        for output in outputs:
            flat = output.reshape(-1)  # type: ignore[attr-defined]
            rows = [
                _gradients((flat[i],), leaves, (flat.new_ones(()),), create_graph, strict) for i in range(flat.numel())
            ]
            columns = []
            for number, leaf in enumerate(leaves):
                if rows:
                    block = stack([row[number] for row in rows])
                else:
                    block = leaf.new_zeros((0, *leaf.shape))  # type: ignore[attr-defined]
                columns.append(block.reshape(*output.shape, *leaf.shape))  # type: ignore[attr-defined]
            blocks.append(_unwrap(_done(columns, create_graph), is_single))
    return _unwrap(blocks, is_single_output)


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
        output = func(*leaves)
        if not isinstance(output, Tensor) or output.numel() != 1:
            raise RuntimeError("The Tensor returned by the function given to hessian should contain a single element")
        return _gradients((output.reshape(()),), leaves, (output.new_ones(()),), True, strict)  # type: ignore[attr-defined]

    blocks = jacobian(gradient, inputs, create_graph, strict)
    return blocks[0] if is_single else blocks


def hvp(
    func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return (func(inputs), H v): the output and the product of the Hessian with a vector."""
    with enable_grad():
        leaves, outputs, is_single, is_single_output = _prepare(func, inputs, create_graph)
        if outputs[0].numel() != 1:
            raise RuntimeError("The Tensor returned by the function given to hvp should contain a single element")
        gradients = _gradients(outputs, leaves, (outputs[0].new_ones(outputs[0].shape),), True, strict)  # type: ignore[attr-defined]
        products = _gradients(gradients, leaves, _vectors(v, leaves, "hvp"), create_graph)
    return _unwrap(_done(outputs, create_graph), is_single_output), _unwrap(_done(products, create_graph), is_single)


def vhp(
    func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return (func(inputs), v^T H), which is `hvp`: Hessians are symmetric."""
    return hvp(func, inputs, v, create_graph, strict)
