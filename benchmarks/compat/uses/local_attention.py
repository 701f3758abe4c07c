import torch
from common import data, filled, labels, trained
from local_attention import LocalAttention
from local_attention.transformer import LocalTransformer


def readme():
    q, k, v = (data(2, 4, 16, 8, seed=seed) for seed in range(3))
    attention = LocalAttention(
        dim=8, window_size=4, causal=True, look_backward=1, look_forward=0, dropout=0.0, exact_windowsize=False
    )
    mask = torch.ones(2, 16).bool()
    mask[1, 12:] = False
    return attention(q, k, v, mask=mask)


def model():
    net = LocalTransformer(
        num_tokens=20, dim=16, depth=2, max_seq_len=32, causal=True, local_attn_window_size=4, heads=2
    )
    ids = labels(20, 2, 17)
    return trained(filled(net), lambda m: m(ids, return_loss=True))
