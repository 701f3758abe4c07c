"""Functions that PyTorch has at the top level beside a method or a function of nn.functional: the same arguments
there."""

import math
import types
import warnings

import numpy as np
import pytest
import torch
from conftest import assert_same

import autograd_gpu as ag
from autograd_gpu.testing.declarations import declared

POSITIVE = {"acosh_", "arccosh_", "log_", "log2_", "log10_", "log1p_", "sqrt_", "rsqrt_", "logit_"}
ARGUMENTS = {
    "addmv_": lambda T: (T.ones(3, 4), T.arange(4.0)),
    "as_strided_": lambda T: ((2,), (1,), 1),
    "clamp_": lambda T: (-0.5, 0.5), "clip_": lambda T: (-0.5, 0.5), "clamp_max_": lambda T: (0.25,),
    "clamp_min_": lambda T: (0.25,), "fill_": lambda T: (2.5,), "gcd_": lambda T: (T.tensor([4, 6, 9]),),
    "lcm_": lambda T: (T.tensor([4, 6, 9]),), "index_put_": lambda T: ((T.tensor([0, 2]),), T.tensor([5.0, 6.0])),
    "ldexp_": lambda T: (T.tensor([1, 2, 3]),), "resize_as_": lambda T: (T.ones(3),),
    "threshold_": lambda T: (0.1, 2.0),
    "xlogy_": lambda T: (T.tensor([0.5, 2.0, 3.0]),),
}  # fmt: skip


IN_PLACE = [f"{name}_" for operation in declared if operation.in_place == "function" for name in operation.names]
IN_PLACE += [name for operation in declared if operation.function for name in operation.names if name.endswith("_")]


@pytest.mark.parametrize("name", [*IN_PLACE, "detach_"])
def test_in_place_methods_as_functions(name):
    results = []
    for library in (ag, torch):
        values = [12, 18, 7] if name in ("gcd_", "lcm_") else [0.3, 0.6, 0.9] if name in POSITIVE else [-0.7, 0.2, 0.9]
        if name in ("acosh_", "arccosh_"):
            values = [1.5, 2.0, 3.0]
        x = library.tensor(values)
        y = getattr(library, name)(x, *ARGUMENTS.get(name, lambda T: ())(library))
        assert y is x
        results.append(y)
    assert_same(*results, name)


def test_no_in_place_function_is_missing():
    theirs = {name for name in dir(torch) if name.endswith("_") and not name.startswith("_")}
    ours = {name for name in dir(ag) if name.endswith("_") and not name.startswith("_")} | set(ag._LAZY)
    assert theirs - ours == {"conj_physical_", "resize_as_sparse_", "embedding_renorm_", "feature_dropout_"}


CALLS = """
T.broadcast_shapes((3, 1), (4,), 1)
T.adaptive_avg_pool1d(s, 3)
T.adaptive_max_pool1d(s, 3)
T.avg_pool1d(s, 2)
T.max_pool1d(s, 2, 1)
T.max_pool2d(i, 2)
T.conv1d(s, w1, None, 1, 1)
T.conv2d(i, w2, padding=1)
T.conv_transpose1d(s, w1.transpose(0, 1))
T.bilinear(a, b, T.ones(2, 4, 4), T.ones(2))
T.celu(a, 0.5)
T.selu(a)
T.threshold(a, 0.1, 2.0)
T.hardshrink(a)
T.prelu(a, T.tensor([0.3]))
T.rrelu(a)
T.channel_shuffle(i, 2)
T.pixel_shuffle(T.arange(16.0).reshape(1, 4, 2, 2), 2)
T.pixel_unshuffle(i, 2)
T.cosine_similarity(a, b)
T.pairwise_distance(a, b)
T.pdist(a)
T.rms_norm(a, (4,))
T.layer_norm(a, (4,), T.ones(4), T.zeros(4), 1e-5, True)
T.group_norm(i, 2)
T.batch_norm(a, T.ones(4), T.zeros(4), None, None, True, 0.1, 1e-5, False)
T.instance_norm(s, None, None, None, None, True, 0.1, 1e-5, False)
T.embedding(a, T.tensor([2, 0]))
T.embedding(a, T.tensor([[2], [0]]), 0)
T.kl_div(a, b.softmax(1))
T.kl_div(a, b, 2, log_target=True)
T.binary_cross_entropy_with_logits(a, b.sigmoid())
T.binary_cross_entropy_with_logits(a, b.sigmoid(), None, T.ones(4), 0)
T.poisson_nll_loss(a, b.exp(), True, False, 1e-8, 1)
T.hinge_embedding_loss(a, b.sign())
T.cosine_embedding_loss(a, b, T.tensor([1, -1, 1]), 0.2, 2)
T.margin_ranking_loss(a, b, b.sign(), 0.1, 0)
T.triplet_margin_loss(a, b, a + 1)
T.alpha_dropout(a, 0.5, False)
T.dropout_(a * 1, 0.5, False)
T.feature_alpha_dropout(i, 0.5, False)
T.constant_pad_nd(a, (1, 2), 3.0)
T.convolution(s, w1, None, [1], [1], [1], False, [0], 1)
T.convolution(i, w2.transpose(0, 1), None, [2, 2], [0, 1], [1, 1], True, [1, 0], 1)
T.ctc_loss(c.log_softmax(2), T.tensor([[1, 2], [2, 3]]), T.tensor([5, 5]), T.tensor([2, 1]))
T.ctc_loss(c.log_softmax(2), T.tensor([[1, 2], [2, 3]]), T.tensor([5, 5]), T.tensor([2, 1]), 0, 1)
T.grid_sampler(i, T.zeros(1, 2, 2, 2), 0, 1, False)
T.affine_grid_generator(T.eye(2, 3).reshape(1, 2, 3), (1, 1, 2, 2), True)
T.detach(a)
T.fill(a, 2)
T.fill(a, b[0, 0])
T.is_inference(a)
T.is_same_size(a, b)
T.get_device(a)
T.gradient(a)
T.gradient(a, spacing=0.5, dim=1)
T.gradient(a, spacing=(T.tensor([0.0, 1.0, 4.0]), T.tensor([0.0, 2.0, 3.0, 9.0])), edge_order=2)
T.gradient(a[0], spacing=2.0, edge_order=2)
T.gradient(a, dim=0)
T.typename(a)
T.typename(3)
T.is_anomaly_enabled()
""".strip().splitlines()


