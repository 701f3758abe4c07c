import normflows as nf
import torch
from common import data, filled, trained


def flow(layers):
    parts = []
    for _ in range(layers):
        parts.append(nf.flows.AffineCouplingBlock(nf.nets.MLP([1, 8, 8, 2], init_zeros=True)))
        parts.append(nf.flows.Permute(2, mode="swap"))
    return filled(nf.NormalizingFlow(nf.distributions.base.DiagGaussian(2), parts))


def readme():
    net = flow(4)
    samples, log_q = net.sample(5)
    return [net.forward_kld(data(8, 2)), net.log_prob(data(8, 2)), samples, log_q]


def model():
    parts = [
        nf.flows.AutoregressiveRationalQuadraticSpline(2, 1, 8),
        nf.flows.LULinearPermute(2),
        nf.flows.MaskedAffineFlow(torch.tensor([1.0, 0.0]), nf.nets.MLP([2, 8, 2]), nf.nets.MLP([2, 8, 2])),
        nf.flows.ActNorm(2),
        nf.flows.Planar((2,)),
    ]
    net = filled(nf.NormalizingFlow(nf.distributions.base.DiagGaussian(2), parts[:-1]))
    x = 0.5 * data(8, 2)
    return trained(net, lambda m: m.forward_kld(x)), trained(flow(3), lambda m: m.forward_kld(x))
