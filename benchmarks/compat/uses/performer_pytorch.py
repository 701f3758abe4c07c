from common import data, filled, labels, trained
from performer_pytorch import FastAttention, Performer, PerformerLM, SelfAttention


def readme():
    fast = FastAttention(dim_heads=8, nb_features=16, causal=False)
    q, k, v = (data(1, 2, 12, 8, seed=seed) for seed in range(3))
    attention = filled(SelfAttention(dim=16, heads=2, causal=False, nb_features=16))
    return [
        fast(q, k, v),
        attention(data(1, 12, 16)),
        filled(Performer(dim=16, depth=1, heads=2, dim_head=8))(data(1, 12, 16)),
    ]


def model():
    net = PerformerLM(
        num_tokens=20, max_seq_len=16, dim=16, depth=2, heads=2, dim_head=8, causal=False, nb_features=16,
        generalized_attention=True, rotary_position_emb=True, use_scalenorm=True, feature_redraw_interval=1000,
    )  # fmt: skip
    ids = labels(20, 2, 16)
    return trained(filled(net), lambda m: m(ids).square().mean())
