"""``make gpu-check``: everything that only a real GPU can prove, in one command, and its results kept.

The op table on the device in each dtype; shapes past 2^31 bytes and 65,535 rows; recovery from running out of memory;
processes by NCCL, a rank for each GPU; NVIDIA's compute-sanitizer over the kernels, where it is installed; then the
benchmarks. `--rehearse` does it under the emulator with tiny sizes, keeps nothing, and its times mean nothing. Exit
codes: 0 all passed, 1 something failed, 2 no GPU.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator

REHEARSAL = "--rehearse" in sys.argv
if REHEARSAL:  # before the package is imported: the driver is chosen once
    os.environ["AUTOGRAD_GPU_EMULATE"] = "1"

import numpy as np  # noqa: E402

import autograd_gpu as ag  # noqa: E402
from autograd_gpu.arrays.cuda import matmul_choice  # noqa: E402
from autograd_gpu.arrays.cuda.launch import Kernel  # noqa: E402
from autograd_gpu.testing import op_checks  # noqa: E402
from autograd_gpu.testing.op_table import CASES  # noqa: E402

from . import device_checks, kernels, launch_cost, process_checks, record, training  # noqa: E402

Check = tuple[str, Callable[[], None]]
SANITIZERS = ("memcheck", "racecheck", "initcheck", "synccheck")
NO_GPU = 2


def op_table() -> Iterator[Check]:
    """Values, parity with the CPU and every layout, in each dtype of each row."""
    for case in CASES:
        for dtype in case.dtypes:
            yield f"{case.id} {dtype}: values", lambda c=case, d=dtype: op_checks.check_values(c, "cuda", d)
            yield f"{case.id} {dtype}: parity", lambda c=case, d=dtype: op_checks.check_parity(c, "cuda", d)
        if "float32" in case.dtypes:
            yield f"{case.id}: layouts", lambda c=case: op_checks.check_layouts(c, "cuda")
            if op_checks.has_in_place(case):
                yield f"{case.id}: in place", lambda c=case: op_checks.check_in_place(c, "cuda")


def large_shapes(scale: float) -> Iterator[Check]:
    """Where 32-bit offsets and 16-bit grids break: over 2^31 bytes and elements, over 65,535 rows."""
    elements = max(70, int(2**31 * scale) + 7)
    rows = max(70, int(2**20 * scale) + 3)

    def bytes_past_2_31() -> None:
        x = ag.ones(elements, dtype=ag.bfloat16, device="cuda")
        x[-1] = 3
        assert (x + x)[-3:].tolist() == [2, 2, 6]
        assert x[-1].item() == 3

    def many_rows() -> None:
        x = ag.arange(rows * 3, device="cuda", dtype=ag.float32).reshape(rows, 3) % 7
        for dim in (0, 1):
            found = x.double().sum(dim).cpu().numpy()
            np.testing.assert_allclose(found, x.cpu().double().sum(dim).numpy(), rtol=1e-12)
        found, expected = x.softmax(1).cpu().numpy(), x.cpu().softmax(1).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
        index = ag.arange(rows, device="cuda") % 5
        found = ag.nn.functional.embedding(index, x[:5])[-2:].cpu().numpy()
        np.testing.assert_array_equal(found, x[:5].cpu()[index.cpu()][-2:].numpy())

    def rows_of_any_length() -> None:
        F = ag.nn.functional
        for columns in sorted({max(1, int(n * scale**0.25)) for n in (1, 33, 1023, 8193, 16381, 262_144)}):
            weight, target = ag.linspace(0.5, 1.5, columns), ag.arange(3) % columns
            functions = (
                lambda x, w, t: x.softmax(1),
                lambda x, w, t: x.log_softmax(1),
                lambda x, w, t: F.layer_norm(x, w.shape, w, w),
                lambda x, w, t: F.rms_norm(x, w.shape, w),
                lambda x, w, t: F.add_layer_norm(x, x * 0.5, w.shape, w, w)[0],
                lambda x, w, t: F.cross_entropy(x, t, reduction="none"),
            )
            for dtype, function in itertools.product((ag.float32, ag.bfloat16), functions):
                x, w = (3 * ag.randn(3, columns)).to(dtype), weight.to(dtype)
                found, expected = (with_gradients(function, x, w, target, device) for device in ("cuda", "cpu"))
                spacing = ag.finfo(dtype).eps * 64
                for ours, theirs in zip(found, expected, strict=True):
                    np.testing.assert_allclose(ours, theirs, rtol=spacing, atol=spacing * (1 + np.abs(theirs).max()))

    def product_of_odd_sizes() -> None:
        ag.manual_seed(0)
        for sizes in ((1023, 517, 2049), (33, 5003, 17)):  # many tiles, and few of many slices
            m, k, n = (max(3, int(size * scale**0.3)) for size in sizes)
            for dtype in (ag.float64, ag.float32, ag.float16, ag.bfloat16):
                a, b, a_t, b_t = (
                    ag.randn(*shape, device="cuda").to(dtype) for shape in ((m, k), (k, n), (k, m), (n, k))
                )
                error = ag.finfo(dtype).eps * 8 * k**0.5
                for x, y in ((a, b), (a, b_t.t()), (a_t.t(), b), (a_t.t(), b_t.t())):
                    found, expected = (x @ y).cpu().double(), x.cpu().double() @ y.cpu().double()
                    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=error, atol=error)

    def attention_of_odd_sizes() -> None:
        ag.manual_seed(0)
        time = max(5, int(517 * scale**0.3))
        for d in (32, 80, 128, 256):
            q, k, v = (ag.randn(2, heads, time, d, device="cuda") for heads in (4, 2, 2))
            mask = ag.rand(2, 1, 1, time, device="cuda") < 0.8
            for dtype in (ag.float32, ag.float16, ag.bfloat16):
                found, expected = (attended(device, dtype, q, k, v, mask) for device in ("cuda", "cpu"))
                # 16 bits round the weights and the result; float32 rounds at each of the sums, of T terms or d.
                roundings = ag.finfo(dtype).eps * (256 if dtype is ag.float32 else 8)
                for ours, theirs in zip(found, expected, strict=True):
                    np.testing.assert_allclose(ours, theirs, rtol=0, atol=roundings * np.abs(theirs).max())

    def tf32_and_cublaslt() -> None:
        ag.manual_seed(0)
        a, b = (ag.randn(256, 264, device="cuda") for _ in range(2))
        exact = a.cpu().double() @ b.cpu().double().t()
        for mode in (matmul_choice.OWN, matmul_choice.CUBLASLT):  # without nvmath our kernels do both
            for precision, error in (("highest", 2e-6), ("high", 2e-3)):
                ag.set_float32_matmul_precision(precision)
                try:
                    with matmul_choice.using(mode):
                        found = (a @ b.t()).cpu().double()
                finally:
                    ag.set_float32_matmul_precision("highest")
                np.testing.assert_allclose(found.numpy(), exact.numpy(), rtol=error, atol=error * 16)

    yield "over 2^31 bytes", bytes_past_2_31
    yield "over 65,535 rows", many_rows
    yield "rows of any length", rows_of_any_length
    yield "a product of odd sizes", product_of_odd_sizes
    yield "attention of odd sizes", attention_of_odd_sizes
    yield "products in tf32 and by cuBLASLt", tf32_and_cublaslt


def optimizers() -> Iterator[Check]:
    """Training steps with clipping on the device against the CPU's, over more tensors than travel with a launch."""
    optim = ag.optim
    makers: dict[str, Callable[..., ag.optim.Optimizer]] = {
        "SGD": lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        "AdamW": lambda p: optim.AdamW(p, 0.01, weight_decay=0.1),
        "Adam, amsgrad": lambda p: optim.Adam(p, 0.01, weight_decay=0.1, amsgrad=True),
    }

    def trained(make: Callable[..., ag.optim.Optimizer], sizes: list[int], dtype: str, device: str) -> list[np.ndarray]:
        source = np.random.default_rng(0)

        def tensor(size: int) -> ag.Tensor:
            return ag.from_numpy(source.standard_normal(size)).to(device, getattr(ag, dtype))

        parameters = [ag.nn.Parameter(tensor(size)) for size in sizes]
        optimizer = make(parameters)
        for _ in range(3):
            for parameter in parameters:
                parameter.grad = tensor(parameter.numel())
            norm = ag.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
        return [norm.double().cpu().numpy(), *(parameter.detach().double().cpu().numpy() for parameter in parameters)]

    def agree(make: Callable[..., ag.optim.Optimizer], sizes: list[int], dtype: str) -> None:
        tolerance = {"float64": 1e-9, "float32": 2e-5}.get(dtype, 4e-2)
        expected, found = (trained(make, sizes, dtype, device) for device in ("cpu", "cuda"))
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)

    sizes = {"few": [3, 20_001, 0, 64], "many": [1 + 37 * n % 101 for n in range(300)]}
    for name, make in makers.items():
        for dtype in ("float16", "bfloat16", "float32", "float64"):
            for count, of in sizes.items():
                yield f"{name} {dtype}, {count} tensors", lambda m=make, s=of, d=dtype: agree(m, s, d)


