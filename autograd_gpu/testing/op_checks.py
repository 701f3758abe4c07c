"""What is checked of each row of the op table. Knows the public interface only, so it runs on any device.

Every check takes a case, raises AssertionError with the call that failed, and returns nothing.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import autograd_gpu as ag

from ..autograd.gradient_checks import gradcheck, gradgradcheck
from .declarations import declared
from .op_case import Call, Draw, OpCase, numpy_dtype

# A few roundings in the dtype; where values are sums of many terms, a row multiplies this by its own factor.
TOLERANCE = {
    "float64": 2e-12, "float32": 3e-6, "float16": 4e-3, "bfloat16": 3e-2, "complex128": 4e-12, "complex64": 6e-6,
}  # fmt: skip
SEED = 0


def check_values(case: OpCase, device: str, dtype: str) -> None:
    """Forward gives the reference's values, shape and dtype, and leaves its arguments alone."""
    for sample in every_sample(case, dtype):
        before = [array.copy() for array in arrays_in(sample)]
        tensors, outputs = run(case, sample, device)
        expected = as_tuple(reference(case, sample))
        assert len(outputs) == len(expected), f"{describe(case, sample)}: {len(outputs)} results, not {len(expected)}"
        for output, value in zip(outputs, expected, strict=True):
            result_dtype = expected_dtype(case, value, dtype)
            assert str(output.dtype).split(".")[-1] == result_dtype, f"{describe(case, sample)}: {output.dtype}"
            assert tuple(output.shape) == np.shape(value), f"{describe(case, sample)}: shape {tuple(output.shape)}"
            with np.errstate(over="ignore", invalid="ignore"):
                rounded = np.asarray(value).astype(numpy_dtype(result_dtype))
            assert_close(to_numpy(output), rounded, tolerance(case, dtype), describe(case, sample))
        for tensor, value in zip(tensors, before, strict=True):
            assert_close(to_numpy(tensor), value, 0, f"{describe(case, sample)} changed its argument")


def check_gradients(case: OpCase, device: str = "cpu", dtype: str = "float64") -> None:
    """First and second derivatives agree with differences, in float64, at the smooth samples."""
    for sample in case.samples(Draw(dtype)):
        function, leaves = _of_floats(case, sample, device)
        outputs = function(*leaves)
        if case.order == 0 or not any(output.dtype.is_inexact for output in outputs):
            assert not any(output.requires_grad for output in outputs), f"{describe(case, sample)}: has a gradient"
            continue
        assert all(output.requires_grad == output.dtype.is_inexact for output in outputs), (
            f"{describe(case, sample)}: a floating point result without a gradient, or another with one"
        )
        gradcheck(function, leaves, eps=case.eps, check_grad_dtypes=True)
        if case.order > 1:
            gradgradcheck(function, leaves, eps=case.eps)


def check_forward_mode(case: OpCase, dtype: str = "float64") -> None:
    """Tangents agree with differences, one by one and all at once under vmap, at the smooth samples."""
    for sample in case.samples(Draw(dtype)):
        function, leaves = _of_floats(case, sample, "cpu")
        outputs = function(*leaves)
        if case.order and any(output.dtype.is_inexact for output in outputs):
            gradcheck(
                function,
                leaves,
                eps=case.eps,
                check_forward_ad=True,
                check_batched_forward_grad=not case.random,  # vmap refuses random numbers unless told which
                check_backward_ad=False,
            )


def check_parity(case: OpCase, device: str, dtype: str) -> None:
    """Values and gradients on the device are the CPU's, and the same on a second run."""
    for sample in every_sample(case, dtype):
        ours, again = (with_gradients(case, sample, device) for _ in range(2))
        expected = with_gradients(case, sample, "cpu")
        for name in expected:
            what = f"{describe(case, sample)}: {name} on {device}"
            assert_close(ours[name], expected[name], tolerance(case, dtype), what)
            assert_close(again[name], ours[name], 0, f"{what}, a second time")


