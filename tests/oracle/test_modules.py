"""Modules and losses: given the same weights and data, PyTorch's results and gradients."""

import numpy as np
import pytest
import torch
from conftest import assert_same

import autograd_gpu as ag

LIBRARIES = (ag, torch)


def leaf(library, values, grad=True):
    return library.tensor(np.asarray(values).tolist(), dtype=library.float64, requires_grad=grad)


def same_weights(modules):
    """Give our module the values of PyTorch's."""
    ours, theirs = modules
    ours.load_state_dict({name: leaf(ag, tensor.numpy(), False) for name, tensor in theirs.state_dict().items()})


def run(library, module, arrays, grad=True):
    """Return outputs, input gradients and parameter gradients for a fixed direction."""
    inputs = [leaf(library, x) if x.dtype == np.float64 else library.tensor(x.tolist()) for x in arrays]
    y = module(*inputs)
    direction = np.random.default_rng(1).standard_normal(tuple(y.shape))
    (y * leaf(library, direction, False)).sum().backward()
    return y, [x.grad for x in inputs], [p.grad for p in module.parameters()]


def printed(module):
    return repr(module).replace("NonDynamicallyQuantizableLinear", "Linear")  # PyTorch's name for a plain Linear


NORMAL = np.random.default_rng(0).standard_normal
X = NORMAL((3, 4, 6)) * 3
PICTURE, BOX = NORMAL((2, 4, 6, 5)), NORMAL((2, 4, 4, 3, 4))
IDS = np.array([[1, 2, 0], [4, 1, 1]])