def names_of(library: types.ModuleType) -> dict:
    random = np.random.default_rng(0)

    def tensor(*shape: int):
        return library.tensor(random.standard_normal(shape).tolist(), requires_grad=True)

    names = {
        "a": (3, 4),
        "b": (3, 4),
        "s": (2, 4, 6),
        "i": (1, 4, 4, 4),
        "w1": (3, 4, 2),
        "w2": (2, 4, 3, 3),
        "c": (5, 2, 4),
    }
    return {"T": library, **{name: tensor(*shape) for name, shape in names.items()}}


@pytest.mark.parametrize("call", CALLS)
def test_pytorch_agrees(call):
    assert_same(*(eval(call, names_of(library)) for library in (ag, torch)), call)


WITH_OUT = """
T.addcdiv(a, b, b, out=o)
T.fmax(a, b, out=o)
T.frac(a, out=o)
T.hypot(a, b, out=o)
T.lerp(a, b, 0.5, out=o)
T.logaddexp(a, b, out=o)
T.nan_to_num(a, out=o)
T.sinc(a, out=o)
T.xlogy(a, b.abs(), out=o)
T.deg2rad(a, out=o)
T.float_power(b.abs(), a, out=o.double())
T.cumprod(a, 0, out=o)
T.logcumsumexp(a, 1, out=o)
T.lgamma(a, out=o)
T.digamma(a, out=o)
T.polygamma(1, a.abs(), out=o)
T.mvlgamma(a.abs() + 1, 2, out=o)
T.erfinv(a / 9, out=o)
T.i0(a, out=o)
T.igamma(a.abs(), b.abs(), out=o)
T.igammac(a.abs(), b.abs(), out=o)
T.nextafter(a, b, out=o)
T.quantile(a, 0.5, 1, out=o)
T.nanquantile(a, 0.5, 0, out=o)
T.renorm(a, 2, 0, 1, out=o)
T.gcd(n, n + 2, out=n * 0)
T.lcm(n, n + 2, out=n * 0)
T.bitwise_left_shift(n, 2, out=n * 0)
T.signbit(a, out=a > 9)
T.isposinf(a / 0, out=a > 9)
T.searchsorted(n[0], n, out=n * 0)
T.bucketize(n, n[1], out=n * 0)
T.hstack([a, b], out=o)
T.vstack([a, b], out=o)
T.diag(a[:3, :3], out=o)
T.take_along_dim(a, n[:, :2] % 3, 1, out=o)
T.histc(a, 4, -2, 2, out=o)
T.heaviside(a, b, out=o)
T.nanmean(a, 1, out=o)
""".strip().splitlines()


@pytest.mark.parametrize("call", WITH_OUT)
def test_results_go_where_out_says(call):
    results = []
    for library in (ag, torch):
        names = {name: value if name == "T" else value.detach() for name, value in names_of(library).items()}
        names |= {"o": library.empty(0), "n": library.arange(12).reshape(3, 4)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.append(eval(call, names))
        if "out=o)" in call:
            assert results[-1] is names["o"]
    assert_same(*results, call)


def test_a_dropped_function_draws_and_writes_in_place():
    ag.manual_seed(0)
    x = ag.ones(400)
    assert ag.dropout_(x, 0.5, True) is x
    assert set(x.tolist()) == {0.0, 2.0}
    assert math.isclose(x.mean().item(), 1, abs_tol=0.2)


def test_functions_of_a_tensor_that_are_no_methods_are_none_in_pytorch_either():
    from tests.test_completeness import NO_METHODS

    assert [name for name in NO_METHODS if hasattr(torch.Tensor, name)] == []
