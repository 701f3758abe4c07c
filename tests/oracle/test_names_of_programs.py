"""Names that programs for PyTorch use beside operations: submodules, older constructors, switches, stand-ins. Each is
called in both libraries and gives the same."""

import importlib
import warnings

import pytest
import torch
from conftest import assert_same

import autograd_gpu as ag

SUBMODULES = """
_dynamo accelerator compiler cuda distributed futures fx hub jit mps mtia multiprocessing nn.attention nn.modules
nn.modules.activation nn.modules.batchnorm nn.modules.conv nn.modules.instancenorm nn.modules.linear nn.modules.loss
nn.modules.module nn.modules.utils nn.parallel nn.parameter nn.utils.rnn nn.utils.stateless onnx overrides random
utils._pytree utils.dlpack utils.hooks xpu
""".split()


@pytest.mark.parametrize("name", SUBMODULES)
def test_a_submodule_declares_no_public_name_that_torchs_has_not(name):
    ours, theirs = (importlib.import_module(f"{library}.{name}") for library in ("autograd_gpu", "torch"))
    own = {key for key, value in vars(ours).items() if getattr(value, "__module__", "") == ours.__name__}
    assert {key for key in own if not key.startswith("_") and not hasattr(theirs, key)} <= {"PyTree", "F"}