MODULES = {
    "Linear": (lambda nn: nn.Linear(6, 5), [X]),
    "Linear without bias": (lambda nn: nn.Linear(6, 5, bias=False), [X[0, 0]]),
    "Embedding": (lambda nn: nn.Embedding(5, 3, padding_idx=1), [IDS]),
    "LayerNorm": (lambda nn: nn.LayerNorm(6), [X]),
    "LayerNorm over two": (lambda nn: nn.LayerNorm((4, 6), bias=False), [X]),
    "LayerNorm plain": (lambda nn: nn.LayerNorm(6, elementwise_affine=False), [X]),
    "RMSNorm": (lambda nn: nn.RMSNorm(6), [X]),
    "RMSNorm over two": (lambda nn: nn.RMSNorm((4, 6), eps=1e-3), [X]),
    "perceptron": (lambda nn: nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 2)), [X]),
    "Conv1d": (lambda nn: nn.Conv1d(4, 6, 3, stride=2, padding=1), [X]),
    "Conv2d": (lambda nn: nn.Conv2d(4, 6, (3, 2), padding="same", dilation=2, groups=2, bias=False), [PICTURE]),
    "Conv2d reflected": (lambda nn: nn.Conv2d(4, 3, 3, padding=(1, 2), padding_mode="reflect"), [PICTURE]),
    "Conv2d circular": (lambda nn: nn.Conv2d(4, 3, 2, padding="same", padding_mode="circular"), [PICTURE]),
    "Conv3d": (lambda nn: nn.Conv3d(4, 2, 2, padding=1), [BOX]),
    "ConvTranspose1d": (lambda nn: nn.ConvTranspose1d(4, 6, 3, stride=2, output_padding=1), [X]),
    "ConvTranspose2d": (lambda nn: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, groups=2, dilation=2), [PICTURE]),
    "ConvTranspose3d": (lambda nn: nn.ConvTranspose3d(4, 2, 2, bias=False), [BOX]),
    "BatchNorm1d": (lambda nn: nn.BatchNorm1d(4), [X]),
    "BatchNorm2d": (lambda nn: nn.BatchNorm2d(4, momentum=None), [PICTURE]),
    "BatchNorm2d in eval": (lambda nn: nn.BatchNorm2d(4).eval(), [PICTURE]),
    "BatchNorm3d plain": (lambda nn: nn.BatchNorm3d(4, affine=False, track_running_stats=False), [BOX]),
    "InstanceNorm2d": (lambda nn: nn.InstanceNorm2d(4, affine=True, track_running_stats=True), [PICTURE]),
    "InstanceNorm1d unbatched": (lambda nn: nn.InstanceNorm1d(4), [X[0]]),
    "GroupNorm": (lambda nn: nn.GroupNorm(2, 4), [PICTURE]),
    "MaxPool1d": (lambda nn: nn.MaxPool1d(2), [X]),
    "MaxPool2d": (lambda nn: nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), [PICTURE]),
    "MaxPool3d": (lambda nn: nn.MaxPool3d(2, 1), [BOX]),
    "AvgPool1d": (lambda nn: nn.AvgPool1d(2, padding=1), [X]),
    "AvgPool2d": (lambda nn: nn.AvgPool2d((2, 3), 2, ceil_mode=True, count_include_pad=False), [PICTURE]),
    "AvgPool3d": (lambda nn: nn.AvgPool3d(2, divisor_override=5), [BOX]),
    "AdaptiveAvgPool1d": (lambda nn: nn.AdaptiveAvgPool1d(4), [X]),
    "AdaptiveAvgPool2d": (lambda nn: nn.AdaptiveAvgPool2d((3, None)), [PICTURE]),
    "AdaptiveMaxPool2d": (lambda nn: nn.AdaptiveMaxPool2d(4), [PICTURE]),
    "Upsample": (lambda nn: nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), [PICTURE]),
    "Upsample to a size": (lambda nn: nn.Upsample(size=(7, 3)), [PICTURE]),
    "PixelShuffle": (lambda nn: nn.PixelShuffle(2), [PICTURE]),
    "PixelUnshuffle": (lambda nn: nn.PixelUnshuffle(2), [PICTURE[:, :, :, :4]]),
    "Unfold": (lambda nn: nn.Unfold(2, padding=1, stride=2), [PICTURE]),
    "Fold": (lambda nn: nn.Fold((3, 3), (2, 2)), [X[:, :, :4]]),
    "Flatten": (lambda nn: nn.Flatten(), [X]),
    "Unflatten": (lambda nn: nn.Unflatten(-1, (2, 3)), [X]),
    "PReLU": (lambda nn: nn.PReLU(), [X]),
    "PReLU per channel": (lambda nn: nn.PReLU(4), [X]),
    "Softmax": (lambda nn: nn.Softmax(dim=1), [X]),
    "LogSoftmax": (lambda nn: nn.LogSoftmax(dim=-1), [X]),
    "GLU": (lambda nn: nn.GLU(dim=1), [X]),
    "Dropout in eval": (lambda nn: nn.Dropout(0.5).eval(), [X]),
    **{
        name: (lambda nn, name=name: getattr(nn, name)(), [X])
        for name in (
            "ReLU ReLU6 LeakyReLU ELU SELU GELU SiLU Mish Sigmoid LogSigmoid Tanh Softplus Softsign Hardtanh Identity "
            "CELU Hardswish Hardshrink Softshrink Tanhshrink"
        ).split()
    },
    "Threshold": (lambda nn: nn.Threshold(0.1, 20.0, inplace=False), [X]),
    "RReLU in eval": (lambda nn: nn.RReLU().eval(), [X]),
    "Softmin": (lambda nn: nn.Softmin(dim=1), [X]),
    "Softmax2d": (lambda nn: nn.Softmax2d(), [PICTURE]),
    **{
        f"{kind}Pad{dims}d": (lambda nn, kind=kind, dims=dims: getattr(nn, f"{kind}Pad{dims}d")(1), [BOX[0, ..., 0]])
        for kind in ("Zero", "Reflection", "Replication", "Circular")
        for dims in (1, 2)
    },
    "ConstantPad2d": (lambda nn: nn.ConstantPad2d((1, 0, 2, -1), 3.5), [PICTURE]),
    "ReplicationPad3d": (lambda nn: nn.ReplicationPad3d((1, 0, 2, 1, 0, 1)), [BOX]),
    "CosineSimilarity": (lambda nn: nn.CosineSimilarity(dim=-1), [X, X[::-1].copy()]),
    "PairwiseDistance": (lambda nn: nn.PairwiseDistance(p=3, keepdim=True), [X, X[::-1].copy()]),
    "LocalResponseNorm": (lambda nn: nn.LocalResponseNorm(3, alpha=0.1), [PICTURE]),
    "ChannelShuffle": (lambda nn: nn.ChannelShuffle(2), [PICTURE]),
    "LPPool1d": (lambda nn: nn.LPPool1d(2, 3, ceil_mode=True), [X]),
    "LPPool2d": (lambda nn: nn.LPPool2d(3, 2, stride=1), [np.abs(PICTURE)]),
    "UpsamplingNearest2d": (lambda nn: nn.UpsamplingNearest2d(scale_factor=2), [PICTURE]),
    "UpsamplingBilinear2d": (lambda nn: nn.UpsamplingBilinear2d(size=(7, 9)), [PICTURE]),
    "Bilinear": (lambda nn: nn.Bilinear(6, 6, 2), [X, X[::-1].copy()]),
    "Bilinear without bias": (lambda nn: nn.Bilinear(6, 6, 2, bias=False), [X, X[::-1].copy()]),
    "EmbeddingBag": (lambda nn: nn.EmbeddingBag(5, 3, mode="sum", padding_idx=1), [IDS]),
    "EmbeddingBag of the largest": (lambda nn: nn.EmbeddingBag(5, 3, mode="max"), [IDS]),
    "Dropout2d in eval": (lambda nn: nn.Dropout2d().eval(), [PICTURE]),
    "AlphaDropout in eval": (lambda nn: nn.AlphaDropout().eval(), [X]),
    "RNNCell": (lambda nn: nn.RNNCell(6, 5, nonlinearity="relu"), [X[0], NORMAL((4, 5))]),
    "GRUCell": (lambda nn: nn.GRUCell(6, 5), [X[0], NORMAL((4, 5))]),
    "GRUCell without bias": (lambda nn: nn.GRUCell(6, 5, bias=False), [X[0, 0]]),
    "TransformerEncoderLayer": (lambda nn: nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0), [X]),
    "TransformerEncoderLayer, norm first": (
        lambda nn: nn.TransformerEncoderLayer(6, 3, 8, 0.0, "gelu", batch_first=True, norm_first=True, bias=False),
        [X],
    ),
    "TransformerDecoderLayer": (lambda nn: nn.TransformerDecoderLayer(6, 2, 8, dropout=0.0), [X, NORMAL((2, 4, 6))]),
    "TransformerEncoder": (
        lambda nn: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0), 2, nn.LayerNorm(6), enable_nested_tensor=False
        ),
        [X],
    ),
    "Transformer": (lambda nn: nn.Transformer(6, 2, 1, 1, 8, dropout=0.0), [X, NORMAL((2, 4, 6))]),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name):
    make, arrays = MODULES[name]
    modules = [make(library.nn).to(library.float64) for library in LIBRARIES]
    same_weights(modules)
    assert printed(modules[0]) == printed(modules[1])
    assert_same(*(run(library, module, arrays) for library, module in zip(LIBRARIES, modules, strict=True)), name)
    assert_same(*(list(module.buffers()) for module in modules), f"{name}: buffers")


