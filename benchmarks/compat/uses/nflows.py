from common import data, filled, trained
from nflows import distributions, flows, transforms


def flow(*parts):
    return filled(
        flows.Flow(transform=transforms.CompositeTransform(parts), distribution=distributions.StandardNormal([2]))
    )


def readme():
    net = flow(
        transforms.MaskedAffineAutoregressiveTransform(features=2, hidden_features=4),
        transforms.RandomPermutation(features=2),
    )
    return net.log_prob(data(6, 2)), net.sample(4)


def model():
    net = flow(
        transforms.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(
            features=2, hidden_features=8, num_bins=4, tails="linear", tail_bound=2.0
        ),
        transforms.LULinear(2),
        transforms.ActNorm(2),
        transforms.BatchNorm(2),
        transforms.ReversePermutation(features=2),
    )
    x = data(8, 2)
    return trained(net, lambda m: -m.log_prob(inputs=x).mean())
