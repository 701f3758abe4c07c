import contextlib
import io

from adabelief_pytorch import AdaBelief
from common import mlp, regression


def run(**options):
    net = mlp(4, 8, 2)
    with contextlib.redirect_stdout(io.StringIO()):
        optimizer = AdaBelief(net.parameters(), lr=1e-2, print_change_log=False, **options)
    return regression(net, optimizer)


def readme():
    return run(eps=1e-8, betas=(0.9, 0.999), weight_decouple=True, rectify=False)


def model():
    return [run(), run(rectify=True, eps=1e-6), run(amsgrad=True, weight_decay=0.1, weight_decouple=False)]
