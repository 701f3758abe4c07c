"""Each row of the op table against PyTorch's own function: values and gradients in every dtype, also at the edges."""

import numpy as np
import pytest
import torch

import autograd_gpu as ag
from autograd_gpu.testing import op_checks
from autograd_gpu.testing.op_case import Call, Draw, OpCase
from autograd_gpu.testing.op_table import CASES

HALVES = ("float16", "bfloat16")

# PyTorch's CPU kernels differentiate these in ways that are no model of correctness, each for the reason given.
NO_ORACLE = {
    "nn.functional.feed_forward": "it has no such function: test_fused.py composes it",
    "nn.functional.add_layer_norm": "it has no such function: test_fused_rows.py composes it",
    "nn.functional.add_rms_norm": "it has no such function: test_fused_rows.py composes it",
    "poisson": "its random numbers are its own",
    "binomial": "its random numbers are its own",
    "cholesky_solve": "its gradient fills the triangle that it does not read",
    "cholesky_inverse": "its gradient fills the triangle that it does not read",
    "linalg.cond[norms]": "its gradient fails: it writes over the inverse that it has saved",
    "floor_divide": "it promises a derivative and then has none",
    "logaddexp": "its gradient at two equal infinities is NaN",
    "logaddexp2": "its gradient at two equal infinities is NaN",
    "logcumsumexp": "its gradient at two equal infinities is NaN",
    "xlogy": "its gradient where x is 0 and y is not positive is NaN",
    "special.xlog1py": "its gradient where x is 0 and y is not above -1 is NaN",
    "special.entr": "its gradient below 0, where it is -inf throughout, is NaN",
    "igamma": "its gradient takes lgamma of a whole number in float32, and is NaN at 0 (test_special compares it)",
    "igammac": "its gradient takes lgamma of a whole number in float32, and is NaN at 0 (test_special compares it)",
    "digamma": "its trigamma is right to 10 digits (test_special compares them)",
    "polygamma[n=0]": "its trigamma is right to 10 digits (test_special compares them)",
    "polygamma[n=1]": "its trigamma is right to 10 digits (test_special compares them)",
    "heaviside": "it refuses arguments that require grad",
    "histogram": "it refuses arguments that require grad",
    "vander": "its gradient fails over a write of its own (test_statistics compares values)",
    "bincount": "it refuses arguments that require grad",
    "unique": "it refuses arguments that require grad",
    "unique_consecutive": "it refuses arguments that require grad",
    "nn.functional.hardsigmoid": "its slope, 1/6, is rounded to float32 in float64 too",
    "nn.functional.batch_norm[running]": "it refuses to differentiate the running statistics",
    "nn.functional.binary_cross_entropy[weighted]": "it refuses to differentiate the weight",
    "nn.functional.binary_cross_entropy_with_logits[weighted]": "it refuses to differentiate the weight",
    "nn.functional.multi_margin_loss[weighted]": "it refuses to differentiate the weight",
    "nn.functional.nll_loss[weighted]": "it refuses to differentiate the weight",
    "nn.functional.kl_div[of nothing]": "its gradient by a target of zero is NaN",
    "nn.functional.poisson_nll_loss[of nothing]": "its gradient by a target of zero is NaN",
    "nn.functional.soft_margin_loss[far out]": "its exponential overflows",
    "nn.functional.fractional_max_pool2d": "it refuses to differentiate the samples",
    "nn.functional.fractional_max_pool2d_with_indices": "it refuses to differentiate the samples",
    "nn.functional.fractional_max_pool3d": "it refuses to differentiate the samples",
    "nn.functional.fractional_max_pool3d_with_indices": "it refuses to differentiate the samples",
    "nn.functional.ctc_loss": "its gradient takes for granted that the probabilities are normalised",
    "nn.functional.pdist": "its gradient of no distances stops the interpreter",
    "nn.functional.pixel_shuffle": "its gradient fails when there is nothing to shuffle",
    "nn.functional.pixel_unshuffle": "its gradient fails when there is nothing to shuffle",
}
# At the edges, that is: their samples are compared.
NO_EDGES = {
    "pow": "0j ** 0j is NaN",
    "polar": "its gradient by a magnitude of 0 is 0",
    "view_as_real": "its gradient fails on one that shows an element again and again",
    "view_as_complex": "its gradient fails on one that shows an element again and again",
}  # and the transforms of nothing are refused by its library
NO_HALF_KERNEL = {
    "nn.functional.multi_margin_loss",
    "nn.functional.multilabel_margin_loss",
    "nn.functional.avg_pool3d",
    "nn.functional.lp_pool3d",
    "special.zeta",
    "special.erfcx",
    "special.log_ndtr",
    "special.i1",
    "special.i1e",
    "nn.functional.local_response_norm",
    "nn.functional.interpolate[antialiased]",
}  # fmt: skip  (on PyTorch's CPU)