def check_layouts(case: OpCase, device: str, dtype: str = "float32") -> None:
    """Transposed, sliced and stride-0 arguments give what contiguous ones do, and gradients of the same values."""
    if case.dtypes == ("float64",):
        dtype = "float64"  # in place, the result's dtype is the tensor's own, and there is one result
    for sample in every_sample(case, dtype):
        for layout, lay_out in LAYOUTS.items():
            arrays = arrays_in(sample)
            laid_out = [lay_out(array, device) for array in arrays]
            plain = [ag.tensor(to_numpy(tensor), device=device) for tensor in laid_out]
            found = with_gradients(case, sample, device, laid_out)
            expected = with_gradients(case, sample, device, plain)
            for name in expected:
                what = f"{describe(case, sample)}: {name} of {layout} arguments on {device}"
                assert_close(found[name], expected[name], tolerance(case, dtype), what)


def check_in_place(case: OpCase, device: str, dtype: str = "float32") -> None:
    """The in-place twin, where there is one, gives the same value and gradients, in the same object."""
    method = getattr(ag.Tensor, in_place_name(case), None)
    assert method is not None, f"{case.id} has no in-place twin"
    for sample in every_sample(case, dtype):
        if not (sample.args and isinstance(sample.args[0], np.ndarray)):
            continue
        _, outputs = run(case, sample, device)
        tensors = tensors_of(sample, device)
        if outputs[0].shape != tensors[0].shape or outputs[0].dtype != tensors[0].dtype:
            continue

        found = with_gradients(case, sample, device, function=on_a_copy(method))
        expected = with_gradients(case, sample, device)
        for name in expected:
            what = f"{describe(case, sample)}: {name} of {in_place_name(case)} on {device}"
            assert_close(found[name], expected[name], tolerance(case, dtype), what)


def check_forms(case: OpCase, dtype: str) -> None:
    """The method, the attribute, `out=` and the other names of a declared function give what the function does."""
    sample = case.samples(Draw(dtype))[0]
    _, expected = run(case, sample, "cpu")
    for name, form in forms_of(case, sample):
        outputs = apply(case, sample, tensors_of(sample, "cpu"), form)
        assert len(outputs) == len(expected), f"{describe(case, sample)}: {name} gives {len(outputs)} results"
        for output, value in zip(outputs, expected, strict=True):
            assert output.dtype is value.dtype, f"{describe(case, sample)}: {name} gives {output.dtype}"
            assert_close(to_numpy(output), to_numpy(value), 0, f"{describe(case, sample)}: {name}")


def forms_of(case: OpCase, sample: Call) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public forms, beside the in-place ones, in which the sample can be asked for, each with how one writes it."""
    function = inspect.unwrap(function_of(case))
    of_a_tensor = bool(sample.args) and isinstance(sample.args[0], np.ndarray)
    for operation in declared:
        if operation.operation is function and not case.writes:
            for name in operation.names:
                if operation.method and of_a_tensor:
                    yield f"Tensor.{name}", getattr(ag.Tensor, name)
                if operation.function:
                    yield name, getattr(ag, name)
                if operation.out:
                    yield f"{name}(out=)", _into_another(getattr(ag, name))


def _into_another(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if isinstance(result, tuple):  # values and indices
            outs = tuple(map(ag.empty_like, result))
            given = function(*args, out=outs, **kwargs)
            assert type(given) is type(result) and all(one is out for one, out in zip(given, outs))
            return given
        out = ag.empty_like(result)
        assert function(*args, out=out, **kwargs) is out
        return out

    return call


def has_in_place(case: OpCase) -> bool:
    is_kept = case.result is None  # of a function that has a dtype of its own the twin is a row of its own
    return "." not in case.name and is_kept and hasattr(ag.Tensor, in_place_name(case))


def in_place_name(case: OpCase) -> str:
    return case.name + "_"


# ---- running a row


def function_of(case: OpCase) -> Callable[..., Any]:
    found: Any = ag
    for part in case.name.split("."):
        found = getattr(found, part)
    return on_a_copy(found) if case.writes else found


def on_a_copy(method: Callable[..., Any]) -> Callable[..., ag.Tensor]:
    """The in-place method as a function of its arguments."""

    @functools.wraps(method)
    def function(target: ag.Tensor, *args: Any, **kwargs: Any) -> ag.Tensor:
        copy = target.clone()
        result = method(copy, *args, **kwargs)
        assert result is None or result is copy
        return copy

    return function


def every_sample(case: OpCase, dtype: str) -> list[Call]:
    """All samples of the row in a dtype; without its NaNs, infinities and outliers the integers' are few."""
    return [*case.samples(Draw(dtype)), *case.edges(Draw(dtype))]


