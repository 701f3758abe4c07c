"""A variational autoencoder (Kingma & Welling 2014) of points on a circle: two numbers by way of one."""

import math

import autograd_gpu as torch
from autograd_gpu import nn


def main(steps: int = 400) -> tuple[float, float]:
    """Return the loss before and after; it is a bound of -log p(x), up to a constant."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 2))  # mean and log variance
    decoder = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 2))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=5e-3)
    losses = []
    for _ in range(steps):
        angle = 2 * math.pi * torch.rand(128)
        x = torch.stack([angle.cos(), angle.sin()], -1)
        mean, log_variance = encoder(x).chunk(2, -1)
        code = mean + (0.5 * log_variance).exp() * torch.randn(128, 1)  # the draw is differentiable in both
        fit = ((decoder(code) - x) ** 2).sum(-1) / (2 * 0.1**2)  # the decoder's deviation is 0.1
        divergence = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(-1)
        loss = (fit + divergence).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses[0], sum(losses[-20:]) / 20


if __name__ == "__main__":
    print(main())