BLOCKS = {
    "scripted": "r = [T.jit.script(T.nn.ReLU())(a), T.jit.is_scripting(), T.jit.is_tracing()]",
    "traced": "r = T.jit.trace(T.nn.ReLU(), (a,))(a)",
    "decorators of jit": """
@T.jit.ignore
def f(x): return x
@T.jit.unused
def g(x): return x
@T.jit.export
def h(x): return x
r = [f(1), g(2), h(3), T.jit.annotate(int, 4)]
""",
    "compiled": "r = [T.compiler.is_compiling(), T._dynamo.is_compiling(), T.compiler.disable(lambda x: x)(a)]",
    "onnx": "r = T.onnx.is_in_onnx_export()",
    "no process group": """
r = [T.distributed.is_initialized()]
for name in "get_rank get_world_size barrier".split():
    try: getattr(T.distributed, name)()
    except ValueError as error: r.append(str(error))
""",
    "no other device": "r = [T.xpu.is_available(), T.xpu.device_count(), T.mps.is_available(), T.mtia.is_available()]",
    "accelerator": "c = T.accelerator; r = [c.is_available(), c.current_accelerator(), c.device_count()]",
    "accelerator that is not there": """
r = []
for name in "current_device_index synchronize current_device_idx memory_allocated".split():
    try: getattr(T.accelerator, name)()
    except RuntimeError as error: r.append(str(error))
""",
    "cuda without a GPU": """
c = T.cuda
r = [c.is_available(), c.device_count(), c.empty_cache(), c.memory_allocated(), c.max_memory_allocated()]
r += [c.memory_reserved(), c.max_memory_reserved(), c.memory_cached(), c.is_initialized(), c.get_rng_state_all()]
r += [c.manual_seed(3), c.manual_seed_all(3), c.seed(), c.seed_all(), c.is_bf16_supported(), c.get_arch_list()]
r += [c.set_rng_state(T.get_rng_state())]
""",
    "random": """
T.random.manual_seed(5)
before = T.random.get_rng_state()
with T.random.fork_rng():
    T.rand(3)
r = [T.random.initial_seed(), bool((before == T.random.get_rng_state()).all())]
r += [T.default_generator is T.random.default_generator]
""",
    "overrides": "o = T.overrides; r = [o.has_torch_function((a,)), o.is_tensor_like(a), o.is_tensor_like(3)]",
    "trees": """
p = T.utils._pytree
import collections
Pair = collections.namedtuple("Pair", "x y")
tree = {"a": [a, 2], "b": (3, Pair(4, {"c": a}))}
leaves, spec = p.tree_flatten(tree)
back = p.tree_unflatten(leaves, spec)
r = [leaves, back["a"][1], spec.num_leaves, spec == p.tree_structure(back), spec == p.tree_structure([1])]
r += [p.tree_leaves(p.tree_map(lambda x: x * 2, tree)), p.tree_leaves(p.tree_map_only(int, lambda x: -x, tree))]
r += [p.tree_all(lambda x: True, tree), p.tree_any(lambda x: False, tree)]
r += [p.tree_leaves(p.tree_map(lambda x, y: x + y, [1, (2, 3)], [10, (20, 30)]))]
""",
    "attention's backends": """
from importlib import import_module
at = import_module(T.__name__ + ".nn.attention")
on = T.backends.cuda
q = T.arange(24.0).reshape(1, 2, 3, 4) / 24
with at.sdpa_kernel(at.SDPBackend.MATH):
    r = [on.math_sdp_enabled(), on.flash_sdp_enabled(), T.nn.functional.scaled_dot_product_attention(q, q, q)]
with at.sdpa_kernel([at.SDPBackend.FLASH_ATTENTION, at.SDPBackend.MATH]):
    r += [on.mem_efficient_sdp_enabled(), on.flash_sdp_enabled()]
r += [on.mem_efficient_sdp_enabled(), at.SDPBackend.MATH.name, at.SDPBackend.FLASH_ATTENTION.value]
""",
    "DataParallel": """
m = T.nn.Linear(2, 2)
d = T.nn.DataParallel(m)
r = [d(T.ones(1, 2)) - m(T.ones(1, 2)), list(d.state_dict()), d.module is m]
""",
    "sizes": """
from importlib import import_module
u = import_module(T.__name__ + ".nn.modules.utils")
r = [u._pair(3), u._triple((1, 2, 3)), u._ntuple(4)("a"), u._reverse_repeat_tuple((1, 2), 2)]
r += [u._list_with_default([None, 3], [7, 8, 9])]
""",
    "bases": """
from importlib import import_module
m = lambda name: import_module(T.__name__ + ".nn.modules." + name)
r = [isinstance(T.nn.BatchNorm2d(2), m("batchnorm")._BatchNorm), isinstance(T.nn.Conv1d(1, 1, 1), m("conv")._ConvNd)]
r += [isinstance(T.nn.InstanceNorm1d(2), m("batchnorm")._NormBase), isinstance(T.nn.L1Loss(), m("loss")._Loss)]
r += [isinstance(T.nn.Dropout2d(), m("dropout")._DropoutNd), isinstance(T.nn.MaxPool2d(2), m("pooling")._MaxPoolNd)]
r += [m("activation").MultiheadAttention is T.nn.MultiheadAttention, m("rnn").LSTM is T.nn.LSTM]
r += [isinstance(T.nn.ConvTranspose2d(1, 1, 1), m("conv")._ConvTransposeNd), T.nn.modules.Linear is T.nn.Linear]
""",
    "prefix": """
d = {"module.a": 1, "b": 2, "module.c": 3}
from importlib import import_module
import_module(T.__name__ + ".nn.modules.utils").consume_prefix_in_state_dict_if_present(d, "module.")
r = sorted(d.items())
""",
    "stateless": """
m = T.nn.Linear(4, 2)
from importlib import import_module
call = import_module(T.__name__ + ".nn.utils.stateless").functional_call
r = call(m, {"weight": T.ones(2, 4), "bias": T.zeros(2)}, (a,))
""",
    "older types": """
r = [T.FloatTensor([1, 2]), T.LongTensor([[1, 2], [3, 4]]), T.DoubleTensor([1.5]), T.ByteTensor([1, 0])]
r += [T.FloatTensor(2, 3).shape, T.IntTensor(T.Size([2, 2])).shape, T.HalfTensor().shape, T.ShortTensor([1])]
r += [T.CharTensor([1]), T.BoolTensor([True])]
r += [isinstance(a, T.FloatTensor), isinstance(a, T.DoubleTensor), isinstance(T.tensor([1]), T.LongTensor)]
r += [a.type(T.DoubleTensor), a.type("torch.IntTensor"), a.type() == "torch.FloatTensor", str(T.LongTensor([1]).type())]
r += [isinstance(a, T.cuda.FloatTensor), T.BFloat16Tensor([1.0])]
""",
    "default type": """
T.set_default_tensor_type(T.DoubleTensor)
r = [T.ones(2), T.tensor(1.0)]
T.set_default_tensor_type("torch.FloatTensor")
r += [T.ones(2)]
""",
    "new": """
x = T.arange(3)
r = [x.new([4, 5]), x.new(2, 3).shape, x.new().shape, x.new(T.Size([1, 2])).dtype, a.new([[1, 2]]), x.new(x)]
""",
    "dense": """
r = [a.is_sparse, a.is_sparse_csr, a.is_quantized, a.is_meta, a.is_nested, a.is_mkldnn, a.is_mps, a.is_xpu, a.is_xla]
r += [a.to_dense(), a.sparse_dim(), a.dense_dim(), a.to_dense(T.float64), T.angle(b), T.angle(T.tensor([-1, 2]))]
""",
    "methods of sparse tensors": """
r = []
for name in "coalesce is_coalesced indices values crow_indices col_indices row_indices ccol_indices".split():
    try: getattr(a, name)()
    except RuntimeError as error: r.append(str(error))
""",
    "datasets side by side": """
from importlib import import_module
D = import_module(T.__name__ + ".utils.data")
one, two = D.TensorDataset(T.arange(3)), D.TensorDataset(T.arange(3.0))
class Stream(D.IterableDataset):
    def __iter__(self): return iter([1, 2])
    def __len__(self): return 2
r = [D.StackDataset(one, two)[1], sorted(D.StackDataset(x=one, y=two)[2].items()), len(D.StackDataset(one))]
r += [list(D.ChainDataset([Stream(), Stream()])), len(D.ChainDataset([Stream()]))]
r += [sorted(D.SubsetRandomSampler([4, 7, 9])), set(D.WeightedRandomSampler([0.0, 1.0, 0.0], 5)) == {1}]
r += [len(list(D.WeightedRandomSampler([0.1, 0.2], 2, False))), len(D.WeightedRandomSampler([1, 2], 3))]
for bad in (lambda: D.StackDataset(), lambda: D.WeightedRandomSampler([1], 0), lambda: D.StackDataset(one, [1])):
    try: bad()
    except ValueError as error: r.append(str(error))
for name, key in (("sampler", "Sampler"), ("dataset", "Dataset"), ("dataloader", "default_collate")):
    r.append(getattr(import_module(T.__name__ + ".utils.data." + name), key) is getattr(D, key))
""",
    "older switches of attention": """
import warnings
c = T.backends.cuda
with c.sdp_kernel(enable_flash=False): r = [c.flash_sdp_enabled(), c.math_sdp_enabled()]
r += [c.flash_sdp_enabled(), isinstance(T.optim.lr_scheduler._LRScheduler, type), T.nn.modules.utils._pair(2)]
""",
    "futures": """
F = T.futures
f, g = F.Future(), F.Future()
both, after = F.collect_all([f, g]), f.then(lambda x: x.wait() + 1)
r = [f.done()]
f.set_result(3)
g.set_result(4)
r += [f.wait(), after.wait(), [x.wait() for x in both.wait()], F.wait_all([f, g])]
""",
    "LSTM states as a list": """
m = T.nn.LSTM(2, 3)
for p in m.parameters(): T.nn.init.constant_(p, 0.1)
h = [T.ones(1, 2, 3), T.zeros(1, 2, 3)]
r = m(T.ones(4, 2, 2), h)
""",
    "Buffer": """
class M(T.nn.Module):
    def __init__(self):
        super().__init__()
        self.kept = T.nn.Buffer(T.ones(2))
        self.other = T.nn.Buffer(T.zeros(3), persistent=False)
m = M()
m.kept = T.arange(2.0)
r = [list(m.state_dict()), [name for name, _ in m.named_buffers()], m.kept, list(m.parameters())]
""",
    "uninitialized": """
p = T.nn.parameter.UninitializedParameter()
try: p.shape
except RuntimeError as error: r = [str(error)]
p.materialize((2, 3))
r += [p.shape, isinstance(p, T.nn.Parameter), type(p) is T.nn.Parameter, p.requires_grad]
""",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    """What is compared is what both do without a GPU."""
    monkeypatch.setenv("AUTOGRAD_GPU_EMULATE", "0")


def run(library, code):
    names = {
        "T": library,
        "a": library.tensor([[1.0, 2.0, -3.0, 0.5], [0.25, -1.0, 4.0, 2.0]]),
        "b": library.tensor([[-1.0, 2.0], [float("nan"), 0.0]]),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, names)
    return names["r"]


@pytest.mark.parametrize("name", BLOCKS)
def test_pytorch_gives_the_same(name):
    code = BLOCKS[name]
    assert_same(as_plain(run(ag, code)), as_plain(run(torch, code)), name)


def as_plain(value):
    """Lists and tuples of tensors and plain values, device and dtype as text."""
    if isinstance(value, (list, tuple)):
        return [as_plain(one) for one in value]
    return (
        value
        if isinstance(value, (ag.Tensor, torch.Tensor, bool, int, float, str, type(None)))
        else str(value).replace("autograd_gpu", "torch")
    )


LAZY = {
    "LazyLinear": ((3,), (2, 5)), "LazyConv1d": ((4, 3), (2, 6, 8)), "LazyConv2d": ((4, 3, 2), (2, 6, 8, 8)),
    "LazyConv3d": ((2, 2), (1, 3, 4, 4, 4)), "LazyConvTranspose1d": ((4, 3), (2, 6, 8)),
    "LazyConvTranspose2d": ((4, 3), (2, 6, 4, 4)), "LazyConvTranspose3d": ((2, 2), (1, 3, 3, 3, 3)),
    "LazyBatchNorm1d": ((), (4, 3)), "LazyBatchNorm2d": ((), (4, 3, 2, 2)), "LazyBatchNorm3d": ((), (2, 3, 2, 2, 2)),
    "LazyInstanceNorm1d": ((1e-3,), (4, 3, 5)), "LazyInstanceNorm2d": ((), (4, 3, 2, 2)),
    "LazyInstanceNorm3d": ((), (2, 3, 2, 2, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAZY)
def test_a_lazy_layer_becomes_the_layer(name):
    arguments, shape = LAZY[name]
    results = []
    for library in (ag, torch):
        layer = getattr(library.nn, name)(*arguments)
        before = [layer.has_uninitialized_params(), list(layer.state_dict()) if "Norm" not in name else None]
        x = library.arange(1.0, 1.0 + torch.Size(shape).numel()).reshape(shape) / 7
        layer(x)
        for parameter in layer.parameters():
            library.nn.init.constant_(parameter, 0.1)
        results.append([*before, type(layer).__name__, str(layer), layer(x), list(layer.state_dict())])
    assert_same(*results, name, 1e-5)


@pytest.mark.parametrize("head_bias", [False, True])
def test_adaptive_softmax(head_bias):
    results = []
    for library in (ag, torch):
        layer = library.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10, 15], div_value=2.0, head_bias=head_bias)
        for number, parameter in enumerate(layer.parameters()):
            values = library.arange(float(parameter.numel())).reshape(parameter.shape)
            with library.no_grad():
                parameter.copy_((values * (number + 1)).sin())
        x = library.arange(48.0).reshape(6, 8).cos().requires_grad_()
        output, loss = layer(x, library.tensor([0, 4, 5, 12, 19, 7]))
        loss.backward()
        one = layer(x[0], library.tensor(3))
        results.append(
            [output, loss, x.grad, *(p.grad for p in layer.parameters()), layer.log_prob(x), layer.predict(x)]
        )
        results[-1] += [*one, list(layer.state_dict())]
        with pytest.raises(RuntimeError, match="Target values should be in"):
            layer(x, library.tensor([0, 4, 5, 12, 20, 7]))
        with pytest.raises(ValueError, match="unique, positive integers sorted"):
            library.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 30])
    assert_same(*results, "AdaptiveLogSoftmaxWithLoss")


