"""The most memory an operation and its backward hold at once, beside PyTorch's: python -m benchmarks.peak_memory

Samples have about a million elements. Ours is what NumPy tells tracemalloc, PyTorch's what its allocator tells its
profiler (what oneDNN takes for itself in a convolution is not among it). Both without the operands, and in a second
call. Written to benchmarks/results/memory.json, which a test reads.
"""

from __future__ import annotations

import gc
import json
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "memory.json"

# A name, what makes the operands of a library T, and the call. Floats that come out are summed and go backward.
ROW, VECTOR = (1000, 1000), (1_000_000,)


def randn(*shape: int) -> Callable[[Any], Any]:
    return lambda T: T.randn(*shape, requires_grad=True)


def integers(high: int, *shape: int) -> Callable[[Any], Any]:
    return lambda T: T.randint(0, high, shape)


x, v = randn(*ROW), randn(*VECTOR)
images, kernel = randn(16, 16, 64, 64), randn(16, 16, 3, 3)
CALLS: dict[str, tuple[list[Callable[[Any], Any]], Callable[..., Any]]] = {
    "add": ([x, x], lambda T, x, y: x + y),
    "mul": ([x, x], lambda T, x, y: x * y),
    "div": ([x, x], lambda T, x, y: x / y),
    "exp": ([x], lambda T, x: x.exp()),
    "tanh": ([x], lambda T, x: x.tanh()),
    "gelu": ([x], lambda T, x: T.nn.functional.gelu(x)),
    "silu": ([x], lambda T, x: T.nn.functional.silu(x)),
    "relu": ([x], lambda T, x: x.relu()),
    "where": ([x, x], lambda T, x, y: T.where(x > y, x, y)),
    "clamp": ([x], lambda T, x: x.clamp(-1, 1)),
    "sum": ([x], lambda T, x: x.sum(0)),
    "mean": ([x], lambda T, x: x.mean(1)),
    "var": ([x], lambda T, x: x.var(1)),
    "norm": ([x], lambda T, x: x.norm(dim=1)),
    "logsumexp": ([x], lambda T, x: x.logsumexp(1)),
    "softmax": ([x], lambda T, x: x.softmax(1)),
    "log_softmax": ([x], lambda T, x: x.log_softmax(1)),
    "cumsum": ([x], lambda T, x: x.cumsum(1)),
    "cumprod": ([x], lambda T, x: x.cumprod(1)),
    "prod": ([x], lambda T, x: x.prod(1)),
    "amax": ([x], lambda T, x: x.amax(1)),
    "max": ([x], lambda T, x: x.max(1)[0]),
    "median": ([x], lambda T, x: x.median(1)[0]),
    "sort": ([x], lambda T, x: x.sort(1)[0]),
    "topk": ([x], lambda T, x: x.topk(10, 1)[0]),
    "kthvalue": ([x], lambda T, x: x.kthvalue(10, 1)[0]),
    "unique": ([integers(1000, *VECTOR)], lambda T, i: T.unique(i)),
    "isin": ([integers(100_000, *VECTOR), integers(100_000, 10_000)], lambda T, i, j: T.isin(i, j)),
    "searchsorted": ([v], lambda T, v: T.searchsorted(T.arange(1000.0), v.detach())),
    "gather": ([x, integers(1000, *ROW)], lambda T, x, i: x.gather(1, i)),
    "scatter_add": ([x, integers(1000, *ROW), x], lambda T, x, i, y: x.scatter_add(1, i, y)),
    "index_select": ([x, integers(1000, 1000)], lambda T, x, i: x.index_select(0, i)),
    "indexing": ([x, integers(1000, 1000)], lambda T, x, i: x[i]),
    "masked_fill": ([x], lambda T, x: x.masked_fill(x > 0, 0.0)),
    "cat": ([x, x], lambda T, x, y: T.cat([x, y])),
    "flip": ([x], lambda T, x: x.flip(0)),
    "roll": ([x], lambda T, x: x.roll(3, 0)),
    "tril": ([x], lambda T, x: x.tril()),
    "repeat": ([randn(100, 1000)], lambda T, x: x.repeat(10, 1)),
    "matmul": ([x, x], lambda T, x, y: x @ y),
    "linear": ([x, x, randn(1000)], lambda T, x, w, b: T.nn.functional.linear(x, w, b)),
    "bmm": ([randn(10, 300, 300), randn(10, 300, 300)], lambda T, x, y: T.bmm(x, y)),
    "cdist": ([randn(1000, 64), randn(1000, 64)], lambda T, x, y: T.cdist(x, y)),
    "pdist": ([randn(500, 64)], lambda T, x: T.nn.functional.pdist(x)),
    "layer_norm": ([x], lambda T, x: T.nn.functional.layer_norm(x, (1000,))),
    "batch_norm": ([x], lambda T, x: T.nn.functional.batch_norm(x, None, None, training=True)),
    "group_norm": ([images], lambda T, x: T.nn.functional.group_norm(x, 4)),
    "cross_entropy": ([x, integers(1000, 1000)], lambda T, x, i: T.nn.functional.cross_entropy(x, i)),
    "mse_loss": ([x, x], lambda T, x, y: T.nn.functional.mse_loss(x, y)),
    "huber_loss": ([x, x], lambda T, x, y: T.nn.functional.huber_loss(x, y)),
    "kl_div": ([x, x], lambda T, x, y: T.nn.functional.kl_div(x, y.exp(), reduction="batchmean")),
    "bce_with_logits": ([x], lambda T, x: T.nn.functional.binary_cross_entropy_with_logits(x, T.ones_like(x))),
    "multi_margin_loss": ([x, integers(1000, 1000)], lambda T, x, i: T.nn.functional.multi_margin_loss(x, i)),
    "multilabel_margin_loss": (
        [randn(200, 500), integers(500, 200, 500)],
        lambda T, x, i: T.nn.functional.multilabel_margin_loss(x, i),
    ),
    "embedding": ([integers(1000, 1000), x], lambda T, i, w: T.nn.functional.embedding(i, w)),
    "dropout": ([x], lambda T, x: T.nn.functional.dropout(x)),
    "conv2d": ([images, kernel], lambda T, x, w: T.nn.functional.conv2d(x, w, padding=1)),
    "max_pool2d": ([images], lambda T, x: T.nn.functional.max_pool2d(x, 2)),
    "avg_pool2d": ([images], lambda T, x: T.nn.functional.avg_pool2d(x, 2)),
    "adaptive_avg_pool2d": ([images], lambda T, x: T.nn.functional.adaptive_avg_pool2d(x, 7)),
    "interpolate": ([images], lambda T, x: T.nn.functional.interpolate(x, scale_factor=2, mode="bilinear")),
    "pad": ([images], lambda T, x: T.nn.functional.pad(x, (1, 1, 1, 1), mode="reflect")),
    "attention": (
        [randn(8, 8, 128, 64)] * 3,
        lambda T, q, k, v: T.nn.functional.scaled_dot_product_attention(q, k, v),
    ),
    "randn": ([], lambda T: T.randn(*VECTOR)),
    "randperm": ([], lambda T: T.randperm(1_000_000)),
}


