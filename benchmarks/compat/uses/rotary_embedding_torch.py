import torch
from common import data, filled, trained
from rotary_embedding_torch import RotaryEmbedding, apply_rotary_emb


def readme():
    rotary = RotaryEmbedding(dim=4)
    q, k = data(1, 2, 8, 8), data(1, 2, 8, 8, seed=1)
    axial = RotaryEmbedding(dim=4, freqs_for="pixel", max_freq=16)
    frequencies = axial.get_axial_freqs(4, 4)
    far = RotaryEmbedding(dim=4, use_xpos=True)
    return [
        rotary.rotate_queries_or_keys(q), rotary.rotate_queries_or_keys(k), frequencies,
        apply_rotary_emb(frequencies, data(1, 4, 4, 8)), far.rotate_queries_and_keys(q, k),
        rotary.rotate_queries_with_cached_keys(q[:, :, -1:], k),
    ]  # fmt: skip


class Attention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rotary = RotaryEmbedding(dim=4, learned_freq=True)
        self.qkv = torch.nn.Linear(8, 24)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        q, k = (self.rotary.rotate_queries_or_keys(t.unsqueeze(1)) for t in (q, k))
        return torch.nn.functional.scaled_dot_product_attention(q, k, v.unsqueeze(1))


def model():
    x = data(2, 6, 8)
    return trained(filled(Attention()), lambda m: m(x).square().mean())