RECURRENT = {
    "RNN": lambda nn: nn.RNN(6, 5),
    "RNN relu": lambda nn: nn.RNN(6, 5, 2, "relu", bias=False, bidirectional=True),
    "GRU": lambda nn: nn.GRU(6, 5, 2, batch_first=True),
    "GRU both ways": lambda nn: nn.GRU(6, 5, 1, bidirectional=True),
    "LSTM": lambda nn: nn.LSTM(6, 5),
    "LSTM deep": lambda nn: nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True),
    "LSTM projected": lambda nn: nn.LSTM(6, 5, num_layers=2, proj_size=3),
}


@pytest.mark.parametrize("is_batched", [True, False])
@pytest.mark.parametrize("is_started", [False, True])
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers(name, is_started, is_batched):
    modules = [RECURRENT[name](library.nn).to(library.float64) for library in LIBRARIES]
    same_weights(modules)
    assert printed(modules[0]) == printed(modules[1])
    results = []
    for library, module in zip(LIBRARIES, modules, strict=True):
        x = leaf(library, X if is_batched else X[0])
        y, last = module(x)
        if is_started:  # go on from the last state
            y, last = module(x, last)
        finals = last if isinstance(last, tuple) else (last,)
        loss = sum((final * (1 + number)).sum() for number, final in enumerate(finals)) + (y * y).sum()
        loss.backward()
        results.append([y, *finals, x.grad, *(p.grad for p in module.parameters())])
    assert_same(*results, name)


def test_an_lstm_cell():
    modules = [library.nn.LSTMCell(6, 5).to(library.float64) for library in LIBRARIES]
    same_weights(modules)
    start = NORMAL((2, 4, 5))
    results = []
    for library, module in zip(LIBRARIES, modules, strict=True):
        h, c = module(leaf(library, X[0]), (leaf(library, start[0]), leaf(library, start[1])))
        (h * c).sum().backward()
        results.append([h, c, *(p.grad for p in module.parameters())])
    assert_same(*results, "LSTMCell")