def processes(rehearse: bool) -> Iterator[Check]:
    """Collectives, data parallel steps, ZeRO and a captured step by NCCL: with one rank, then with one for each GPU."""
    count = 1 if rehearse else ag.cuda.device_count()
    for ranks in dict.fromkeys((1, count)):
        yield from process_checks.in_processes(ranks, rehearse)


def attended(
    device: str, dtype: ag.dtype, q: ag.Tensor, k: ag.Tensor, v: ag.Tensor, mask: ag.Tensor
) -> list[np.ndarray]:
    """A masked attention's result and gradients, its heads of queries sharing those of keys, in float32 on the host."""
    leaves = [x.detach().to(device).to(dtype).requires_grad_() for x in (q, k, v)]
    y = ag.nn.functional.scaled_dot_product_attention(*leaves, mask.to(device), enable_gqa=True)
    y.float().square().sum().backward()
    return [x.detach().float().cpu().numpy() for x in (y, *(leaf.grad for leaf in leaves))]


def with_gradients(function: Callable, x: ag.Tensor, weight: ag.Tensor, target: ag.Tensor, device: str) -> list:
    """The result on a device and the gradients of x and weight, for a gradient of ones rising to 2."""
    leaves = [tensor.to(device).detach().requires_grad_() for tensor in (x, weight)]
    y = function(*leaves, target.to(device))
    gy = ag.linspace(1, 2, y.numel(), device=device).reshape(y.shape).to(y.dtype)
    gradients = [g for g in ag.autograd.grad(y, leaves, gy, allow_unused=True) if g is not None]
    return [tensor.detach().double().cpu().numpy() for tensor in (y, *gradients)]


