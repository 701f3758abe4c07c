import torch
from common import data, filled, labels, trained
from perceiver_pytorch import Perceiver, PerceiverIO


def readme():
    net = Perceiver(
        input_channels=3, input_axis=2, num_freq_bands=3, max_freq=10.0, depth=2, num_latents=4, latent_dim=8,
        cross_heads=1, latent_heads=2, cross_dim_head=4, latent_dim_head=4, num_classes=5, attn_dropout=0.0,
        ff_dropout=0.0, weight_tie_layers=False, fourier_encode_data=True, self_per_cross_attn=1,
    )  # fmt: skip
    return filled(net)(data(1, 8, 8, 3))


def model():
    net = PerceiverIO(
        dim=8, queries_dim=8, logits_dim=5, depth=2, num_latents=4, latent_dim=8, cross_heads=1, latent_heads=2,
        cross_dim_head=4, latent_dim_head=4, weight_tie_layers=False, seq_dropout_prob=0.0,
    )  # fmt: skip
    x, queries, y = data(2, 10, 8), data(6, 8, seed=1), labels(5, 2, 6)

    def loss(m):
        return torch.nn.functional.cross_entropy(m(x, queries=queries).flatten(0, 1), y.flatten())

    return trained(filled(net), loss)
