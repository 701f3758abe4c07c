"""What a CPU is timed at: kernels forward and backward, and whole training steps, written once for every library."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from .training import Size, training_step

Call = Callable[[], Any]


def both_ways(function: Callable[..., Any], *inputs: Any) -> Call:
    """The function and its gradients by the inputs that require one."""
    leaves = [x for x in inputs if x.requires_grad]

    def run() -> None:
        y = function(*inputs)
        y.backward(y.detach() if y.dim() else None)
        for leaf in leaves:
            leaf.grad = None

    return run


def drawn(library: ModuleType, *shape: int) -> Any:
    return library.randn(*shape).requires_grad_()


def gelu(T: ModuleType) -> Call:
    return both_ways(T.nn.functional.gelu, drawn(T, 1 << 20))


def softmax(T: ModuleType) -> Call:
    return both_ways(lambda x: x.softmax(-1), drawn(T, 4096, 1000))


def layer_norm(T: ModuleType) -> Call:
    def norm(x: Any, weight: Any, bias: Any) -> Any:
        return T.nn.functional.layer_norm(x, (1024,), weight, bias)

    return both_ways(norm, drawn(T, 4096, 1024), drawn(T, 1024), drawn(T, 1024))


def cross_entropy(T: ModuleType) -> Call:
    target = T.randint(0, 1000, (4096,))
    return both_ways(lambda x: T.nn.functional.cross_entropy(x, target), drawn(T, 4096, 1000))


def broadcast_add_and_sum(T: ModuleType) -> Call:
    return both_ways(lambda x, y: (x + y).sum(), drawn(T, 4096, 1024), drawn(T, 1024))


def grid_sample(T: ModuleType) -> Call:
    grid = (T.rand(8, 64, 64, 2) * 2 - 1).requires_grad_()
    return both_ways(
        lambda x, grid: T.nn.functional.grid_sample(x, grid, align_corners=False), drawn(T, 8, 16, 64, 64), grid
    )


def conv2d(T: ModuleType) -> Call:
    return both_ways(
        lambda x, weight, bias: T.nn.functional.conv2d(x, weight, bias, padding=1),
        drawn(T, 32, 32, 32, 32), drawn(T, 64, 32, 3, 3), drawn(T, 64),
    )  # fmt: skip


def embedding_and_scatter_add(T: ModuleType) -> Call:
    index = T.randint(0, 20000, (8192,))
    rows = index.view(-1, 1).expand(8192, 128)

    def look_up_and_lay_back(table: Any) -> Any:
        return T.zeros(20000, 128).scatter_add(0, rows, T.nn.functional.embedding(index, table))

    return both_ways(look_up_and_lay_back, drawn(T, 20000, 128))


def chain_of_1000(T: ModuleType) -> Call:
    x = drawn(T, 4)

    def chain(x: Any) -> Any:
        for _ in range(500):
            x = x * 1.001 + 0.001
        return x.sum()

    return both_ways(chain, x)


def gelu_of_a_sum(T: ModuleType) -> Call:
    return both_ways(lambda x, b: T.nn.functional.gelu((x + b) * 2).sum(), drawn(T, 4096, 1024), drawn(T, 1024))


def ten_in_a_row(T: ModuleType) -> Call:
    def ten(x: Any) -> Any:
        y = (x * 0.5 + 0.1).tanh() * 1.5 - x
        return ((y * y + 1).sqrt() - 1) / 2

    return both_ways(ten, drawn(T, 4096, 1024))


# ---- whole steps: forward, backward, optimiser


def step_of(T: ModuleType, model: Any, optimizer: Any, inputs: Any, target: Any, loss: Callable[..., Any]) -> Call:
    def step() -> None:
        optimizer.zero_grad()
        loss(model(inputs), target).backward()
        optimizer.step()

    return step


def mlp(T: ModuleType, optimizer: Callable[[Any], Any]) -> Call:
    nn = T.nn
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    target = T.randint(0, 10, (128,))
    return step_of(T, model, optimizer(model.parameters()), T.randn(128, 64), target, nn.functional.cross_entropy)


def mlp_with_sgd(T: ModuleType) -> Call:
    return mlp(T, lambda parameters: T.optim.SGD(parameters, lr=0.01))


def mlp_with_adam(T: ModuleType) -> Call:
    return mlp(T, lambda parameters: T.optim.Adam(parameters, lr=1e-3))


def lenet(T: ModuleType) -> Call:
    nn = T.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    optimizer = T.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    target = T.randint(0, 10, (64,))
    return step_of(T, model, optimizer, T.randn(64, 1, 28, 28), target, nn.functional.cross_entropy)


def lstm(T: ModuleType) -> Call:
    model = T.nn.LSTM(64, 128)
    optimizer = T.optim.SGD(model.parameters(), lr=0.01)
    return step_of(
        T, lambda x: model(x)[0], optimizer, T.randn(64, 32, 64), T.zeros(64, 32, 128), T.nn.functional.mse_loss
    )


def transformer_block(T: ModuleType) -> Call:
    model = T.nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
    optimizer = T.optim.AdamW(model.parameters(), lr=1e-3)
    return step_of(T, model, optimizer, T.randn(16, 64, 128), T.zeros(16, 64, 128), T.nn.functional.mse_loss)


def gpt(T: ModuleType) -> Call:
    return training_step(T, Size(batch=8, context=64), "cpu", "float32", clip=1.0)


WORKLOADS: dict[str, Callable[[ModuleType], Call]] = {
    "GELU of 1M": gelu,
    "softmax 4096 x 1000": softmax,
    "layer norm 4096 x 1024": layer_norm,
    "cross entropy 4096 x 1000": cross_entropy,
    "broadcast add + sum 4096 x 1024": broadcast_add_and_sum,
    "conv2d 3 x 3, 32 -> 64 on 32 x 32, batch 32": conv2d,
    "grid_sample 8 x 16 x 64 x 64": grid_sample,
    "embedding of 8192 of 20000 x 128, scatter_add": embedding_and_scatter_add,
    "chain of 1000 small operations": chain_of_1000,
    "GELU of (x + b) * 2, summed, 4M": gelu_of_a_sum,
    "ten elementwise operations in a row, 4M": ten_in_a_row,
    "MLP 64-256-256-10 step, batch 128, SGD": mlp_with_sgd,
    "MLP 64-256-256-10 step, batch 128, Adam": mlp_with_adam,
    "LeNet step, batch 64": lenet,
    "LSTM step, 64 steps, batch 32, 64 -> 128": lstm,
    "transformer block step, 16 x 64 x 128": transformer_block,
    "GPT step, 4 layers, width 128, 8 x 64 tokens": gpt,
}