def _of_floats(case: OpCase, sample: Call, device: str) -> tuple[Callable[..., Any], list[ag.Tensor]]:
    """The sample as a function of its floating point tensors, and these as leaves that require grad."""

    def function(*values: ag.Tensor) -> Any:
        others = (tensor for tensor in tensors_of(sample, device) if not tensor.dtype.is_inexact)
        given = iter(values)
        tensors = [next(given) if is_floating(array) else next(others) for array in arrays_in(sample)]
        return tuple(apply(case, sample, tensors))

    return function, [t.requires_grad_() for t in tensors_of(sample, device) if t.dtype.is_inexact]


def run(case: OpCase, sample: Call, device: str) -> tuple[list[ag.Tensor], list[ag.Tensor]]:
    tensors = tensors_of(sample, device)
    return tensors, apply(case, sample, tensors)


def apply(
    case: OpCase, sample: Call, tensors: list[ag.Tensor], function: Callable[..., Any] | None = None
) -> list[ag.Tensor]:
    """Call the function with these tensors in the places of the sample's arrays."""
    given = iter(tensors)
    args = [replaced(value, lambda _: next(given)) for value in sample.args]
    kwargs = {name: replaced(value, lambda _: next(given)) for name, value in sample.kwargs.items()}
    if case.random:
        ag.manual_seed(SEED)
    return list(as_tuple(called(case, function or function_of(case), args, kwargs)))


def with_gradients(
    case: OpCase,
    sample: Call,
    device: str,
    tensors: list[ag.Tensor] | None = None,
    function: Callable[..., Any] | None = None,
) -> dict[str, np.ndarray]:
    """Results and gradients by name, the gradients for fixed random directions."""
    tensors = tensors_of(sample, device) if tensors is None else tensors
    leaves = [tensor.requires_grad_() for tensor in tensors if case.order and tensor.dtype.is_inexact]
    outputs = apply(case, sample, tensors, function)
    found = {f"result {number}": to_numpy(output) for number, output in enumerate(outputs)}
    differentiable = [output for output in outputs if output.requires_grad]
    if leaves and differentiable:
        random = np.random.default_rng(SEED)
        directions = [
            ag.tensor(direction(random, output), dtype=output.dtype, device=output.device) for output in differentiable
        ]
        gradients = ag.autograd.grad(differentiable, leaves, directions, allow_unused=True)
        for number, gradient in enumerate(gradients):
            if gradient is not None:
                found[f"gradient {number}"] = to_numpy(gradient)
    return found


def direction(random: np.random.Generator, output: Any) -> np.ndarray:
    """A random gradient of an output, PyTorch's too; both parts of it where the output is complex."""
    parts = [random.standard_normal(tuple(output.shape)) for _ in range(1 + output.is_complex())]
    return parts[0] + 1j * parts[1] if output.is_complex() else parts[0]


def reference(case: OpCase, sample: Call) -> Any:
    """The row's meaning, computed in float64 or complex128 from the arguments as they were rounded to the dtype."""
    raised = [
        array.astype(np.complex128 if array.dtype.kind == "c" else np.float64) if is_floating(array) else array
        for array in arrays_in(sample)
    ]
    given = iter(raised)
    args = [replaced(value, lambda _: next(given)) for value in sample.args]
    kwargs = {name: replaced(value, lambda _: next(given)) for name, value in sample.kwargs.items()}
    with np.errstate(all="ignore"):
        return called(case, case.ref, args, kwargs)


