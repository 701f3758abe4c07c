import torch
from common import mlp, regression
from lion_pytorch import Lion


def readme():
    model = torch.nn.Linear(10, 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.1)
    optimizer = Lion(model.parameters(), lr=1e-4, weight_decay=1e-2)
    loss = model(torch.linspace(-1, 1, 10))
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return list(model.parameters())


def model():
    results = []
    for options in ({}, {"weight_decay": 0.1}, {"decoupled_weight_decay": True, "weight_decay": 0.1}):
        net = mlp(4, 8, 2)
        results.append(regression(net, Lion(net.parameters(), lr=1e-2, **options)))
    return results
