from common import mlp, regression
from pytorch_optimizer import SAM, Lookahead, create_optimizer, get_supported_optimizers, load_optimizer

NAMES = "adamp adabelief adan lamb lars lion madgrad novograd ranger sgdp yogi adapnm diffgrad tiger adafactor came"


def readme():
    net, other = mlp(4, 8, 2), mlp(4, 8, 2)
    optimizer = create_optimizer(net, "adamp", lr=1e-2, weight_decay=1e-3)
    second = load_optimizer("adamp")(other.parameters(), lr=1e-2)
    return regression(net, optimizer), regression(other, second), len(get_supported_optimizers()) > 50


def model():
    results = {}
    for name in NAMES.split():
        net = mlp(4, 8, 2)
        results[name] = regression(net, load_optimizer(name)(net.parameters(), lr=1e-2))
    net = mlp(4, 8, 2)
    results["lookahead"] = regression(net, Lookahead(load_optimizer("sgdp")(net.parameters(), lr=1e-2), k=2))
    net = mlp(4, 8, 2)
    sharp = SAM(net.parameters(), load_optimizer("sgdp"), lr=1e-2)
    net(net[0].weight.detach()).sum().backward()
    sharp.first_step(zero_grad=True)
    net(net[0].weight.detach()).sum().backward()
    sharp.second_step(zero_grad=True)
    results["sam"] = [p.detach() for p in net.parameters()]
    return results
