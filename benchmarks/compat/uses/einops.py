import torch
from common import data, filled, trained
from einops import einsum, pack, rearrange, reduce, repeat, unpack
from einops.layers.torch import EinMix, Rearrange, Reduce


def readme():
    x = data(2, 3, 4, 6)
    packed, shapes = pack([x[:, 0], x[:, 1]], "* h w")
    return [
        rearrange(x, "b c h w -> b (h w) c"),
        reduce(x, "b c (h h2) (w w2) -> b h w c", "mean", h2=2, w2=2),
        reduce(x, "b c h w -> b c", "max"),
        repeat(x[:, :, 0, 0], "b c -> b c h", h=3),
        einsum(x, x, "b c h w, b d h w -> b c d"),
        packed,
        unpack(packed, shapes, "* h w"),
        rearrange(list(x), "b c h w -> c (b h) w"),
    ]


def model():
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.MaxPool2d(2),
        Rearrange("b c h w -> b (h w) c"),
        EinMix("b t c -> b t d", weight_shape="c d", bias_shape="d", c=4, d=8),
        torch.nn.GELU(),
        Reduce("b t d -> b d", "mean"),
        torch.nn.Linear(8, 3),
    )
    x = data(4, 1, 8, 8)
    return trained(filled(net), lambda m: m(x).square().mean())
