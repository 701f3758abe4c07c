import torch
import zuko
from common import data, filled, trained


def readme():
    flow = filled(zuko.flows.NSF(3, 5, transforms=2, hidden_features=[8] * 2))
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    x, c = data(8, 3), data(8, 5, seed=1)
    return trained(flow, lambda m: -m(c).log_prob(x).mean(), optimizer), tuple(flow(c[0]).sample((4,)).shape)


def model():
    # In float64: the steps of a flow in continuous time hang on the last bits.
    x, c, results = data(8, 3, dtype=torch.float64), data(8, 5, seed=1, dtype=torch.float64), {}
    flows = zuko.flows
    for kind in (flows.MAF, flows.NICE, flows.NAF, flows.GMM, flows.SOSPF, flows.CNF):
        options = {"components": 2} if kind is flows.GMM else {}
        net = filled(kind(3, 5, **options)).double()
        torch.manual_seed(1)
        results[kind.__name__] = trained(
            net, lambda m: -m(c).log_prob(x).mean(), torch.optim.SGD(net.parameters(), 1e-3)
        )
    return results
