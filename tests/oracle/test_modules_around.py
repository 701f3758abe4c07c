"""What stands around modules and optimizers: hooks of all modules, of state dicts and steps, pruning, orthogonal
weights, lists of parameters, comparisons of tensors. Each block runs in both libraries and gives the same; one that
raises is compared by its error."""

import re

import numpy as np
import pytest
import torch
import torch.nn.utils.prune
import torch.utils._foreach_utils
from conftest import assert_same

import autograd_gpu as ag

# T is the library, net two layers with tanh between them, x their input; r is what is compared.
BLOCKS = {
    "hooks of all modules": """
module, order, handles = T.nn.modules.module, [], []
handles += [module.register_module_forward_pre_hook(lambda m, i: order.append(("before", type(m).__name__, len(i))))]
handles += [module.register_module_forward_hook(lambda m, i, o: order.append(("after", type(m).__name__)))]
handles += [net[0].register_forward_pre_hook(lambda m, i: order.append("own before"))]
handles += [net[0].register_forward_hook(lambda m, i, o: order.append("own after"))]
try: net(x)
finally: [h.remove() for h in handles]
net(x)
r = order
""",
    "hooks of all modules, of backward": """
module, order, handles = T.nn.modules.module, [], []
handles += [module.register_module_full_backward_pre_hook(lambda m, g: order.append(("before", type(m).__name__)))]
handles += [module.register_module_full_backward_hook(lambda m, i, o: order.append((type(m).__name__, len(i), len(o))))]
try: net(x.requires_grad_()).sum().backward()
finally: [h.remove() for h in handles]
r = [order, x.grad]
T.nn.modules.module._global_is_full_backward_hook = None
""",
    "a hook of all modules with keywords": """
class Two(T.nn.Module):
    def forward(self, x, *, y): return x * y
seen = []
hook = lambda m, args, kwargs, out: seen.append((len(args), sorted(kwargs))) or out + 1
handle = T.nn.modules.module.register_module_forward_hook(hook, with_kwargs=True)
try: r = [Two()(x, y=2.0), seen]
finally: handle.remove()
""",
    "hooks of registration": """
module, seen, handles = T.nn.modules.module, [], []
handles += [module.register_module_parameter_registration_hook(lambda m, n, p: seen.append(("parameter", n)))]
handles += [module.register_module_buffer_registration_hook(lambda m, n, b: seen.append(("buffer", n)))]
handles += [module.register_module_module_registration_hook(lambda m, n, c: seen.append(("module", n)))]
try: T.nn.Sequential(T.nn.Linear(2, 3), T.nn.BatchNorm1d(3))
finally: [h.remove() for h in handles]
T.nn.Linear(1, 1)
r = seen
""",
    "always called": """
class Broken(T.nn.Module):
    def forward(self, x): raise ValueError("no")
seen, m = [], Broken()
m.register_forward_hook(lambda m, i, o: seen.append("not this"))
m.register_forward_hook(lambda m, i, o: seen.append(o), always_call=True)
try: m(x)
except ValueError as error: seen.append(str(error))
m = T.nn.Identity()
m.register_forward_hook(lambda m, i, o: seen.append("once"), always_call=True)
m(x)
r = seen
""",
    "always called after another hook's error": """
seen, m = [], T.nn.Identity()
def bad(m, i, o): raise KeyError("hook")
m.register_forward_hook(lambda m, i, o: seen.append("first"), always_call=True)
m.register_forward_hook(bad)
m.register_forward_hook(lambda m, i, o: seen.append("last"), always_call=True)
try: m(x)
except KeyError: seen.append("raised")
r = seen
""",
    "the old backward hook": """
seen, m = [], T.nn.Tanh()
handle = m.register_backward_hook(lambda m, i, o: seen.extend([type(m).__name__, *i, *o]))
m(x.requires_grad_()).sum().backward()
handle.remove()
r = [seen, x.grad]
""",
    "old and new backward hooks": """
net.register_backward_hook(lambda m, i, o: None)
net.register_full_backward_hook(lambda m, i, o: None)
""",
    "the old backward hook changes a gradient": """
m = T.nn.Tanh()
m.register_backward_hook(lambda m, i, o: (i[0] * 2,))
m(x.requires_grad_()).sum().backward()
r = x.grad
""",
    "metadata of a state dict": """
m = T.nn.Sequential(T.nn.Linear(2, 3), T.nn.BatchNorm1d(3))
r = [dict(m.state_dict()._metadata), sorted(m.state_dict("pre." and {}, "p."))]
""",
    "hooks of a state dict": """
order = []
net[0].register_state_dict_pre_hook(lambda m, prefix, keep: order.append((prefix, keep)))
def after(m, state, prefix, meta): state[prefix + "more"] = T.ones(1); order.append(sorted(meta))
net.register_state_dict_post_hook(after)
net[2]._register_state_dict_hook(lambda m, state, prefix, meta: order.append("private"))
r = [sorted(net.state_dict()), order]
""",
    "a post hook that returns something": """
net.register_state_dict_post_hook(lambda *a: {})
net.state_dict()
""",
    "hooks of loading": """
order = []
def before(m, state, prefix, meta, strict, missing, unexpected, errors):
    order.append((type(m).__name__, prefix, strict))
    state[prefix + "weight"] = state.pop(prefix + "old_weight")
net[0].register_load_state_dict_pre_hook(before)
net[2]._register_load_state_dict_pre_hook(lambda state, prefix, *rest: order.append(prefix))
net.register_load_state_dict_post_hook(lambda m, keys: order.append((keys.missing_keys, keys.unexpected_keys)))
state = {k.replace("0.weight", "0.old_weight"): v * 2 for k, v in net.state_dict().items()}
r = [str(net.load_state_dict(state)), order, net[0].weight.detach(), sorted(state)]
""",
    "a hook forgives missing keys": """
net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
r = [str(net.load_state_dict({"0.weight": T.ones(4, 3)})), net[0].weight.detach()]
""",
    "a module with its own way to save and load": """
class Own(T.nn.Module):
    _version = 3
    def __init__(self):
        super().__init__()
        self.w = T.nn.Parameter(T.zeros(2))
    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "twice"] = self.w.detach() * 2
    def _load_from_state_dict(self, state, prefix, meta, strict, missing, unexpected, errors):
        seen.append(meta.get("version"))
        self.twice = state.pop(prefix + "twice")
        super()._load_from_state_dict(state, prefix, meta, strict, missing, unexpected, errors)
        seen.append(self.w.detach().clone())
seen, m = [], T.nn.ModuleList([Own()])
state = m.state_dict()
state["0.w"] = T.ones(2)
m.load_state_dict(state)
r = [sorted(state), seen, m[0].twice]
""",
    "unexpected extra state": "net.load_state_dict({**net.state_dict(), '0._extra_state': 1})",
    "unexpected below a layer": "net.load_state_dict({**net.state_dict(), '0.weight.more': x})",
    "hooks of all optimizers": """
import importlib
O = importlib.import_module(f"{T.__name__}.optim.optimizer")
order, o = [], T.optim.SGD(net.parameters(), 0.1)
handles = [O.register_optimizer_step_pre_hook(lambda *a: order.append("all before"))]
handles += [O.register_optimizer_step_post_hook(lambda *a: order.append("all after"))]
handles += [o.register_step_pre_hook(lambda *a: order.append("before"))]
handles += [o.register_step_post_hook(lambda *a: order.append("after"))]
try: o.step()
finally: [h.remove() for h in handles]
o.step()
r = order
""",
    "a list of parameters": """
P = T.nn.ParameterList([T.ones(2), T.nn.ParameterList([T.zeros(1)]), T.nn.Linear(1, 1, bias=False), 3])
P += [T.ones(1)]
r = [[n for n, _ in P.named_parameters()], len(P), type(P[1]).__name__, P[3], len(P[1:3]), P[-1]]
r += [isinstance(P[0], T.nn.Parameter)]
""",
    "a list of parameters, too far": "T.nn.ParameterList([T.ones(1)])[1]",
    "a list of parameters, no list": "T.nn.ParameterList([]).extend(3)",
    "a dict of parameters": """
P = T.nn.ParameterDict({"a": T.ones(2), "of": T.zeros(1)})
P["b"] = 3
r = [list(P), sorted(P.state_dict()), P.get("z"), P.pop("b"), P.setdefault("c", T.ones(1)), "c" in P, list(reversed(P))]
Q = P | T.nn.ParameterDict({"d": T.ones(1)})
r += [list(Q), list(Q.copy()), Q.popitem()[0], list(P.fromkeys(["u"], 1.0).items())]
del Q["a"]
Q.clear()
r += [len(Q)]
""",
    "a dict of parameters, no name": "T.nn.ParameterDict({1: T.ones(1)})",
    "containers added and multiplied": """
s = T.nn.Sequential(T.nn.Linear(1, 1)) + T.nn.Sequential(T.nn.ReLU())
r = [len(s), len(s * 3), len(2 * s), len(T.nn.ModuleList([s]) + T.nn.ModuleList([s, s]))]
s *= 2
s += T.nn.Sequential(T.nn.Tanh())
r += [len(s), (s * 2)[0] is s[0]]
""",
    "pruned": """
P = T.nn.utils.prune
P.l1_unstructured(net[0], "weight", amount=0.25)
r = [sorted(net.state_dict()), net[0].weight_mask, net(x), P.is_pruned(net), P.is_pruned(net[2])]
net(x).sum().backward()
r += [net[0].weight_orig.grad]
P.l1_unstructured(net[0], "weight", amount=3)
P.ln_structured(net[0], "weight", amount=1, n=2, dim=1)
r += [net[0].weight_mask, net(x), len(list(net[0]._forward_pre_hooks.values())[0])]
P.remove(net[0], "weight")
r += [sorted(net.state_dict()), net[0].weight, P.is_pruned(net), net(x)]
""",
    "pruned by masks and everywhere": """
P = T.nn.utils.prune
P.custom_from_mask(net[0], "bias", T.tensor([1, 0, 1, 0]))
P.identity(net[2], "weight")
P.global_unstructured([(net[0], "weight"), (net[2], "weight")], P.L1Unstructured, amount=0.5)
r = [net[0].bias, net[0].weight_mask, net[2].weight_mask, net(x)]
P.ln_structured(net[2], "bias", 1, 2, 0, importance_scores=None) if False else None
r += [P.L1Unstructured(2).prune(x), P.LnStructured(1, n=1, dim=0).prune(x)]
scores = T.arange(12.0).reshape(4, 3)
P.remove(net[0], "weight")
r += [P.l1_unstructured(net[0], "weight", 4, importance_scores=scores).weight_mask]
""",
    "pruned by chance": """
P = T.nn.utils.prune
P.random_unstructured(net[0], "weight", 5)
P.random_structured(net[2], "weight", 1, dim=1)
r = [net[0].weight_mask.sum(), net[2].weight_mask.sum(0).sort()[0]]
""",
    "pruning: a share": "T.nn.utils.prune.l1_unstructured(net[0], 'weight', 1.5)",
    "pruning: below zero": "T.nn.utils.prune.l1_unstructured(net[0], 'weight', -1)",
    "pruning: too many": "T.nn.utils.prune.l1_unstructured(net[0], 'weight', 100)",
    "pruning: no number": "T.nn.utils.prune.l1_unstructured(net[0], 'weight', 'x')",
    "pruning: no such dimension": "T.nn.utils.prune.ln_structured(net[0], 'weight', 0.5, n=2, dim=3)",
    "pruning: a vector": "T.nn.utils.prune.ln_structured(net[0], 'bias', 0.5, 2, 0)",
    "pruning: not pruned": "T.nn.utils.prune.remove(net[0], 'weight')",
    "pruning: slices everywhere": """
P = T.nn.utils.prune
try: P.global_unstructured([(net[0], 'weight')], P.RandomStructured, amount=1)
except TypeError as error: r = str(error).split("Found")[0]
""",
    "layers fused with their norms": """
U = T.nn.utils.fusion
bn = T.nn.BatchNorm1d(4)
bn.running_mean.copy_(T.arange(4.0)); bn.running_var.copy_(T.arange(1.0, 5.0))
with T.no_grad(): bn.weight.copy_(T.arange(2.0, 6.0)); bn.bias.copy_(T.arange(4.0) / 3)
bn.eval(); net.eval()
fused = U.fuse_linear_bn_eval(net[0], bn)
r = [fused(x), bn(net[0](x))]
conv, bn2 = T.nn.Conv2d(1, 4, 2).eval(), T.nn.BatchNorm2d(4).eval()
bn2.load_state_dict(bn.state_dict())
with T.no_grad(): conv.weight.copy_(T.arange(16.0).reshape(4, 1, 2, 2)); conv.bias.copy_(T.arange(4.0))
r += [U.fuse_conv_bn_eval(conv, bn2)(T.arange(9.0).reshape(1, 1, 3, 3))]
""",
    "fused while training": "T.nn.utils.fusion.fuse_linear_bn_eval(net[0], T.nn.BatchNorm1d(4))",
    "no first draw": """
m = T.nn.utils.skip_init(T.nn.Linear, 3, 2)
r = [tuple(m.weight.shape), type(m).__name__]
""",
    "no first draw of no device": "T.nn.utils.skip_init(T.nn.ReLU)",
    "samples without a batch": """
import numpy
r = T.utils.data.default_convert({"a": numpy.arange(3), "b": [1, numpy.float32(2)], "c": "text", "d": (x, 1.5)})
r = [sorted(r), r["a"], r["b"], r["c"], r["d"]]
""",
    "linearized": """
f = lambda a, b: {"y": a.sin() * b, "z": b.sum()}
y, along = T.func.linearize(f, x, x + 1)
r = [y["y"], y["z"], list(along(T.ones(4, 3), x).values()), list(along(x, x).values())]
""",
    "linearized, another shape": "T.func.linearize(T.sin, x)[1](T.ones(2))",
    "adafactor": """
r = []
more = {"eps": (1e-8, 1e-2), "d": 2.0, "maximize": True, "beta2_decay": -0.5}
for settings in ({}, {"lr": 0.1, "weight_decay": 0.1}, more):
    for p in net.parameters(): p.data = p.data.clone() + 0.1
    o = T.optim.Adafactor(net.parameters(), **settings)
    for _ in range(3):
        o.zero_grad()
        net(x).square().sum().backward()
        o.step()
    r += [[p.detach().clone() for p in net.parameters()]]
    o2 = T.optim.Adafactor(net.parameters(), **settings)
    o2.load_state_dict(o.state_dict())
    r += [sorted(o2.state[net[0].weight]), o2.state[net[0].weight]["row_var"]]
""",
    "adafactor, a threshold below 1": "T.optim.Adafactor(net.parameters(), d=0.5)",
    "grouped for foreach": """
import importlib
importlib.import_module(f"{T.__name__}.utils._foreach_utils")
from_ = T.utils._foreach_utils._group_tensors_by_device_and_dtype
groups = from_([[x, x.double(), x], [x + 1, x.double(), x + 2]], with_indices=True)
r = sorted([str(k[1]).split(".")[1], [len(l) for l in v[0]], v[1]] for k, v in groups.items())
""",
    "reductions as numbers": """
R = T.nn._reduction
r = [R.get_enum("none"), R.get_enum("mean"), R.get_enum("sum"), R.legacy_get_string(None, False)]
r += [R.legacy_get_enum(False, None)]
""",
    "decompositions written to out": """
r, a = [], T.tensor([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
e, m, v = lambda: T.empty((3, 3)), lambda: T.empty(3), lambda: T.empty(())
i = lambda: T.empty((), dtype=T.int32)
L = T.linalg
for f, given, out in ((L.cholesky_ex, (a,), (e(), i())), (L.eigh, (a,), (m(), e())), (L.inv_ex, (a,), (e(), i())),
                      (L.slogdet, (a,), (v(), v())), (L.solve_ex, (a, a), (e(), i()))):
    f(*given, out=out)
    r += [[x.abs() for x in out]]
r += [L.cholesky_ex(a, out=None)[0]]
""",
    "a setting that every group gives": """
import importlib
required = importlib.import_module(f"{T.__name__}.optim.optimizer").required
class Own(T.optim.Optimizer):
    def __init__(self, params, lr=required): super().__init__(params, {"lr": lr})
Own(net.parameters())
""",
    "an optimizer around another, which is set up by hand": """
from collections import OrderedDict, defaultdict
class Around(T.optim.Optimizer):
    def __init__(self, inner):
        self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks = OrderedDict(), OrderedDict()
        self.inner, self.state, self.defaults = inner, defaultdict(dict), inner.defaults
        self.param_groups = inner.param_groups
        self._patch_step_function()
    def step(self): self.inner.step()
net(x).sum().backward()
seen, o = [], Around(T.optim.SGD(net.parameters(), 0.1))
o.register_step_post_hook(lambda *a: seen.append("after"))
o.step()
r = [seen, net[0].weight.detach()]
""",
    "words for types": """
import importlib
A = importlib.import_module(f"{T.__name__}.jit.annotations")
r = [A.BroadcastingList2[int] is int or True, A.List is not None]
""",
    "safe globals": """
S = T.serialization
with S.safe_globals([dict]): r = [dict in S.get_safe_globals()]
r += [dict in S.get_safe_globals()]
S.add_safe_globals([dict]); S.clear_safe_globals(); r += [S.get_safe_globals()]
""",
    "layouts by name": "r = [*map(str, (T.strided, T.sparse_coo, T.sparse_csr, T.jagged)), x.layout == T.sparse_coo]",
    "recurrent layers as functions": """
r = []
f = lambda *shape: (T.arange(float(T.Size(shape).numel())).reshape(shape) * 0.37).sin()
x = f(5, 2, 3).requires_grad_()
for name, gates in (("lstm", 4), ("gru", 3), ("rnn_tanh", 1), ("rnn_relu", 1)):
    weights, size = [], 3
    for layer in range(2):
        for direction in range(2):
            weights += [f(gates * 4, size), f(gates * 4, 4), f(gates * 4), f(gates * 4) / 2]
        size = 8
    h = f(4, 2, 4)
    hx = (h, h * 2) if name == "lstm" else h
    out = getattr(T, name)(x, hx, weights, True, 2, 0.0, False, True, False)
    r += [out, T.autograd.grad(out[0].sum(), x)[0]]
    one = [w for w in weights[:2]]
    sizes = T.tensor([2, 2, 1])
    data = f(5, 3)
    start = (h[:1], h[:1]) if name == "lstm" else h[:1]
    r += [getattr(T, name)(data, sizes, start, one, False, 1, 0.0, True, False)]
    cell = getattr(T, name + "_cell")
    state = (f(5, 4), f(5, 4)) if name == "lstm" else f(5, 4)
    r += [cell(data, state, *weights[:4]), cell(data, state, *one)]
projected = [f(16, 3), f(16, 2), f(16), f(16), f(2, 4)]
r += [T.lstm(f(2, 5, 3), (f(1, 2, 2), f(1, 2, 4)), projected, True, 1, 0.0, False, False, True)]
""",
    "functional": "r = [T.functional.split(x, 2), T.functional.einsum('ij->j', x), T.functional.norm(x)]",
    "made tensors": """
M = T.testing.make_tensor
r = []
for dtype in (T.float32, T.float64, T.int64, T.uint8, T.bool):
    t = M((3, 4), dtype=dtype, device="cpu")
    r += [dtype, tuple(t.shape), bool((t.int() >= -9).all() and (t <= 10).all())]
t = M(3, 4, dtype=T.float32, device="cpu", noncontiguous=True, requires_grad=True, low=2, high=3)
r += [t.is_contiguous(), t.requires_grad, t.is_leaf, bool((t >= 2).all() and (t <= 3).all())]
r += [bool((M(50, dtype=T.int64, device="cpu", low=0, high=2, exclude_zero=True) == 1).all())]
""",
    "made tensors with no bounds": "T.testing.make_tensor(2, dtype=T.int64, device='cpu', low=3, high=3)",
    "made integers with gradients": "T.testing.make_tensor(2, dtype=T.int64, device='cpu', requires_grad=True)",
}

