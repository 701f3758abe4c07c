"""Numbers for both libraries: data, weights, and three steps of training."""

import numpy as np


class Numbers:
    def __init__(self, torch):
        self.torch, self.rng = torch, np.random.default_rng(0)

    def normal(self, *shape, scale=1.0):
        return self.torch.tensor(self.rng.standard_normal(shape) * scale, dtype=self.torch.float32)

    def integers(self, high, *shape):
        return self.torch.tensor(self.rng.integers(0, high, shape))

    def fill(self, *modules):
        """Give modules weights; return them."""
        with self.torch.no_grad():
            for module in modules:
                for p in module.parameters():
                    scale = 0.1 if p.dim() < 2 else 1 / p[0].numel() ** 0.5
                    p.copy_(self.normal(*p.shape, scale=scale) + (p.dim() < 2) * 0.5)
        return modules[0] if len(modules) == 1 else modules

    def train(self, optimizer, loss_of, steps=3):
        losses = []
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach().clone())
        return losses


def weights(*modules):
    """Return the weights, but for biases that softmax takes out again: Adam steps by the noise of their gradients."""
    named = [pair for module in modules for pair in module.named_parameters()]
    return [p.detach() for name, p in named if not name.endswith(("in_proj_bias", "Va.bias"))]
