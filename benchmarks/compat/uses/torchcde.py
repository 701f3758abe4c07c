import torch
import torchcde
from common import data, filled, trained

LENGTH, CHANNELS, HIDDEN = 10, 2, 3


def path(batch):
    t = torch.linspace(0, 1, LENGTH).unsqueeze(0).unsqueeze(-1).expand(batch, LENGTH, 1)
    return torch.cat([t, data(batch, LENGTH, CHANNELS - 1)], dim=2)


class Field(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(HIDDEN, HIDDEN * CHANNELS)

    def forward(self, t, z):
        return self.linear(z).tanh().view(z.shape[0], HIDDEN, CHANNELS)


def readme():
    # In float64: where steps are refused hangs on the last bits, in float32 by more than the tolerance.
    coeffs = torchcde.hermite_cubic_coefficients_with_backward_differences(path(1).double())
    X = torchcde.CubicSpline(coeffs)
    z0 = data(1, HIDDEN, dtype=torch.float64)
    return torchcde.cdeint(X=X, func=filled(Field()).double(), z0=z0, t=X.interval)


def model():
    x = path(4)
    x[1, 3, 1] = float("nan")
    natural = torchcde.natural_cubic_coeffs(x)
    lines = torchcde.linear_interpolation_coeffs(x)

    def loss(field):
        total = 0
        for X in (torchcde.CubicSpline(natural), torchcde.LinearInterpolation(lines)):
            z = torchcde.cdeint(
                X=X, func=field, z0=data(4, HIDDEN), t=X.interval, method="rk4", options={"step_size": 0.1}
            )
            total = total + z[:, -1].square().mean()
        return total

    return trained(filled(Field()), loss)
