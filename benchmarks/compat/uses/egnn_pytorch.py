import torch
from common import data, filled, labels, trained
from egnn_pytorch import EGNN, EGNN_Network


def readme():
    first, second = filled(EGNN(dim=16)), filled(EGNN(dim=16, edge_dim=4))
    feats, coors, edges = data(1, 6, 16), data(1, 6, 3, seed=1), data(1, 6, 6, 4, seed=2)
    feats, coors = first(feats, coors)
    return second(feats, coors, edges)


def model():
    net = EGNN_Network(
        num_tokens=10, num_positions=8, dim=8, depth=2, num_nearest_neighbors=3, coor_weights_clamp_value=2.0
    )
    feats, coors, mask = labels(10, 2, 8), data(2, 8, 3), torch.ones(2, 8).bool()

    def loss(m):
        h, x = m(feats, coors, mask=mask)
        return h.square().mean() + x.square().mean()

    return trained(filled(net), loss)
