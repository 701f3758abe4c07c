"""Calls drawn at random: the two libraries agree but for what is known, and a fault of each kind, planted, is found."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import autograd_gpu as ag
from autograd_gpu.ops.unary import Exp
from autograd_gpu.testing.against_torch.calls import draw, entries
from autograd_gpu.testing.against_torch.known import KNOWN
from autograd_gpu.testing.against_torch.sweep import sweep

# What is left unexplained of the calls of seed 0, functions and kinds of difference: the number may only fall.
LEFT = 55
CALLS = 4000


def test_what_is_left_unexplained_of_a_fixed_seed():
    found, _ = sweep(0, CALLS)
    distinct = {(finding.function, finding.difference.kind): finding for finding in found}
    assert len(distinct) <= LEFT, "\n\n".join(map(str, distinct.values()))


def test_known_differences_have_their_reasons_in_the_documentation():
    documented = (Path(ag.__file__).parent.parent / "docs" / "differences.md").read_text()
    for known in KNOWN:
        assert known.documented in documented, known.reason


def test_every_public_function_is_drawn_from():
    drawn = {entry.name for entry in entries(torch)}
    public = {name for name in ag.nn.functional.__all__ if hasattr(torch.nn.functional, name)}
    assert {f"nn.functional.{name}" for name in public} - drawn <= {"nn.functional.linear_cross_entropy"}
    for module in ("linalg", "special"):
        ours = getattr(ag, module)
        public = {
            name for name in ours.__all__ if callable(getattr(ours, name)) and hasattr(getattr(torch, module), name)
        }
        assert {f"{module}.{name}" for name in public} - drawn <= {"linalg.LinAlgError"}


def test_a_call_is_a_line_that_can_be_run():
    import random

    rng = random.Random(5)
    for _ in range(20):
        compile(str(draw(torch, rng)), "<call>", "exec")


# ---------------------------------------------------------------------------------------------- planted faults


def when(wrong: Callable[..., bool], fault: Callable[..., Any]) -> Callable[[Callable], Callable]:
    """Make the function do what fault does where wrong(...) says so."""

    def plant(function: Callable) -> Callable:
        @functools.wraps(function)
        def planted(*args: Any, **kwargs: Any) -> Any:
            if wrong(*args, **kwargs):
                return fault(function, *args, **kwargs)
            return function(*args, **kwargs)

        return planted

    return plant


def is_half(x: Any) -> bool:
    return isinstance(x, ag.Tensor) and x.dtype in (ag.float16, ag.bfloat16)


def rounded_in_between(function: Callable, x: ag.Tensor, *args: Any, **kwargs: Any) -> ag.Tensor:
    return function(x * 256, *args, **kwargs) / 256


def by_squares(function: Callable, x: ag.Tensor, *args: Any, **kwargs: Any) -> ag.Tensor:
    return (x * x).mean(*args, **kwargs) - x.mean(*args, **kwargs) ** 2


def raising(error: type[Exception], message: str) -> Callable[..., Any]:
    def fault(*_: Any, **__: Any) -> Any:
        raise error(message)

    return fault


always = lambda *_, **__: True  # noqa: E731

PLANTED = {
    "shared where it should be copied": (
        ag.Tensor,
        "clone",
        "clone",
        when(always, lambda f, x, **_: x.view(x.shape)),
        "sharing",
    ),
    "long sums lose digits": (
        ag.Tensor,
        "sum",
        "sum",
        when(
            lambda x, *_, **__: x.numel() > 5000 and x.dtype == ag.float32, lambda f, x, *a, **k: f(x, *a, **k) * 1.001
        ),
        "values",
    ),
    "half types round in between": (
        ag.Tensor,
        "sum",
        "sum",
        when(lambda x, *_, **__: is_half(x), rounded_in_between),
        "values",
    ),
    "a scalar that is no array": (
        ag.Tensor,
        "std",
        "std",
        when(always, lambda f, x, *a, **k: np.float32(f(x).item())),
        "result",
    ),
    "a derivative that parts from the definition": (
        Exp,
        "backward",
        "exp",
        lambda f: lambda ctx, gy: f(ctx, gy) * 2,
        "gradients",
    ),
    "cancellation": (
        ag.Tensor,
        "var",
        "var",
        when(lambda x, *_, **__: isinstance(x, ag.Tensor), by_squares),
        "values",
    ),
    "edges of the range": (
        ag,
        "logit",
        "logit",
        when(always, lambda f, x, *a, **k: f(x, *a, **k).nan_to_num(0)),
        "values",
    ),
    "nothing and no dimensions": (
        ag.Tensor,
        "sum",
        "sum",
        when(lambda x, *_, **__: x.numel() == 0, raising(RuntimeError, "sum(): nothing to sum")),
        "result: raises",
    ),
    "numbers given as tensors": (
        ag.nn.functional,
        "leaky_relu",
        "leaky_relu",
        when(lambda *a, **__: isinstance(a[-1], ag.Tensor), raising(RuntimeError, "a number is expected")),
        "result",
    ),
    "randomness": (
        ag,
        "multinomial",
        "multinomial",
        when(lambda x, *_: isinstance(x, ag.Tensor), lambda f, x, n, *_: ag.zeros(n, dtype=ag.int64)),
        "result",
    ),
    "what PyTorch refuses": (
        ag.Tensor,
        "index_select",
        "rows|index_select",
        when(lambda *_: True, lambda f, x, dim, index: f(x, dim, index.clamp(0, x.shape[dim] - 1))),
        "PyTorch raises",
    ),
    "inner words": (
        ag,
        "exp",
        "exp|lists",
        when(lambda x, **_: not isinstance(x, ag.Tensor), raising(AttributeError, "no attribute '_array'")),
        "exception type",
    ),
    "another dtype": (
        ag.Tensor,
        "cumsum",
        "cumsum",
        when(always, lambda f, x, *a, **k: f(x, *a, **k).double()),
        "dtype",
    ),
    "whether it requires grad": (ag.Tensor, "sin", "sin", when(always, lambda f, x: f(x).detach()), "requires_grad"),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_fault_is_found(kind: str, monkeypatch: pytest.MonkeyPatch):
    owner, name, pattern, plant, expected = PLANTED[kind]
    before = _found(pattern)
    monkeypatch.setattr(owner, name, plant(getattr(owner, name)))
    new = _found(pattern) - before
    assert any(expected in difference for _, difference in new), new


def _found(pattern: str) -> set[tuple[str, str]]:
    return {(finding.call, finding.difference.kind) for finding in sweep(1, 250, pattern)[0]}
