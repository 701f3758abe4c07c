from common import mlp, regression
from prodigyopt import Prodigy


def run(**options):
    net = mlp(4, 8, 2)
    return regression(net, Prodigy(net.parameters(), **options))


def readme():
    return run(lr=1.0, weight_decay=0.01)


def model():
    return [
        run(lr=1.0, decouple=False, weight_decay=0.1),
        run(use_bias_correction=True, safeguard_warmup=True),
        run(slice_p=2, d_coef=2.0),
    ]