def called(case: OpCase, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    """The function's results, with what the row does before and after the call."""
    if case.before is not None:
        args = [case.before(args[0]), *args[1:]]
    results = function(*args, **kwargs)
    return results if case.after is None else case.after(*as_tuple(results))


def expected_dtype(case: OpCase, value: Any, dtype: str) -> str:
    """The reference's dtype says what comes back: its float64 stands for the arguments' own floating dtype."""
    if case.result == "complex":
        return {"float64": "complex128", "float32": "complex64"}[dtype]
    if case.result is not None:
        return case.result
    name = np.asarray(value).dtype.name
    if name == "complex128":
        return dtype
    if name == "float64":
        parts = {"complex128": "float64", "complex64": "float32"}
        return parts.get(dtype, dtype if dtype in TOLERANCE else "float32")
    return "int64" if name == "uint64" else name  # NumPy sums unsigned integers in uint64, PyTorch in int64


# ---- arrays and tensors


def arrays_in(sample: Call) -> list[np.ndarray]:
    """The sample's arrays in order, also from within lists and tuples."""
    found: list[np.ndarray] = []
    for value in (*sample.args, *sample.kwargs.values()):
        replaced(value, lambda array: found.append(array))
    return found


def replaced(value: Any, make: Callable[[np.ndarray], Any]) -> Any:
    """The value with every array in it replaced."""
    if isinstance(value, np.ndarray):
        return make(value)
    if isinstance(value, (list, tuple)):
        return type(value)(replaced(item, make) for item in value)
    return value


def tensors_of(sample: Call, device: str) -> list[ag.Tensor]:
    return [ag.tensor(array, device=device) for array in arrays_in(sample)]


def to_numpy(tensor: ag.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def is_floating(array: np.ndarray) -> bool:
    return array.dtype.kind in "fc" or array.dtype.name == "bfloat16"


def as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def transposed(array: np.ndarray, device: str) -> ag.Tensor:
    if array.ndim < 2:
        return ag.tensor(array, device=device)
    reversed_dims = tuple(reversed(range(array.ndim)))
    return ag.tensor(np.ascontiguousarray(array.T), device=device).permute(reversed_dims).detach()


def sliced(array: np.ndarray, device: str) -> ag.Tensor:
    if array.ndim == 0:
        return ag.tensor(np.stack([array, array]), device=device)[1].detach()
    spread = np.stack([array, np.zeros_like(array)], axis=-1).reshape(*array.shape[:-1], 2 * array.shape[-1])
    return ag.tensor(spread, device=device)[..., ::2].detach()


def expanded(array: np.ndarray, device: str) -> ag.Tensor:
    """Stride 0 along the first dimension: its first row, again and again."""
    if array.ndim == 0 or array.shape[0] == 0:
        return ag.tensor(array, device=device)
    return ag.tensor(array[:1].copy(), device=device).expand(array.shape).detach()


LAYOUTS: dict[str, Callable[[np.ndarray, str], ag.Tensor]] = {
    "transposed": transposed,
    "sliced": sliced,
    "expanded": expanded,
}


# ---- verdicts


def tolerance(case: OpCase, dtype: str) -> float:
    return TOLERANCE.get(dtype, TOLERANCE["float32"]) * case.tolerance


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float, what: str) -> None:
    """Equal within tolerance * (1 + |expected|); NaN equals NaN; infinities must be the same."""
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, expected {expected.shape}"
    exact = np.complex128 if "c" in (found.dtype.kind, np.asarray(expected).dtype.kind) else np.float64
    a, b = (np.asarray(side).astype(exact) for side in (found, expected))
    with np.errstate(invalid="ignore"):
        close = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= tolerance * (1 + np.abs(b)))
    close &= ~(np.isinf(b) & (a != b))
    if not close.all():
        place = tuple(int(index) for index in np.argwhere(~close)[0])
        raise AssertionError(
            f"{what}: {(~close).sum()} of {close.size} elements differ, the first at {place}: "
            f"got {a[place]!r}, expected {b[place]!r} within {tolerance:g}"
        )


def describe(case: OpCase, sample: Call) -> str:
    """The call as a reader would write it, arrays as dtype[shape]."""
    return f"{case.name}({', '.join(_parts(sample))})"


def _parts(sample: Call) -> Iterator[str]:
    for value in sample.args:
        yield _part(value)
    for name, value in sample.kwargs.items():
        yield f"{name}={_part(value)}"


def _part(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype.name}{list(value.shape)}"
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(_part(item) for item in value) + ")"
    return repr(value)
