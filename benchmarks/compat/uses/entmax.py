import torch
from common import data, filled, labels, trained
from entmax import Entmax15Loss, SparsemaxLoss, budget_bisect, entmax15, entmax_bisect, normmax_bisect, sparsemax


def readme():
    x = torch.tensor([-2.0, 0.0, 0.5])
    alpha = torch.tensor(1.33, requires_grad=True)
    p = entmax_bisect(x, alpha)
    gradient = torch.autograd.grad(p[0], alpha, allow_unused=True)[0]
    rows = data(3, 5)
    return [
        torch.softmax(x, dim=0),
        sparsemax(x, dim=0),
        entmax15(x, dim=0),
        p,
        gradient,
        sparsemax(rows, dim=1, k=3),
        entmax15(rows, dim=-1, k=4),
        normmax_bisect(rows, alpha=2.0),
        budget_bisect(rows, budget=2),
    ]


def model():
    x, y = data(8, 6), labels(5, 8)
    net = torch.nn.ModuleDict({"body": torch.nn.Linear(6, 5), "attention": torch.nn.Linear(6, 6)})
    sparse, medium = SparsemaxLoss(reduction="sum"), Entmax15Loss()

    def loss(m):
        attended = x * entmax15(m["attention"](x), dim=-1) * sparsemax(m["attention"](x), dim=-1)
        attended = attended * entmax_bisect(m["attention"](x), alpha=1.3, dim=-1)
        return sparse(m["body"](attended), y) / 8 + medium(m["body"](attended), y).mean()

    return trained(filled(net), loss)
