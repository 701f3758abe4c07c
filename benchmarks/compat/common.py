"""What the uses of packages share: data and weights from NumPy, three steps of training. Says `import torch`."""

from itertools import pairwise

import numpy as np
import torch


def data(*shape, seed=0, dtype=None):
    """Return normal numbers, the same in every library."""
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape), dtype=dtype or torch.get_default_dtype())


def labels(n, *shape, seed=0):
    """Return integers below n, the same in every library."""
    return torch.tensor(np.random.default_rng(seed).integers(0, n, shape))


def filled(model, seed=1):
    """Give a model's weights numbers from NumPy: a little more to constants, anew by fan-in to others."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = rng.standard_normal(tuple(parameter.shape))
            if parameter.dim() < 2:
                is_constant = bool((parameter == parameter.reshape(-1)[0]).all())
                parameter.copy_(torch.tensor(0.1 * noise, dtype=parameter.dtype) + parameter * is_constant)
            else:
                fan_in = parameter[0].numel()
                parameter.copy_(torch.tensor(noise / fan_in**0.5, dtype=parameter.dtype))
    torch.manual_seed(seed)  # what making the model has drawn may differ
    return model


def mlp(*sizes):
    """Return linear layers with tanh between them."""
    layers = []
    for before, after in pairwise(sizes):
        layers += [torch.nn.Linear(before, after), torch.nn.Tanh()]
    return filled(torch.nn.Sequential(*layers[:-1]))


def trained(model, loss_of, optimizer=None, steps=3):
    """Return the first gradients, the losses of `steps` optimiser steps, and the weights after them."""
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses, first = [], None
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        if first is None:
            first = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        optimizer.step()
        losses.append(loss.detach().clone())
    return {"losses": losses, "gradients": first, "weights": [p.detach().clone() for p in model.parameters()]}


def regression(model, optimizer, seed=5, steps=3):
    """Train a network of 4 inputs and 2 outputs on a sine."""
    x = data(16, 4, seed=seed)
    return trained(model, lambda m: ((m(x) - torch.sin(x[:, :2])) ** 2).mean(), optimizer, steps)