def theirs(case: OpCase, sample: Call) -> tuple[list[torch.Tensor], dict[str, np.ndarray]]:
    """Values and gradients from PyTorch, in the form of op_checks.with_gradients."""
    function = torch
    for part in case.name.split("."):
        function = getattr(function, part)
    if case.writes:
        function = op_checks.on_a_copy(function)
    tensors = [as_torch(array) for array in op_checks.arrays_in(sample)]
    leaves = [tensor.requires_grad_() for tensor in tensors if tensor.is_floating_point() or tensor.is_complex()]
    outputs = op_checks.apply(case, sample, tensors, function)
    found = {f"result {number}": as_numpy(output) for number, output in enumerate(outputs)}
    differentiable = [output for output in outputs if output.requires_grad]
    if leaves and differentiable:
        random = np.random.default_rng(op_checks.SEED)
        directions = [torch.tensor(op_checks.direction(random, o), dtype=o.dtype) for o in differentiable]
        for number, gradient in enumerate(torch.autograd.grad(differentiable, leaves, directions, allow_unused=True)):
            if gradient is not None:
                found[f"gradient {number}"] = as_numpy(gradient)
    return outputs, found


def as_torch(array: np.ndarray) -> torch.Tensor:
    if array.dtype.name == "bfloat16":
        return torch.tensor(array.astype(np.float32)).bfloat16()
    return torch.tensor(array)


def as_numpy(tensor: torch.Tensor) -> np.ndarray:
    tensor = tensor.detach()
    return (tensor.double() if tensor.dtype == torch.bfloat16 else tensor).resolve_conj().numpy()


@pytest.mark.parametrize(
    ("case", "dtype"),
    [
        pytest.param(case, dtype, id=f"{case.id}-{dtype}")
        for case in CASES
        if case.id not in NO_ORACLE and not case.random  # its random numbers are its own
        for dtype in case.dtypes
        if not ({case.name, case.id} & NO_HALF_KERNEL and dtype in HALVES)
    ],
)
def test_pytorch_agrees(case: OpCase, dtype: str):
    # In half precision PyTorch rounds in between where we do not, which shows at the extremes.
    has_no_edges = (
        dtype in HALVES
        or case.name.startswith("fft.")
        or (case.name in NO_EDGES and "complex" in dtype + (case.result or ""))
    )
    samples = case.samples(Draw(dtype)) if has_no_edges else op_checks.every_sample(case, dtype)
    for sample in samples:
        what = op_checks.describe(case, sample)
        outputs, expected = theirs(case, sample)
        found = op_checks.with_gradients(case, sample, "cpu")
        _, ours = op_checks.run(case, sample, "cpu")
        names = [[str(output.dtype).split(".")[-1] for output in side] for side in (ours, outputs)]
        assert names[0] == names[1], f"{what}: dtypes"
        assert found.keys() == expected.keys(), f"{what}: which gradients there are"
        for name, value in expected.items():
            op_checks.assert_close(found[name], value, op_checks.tolerance(case, dtype), f"{what}: {name}")


def test_the_version_that_the_claims_are_about():
    assert torch.__version__.startswith("2.13.")
    assert ag.Tensor is not torch.Tensor
