import torch
import torchsde
from common import data, mlp, trained


class Process(torch.nn.Module):
    noise_type, sde_type = "diagonal", "ito"

    def __init__(self, sde_type="ito"):
        super().__init__()
        self.sde_type = sde_type
        self.mu, self.sigma = mlp(3, 8, 3), mlp(3, 8, 3)

    def f(self, t, y):
        return self.mu(y)

    def g(self, t, y):
        return 0.1 * torch.sigmoid(self.sigma(y))


class GivenNoise:
    """A Brownian path from NumPy: the sum of the increments of a grid between two times."""

    def __init__(self, shape, steps=64):
        self.shape, self.steps = shape, steps
        self.sums = torch.cat([torch.zeros(1, *shape), data(steps, *shape, seed=3).cumsum(0) / steps**0.5])

    def at(self, t):
        return self.sums[round(float(t) * self.steps)]

    def __call__(self, ta, tb=None, return_U=False, return_A=False):
        return self.at(ta) if tb is None else self.at(tb) - self.at(ta)

    dtype, device, levy_area_approximation = torch.float32, torch.device("cpu"), "none"


def readme():
    y0, t = data(4, 3), torch.linspace(0.0, 1.0, 5)
    return [
        torchsde.sdeint(Process(kind), y0, t, bm=GivenNoise((4, 3)), method=method, dt=1 / 16)
        for kind, method in (
            ("ito", "euler"),
            ("ito", "milstein"),
            ("stratonovich", "midpoint"),
            ("stratonovich", "heun"),
        )
    ]


def model():
    y0, t = data(4, 3), torch.tensor([0.0, 1.0])

    def loss(process):
        bm = torchsde.BrownianInterval(0.0, 1.0, size=(4, 3), entropy=7)
        quiet = torchsde.sdeint(process, y0, t, bm=bm, method="heun", dt=0.25)[-1].detach()
        ys = torchsde.sdeint_adjoint(
            process, y0, t, bm=GivenNoise((4, 3)), method="midpoint", adjoint_method="midpoint", dt=1 / 16
        )
        return ys[-1].square().mean() + 0 * quiet.isnan().sum()

    return trained(Process("stratonovich"), loss)
