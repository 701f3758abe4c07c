"""A network as the right side of a differential equation (Chen et al. 2018), fitted to a spiral through its solver."""

import autograd_gpu as torch
from autograd_gpu import nn


def solve(field, start, times):
    """Return the states at given times, by Runge and Kutta's fourth order, differentiably."""
    states = [start]
    for step in (times[1:] - times[:-1]).tolist():
        x = states[-1]
        k1 = field(x)
        k2 = field(x + step / 2 * k1)
        k3 = field(x + step / 2 * k2)
        k4 = field(x + step * k3)
        states.append(x + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return torch.stack(states)


def main(steps: int = 150) -> tuple[float, float]:
    """Return the mean squared distance from the spiral before and after."""
    torch.manual_seed(0)
    times, start = torch.linspace(0, 4, 21), torch.tensor([2.0, 0.0])
    turning = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])
    spiral = solve(lambda x: x @ turning, start, times)
    field = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(field.parameters(), lr=2e-2)
    losses = []
    for _ in range(steps):
        loss = ((solve(field, start, times) - spiral) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(field.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses[0], losses[-1]


if __name__ == "__main__":
    print(main())
