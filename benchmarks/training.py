"""Tokens per second of one GPT training step, the same model source on both libraries, same machine, same run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import autograd_gpu

from . import record
from .timing import seconds_each


@dataclass(frozen=True)
class Size:
    """The model and the batch."""

    batch: int = 16
    context: int = 128
    layers: int = 4
    heads: int = 4
    width: int = 128
    vocabulary: int = 256


CPU = Size()
GPU = Size(batch=32, context=1024, layers=12, heads=12, width=768, vocabulary=50304)
TINY = Size(batch=1, context=8, layers=1, heads=1, width=8, vocabulary=16)


def training_step(
    library: ModuleType, size: Size, device: str, dtype: str, clip: float | None = None
) -> Callable[[], Any]:
    """Forward, backward, perhaps clipping, and AdamW on fixed random tokens."""
    nn, F = library.nn, library.nn.functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norms = nn.ModuleList([nn.LayerNorm(size.width) for _ in range(2)])
            self.qkv, self.out = nn.Linear(size.width, 3 * size.width), nn.Linear(size.width, size.width)
            self.wide, self.back = nn.Linear(size.width, 4 * size.width), nn.Linear(4 * size.width, size.width)

        def forward(self, x: Any) -> Any:
            heads = self.qkv(self.norms[0](x)).view(size.batch, size.context, 3, size.heads, -1)
            q, k, v = heads.permute(2, 0, 3, 1, 4).unbind(0)  # (batch, heads, context, head_dim)
            attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(attended.transpose(1, 2).reshape(size.batch, size.context, size.width))
            return x + self.back(F.gelu(self.wide(self.norms[1](x)), approximate="tanh"))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(size.vocabulary, size.width)
            self.positions = nn.Embedding(size.context, size.width)
            self.blocks = nn.ModuleList([Block() for _ in range(size.layers)])
            self.norm = nn.LayerNorm(size.width)

        def forward(self, tokens: Any) -> Any:
            x = self.tokens(tokens) + self.positions(library.arange(size.context, device=tokens.device))
            for block in self.blocks:
                x = block(x)
            return F.linear(self.norm(x), self.tokens.weight)

    library.manual_seed(0)
    model = GPT().to(device=device, dtype=getattr(library, dtype))
    optimizer = library.optim.AdamW(model.parameters(), lr=1e-4)
    tokens = library.randint(0, size.vocabulary, (size.batch, size.context + 1)).to(device)

    def step() -> Any:
        logits = model(tokens[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, size.vocabulary), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        if clip is not None:
            library.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return loss

    return step


def measure(size: Size, device: str, dtype: str = "float32", budget: float = 10.0) -> list[record.Row]:
    """Tokens per second for ours, PyTorch eager, and on a GPU our captured step and torch.compile."""
    steps = {"ours": training_step(autograd_gpu, size, device, dtype)}
    wait = None
    if device != "cpu":
        from autograd_gpu.arrays import cuda

        wait = cuda.synchronize
        steps["ours, captured"] = autograd_gpu.capture(training_step(autograd_gpu, size, device, dtype))
    torch = usable_torch(device)
    if torch is not None:
        steps["torch"] = training_step(torch, size, device, dtype)
        if device != "cpu":
            steps["torch.compile"] = torch.compile(training_step(torch, size, device, dtype))
    tokens = size.batch * size.context
    seconds = seconds_each(steps, budget, wait)
    return [
        {"library": name, "device": device, "dtype": dtype, "ms a step": value * 1e3, "tokens/s": tokens / value}
        for name, value in seconds.items()
    ]


def usable_torch(device: str) -> Any:
    if device != "cpu" and os.environ.get("AUTOGRAD_GPU_EMULATE", "0") != "0":
        return None
    try:
        import torch
    except ImportError:
        return None
    return torch if device == "cpu" or torch.cuda.is_available() else None


def has_gpu() -> bool:
    emulated = os.environ.get("AUTOGRAD_GPU_EMULATE", "0") != "0"
    return autograd_gpu.cuda.is_available() and not emulated


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if has_gpu() else "cpu")
    options = parser.parse_args(arguments if arguments is not None else [])
    size = CPU if options.device == "cpu" else GPU
    rows = [
        row
        for dtype in (("float32",) if options.device == "cpu" else ("float32", "bfloat16"))
        for row in measure(size, options.device, dtype)
    ]
    record.show(f"One training step of a GPT, {asdict(size)}", rows)
    print(f"kept in {record.keep('training', rows, size=asdict(size))}")


if __name__ == "__main__":
    main()
