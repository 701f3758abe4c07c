import torch
from common import data, filled, labels, trained
from x_transformers import Decoder, Encoder, TransformerWrapper, ViTransformerWrapper, XTransformer


def readme():
    decoder = TransformerWrapper(num_tokens=30, max_seq_len=16, attn_layers=Decoder(dim=16, depth=2, heads=2))
    seq2seq = XTransformer(
        dim=16, enc_num_tokens=20, enc_depth=1, enc_heads=2, enc_max_seq_len=8, dec_num_tokens=20, dec_depth=1,
        dec_heads=2, dec_max_seq_len=8, tie_token_emb=True,
    )  # fmt: skip
    image = ViTransformerWrapper(
        image_size=16, patch_size=8, num_classes=5, attn_layers=Encoder(dim=16, depth=1, heads=2)
    )
    source, target = labels(20, 2, 8), labels(20, 2, 8, seed=1)
    mask = torch.ones_like(source).bool()
    return [
        filled(decoder)(labels(30, 2, 12)),
        filled(seq2seq)(source, target, mask=mask),
        filled(image)(data(2, 3, 16, 16)),
    ]


def model():
    net = TransformerWrapper(
        num_tokens=30,
        max_seq_len=16,
        attn_layers=Decoder(dim=16, depth=2, heads=2, rotary_pos_emb=True, use_rmsnorm=True, ff_glu=True, ff_swish=True,
                            attn_qk_norm=True, alibi_pos_bias=False),
    )  # fmt: skip
    ids = labels(30, 2, 12)

    def loss(m):
        logits = m(ids[:, :-1])
        return torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:])

    return trained(filled(net), loss)
