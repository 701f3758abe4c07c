import torch
from blitz.modules import BayesianConv2d, BayesianEmbedding, BayesianGRU, BayesianLinear, BayesianLSTM
from blitz.utils import variational_estimator
from common import data, filled, labels, trained


@variational_estimator
class Regressor(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = BayesianLinear(4, 16), BayesianLinear(16, 1)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


def readme():
    x, y = data(12, 4), data(12, 1, seed=1)
    net, criterion = filled(Regressor()), torch.nn.MSELoss()
    torch.manual_seed(2)

    def loss(m):
        return m.sample_elbo(inputs=x, labels=y, criterion=criterion, sample_nbr=3, complexity_cost_weight=1 / 12)

    return trained(net, loss, torch.optim.SGD(net.parameters(), lr=1e-3))


@variational_estimator
class Sequence(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm, self.gru = BayesianEmbedding(10, 6), BayesianLSTM(6, 5), BayesianGRU(5, 4)
        self.conv = BayesianConv2d(1, 2, (3, 3))

    def forward(self, ids):
        x, _ = self.lstm(self.embedding(ids))
        x, _ = self.gru(x)
        return self.conv(x.unsqueeze(1)).mean(dim=(1, 2, 3))


def model():
    ids = labels(10, 3, 6)
    net = filled(Sequence())
    torch.manual_seed(3)
    return trained(
        net, lambda m: m(ids).square().mean() + 1e-4 * m.nn_kl_divergence(), torch.optim.SGD(net.parameters(), 1e-3)
    )
