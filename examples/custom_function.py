"""An operation with a gradient of its own: rounding, whose slope is 0, learned through as if it were the identity."""

import autograd_gpu as torch


class StraightThrough(torch.autograd.Function):
    """round(x) forward, the identity backward (Bengio, Leonard & Courville 2013)."""

    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def main(steps: int = 300) -> list[float]:
    """Return whole numbers whose sum of squares came closest to 26, starting from 1, 2, 3."""
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=0.0002)
    for _ in range(steps):
        loss = ((StraightThrough.apply(x) ** 2).sum() - 26) ** 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return x.round().tolist()


if __name__ == "__main__":
    print(main())
