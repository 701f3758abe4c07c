"""Training that no single example shows in (Abadi et al. 2016): a gradient per example, each clipped, and noise."""

import autograd_gpu as torch
from autograd_gpu import nn
from autograd_gpu.func import functional_call, grad, vmap


def main(steps: int = 60, clip: float = 1.0, noise: float = 0.5) -> float:
    """Return the share of points that the private model puts on the right side."""
    torch.manual_seed(0)
    x = torch.randn(256, 2)
    y = (x[:, 0] + x[:, 1] > 0).float()
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))

    def loss(weights, point, side):
        return nn.functional.binary_cross_entropy_with_logits(functional_call(model, weights, (point,))[0], side)

    for_each = vmap(grad(loss), in_dims=(None, 0, 0))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(steps):
        chosen = torch.randperm(256)[:64]
        weights = {name: p.detach() for name, p in model.named_parameters()}
        gradients = for_each(weights, x[chosen], y[chosen])  # each (64, ...)
        norms = sum(g.flatten(1).square().sum(1) for g in gradients.values()).sqrt()
        factors = (clip / norms).clamp(max=1.0)
        for name, p in model.named_parameters():
            total = torch.einsum("b,b...->...", factors, gradients[name])
            p.grad = (total + noise * clip * torch.randn(*p.shape)) / 64
        optimizer.step()
    with torch.no_grad():
        return ((model(x)[:, 0] > 0) == (y > 0)).float().mean().item()


if __name__ == "__main__":
    print(main())