def test_fractional_pools_as_modules():
    results = []
    for library in (ag, torch):
        x = library.arange(2 * 3 * 64.0).reshape(2, 3, 8, 8).sin()
        samples = library.arange(12.0).reshape(2, 3, 2) / 12
        pool = library.nn.FractionalMaxPool2d(2, output_size=(4, 5), return_indices=True, _random_samples=samples)
        ratio = library.nn.FractionalMaxPool2d(3, output_ratio=0.5, _random_samples=samples)
        x3 = library.arange(2 * 6**3 * 1.0).reshape(1, 2, 6, 6, 6).sin()
        pool3 = library.nn.FractionalMaxPool3d(2, 3, _random_samples=library.arange(6.0).reshape(1, 2, 3) / 6)
        results.append([*pool(x), ratio(x), pool3(x3)])
        with pytest.raises(ValueError, match="either an output size, or a pooling ratio"):
            library.nn.FractionalMaxPool2d(2)
    assert_same(*results, "FractionalMaxPool")


def test_synchronised_batch_norm_of_one_process():
    norm = ag.nn.SyncBatchNorm.convert_sync_batchnorm(ag.nn.Sequential(ag.nn.Linear(3, 3), ag.nn.BatchNorm1d(3)))
    assert isinstance(norm[1], ag.nn.SyncBatchNorm) and isinstance(norm[1], ag.nn.modules.batchnorm._BatchNorm)
    x = ag.arange(12.0).reshape(4, 3)
    assert_same(norm[1](x), torch.nn.BatchNorm1d(3)(torch.arange(12.0).reshape(4, 3)), "SyncBatchNorm")
    theirs = torch.nn.SyncBatchNorm.convert_sync_batchnorm(torch.nn.Sequential(torch.nn.BatchNorm1d(3)))
    assert list(theirs[0].state_dict()) == list(norm[1].state_dict())


