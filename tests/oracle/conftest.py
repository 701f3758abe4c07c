"""The oracle: PyTorch itself, on the CPU. These tests are a run of their own, since they alone need it installed."""

import inspect
import re
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import autograd_gpu as ag

TOLERANCE = {"float64": 1e-10, "float32": 5e-6, "float16": 5e-3, "bfloat16": 4e-2}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure says where each function of ours that its call names is declared."""
    report = (yield).get_result()
    if report.failed:
        names = re.findall(r"[a-z]\w+", item.name)
        homes = {name: home for name in names if (home := home_of(name))}
        report.sections.append(("ours, declared at", "\n".join(f"{name}: {home}" for name, home in homes.items())))


def home_of(name: str) -> str | None:
    """The file and line of our function of that name; None where there is none."""
    found = next(
        (found for room in (ag, ag.Tensor, ag.nn.functional, ag.linalg) if (found := getattr(room, name, None))), None
    )
    function = inspect.unwrap(found) if callable(found) else None
    if not inspect.isfunction(function) or not function.__module__.startswith("autograd_gpu"):
        return None
    return f"{function.__module__.replace('.', '/')}.py:{function.__code__.co_firstlineno}"


@pytest.fixture(autouse=True)
def one_thread_and_no_noise():
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def dtype_name(tensor: Any) -> str:
    return str(tensor.dtype).split(".")[-1]


def to_numpy(tensor: Any) -> np.ndarray:
    """Values in float64, or as they are for integers."""
    tensor = tensor.detach()
    if tensor.dtype.is_floating_point:
        tensor = tensor.double()
    return np.array(tensor.tolist(), dtype=None if tensor.numel() else np.float64).reshape(tuple(tensor.shape))


def assert_same(ours: Any, theirs: Any, what: str, tolerance: float | None = None) -> None:
    """The same structure, dtypes, shapes, values and requires_grad."""
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, ag.Tensor), f"{what}: got {type(ours).__name__}, expected a Tensor"
        assert dtype_name(ours) == dtype_name(theirs), f"{what}: dtype"
        assert tuple(ours.shape) == tuple(theirs.shape), f"{what}: shape"
        assert ours.requires_grad == theirs.requires_grad, f"{what}: requires_grad"
        limit = TOLERANCE.get(dtype_name(theirs), 0) if tolerance is None else tolerance
        np.testing.assert_allclose(to_numpy(ours), to_numpy(theirs), rtol=limit, atol=limit, err_msg=what)
    elif isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs), f"{what}: length"
        for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(a, b, f"{what}[{number}]", tolerance)
    elif isinstance(theirs, (torch.dtype, torch.device)):
        assert str(ours).split(".")[-1] == str(theirs).split(".")[-1], what
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-5, nan_ok=True), what
    else:
        assert ours == theirs, what


def gradients(library: ModuleType, outputs: Any, inputs: list[Any]) -> list[Any]:
    """Gradients of the differentiable outputs for fixed directions; None where there is none."""
    flat = [output for output in flattened(outputs) if isinstance(output, library.Tensor) and output.requires_grad]
    if not flat:
        return [None] * len(inputs)
    random = np.random.default_rng(1)
    directions = [
        library.tensor(random.standard_normal(tuple(output.shape)).tolist(), dtype=output.dtype).reshape(output.shape)
        for output in flat
    ]
    return list(library.autograd.grad(flat, inputs, directions, allow_unused=True))


def flattened(value: Any) -> list[Any]:
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in flattened(item)]
    return [value]
