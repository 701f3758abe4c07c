import torch
from common import data, filled, labels, trained
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GATConv, GCNConv, GINConv, SAGEConv, global_mean_pool

EDGES = torch.tensor([[0, 1, 1, 2, 2, 3, 3, 4, 4, 0, 5, 2], [1, 0, 2, 1, 3, 2, 4, 3, 0, 4, 2, 5]])


class GCN(torch.nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.conv1, self.conv2 = GCNConv(inputs, hidden), GCNConv(hidden, outputs)

    def forward(self, x, edge_index):
        return self.conv2(self.conv1(x, edge_index).relu(), edge_index)


def readme():
    graph = Data(x=data(6, 4), edge_index=EDGES, y=labels(3, 6))
    return trained(
        filled(GCN(4, 8, 3)), lambda m: torch.nn.functional.cross_entropy(m(graph.x, graph.edge_index), graph.y)
    )


class Mixed(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gat, self.sage = GATConv(4, 4, heads=2), SAGEConv(8, 8)
        self.gin = GINConv(torch.nn.Linear(8, 3))

    def forward(self, x, edge_index, batch):
        x = self.gat(x, edge_index).relu()
        return global_mean_pool(self.gin(self.sage(x, edge_index).relu(), edge_index), batch)


def model():
    graphs = Batch.from_data_list([Data(x=data(6, 4, seed=seed), edge_index=EDGES) for seed in range(3)])
    return trained(filled(Mixed()), lambda m: m(graphs.x, graphs.edge_index, graphs.batch).square().mean())