FOREACH = """
_foreach_add(x, 2) _foreach_add(x,y) _foreach_add(x,y,alpha=3) _foreach_add(x,[1.0,2.0]) _foreach_add(x,T.tensor(2.0))
_foreach_sub(x,y) _foreach_mul(x,y) _foreach_mul(x,0.5) _foreach_mul(x,T.tensor(0.5)) _foreach_div(x,[2.0,3.0])
_foreach_div(x,y) _foreach_pow(x,2) _foreach_pow(x,[1.0,2.0]) _foreach_pow(2,x) _foreach_clamp_max(x,0.5)
_foreach_clamp_min(x,y) _foreach_maximum(x,y) _foreach_minimum(x,0.1) _foreach_maximum(x,[0.1,0.2])
_foreach_addcmul(x,y,y,value=2) _foreach_addcdiv(x,y,y,[1.0,2.0]) _foreach_addcdiv(x,y,y,T.tensor([1.0,2.0]))
_foreach_lerp(x,y,0.25) _foreach_lerp(x,y,x) _foreach_lerp(x,y,[0.1,0.2]) _foreach_norm(x) _foreach_norm(x,1)
_foreach_norm(x,dtype=T.float64) _foreach_max(x) _foreach_clone(x) _foreach_sqrt(x) _foreach_sigmoid(x) _foreach_neg(x)
_foreach_reciprocal(x) _foreach_sign(x) _foreach_round(x)
_foreach_add_(x,y,alpha=2) _foreach_mul_(x,0.5) _foreach_lerp_(x,y,0.25) _foreach_addcdiv_(x,y,y,value=-0.5)
_foreach_copy_(x,y) _foreach_zero_(x) _foreach_sqrt_(x) _foreach_maximum_(x,y) _foreach_clamp_min_(x,0.5)
_foreach_pow_(x,2)
""".replace("(x, ", "(x,").split()


