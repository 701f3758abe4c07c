"""Runs the uses of one package in this process and writes their numbers: `one_use.py LIBRARY PACKAGE OUT`, where
LIBRARY is torch or autograd_gpu. A use is a function of `uses/PACKAGE.py`, a program that says `import torch`.

Whatever a package draws comes from NumPy, so that both libraries draw the same; and a torchvision that has nothing
in it stands where one is imported, since its own needs PyTorch's compiled part.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

HERE = Path(__file__).parent
USES = ("readme", "model")


class _Anything(type):
    """The kind of a class that has every attribute: its name."""

    def __getattr__(cls, name: str) -> str:
        return name if name[:2] != "__" else _no(name)


class _Empty(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds torchvision and everything below it, empty: each name is a class that does nothing."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] != "torchvision":
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        module.__getattr__ = lambda name: _Anything(name, (), {}) if name[:2] != "__" else _no(name)  # type: ignore[method-assign]
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__version__ = "0.28.0"  # type: ignore[attr-defined]


def _no(name: str) -> Any:
    raise AttributeError(name)


def draw_by_numpy(torch: Any) -> None:
    """Let the functions that draw take their numbers from NumPy's generator, which `torch.manual_seed` starts anew."""
    state = [np.random.default_rng(0)]

    def seeded(seed: int) -> None:
        state[0] = np.random.default_rng(seed)

    def size_of(size: tuple, keywords: dict) -> tuple:
        if "size" in keywords:
            size = keywords.pop("size")
        elif len(size) == 1 and not isinstance(size[0], int):
            size = size[0]
        return tuple(int(n) for n in size)

    def tensor(values: Any, like: Any = None, dtype: Any = None, requires_grad: bool = False, **_: Any) -> Any:
        dtype = dtype or (like.dtype if like is not None else torch.get_default_dtype())
        return torch.tensor(np.asarray(values), dtype=dtype, requires_grad=requires_grad)

    def factory(name: str) -> Callable:
        def drawn(*size: Any, generator: Any = None, out: Any = None, **keywords: Any) -> Any:
            return tensor(getattr(state[0], name)(size=size_of(size, keywords)), **keywords)

        return drawn

    def alike(name: str) -> Callable:
        return lambda x, *, memory_format=None, **keywords: tensor(
            getattr(state[0], name)(size=tuple(x.shape)), x, **keywords
        )

    def into(draw: Callable) -> Callable:
        def drawn(self: Any, *arguments: Any, generator: Any = None, **keywords: Any) -> Any:
            with torch.no_grad():
                return self.copy_(tensor(draw(tuple(self.shape), *arguments, **keywords), self))

        return drawn

    def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, generator: Any = None, **keywords: Any) -> Any:
        if size is not None:
            return mean + std * tensor(state[0].standard_normal(tuple(size)), **keywords)
        shape = np.broadcast_shapes(np.shape(getattr(mean, "detach", lambda: mean)()), getattr(std, "shape", ()))
        like = mean if hasattr(mean, "dtype") else std
        return mean + std * tensor(state[0].standard_normal(shape), like)

    def randint(low: int, high: Any = None, size: Any = None, generator: Any = None, **keywords: Any) -> Any:
        if size is None:
            low, high, size = 0, low, high
        keywords.setdefault("dtype", torch.int64)
        return tensor(state[0].integers(low, high, tuple(size)), **keywords)

    def randperm(n: int, generator: Any = None, **keywords: Any) -> Any:
        keywords.setdefault("dtype", torch.int64)
        return tensor(state[0].permutation(n), **keywords)

    def bernoulli(p: Any, **_: Any) -> Any:
        return tensor(state[0].random(tuple(p.shape)) < p.detach().numpy(), p)

    def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        if not training or p == 0:
            return input
        return input * tensor((state[0].random(tuple(input.shape)) >= p) / (1 - p), input)

    torch.manual_seed = seeded
    torch.randn, torch.rand = factory("standard_normal"), factory("random")
    torch.randn_like, torch.rand_like = alike("standard_normal"), alike("random")
    torch.normal, torch.randint, torch.randperm, torch.bernoulli = normal, randint, randperm, bernoulli
    torch.nn.functional.dropout = dropout
    torch.nn.Dropout.forward = lambda self, input: dropout(input, self.p, self.training)
    torch.Tensor.normal_ = into(lambda shape, mean=0, std=1: mean + std * state[0].standard_normal(shape))
    torch.Tensor.uniform_ = into(
        lambda shape, a=0, b=1, **k: k.get("from", a) + (k.get("to", b) - k.get("from", a)) * state[0].random(shape)
    )
    torch.Tensor.exponential_ = into(lambda shape, lambd=1: state[0].exponential(1 / lambd, shape))
    torch.Tensor.bernoulli_ = into(lambda shape, p=0.5: state[0].random(shape) < p)
    torch.distributions.utils._standard_normal = lambda shape, dtype, device: tensor(
        state[0].standard_normal(tuple(shape)), dtype=dtype
    )
    for name in "normal multivariate_normal lowrank_multivariate_normal".split():
        module = importlib.import_module(f"torch.distributions.{name}")
        if hasattr(module, "_standard_normal"):
            module._standard_normal = torch.distributions.utils._standard_normal  # type: ignore[attr-defined]


def numbers(result: Any, name: str = "") -> dict[str, np.ndarray]:
    """Return every number in a result, by its place."""
    if isinstance(result, dict):
        return {k: v for key, value in result.items() for k, v in numbers(value, f"{name}.{key}").items()}
    if isinstance(result, (list, tuple)):
        return {k: v for i, value in enumerate(result) for k, v in numbers(value, f"{name}.{i}").items()}
    if result is None:
        return {}
    array = result.detach().numpy() if hasattr(result, "detach") else np.asarray(result)
    return {name: array.astype(np.float64)}


def main(library: str, package: str, out: str) -> None:
    warnings.simplefilter("ignore")
    sys.meta_path.insert(0, _Empty())
    if library == "autograd_gpu":
        from autograd_gpu import as_torch

        as_torch.install()
    import torch

    draw_by_numpy(torch)
    sys.path.insert(0, str(HERE))
    errors, arrays = {}, {}
    for use in USES:
        try:
            torch.manual_seed(0)
            result = getattr(importlib.import_module(f"uses.{package}"), use)()
            arrays |= {f"{use}{name}": value for name, value in numbers(result).items()}
        except Exception as error:
            errors[use] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]
            print("".join(traceback.format_exception(error)), file=sys.stderr)
    np.savez(out, errors=json.dumps(errors), **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