def sanitizer() -> str | None:
    """Where compute-sanitizer is, on the path or in the toolkit's usual place."""
    return shutil.which("compute-sanitizer") or shutil.which("/usr/local/cuda/bin/compute-sanitizer")


def sanitized(tool: str) -> Iterator[Check]:
    """compute-sanitizer's tools over each kernel."""
    for name in SANITIZERS:
        command = [
            tool,
            f"--tool={name}",
            "--error-exitcode=9",
            sys.executable,
            "-m",
            "benchmarks.gpu_check",
            "--table",
        ]

        def run(command: list[str] = command) -> None:
            done = subprocess.run(command, capture_output=True, text=True, cwd=record.REPOSITORY)
            assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]

        yield f"compute-sanitizer {name}", run


def each_kernel() -> Iterator[Check]:
    """Each kernel once more, for a tool that watches this process: the table in float32 or else the first of a row's
    dtypes, and in bfloat16, which has tensor-core kernels of its own."""
    yield from optimizers()
    yield from device_checks.convolutions(1 / 16)
    for case in CASES:
        plain = "float32" if "float32" in case.dtypes else case.dtypes[0]
        for dtype in dict.fromkeys((plain, "bfloat16" if "bfloat16" in case.dtypes else plain)):
            yield f"{case.id} {dtype}: parity", lambda c=case, d=dtype: op_checks.check_parity(c, "cuda", d)