@pytest.mark.parametrize("call", FOREACH)
def test_lists_of_tensors(call):
    results = []
    for library in (ag, torch):
        x = [library.tensor([0.5, 1.5, 2.5]), library.tensor([[0.25, 4.0]])]
        y = [library.tensor([1.0, 0.5, 2.0]), library.tensor([[2.0, 3.0]])]
        result = eval(f"T.{call}", {"T": library, "x": x, "y": y})
        results.append([list(result) if result is not None else None, x])
    assert_same(*results, call)


def test_every_function_on_lists_is_there():
    theirs = {name for name in dir(torch) if name.startswith("_foreach_")}
    assert {name for name in theirs if not hasattr(ag, name)} == {"_foreach_mm", "_foreach_powsum"}


def test_lists_must_be_of_one_length():
    for library in (ag, torch):
        with pytest.raises(RuntimeError, match="must have the same number of tensors, got 1 and 2"):
            library._foreach_add([library.ones(1)], [library.ones(1)] * 2)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("enforce_sorted", [False, True])
def test_packed_sequences_go_through_recurrent_layers(kind, bidirectional, enforce_sorted):
    lengths = [5, 4, 4, 1] if enforce_sorted else [4, 5, 1, 4]
    results = []
    for library in (ag, torch):
        rnn = library.nn.utils.rnn
        layer = getattr(library.nn, kind)(3, 2, num_layers=2, bidirectional=bidirectional)
        for number, parameter in enumerate(layer.parameters()):
            with library.no_grad():
                parameter.copy_(
                    (library.arange(float(parameter.numel())) * (number + 1)).sin().reshape(parameter.shape)
                )
        x = library.arange(60.0).reshape(5, 4, 3).cos().requires_grad_()
        states = [library.full((4 if bidirectional else 2, 4, 2), 0.3) * library.arange(4.0).reshape(4, 1)]
        states = [states[0], states[0] * 2] if kind == "LSTM" else states
        found = []
        for given in (None, tuple(states) if kind == "LSTM" else states[0]):
            packed = rnn.pack_padded_sequence(x, library.tensor(lengths), enforce_sorted=enforce_sorted)
            output, last = layer(packed, given)
            padded, sizes = rnn.pad_packed_sequence(output, padding_value=-1.0, total_length=6)
            loss = padded.sum() + sum(state.sum() for state in (last if kind == "LSTM" else [last]))
            found += [
                padded,
                sizes,
                last,
                output.data,
                output.batch_sizes,
                *library.autograd.grad(loss, [x, *layer.parameters()]),
            ]
        results.append(found)
    assert_same(*results, kind)


