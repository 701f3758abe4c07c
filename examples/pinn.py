"""A differential equation solved by a network: u'' = -u, u(0) = 0, u'(0) = 1, whose solution is the sine.

The loss holds second derivatives by x, and training differentiates it once more, by the weights.
"""

import autograd_gpu as torch
from autograd_gpu import nn


def derivative(y, x):
    """Return dy/dx, of each y by its own x, recorded."""
    return torch.autograd.grad(y.sum(), x, create_graph=True)[0]


def main(steps: int = 300) -> float:
    """Return the largest distance from the sine on [0, 3]."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))

    def solution(x):
        return x + x**2 * network(x)  # has the right value and slope at 0 whatever the network says

    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        x = (3 * torch.rand(64, 1)).requires_grad_()
        u = solution(x)
        loss = ((derivative(derivative(u, x), x) + u) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    x = torch.linspace(0, 3, 50).unsqueeze(1)
    with torch.no_grad():
        return (solution(x) - x.sin()).abs().max().item()


if __name__ == "__main__":
    print(main())
