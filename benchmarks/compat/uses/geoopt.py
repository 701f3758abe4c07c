import geoopt
import torch
from common import data, trained


def readme():
    ball, sphere = geoopt.PoincareBall(c=1.0), geoopt.Sphere()
    x, y = 0.3 * data(3, 4).tanh(), 0.3 * data(3, 4, seed=1).tanh()
    v = 0.1 * data(3, 4, seed=2)
    p, q = sphere.projx(data(3, 4)), sphere.projx(data(3, 4, seed=1))
    return [
        ball.dist(x, y), ball.expmap(x, v), ball.logmap(x, y), ball.mobius_add(x, y), ball.transp(x, y, v),
        ball.dist0(x),
        ball.mobius_matvec(data(4, 4, seed=3), x),
        sphere.dist(p, q), sphere.expmap(p, sphere.proju(p, v)), sphere.logmap(p, q),
        sphere.transp(p, q, sphere.proju(p, v)),
    ]  # fmt: skip


def model():
    results = []
    for kind in (geoopt.optim.RiemannianSGD, geoopt.optim.RiemannianAdam):
        sphere, stiefel, ball = geoopt.Sphere(), geoopt.Stiefel(), geoopt.PoincareBall()
        net = torch.nn.ParameterList([
            geoopt.ManifoldParameter(sphere.projx(data(5)), manifold=sphere),
            geoopt.ManifoldParameter(stiefel.projx(data(5, 3)), manifold=stiefel),
            geoopt.ManifoldParameter(0.2 * data(4).tanh(), manifold=ball),
        ])  # fmt: skip
        target = data(5, 3, seed=4)

        def loss(m, target=target, ball=ball):
            return (m[0] @ target).sum() + (m[1] - target).square().sum() + ball.dist0(m[2])

        results.append(trained(net, loss, kind(net.parameters(), lr=1e-2)))
    return results