def test_padding_and_packing():
    results = []
    for library in (ag, torch):
        rnn = library.nn.utils.rnn
        parts = [library.arange(float(n * 2)).reshape(n, 2) for n in (2, 4, 3)]
        padded = rnn.pad_sequence(parts, batch_first=True, padding_value=9.0)
        packed = rnn.pack_sequence(parts, enforce_sorted=False)
        results.append([
            padded, rnn.pad_sequence(parts), rnn.pad_sequence(parts, padding_side="left"), list(packed),
            rnn.unpad_sequence(padded, library.tensor([2, 4, 3]), batch_first=True), rnn.unpack_sequence(packed),
            list(packed.to(library.float64)), rnn.invert_permutation(library.tensor([2, 0, 1])),
        ])  # fmt: skip
        with pytest.raises(RuntimeError, match="must be sorted in decreasing order"):
            rnn.pack_sequence(parts)
        with pytest.raises(RuntimeError, match="greater than 0"):
            rnn.pack_padded_sequence(padded, [0, 1, 1], batch_first=True, enforce_sorted=False)
        with pytest.raises(ValueError, match="Expected total_length to be at least"):
            rnn.pad_packed_sequence(packed, total_length=2)
    assert_same(*results, "rnn")


def test_what_needs_torch_itself_raises():
    for call in (
        ag.jit.load,
        ag.jit.save,
        ag.onnx.export,
        ag.hub.load,
        ag.fx.symbolic_trace,
    ):
        with pytest.raises(NotImplementedError):
            call("x")
    with pytest.raises(ValueError, match="Default process group"):
        ag.nn.parallel.DistributedDataParallel(ag.nn.Linear(1, 1))
    with pytest.raises(RuntimeError, match="view_as_real is only supported for complex"):
        ag.view_as_real(ag.ones(2))


