import higher
import torch
from common import data, mlp, trained


def readme():
    net = mlp(3, 8, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x, y = data(4, 6, 3), data(4, 6, 1, seed=1)
    with higher.innerloop_ctx(net, optimizer) as (fast, inner):
        for xs, ys in zip(x, y):
            inner.step((fast(xs) - ys).square().mean())
        last = (fast(x[0]) - y[0]).square().mean()
        return torch.autograd.grad(last, list(fast.parameters(time=0)))


def model():
    x, y = data(3, 6, 3), data(3, 6, 1, seed=1)
    results = []
    for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop, torch.optim.Adagrad):

        def loss(m, kind=kind):
            total = 0
            for xs, ys in zip(x, y):
                options = {"eps": 1e-3} if kind is torch.optim.Adam else {}
                with higher.innerloop_ctx(m, kind(m.parameters(), lr=0.05, **options), copy_initial_weights=False) as (
                    f,
                    o,
                ):
                    for _ in range(2):
                        o.step((f(xs) - ys).square().mean())
                    total = total + (f(xs) - ys).square().mean()
            return total

        results.append(trained(mlp(3, 8, 1), loss))
    return results