def run(library: Any, call: Callable[..., Any], operands: list[Any]) -> Any:
    y = call(library, *operands)
    if isinstance(y, library.Tensor) and y.requires_grad:
        y.sum().backward()
    return y


def peak_of(library: Any, call: Callable[..., Any], operands: list[Any]) -> int:
    """Peak bytes of a second call, without the operands: what is made once is not counted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run(library, call, operands)
        for operand in operands:
            operand.grad = None
        gc.collect()
        return (_theirs if library.__name__ == "torch" else _ours)(library, call, operands)


def _ours(library: Any, call: Callable[..., Any], operands: list[Any]) -> int:
    """What NumPy tells tracemalloc."""
    tracemalloc.start()
    run(library, call, operands)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _theirs(library: Any, call: Callable[..., Any], operands: list[Any]) -> int:
    """What PyTorch's profiler says was allocated and freed, summed in order."""
    threads = library.get_num_threads()
    library.set_num_threads(1)
    cpu = [library.profiler.ProfilerActivity.CPU]
    with library.profiler.profile(activities=cpu, profile_memory=True) as profile:
        run(library, call, operands)
    library.set_num_threads(threads)
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    now = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak


def ours(name: str) -> int:
    """Peak bytes here."""
    import autograd_gpu as library

    return _peak(library, name)


def theirs(name: str) -> int:
    """Peak bytes in PyTorch."""
    import torch as library

    return _peak(library, name)


def _peak(library: Any, name: str) -> int:
    make, call = CALLS[name]
    return peak_of(library, call, [operand(library) for operand in make])


if __name__ == "__main__":
    table = {}
    for name in CALLS:
        table[name] = {"pytorch": theirs(name), "here": ours(name)}
        here, there = table[name]["here"], table[name]["pytorch"]
        print(f"{name:24} {here / 1e6:8.1f} MB here {there / 1e6:8.1f} MB PyTorch {here / max(there, 1):8.2f}")
    RESULTS.write_text(json.dumps(table, indent=1) + "\n")
