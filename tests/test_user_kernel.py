"""A kernel of the user's own: launched on tensors, made an operation with a gradient, and checked before it runs."""

from pathlib import Path

import pytest

import autograd_gpu as torch
from autograd_gpu.arrays.cuda import compile
from autograd_gpu.arrays.cuda.user_kernel import UserKernel as cuda_kernel

SOURCE = r"""
extern "C" __global__ void swish_forward(const float *x, float *y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] / (1 + expf(-x[i]));
}
extern "C" __global__ void swish_backward(const float *gy, const float *x, float *gx, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float s = 1 / (1 + expf(-x[i]));
    gx[i] = gy[i] * (s + x[i] * s * (1 - s));
}
extern "C" __global__ void one_too_many(float *y, int n) {
    if (threadIdx.x <= n) y[threadIdx.x] = 1;
}
"""
forward, backward = (torch.cuda.kernel(SOURCE, f"swish_{way}") for way in ("forward", "backward"))


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        y = torch.empty_like(x)
        forward(-(-x.numel() // 128), 128, x, y, x.numel())
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        gx = torch.empty_like(x)
        backward(-(-x.numel() // 128), 128, gy.contiguous(), x, gx, x.numel())
        return gx


def test_a_kernel_is_an_operation_with_a_gradient():
    x = torch.randn(300, device="cuda", requires_grad=True)
    Swish.apply(x).sum().backward()
    again = x.detach().cpu().requires_grad_()
    expected = again * torch.sigmoid(again)
    expected.sum().backward()
    assert torch.allclose(Swish.apply(x.detach()).cpu(), expected.detach(), rtol=1e-5, atol=1e-6)
    assert torch.allclose(x.grad.cpu(), again.grad, rtol=1e-5, atol=1e-6)


def tutorial():
    return (Path(__file__).parent.parent / "docs" / "your_own_kernel.md").read_text()


def test_the_tutorial_prints_what_it_says(capsys):
    text = tutorial()
    program = text.split("```python")[1].split("```")[0]
    exec(program, {})
    assert capsys.readouterr().out == "True\n"
    assert len(text.splitlines()) < 60
    with pytest.raises(RuntimeError, match=r"swish_forward.*(past the end|out-of-bounds)"):
        # Of a size at whose end CuPy's block ends too.
        exec(program.replace("if (i < n) y", "if (i <= n) y").replace("randn(300", "randn(320"), {})


def test_the_tutorials_kernels_compile_for_a_gpu():
    for dtype in ("float", "double"):
        text = cuda_kernel(tutorial().split('r"""')[1].split('"""')[0], "swish_forward", [f"T={dtype}"])._text
        assert compile.compile_text(text, "swish.cu", "sm_90a", ())[0]


def test_a_write_counts_as_a_change_of_the_tensor():
    x, y = torch.ones(4, device="cuda"), torch.empty(4, device="cuda")
    forward(1, 32, x, y, 4)
    assert y._version == 1 and x._version == 0


def test_a_write_out_of_bounds_is_reported_with_its_line():
    y = torch.empty(128, device="cuda")
    with pytest.raises(RuntimeError, match=r"one_too_many.*(past the end|out-of-bounds)"):
        torch.cuda.kernel(SOURCE, "one_too_many")(1, 160, y, 128)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (lambda x, y: (x, y), r"swish_forward: expected 3 arguments \(x, y, n\), but got 2"),
        (lambda x, y: (x.double(), y, 4), r"x expected a float32 tensor, but got float64"),
        (lambda x, y: (x, y, 4.5), r"n expected an integer, but got 4.5"),
        (lambda x, y: (3, y, 4), r"x expected a tensor, but got int"),
        (lambda x, y: (x, y, x), r"n expected a number, but got a tensor"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    x, y = torch.ones(4, device="cuda"), torch.empty(4, device="cuda")
    with pytest.raises(TypeError, match=message):
        forward(1, 32, *arguments(x, y))


def test_a_tensor_of_the_cpu_and_one_with_history_are_refused():
    y = torch.empty(4, device="cuda")
    with pytest.raises(RuntimeError, match=r"argument 0 expected a CUDA tensor"):
        forward(1, 32, torch.ones(4), y, 4)
    with pytest.raises(RuntimeError, match=r"requires grad, and a raw kernel records nothing"):
        forward(1, 32, torch.ones(4, device="cuda", requires_grad=True), y, 4)
    with pytest.raises(ValueError, match=r"x expected a contiguous tensor"):
        forward(1, 32, torch.ones(4, 2, device="cuda")[:, 0], y, 4)


def test_a_missing_kernel_and_a_parameter_that_cannot_be_passed():
    with pytest.raises(ValueError, match=r"'swash' is not in the source, which defines \['swish_forward'"):
        torch.cuda.kernel(SOURCE, "swash")
    with pytest.raises(ValueError, match=r"parameter p is passed by value as 'Pair'"):
        torch.cuda.kernel('extern "C" __global__ void f(Pair p) {}', "f")