def run(checks: Iterator[Check]) -> list[record.Row]:
    """Run checks one by one; print those that fail, and a count now and then."""
    rows = []
    for name, check in checks:
        started = time.perf_counter()
        try:
            check()
            error = None
        except Exception as problem:  # the next check tells more about the machine than stopping here
            error = f"{type(problem).__name__}: {problem}"
            print(f"FAILED {name}\n  {error[:600]}", flush=True)
            if not isinstance(problem, AssertionError):
                print("  " + traceback.format_exc(limit=-3).replace("\n", "\n  "), flush=True)
        rows.append({"check": name, "seconds": round(time.perf_counter() - started, 3), "error": error})
    return rows


def benchmarks(rehearsal: bool) -> dict[str, list[record.Row]]:
    size, shape = (training.TINY, kernels.TINY) if rehearsal else (training.GPU, kernels.FULL)
    dtypes = ("float32", "bfloat16")
    budget = 0.0 if rehearsal else 0.3
    found = {"kernels": kernels.measure(shape, dtypes, budget), "launch": launch_cost.measure(budget)}
    found["training"] = [
        row for dtype in dtypes for row in training.measure(size, "cuda", dtype, budget if rehearsal else 10.0)
    ]
    for name, rows in found.items():
        record.show(f"{name} (emulated: a rehearsal, no measurement)" if rehearsal else name, rows)
    return found


def launched() -> list[tuple[str, str]]:
    """(file, kernel) of every kernel that this process has launched."""
    return sorted({(kernel.file, kernel.name) for kernel in Kernel.all if kernel._prepared})


def no_gpu() -> str | None:
    """Why the device can't be used, in one line; None when it can."""
    if os.environ.get("AUTOGRAD_GPU_EMULATE", "0") not in ("", "0") and not REHEARSAL:
        return "AUTOGRAD_GPU_EMULATE is set, and the emulator proves nothing about a GPU: unset it, or pass --rehearse"
    try:
        ag.ones(1, device="cuda")
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_check", description=__doc__)
    parser.add_argument("--rehearse", action="store_true", help="everything under the emulator, with tiny sizes")
    parser.add_argument("--table", action="store_true", help="only each kernel once, for compute-sanitizer")
    parser.add_argument("--no-benchmarks", action="store_true", help="only the checks")
    options = parser.parse_args()
    reason = no_gpu()
    if reason is not None:
        print(f"gpu-check: {reason}")
        return NO_GPU
    if options.table:
        return int(any(row["error"] for row in run(each_kernel())))
    scale = 1e-8 if options.rehearse else 1.0
    sections = {
        "op table": op_table(),
        "large shapes": large_shapes(scale),
        "optimizers": optimizers(),
        "large arrays": device_checks.large_arrays(scale),
        "long lines": device_checks.long_lines(scale),
        "convolutions": device_checks.convolutions(1 / 16 if options.rehearse else 1.0),
        "streams": device_checks.two_streams(scale),
        "memory": device_checks.out_of_memory(),
        "capture": device_checks.captured_steps(),
        "processes": processes(options.rehearse),
    }
    not_run = []
    if options.rehearse:
        not_run.append("compute-sanitizer: it needs a GPU")
    elif tool := sanitizer():
        sections["sanitizer"] = sanitized(tool)
    else:
        not_run.append("compute-sanitizer: not found; it comes with the CUDA toolkit")
    results: dict[str, list[record.Row]] = {}
    failed = 0
    for name, checks in sections.items():
        results[name] = run(checks)
        wrong = sum(row["error"] is not None for row in results[name])
        failed += wrong
        print(f"{name}: {len(results[name]) - wrong} passed, {wrong} failed", flush=True)
    ran = launched()
    missing = sorted({(kernel.file, kernel.name) for kernel in Kernel.all} - set(ran))
    if missing:
        not_run.append("kernels: " + ", ".join(f"{file}: {name}" for file, name in missing))
    for what in not_run:
        print(f"not run: {what}")
    measured = {} if options.no_benchmarks else benchmarks(options.rehearse)
    if not options.rehearse:
        kept = {"checks": results, "not_run": not_run, "benchmarks": measured, "launched": launched()}
        path = record.keep("gpu_check", [], **kept)
        print(f"kept in {path}")
    print("gpu-check: passed" if not failed else f"gpu-check: {failed} checks FAILED")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