def test_max_unpool_undoes_max_pool():
    results = []
    for library in LIBRARIES:
        x = leaf(library, PICTURE)
        values, places = library.nn.MaxPool2d(2, return_indices=True)(x)
        unpool = library.nn.MaxUnpool2d(2)
        y = unpool(values, places, output_size=x.shape)
        (y * y).sum().backward()
        results.append([y, x.grad])
        assert repr(unpool) == "MaxUnpool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))"
    assert_same(*results, "MaxUnpool2d")


P = np.random.default_rng(2).random((4, 3))
P /= P.sum(-1, keepdims=True)
LOGITS, OTHER = NORMAL((4, 3)) * 2, NORMAL((4, 3))
WEIGHT = np.array([0.5, 2.0, 1.0])
CLASSES = np.array([0, 2, 1, 2])
COUNTS = np.array([[0.0, 1.0, 4.0], [2.0, 0.0, 7.0], [1.0, 1.0, 0.0], [3.0, 2.0, 1.0]])
NORMAL_CTC = NORMAL((5, 2, 3))
SIGNS = np.where(OTHER > 0, 1.0, -1.0)

LOSSES = {
    "mse": lambda F, t, r: F.mse_loss(t(LOGITS), t(OTHER), reduction=r),
    "mse weighted": lambda F, t, r: F.mse_loss(t(LOGITS), t(OTHER), reduction=r, weight=t(P)),
    "l1": lambda F, t, r: F.l1_loss(t(LOGITS), t(OTHER), reduction=r),
    "huber": lambda F, t, r: F.huber_loss(t(LOGITS), t(OTHER), reduction=r, delta=0.7),
    "smooth l1": lambda F, t, r: F.smooth_l1_loss(t(LOGITS), t(OTHER), reduction=r, beta=0.7),
    "smooth l1 without": lambda F, t, r: F.smooth_l1_loss(t(LOGITS), t(OTHER), reduction=r, beta=0.0),
    "bce": lambda F, t, r: F.binary_cross_entropy(t(P), t((P > 0.3) * 1.0), reduction=r),
    "bce weighted": lambda F, t, r: F.binary_cross_entropy(t(P), t(P[::-1]), weight=t(WEIGHT), reduction=r),
    "bce logits": lambda F, t, r: F.binary_cross_entropy_with_logits(t(LOGITS), t(P), reduction=r),
    "bce logits weighted": lambda F, t, r: F.binary_cross_entropy_with_logits(
        t(LOGITS), t(P), weight=t(WEIGHT), reduction=r, pos_weight=t(WEIGHT[::-1])
    ),
    "kl": lambda F, t, r: F.kl_div(F.log_softmax(t(LOGITS), -1), t(P), reduction=r),
    "kl of logs": lambda F, t, r: F.kl_div(F.log_softmax(t(LOGITS), -1), t(np.log(P)), reduction=r, log_target=True),
    "cross entropy": lambda F, t, r: F.cross_entropy(t(LOGITS), t(CLASSES), reduction=r),
    "cross entropy with all": lambda F, t, r: F.cross_entropy(
        t(LOGITS), t(CLASSES), weight=t(WEIGHT), ignore_index=1, reduction=r, label_smoothing=0.1
    ),
    "cross entropy of probabilities": lambda F, t, r: F.cross_entropy(t(LOGITS), t(P), reduction=r),
    "nll": lambda F, t, r: F.nll_loss(F.log_softmax(t(LOGITS), -1), t(CLASSES), weight=t(WEIGHT), reduction=r),
    "poisson": lambda F, t, r: F.poisson_nll_loss(t(LOGITS), t(COUNTS), full=True, reduction=r),
    "poisson of rates": lambda F, t, r: F.poisson_nll_loss(t(P), t(COUNTS), log_input=False, reduction=r),
    "gaussian": lambda F, t, r: F.gaussian_nll_loss(t(LOGITS), t(OTHER), t(P), full=True, reduction=r),
    "gaussian of one": lambda F, t, r: F.gaussian_nll_loss(t(LOGITS), t(OTHER), t(P[:, 0]), eps=0.4, reduction=r),
    "soft margin": lambda F, t, r: F.soft_margin_loss(t(LOGITS * 30), t(SIGNS), reduction=r),
    "hinge": lambda F, t, r: F.hinge_embedding_loss(t(LOGITS), t(SIGNS), margin=0.5, reduction=r),
    "ranking": lambda F, t, r: F.margin_ranking_loss(t(LOGITS), t(OTHER), t(SIGNS), margin=0.5, reduction=r),
    "triplet": lambda F, t, r: F.triplet_margin_loss(t(LOGITS), t(OTHER), t(P), reduction=r),
    "triplet swapped": lambda F, t, r: F.triplet_margin_loss(t(LOGITS), t(OTHER), t(P), p=3.0, swap=True, reduction=r),
    "cosine embedding": lambda F, t, r: F.cosine_embedding_loss(t(LOGITS), t(OTHER), t(SIGNS[:, 0]), 0.1, reduction=r),
    "softmin": lambda F, t, r: F.softmin(t(LOGITS), -1),
    "distance": lambda F, t, r: F.pairwise_distance(t(LOGITS), t(OTHER), keepdim=True),
    "cosine": lambda F, t, r: F.cosine_similarity(t(LOGITS), t(OTHER), dim=-1),
    "normalize": lambda F, t, r: F.normalize(t(LOGITS), p=3.0),
}


