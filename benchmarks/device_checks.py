"""Checks for `gpu_check` of what sizes and schedules can break: 2^31 elements, many planes, every tile of a
convolution, two streams at once, running out of memory in the middle of a step, steps captured into graphs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np

import autograd_gpu as ag
from autograd_gpu.arrays.cuda import conv

Check = tuple[str, Callable[[], None]]


def large_arrays(scale: float) -> Iterator[Check]:
    """Copies, reductions and convolutions past what 32 bits and 16-bit grids count; tiny at a small `scale`."""
    side = max(64, int(47_000 * scale**0.5))  # squared: over 2^31 elements
    planes = max(70, int(70_000 * scale))

    def transposed_copy() -> None:
        x = ag.zeros(side, side + 3, dtype=ag.uint8, device="cuda")
        x[-1, 5], x[7, -1] = 3, 4
        y = x.t().contiguous()
        assert (y[5, -1].item(), y[-1, 7].item(), y.sum().item()) == (3, 4, 7)

    def operand_across() -> None:
        x = ag.ones(side // 32 * 32, side // 32 * 32, dtype=ag.uint8, device="cuda")
        x[3, -1] = 5
        y = x + x.t()
        assert (y[3, -1].item(), y[-1, 3].item(), y[0, 0].item()) == (6, 6, 2)

    def reductions() -> None:
        x = ag.ones(side, side + 3, dtype=ag.bfloat16, device="cuda")
        x[-1, -2] = 2
        assert x.sum(dtype=ag.float32).item() == side * (side + 3) + 1
        assert x.argmax().item() == side * (side + 3) - 2
        assert x.amax(0)[-2].item() == x.amax(1)[-1].item() == 2

    def many_planes() -> None:
        F = ag.nn.functional
        x = (ag.arange(planes * 16, device="cuda") % 251).float().reshape(planes, 1, 4, 4)
        for function in (lambda t: F.max_pool2d(t, 2), lambda t: F.avg_pool2d(t, 3, 1, 1), ag.nn.Unfold(2)):
            np.testing.assert_allclose(function(x).cpu().numpy(), function(x.cpu()).numpy(), rtol=1e-6)
        weight = ag.arange(9.0).reshape(1, 1, 3, 3).expand(planes, 1, 3, 3)
        found, expected = (
            F.conv2d(x.reshape(1, planes, 4, 4).to(device), weight.to(device), padding=1, groups=planes).cpu().numpy()
            for device in ("cuda", "cpu")
        )
        np.testing.assert_allclose(found, expected, rtol=1e-6)

    yield "a transposed copy of over 2^31 elements", transposed_copy
    yield "a transposed operand of over 2^31 elements", operand_across
    yield "reductions of over 2^31 elements", reductions
    yield "over 65,535 planes", many_planes


@contextlib.contextmanager
def few_blocks_enough() -> Iterator[None]:
    """Convolutions choose their tiles as on a GPU that one block fills, so that small ones take those of large ones."""
    before = conv.ENOUGH_BLOCKS
    conv._plan.cache_clear()
    conv.ENOUGH_BLOCKS = 1
    try:
        yield
    finally:
        conv.ENOUGH_BLOCKS = before
        conv._plan.cache_clear()


def convolutions(scale: float) -> Iterator[Check]:
    """Every kernel of kernels/conv*.cu, with all three gradients, against the CPU: sizes for small and large tiles, for
    slices of the depth, for each output by itself."""
    batch = max(1, int(8 * scale))
    side = max(6, int(64 * scale**0.5))
    cases = {  # channels, filters, kernel, stride, groups
        "small tiles": (3, 20, 7, 2, 1),
        "large tiles": (72, 128 if scale == 1 else 72, 3, 1, 1),
        "one place": (max(4, int(96 * scale)), max(4, int(64 * scale)), 1, 1, 1),
        "depthwise": (8, 16, 3, 2, 8),
        "groups": (24, 48, 3, 1, 3),
    }

    def agree(dtype: ag.dtype, channels: int, filters: int, kernel: int, stride: int, groups: int) -> None:
        source = np.random.default_rng(0)
        x = ag.from_numpy(source.standard_normal((batch, channels, side, side))).to(dtype)
        w = ag.from_numpy(source.standard_normal((filters, channels // groups, kernel, kernel))).to(dtype)

        def results(device: str, computed: ag.dtype) -> list[np.ndarray]:
            leaves = [t.to(device).to(computed).requires_grad_() for t in (x, w)]
            y = ag.nn.functional.conv2d(*leaves, stride=stride, padding=kernel // 2, groups=groups)
            gy = ag.linspace(-1, 1, y.numel(), device=device).reshape(y.shape).to(dtype).to(computed)
            return [t.detach().double().cpu().numpy() for t in (y, *ag.autograd.grad(y, leaves, gy))]

        wide = ag.float64 if dtype == ag.float64 else ag.float32
        with few_blocks_enough() if scale < 1 else contextlib.nullcontext():
            found = results("cuda", dtype)
        for ours, theirs in zip(found, results("cpu", wide), strict=True):
            spacing = ag.finfo(dtype).eps * 32
            np.testing.assert_allclose(ours, theirs, rtol=spacing, atol=spacing * np.abs(theirs).max())

    for name, case in cases.items():
        for dtype in (ag.float16, ag.bfloat16, ag.float32, ag.float64):
            yield f"convolution, {name}, {str(dtype).split('.')[-1]}", lambda d=dtype, c=case: agree(d, *c)


def two_streams(scale: float) -> Iterator[Check]:
    """Two chains of work in flight at once give what each gives alone."""
    size = max(16, int(2048 * scale**0.5))

    def chain(x: ag.Tensor) -> ag.Tensor:
        for _ in range(8):
            x = (x @ x.t() / size).softmax(1) + x.sum(0)
        return x

    def interleaved() -> None:
        starts = [ag.randn(size, size, device="cuda") for _ in range(2)]
        alone = [chain(x).cpu().numpy() for x in starts]
        streams = [ag.cuda.Stream() for _ in starts]
        ag.cuda.synchronize()
        found = []
        for stream, x in zip(streams, starts, strict=True):
            with ag.cuda.stream(stream):
                found.append(chain(x))
        ag.cuda.synchronize()
        for ours, expected in zip(found, alone, strict=True):
            np.testing.assert_array_equal(ours.cpu().numpy(), expected)

    yield "two streams at once", interleaved


def out_of_memory() -> Iterator[Check]:
    """An allocation that cannot be met raises, and leaves the device usable: at once, and in the middle of a step."""

    def fails(attempt: Callable[[], object]) -> None:
        try:
            attempt()
        except (RuntimeError, MemoryError):
            return
        raise AssertionError("a petabyte was allocated")

    def recovers() -> None:
        fails(lambda: ag.empty(1 << 50, dtype=ag.uint8, device="cuda"))
        assert (ag.ones(3, device="cuda") + 1).tolist() == [2, 2, 2]

    def step_recovers() -> None:
        weight = ag.ones(3, device="cuda", requires_grad=True)

        def step(much: bool) -> None:
            y = weight * 2
            y = y.unsqueeze(1).expand(3, 1 << 48).contiguous().sum(1) if much else y
            y.sum().backward()

        fails(lambda: step(True))
        assert weight.grad is None
        step(False)
        assert weight.grad.tolist() == [2, 2, 2]

    yield "recovery from running out of memory", recovers
    yield "recovery in the middle of a step", step_recovers


def captured_steps() -> Iterator[Check]:
    """Replays of a captured training step against the steps themselves, bit for bit: dropout, clipping, a schedule."""
    F = ag.nn.functional

    def losses(captures: bool, dtype: ag.dtype) -> list[float]:
        ag.manual_seed(0)
        model = ag.nn.Sequential(ag.nn.Linear(64, 128), ag.nn.LayerNorm(128), ag.nn.GELU(), ag.nn.Linear(128, 10))
        model.to("cuda", dtype)
        optimizer = ag.optim.AdamW(model.parameters(), lr=0.01)
        schedule = ag.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.9)

        def update(x: ag.Tensor, y: ag.Tensor) -> ag.Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(F.dropout(model(x), 0.1), y)
            loss.backward()
            ag.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            return loss

        step, found = ag.capture(update) if captures else update, []
        for number in range(8):
            source = np.random.default_rng(number)
            x = ag.from_numpy(source.standard_normal((32, 64))).to("cuda", dtype)
            found.append(step(x, ag.from_numpy(source.integers(0, 10, 32)).to("cuda")).item())
            ag.empty(1 << 16, device="cuda").fill_(1e30)  # memory that a graph does not own may change at any time
            schedule.step()
        return found

    for dtype in (ag.float32, ag.bfloat16):

        def agree(dtype: ag.dtype = dtype) -> None:
            eager, replayed = losses(False, dtype), losses(True, dtype)
            assert replayed == eager, (eager, replayed)

        yield f"a captured step, {str(dtype).split('.')[-1]}", agree


def long_lines(scale: float) -> Iterator[Check]:
    """Few lines of many elements, whose blocks' results a second kernel merges; casts and ranges that no row makes."""
    count = max(150_001, int(2**20 * scale) + 3)
    source = np.random.default_rng(0)
    # Eighths, whose sums are exact in whatever order they are taken.
    x = ag.from_numpy((source.integers(-8, 9, (3, count)) / 8).astype(np.float32))
    functions: dict[str, Callable[[ag.Tensor], object]] = {
        "sum": lambda t: t.sum(1),
        "sum, wide": lambda t: t.sum(1, dtype=ag.float64),
        "sum of halves": lambda t: t.to(ag.bfloat16).sum(1, dtype=ag.float32),
        "sum of integers": lambda t: (t * 8).to(ag.int32).sum(1),
        "mean": lambda t: t.mean(),
        "prod": lambda t: (t + 0.0625).sign().prod(1),
        "var": lambda t: t.var(1),
        "amax": lambda t: t.amax(1),
        "amin": lambda t: t.amin(),
        "any": lambda t: (t > 2).any(1),
        "all": lambda t: (t < 2).all(),
        "max": lambda t: tuple(t.max(1)),
        "min": lambda t: tuple(t.min(1)),
        "argmax": lambda t: t.argmax(),
        "cumsum": lambda t: t.cumsum(1),
        "cumprod": lambda t: (t + 0.0625).sign().cumprod(1),
        "cummax": lambda t: tuple(t.cummax(1)),
        "cummin": lambda t: tuple(t.cummin(1)),
        "logcumsumexp": lambda t: t.logcumsumexp(1),
        "sort": lambda t: tuple(t.sort(1)),
        "casts": lambda t: (
            *((t * 100).to(dtype) for dtype in (ag.int8, ag.int16)),
            (t * 100).abs().to(ag.uint8),
        ),
        "arange": lambda t: ag.arange(0.5, 1000.0, 0.25, device=t.device),
    }

    def agree(function: Callable[[ag.Tensor], object]) -> None:
        found, expected = (function(x.to(device)) for device in ("cuda", "cpu"))
        for ours, theirs in zip(*(r if isinstance(r, tuple) else (r,) for r in (found, expected)), strict=True):
            assert isinstance(ours, ag.Tensor) and isinstance(theirs, ag.Tensor)
            a, b = ours.cpu().double().numpy(), theirs.double().numpy()
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * max(1.0, float(np.abs(b).max())))

    def gradients() -> None:
        results = []
        for device in ("cuda", "cpu"):
            leaf = x.to(device).requires_grad_()
            (leaf.logcumsumexp(1)[:, -1].sum() + (1 + leaf / count).cumprod(1)[:, -1].sum()).backward()
            results.append(leaf.grad.cpu().numpy())
        np.testing.assert_allclose(*results, rtol=1e-3, atol=1e-6)

    for name, function in functions.items():
        yield f"long lines: {name}", lambda f=function: agree(f)
    yield "long lines: gradients of scans", gradients
