import torch
import zuko
from common import data, filled, trained


def readme():
    flow = filled(zuko.flows.NSF(3, 5, transforms=2, hidden_features=[8] * 2))
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    x, c = data(8, 3), data(8, 5, seed=1)
    return trained(flow, lambda m: -m(c).log_prob(x).mean(), optimizer), flow(c[0]).sample((4,))


def model():
    x, c, results = data(8, 3), data(8, 5, seed=1), {}
    flows = zuko.flows
    for kind in (flows.MAF, flows.NICE, flows.NAF, flows.GMM, flows.SOSPF, flows.CNF):
        options = {"components": 2} if kind is flows.GMM else {}
        net = filled(kind(3, 5, **options))
        torch.manual_seed(1)
        results[kind.__name__] = trained(
            net, lambda m: -m(c).log_prob(x).mean(), torch.optim.SGD(net.parameters(), 1e-3)
        )
    return results
