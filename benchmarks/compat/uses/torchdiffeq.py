import torch
from common import data, mlp, trained
from torchdiffeq import odeint, odeint_adjoint, odeint_event


class Field(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(2, 8, 2)

    def forward(self, t, y):
        return self.net(y**3) + 0.1 * torch.sin(t)


def readme():
    field, y0, t = Field(), data(3, 2), torch.linspace(0.0, 1.0, 5)
    fixed = [odeint(field, y0, t, method=method) for method in ("euler", "midpoint", "rk4", "heun3", "explicit_adams")]
    adaptive = [odeint(field, y0, t, method=method, rtol=1e-6) for method in ("dopri5", "bosh3", "adaptive_heun")]
    start = (torch.tensor([10.0]), torch.tensor([0.0]))
    falling = odeint_event(
        lambda t, state: (state[1], torch.full_like(state[1], -9.8)),
        start,
        torch.tensor(0.0),
        event_fn=lambda t, state: state[0].sum(),
        odeint_interface=odeint,
        method="dopri5",
        atol=1e-6,
        rtol=1e-6,
    )
    return fixed, adaptive, falling


def model():
    y0, t = data(3, 2), torch.linspace(0.0, 1.0, 4)

    def loss(field):
        return odeint_adjoint(field, y0, t, rtol=1e-5, atol=1e-6)[-1].square().mean() + odeint(field, y0, t).mean()

    return trained(Field(), loss)
