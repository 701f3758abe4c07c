"""Learning to learn (Finn, Abbeel & Levine 2017): weights from which one step fits any sine. Gradients of gradients."""

import math

import autograd_gpu as torch
from autograd_gpu import nn
from autograd_gpu.func import functional_call, grad, vmap

MODEL = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))


def tasks(count: int):
    """Return points of sines of other heights and phases: to adapt on, and to be judged by."""
    height, phase = 0.5 + 2 * torch.rand(count, 1, 1), math.pi * torch.rand(count, 1, 1)
    x = 10 * torch.rand(count, 20, 1) - 5
    y = height * (x + phase).sin()
    return x[:, :10], y[:, :10], x[:, 10:], y[:, 10:]


def error(weights, x, y):
    """Return the mean squared error of the model with given weights."""
    return ((functional_call(MODEL, weights, (x,)) - y) ** 2).mean()


def after_a_step(weights, x, y, new_x, new_y):
    """Return the error on new points after a step on others."""
    gradient = grad(error)(weights, x, y)
    return error({name: weights[name] - 0.05 * gradient[name] for name in weights}, new_x, new_y)


def main(steps: int = 150) -> tuple[float, float]:
    """Return the error after one step: from the first weights, and from those learned."""
    torch.manual_seed(0)
    for layer in MODEL:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    weights = {name: p.detach().clone().requires_grad_() for name, p in MODEL.named_parameters()}
    of_all = vmap(after_a_step, in_dims=(None, 0, 0, 0, 0))
    test = tasks(50)
    before = of_all(weights, *test).mean().item()
    optimizer = torch.optim.Adam(weights.values(), lr=5e-3)
    for _ in range(steps):
        loss = of_all(weights, *tasks(16)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return before, of_all(weights, *test).mean().item()


if __name__ == "__main__":
    print(main())
