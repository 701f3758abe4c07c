import torch
import torchbnn as bnn
from common import data, filled, labels, trained


def network():
    return filled(
        torch.nn.Sequential(
            bnn.BayesLinear(prior_mu=0, prior_sigma=0.1, in_features=4, out_features=16),
            torch.nn.ReLU(),
            bnn.BayesLinear(prior_mu=0, prior_sigma=0.1, in_features=16, out_features=3),
        )
    )


def readme():
    x, y = data(12, 4), labels(3, 12)
    ce, kl = torch.nn.CrossEntropyLoss(), bnn.BKLLoss(reduction="mean", last_layer_only=False)
    torch.manual_seed(2)
    return trained(network(), lambda m: ce(m(x), y) + 0.01 * kl(m))


def model():
    net = torch.nn.Sequential(
        bnn.BayesConv2d(0, 0.1, in_channels=1, out_channels=4, kernel_size=3),
        bnn.BayesBatchNorm2d(0, 0.1, 4),
        torch.nn.Flatten(),
        bnn.BayesLinear(0, 0.1, 4 * 36, 3),
    )
    x, y = data(4, 1, 8, 8), labels(3, 4)
    torch.manual_seed(3)
    bnn.utils.freeze(net)
    return trained(filled(net), lambda m: torch.nn.functional.cross_entropy(m(x), y))