COMPARISONS = """
x, x + 1e-7
x, x + 1
x, x * 1.001
x.double(), x.double() + 1e-6
x, x.double()
x, x[:2]
[x, x + 1], [x, x]
[x], [x, x]
{"a": x, "b": 1}, {"a": x, "b": 2}
{"a": x}, {"b": x}
1.0, 1.0 + 1e-9
1.0, 1.1
1, 1.0
1, 2
True, False
True, True
None, None
None, 1
x, 1.0
"a", "a"
x.long(), x.long() + 1
x.sum(), x.sum() + 1
x[0] * float("nan"), x[0] * float("nan")
x[0] / 0, x[0] / 0
float("nan"), float("nan")
""".strip().splitlines()


def network(library):
    net = library.nn.Sequential(library.nn.Linear(3, 4), library.nn.Tanh(), library.nn.Linear(4, 2))
    with library.no_grad():
        for number, parameter in enumerate(net.parameters()):
            values = np.cos(np.arange(parameter.numel()) + number).reshape(tuple(parameter.shape))
            parameter.copy_(library.tensor(values))
    return net


def outcome(library, code):
    names = {"T": library, "net": network(library), "x": library.linspace(-1, 2, 12).reshape(4, 3)}
    try:
        exec(code, names)
    except Exception as error:
        return type(error).__name__, str(error)
    return names.get("r")


