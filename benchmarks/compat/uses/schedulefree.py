import schedulefree
from common import mlp, regression


def run(kind, **options):
    net = mlp(4, 8, 2)
    optimizer = kind(net.parameters(), **options)
    optimizer.train()
    result = regression(net, optimizer)
    optimizer.eval()
    return result, [p.detach().clone() for p in net.parameters()]


def readme():
    return run(schedulefree.AdamWScheduleFree, lr=0.01)


def model():
    return [
        run(schedulefree.AdamWScheduleFree, lr=0.01, warmup_steps=2, weight_decay=0.1, foreach=True),
        run(schedulefree.AdamWScheduleFree, lr=0.01, foreach=False),
        run(schedulefree.SGDScheduleFree, lr=0.1, momentum=0.9, weight_decay=0.01),
        run(schedulefree.RAdamScheduleFree, lr=0.01),
    ]
