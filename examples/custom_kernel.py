"""A CUDA kernel of one's own as an operation. Without a GPU: AUTOGRAD_GPU_EMULATE=race, which checks every access."""

import autograd_gpu as torch

SOURCE = r"""
extern "C" __global__ void cube(const double *x, double *y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] * x[i] * x[i];
}
"""


class Cube(torch.autograd.Function):
    """x^3 by the kernel, 3 x^2 by operations: so that it can be differentiated again."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        y = torch.empty_like(x)
        torch.cuda.kernel(SOURCE, "cube")(-(-x.numel() // 128), 128, x.contiguous(), y, x.numel())
        return y

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * 3 * x**2


def main() -> bool:
    """Return whether gradients to second order are those of differences."""
    x = torch.randn(200, dtype=torch.float64, device="cuda", requires_grad=True)
    print(Cube.apply(x).sum().item(), (x**3).sum().item())
    few = x[:4].detach().requires_grad_()
    return torch.autograd.gradcheck(Cube.apply, (few,)) and torch.autograd.gradgradcheck(Cube.apply, (few,))


if __name__ == "__main__":
    print(main())