@pytest.mark.parametrize("name", BLOCKS)
def test_around_modules(name):
    ours, theirs = outcome(ag, BLOCKS[name]), outcome(torch, BLOCKS[name])
    if isinstance(theirs, tuple) and len(theirs) == 2 and theirs[0].endswith("Error"):
        assert ours[0] == theirs[0], (ours, theirs)
        if not re.search("linearize|used as a key", ours[1]):  # it says more, or less
            assert ours[1].replace("autograd_gpu.tensor", "torch").replace("autograd_gpu", "torch") == theirs[1]
    else:
        assert_same(ours, theirs, name)


@pytest.mark.parametrize("pair", COMPARISONS)
@pytest.mark.parametrize(
    "settings", ["", ", rtol=0, atol=0", ", equal_nan=True", ", rtol=0.1, atol=0, check_dtype=False"]
)
def test_compared(pair, settings):
    results = []
    for library in (ag, torch):
        result = outcome(library, f"T.testing.assert_close({pair}{settings})")
        if result is not None:
            result = (result[0], result[1].replace("autograd_gpu.tensor", "torch").replace("autograd_gpu", "torch"))
        results.append(result)
    ours, theirs = results
    assert (ours is None) == (theirs is None), (ours, theirs)
    if theirs is not None:
        assert ours[0] == theirs[0]
        assert numbers_out(ours[1]) == numbers_out(theirs[1])