def test_memory_is_pinned_for_a_gpu_alone():
    for library in (ag, torch):
        with pytest.raises(RuntimeError, match="Cannot access accelerator device when none is available"):
            library.ones(2).pin_memory()


def test_a_block_for_a_gpu_that_is_not_there_does_nothing():
    with ag.cuda.device(0), ag.cuda.device_of(ag.ones(1)):
        assert not ag.cuda.is_available()


OLDER = """
m = T.nn.utils.weight_norm(layer)
r = [m(x), sorted(m.state_dict()), m.weight_g, m.weight_v]
m(x).square().sum().backward()
r += [m.weight_g.grad, m.weight_v.grad]
T.nn.utils.remove_weight_norm(m)
r += [m(x), sorted(m.state_dict()), m.weight]
---
m = T.nn.utils.weight_norm(layer, "weight", None)
r = [m(x), m.weight_g]
---
m = T.nn.utils.spectral_norm(layer)
with T.no_grad(): m.weight_u.copy_(T.tensor([0.6, 0.8])); m.weight_v.copy_(T.tensor([1.0, 0, 0, 0]))
r = [m(x), sorted(m.state_dict()), m.weight_u]
m.eval()
m(x).square().sum().backward()
r += [m(x), m.weight_orig.grad]
T.nn.utils.remove_spectral_norm(m)
r += [m(x), sorted(m.state_dict())]
""".split("---")


@pytest.mark.parametrize("code", OLDER)
def test_older_norms_of_weights(code):
    results = []
    for library in (ag, torch):
        layer = library.nn.Linear(4, 2)
        with library.no_grad():
            layer.weight.copy_(library.arange(8.0).reshape(2, 4).sin())
            layer.bias.zero_()
        names = {"T": library, "layer": layer, "x": library.arange(12.0).reshape(3, 4) / 5}
        exec(code, names)
        results.append(names["r"])
    assert_same(*results, code)


def test_compiling_warns_once():
    for call in (ag.compile, ag.jit.script):
        importlib.import_module(call.__module__)._warn.cache_clear()
        with pytest.warns(UserWarning, match="compiles nothing"):
            assert call(len) is len
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call(len)


def test_files_are_fetched_whole_or_not_at_all(tmp_path):
    results = []
    for library, name in ((ag, "ours"), (torch, "theirs")):
        source = tmp_path / f"{name}.bin"
        source.write_bytes(b"weights")
        place = tmp_path / f"{name}.got"
        library.hub.download_url_to_file(source.as_uri(), str(place), progress=False)
        assert place.read_bytes() == b"weights"
        with pytest.raises(RuntimeError, match="invalid hash value"):
            library.hub.download_url_to_file(source.as_uri(), str(tmp_path / "other"), "00", progress=False)
        results.append(sorted(path.name.replace(name, "") for path in tmp_path.iterdir() if name in path.name))
        before = library.hub.get_dir()
        library.hub.set_dir(str(tmp_path))
        assert library.hub.get_dir() == str(tmp_path)
        library.hub.set_dir(before)
    assert results[0] == results[1]