LOSS_MODULES = {
    "PoissonNLLLoss": (lambda nn: nn.PoissonNLLLoss(full=True), [LOGITS, COUNTS]),
    "GaussianNLLLoss": (lambda nn: nn.GaussianNLLLoss(full=True, reduction="sum"), [LOGITS, OTHER, P]),
    "SoftMarginLoss": (lambda nn: nn.SoftMarginLoss(), [LOGITS, SIGNS]),
    "HingeEmbeddingLoss": (lambda nn: nn.HingeEmbeddingLoss(0.5), [LOGITS, SIGNS]),
    "MarginRankingLoss": (lambda nn: nn.MarginRankingLoss(0.5), [LOGITS, OTHER, SIGNS]),
    "CosineEmbeddingLoss": (lambda nn: nn.CosineEmbeddingLoss(0.1), [LOGITS, OTHER, SIGNS[:, 0].copy()]),
    "MultiMarginLoss": (lambda nn: nn.MultiMarginLoss(p=2, margin=0.7), [LOGITS, CLASSES]),
    "MultiLabelMarginLoss": (lambda nn: nn.MultiLabelMarginLoss(), [LOGITS, np.array([[0, -1, 2]] * 4)]),
    "MultiLabelSoftMarginLoss": (lambda nn: nn.MultiLabelSoftMarginLoss(), [LOGITS, (P > 0.3) * 1.0]),
    "TripletMarginLoss": (lambda nn: nn.TripletMarginLoss(p=3.0, swap=True), [LOGITS, OTHER, P]),
    "TripletMarginWithDistanceLoss": (lambda nn: nn.TripletMarginWithDistanceLoss(margin=2.0), [LOGITS, OTHER, P]),
}


@pytest.mark.parametrize("name", LOSS_MODULES)
def test_loss_modules(name):
    make, arrays = LOSS_MODULES[name]
    modules = [make(library.nn) for library in LIBRARIES]
    assert printed(modules[0]) == printed(modules[1])
    results = []
    for library, module in zip(LIBRARIES, modules, strict=True):
        x, *others = (leaf(library, a, False) if a.dtype.kind == "f" else library.tensor(a.tolist()) for a in arrays)
        loss = module(x.requires_grad_(), *others)
        loss.backward()
        results.append([loss, x.grad])
    assert_same(*results, name)


def test_a_ctc_loss_module():
    results = []
    for library in LIBRARIES:
        x = leaf(library, NORMAL_CTC)
        loss = library.nn.CTCLoss(blank=1)
        value = loss(library.nn.functional.log_softmax(x, -1), library.tensor([[0, 2], [2, 2]]), (5, 4), (2, 1))
        value.backward()
        results.append([value, x.grad])
    assert_same(*results, "CTCLoss")


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, reduction):
    results = []
    for library in LIBRARIES:
        leaves = []

        def tensor(values, library=library, leaves=leaves):
            if values.dtype.kind == "i":
                return library.tensor(values.tolist())
            leaves.append(leaf(library, values, grad=not leaves))  # the first is the input
            return leaves[-1]

        loss = LOSSES[name](library.nn.functional, tensor, reduction)
        loss.sum().backward()
        results.append((loss, leaves[0].grad))
    assert_same(*results, name)