def numbers_out(message):
    return re.sub(r"\d+\.\d+(e[-+]?\d+)?", "#", message)


SHAPES = [(4, 4), (5, 3), (3, 5), (2, 4, 4)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["matrix_exp", "cayley", "householder", None])
@pytest.mark.parametrize("trivial", [True, False])
def test_orthogonal_weights(shape, kind, trivial):
    values = np.sin(np.arange(np.prod(shape)) * 1.7).reshape(shape)
    given = np.cos(np.arange(np.prod(shape)) * 0.9).reshape(shape) * 0.3 + np.eye(*shape[-2:])
    results = []
    for library in (ag, torch):
        module = library.nn.Module()
        module.weight = library.nn.Parameter(library.tensor(values))
        library.nn.utils.parametrizations.orthogonal(module, orthogonal_map=kind, use_trivialization=trivial)
        original = module.parametrizations.weight.original
        with library.no_grad():
            original.copy_(library.tensor(given))
            if kind == "householder" or (kind is None and shape[-1] != shape[-2]):
                diagonal = original.diagonal(dim1=-2, dim2=-1)
                diagonal.copy_(diagonal.sign())
            if trivial:
                base = module.parametrizations.weight[0].base
                base.copy_(library.eye(base.shape[-1], dtype=base.dtype).expand(base.shape))
        weight = module.weight
        (weight * library.arange(float(weight.numel())).reshape(shape)).sum().backward()
        results.append([weight, original.grad])
    assert_same(*results, f"{shape} {kind}", 1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_orthogonal_weights_begin_as_they_are(shape):
    rows, columns = shape[-2:]
    square = np.linalg.qr(
        np.random.default_rng(0).standard_normal((*shape[:-2], max(rows, columns), max(rows, columns)))
    )[0]
    for kind, trivial in (("matrix_exp", True), ("cayley", True), ("householder", True), ("householder", False)):
        module = ag.nn.Module()
        module.weight = ag.nn.Parameter(ag.tensor(np.ascontiguousarray(square[..., :rows, :columns])))
        before = module.weight.detach().clone()
        ag.nn.utils.parametrizations.orthogonal(module, orthogonal_map=kind, use_trivialization=trivial)
        np.testing.assert_allclose(module.weight.detach().numpy(), before.numpy(), atol=1e-10)
