"""A line through noisy points, by gradient descent: the smallest training loop there is."""

import autograd_gpu as torch


def main(steps: int = 200) -> tuple[float, float]:
    """Return the slope and the offset that were found, of 3 and -1."""
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 100)
    y = 3 * x - 1 + 0.1 * torch.randn(100)
    slope, offset = (torch.zeros((), requires_grad=True) for _ in range(2))
    optimizer = torch.optim.SGD([slope, offset], lr=0.3)
    for _ in range(steps):
        loss = torch.nn.functional.mse_loss(slope * x + offset, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return slope.item(), offset.item()


if __name__ == "__main__":
    print(main())
