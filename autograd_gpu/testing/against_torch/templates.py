"""Calls of what has no row in the op table: other names of a row's function, creation, conversion, indices,
operators."""

from __future__ import annotations

# Other names of functions that have rows.
ALIASES = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "clip": "clamp", "divide": "div", "multiply": "mul",
    "subtract": "sub", "negative": "neg", "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le",
    "not_equal": "ne", "sgn": "sign", "concat": "cat", "concatenate": "cat", "swapdims": "transpose",
    "trapz": "trapezoid", "fix": "trunc", "moveaxis": "movedim", "ger": "outer", "swapaxes": "transpose",
    **{f"special.{name}": name for name in (
        "digamma erf erfc erfinv exp2 expm1 i0 log1p log_softmax logit logsumexp polygamma round sinc softmax "
        "xlogy").split()},
    "special.expit": "sigmoid", "special.gammainc": "igamma", "special.gammaincc": "igammac",
    "special.gammaln": "lgamma", "special.multigammaln": "mvlgamma", "special.psi": "digamma",
    "special.modified_bessel_i0": "i0", "special.modified_bessel_i1": "special.i1",
    **{f"nn.functional.{name}": name for name in "log_softmax sigmoid softmax tanh".split()},
    **{name: f"nn.functional.{name}" for name in (
        "adaptive_avg_pool1d avg_pool1d bilinear celu channel_shuffle conv1d conv2d conv3d conv_tbc "
        "conv_transpose1d conv_transpose2d conv_transpose3d cosine_similarity hardshrink max_pool1d "
        "max_pool2d max_pool3d pairwise_distance pixel_shuffle pixel_unshuffle prelu rms_norm selu threshold").split()},
}  # fmt: skip

# A line is a family of calls, those of one line separated by ||; calls.py says what the letters in braces stand for.
_LINES = """
allclose:
    T.allclose({x}, {y}) || T.allclose({x}, {y}, {r}, {r}) || T.allclose({x}, {x}, equal_nan={b})
    {x}.allclose({y}, rtol={r})
isclose:
    T.isclose({x}, {y}) || T.isclose({x}, {v}, {r}, {r}, {b}) || {x}.isclose({y}, atol={r})
equal:
    T.equal({x}, {y}) || {x}.equal({v})
arange:
    T.arange({i}) || T.arange({i}, {i}) || T.arange({r}, {r}, {r}) || T.arange({i}, {i}, {i}, dtype={t})
range:
    T.range({i}, {i}) || T.range({r}, {r}, {r})
linspace:
    T.linspace({r}, {r}, {n}) || T.linspace({i}, {i}, steps={n}, dtype={t})
logspace:
    T.logspace({r}, {r}, {n}) || T.logspace({i}, {i}, {n}, {r}) || T.logspace({i}, {i}, {n}, dtype={t})
eye:
    T.eye({n}) || T.eye({n}, {n}) || T.eye({n}, dtype={t})
full:
    T.full(({n}, {n}), {r}) || T.full(({n},), {i}, dtype={t}) || T.full((), {r})
zeros:
    T.zeros({n}) || T.zeros({n}, {n}) || T.zeros(({n}, {n}), dtype={t}) || T.zeros({i}, {i}) || T.zeros([])
ones:
    T.ones({n}) || T.ones({n}, {n}) || T.ones([{n}, {n}], dtype={t}) || T.ones({i})
empty:
    T.empty({n}, {n}) || T.empty({i}) || T.empty(({n},), dtype={t})
empty_like:
    T.empty_like({x}) || T.empty_like({x}, dtype={t})
zeros_like:
    T.zeros_like({x}, dtype={t})
full_like:
    T.full_like({x}, {r}) || T.full_like({x}, {i}, dtype={t})
empty_strided:
    T.empty_strided(({n}, {n}), ({i}, {i}))
scalar_tensor:
    T.scalar_tensor({r}) || T.scalar_tensor({i}, dtype={t})
tensor:
    T.tensor({r}) || T.tensor([{r}, {i}]) || T.tensor([[{i}], [{b}]]) || T.tensor({x})
    T.tensor([{r}, {r}], dtype={t}) || T.tensor([{z}, {z}]) || T.tensor([300, {i}], dtype={t})
    T.tensor([np.float64({r}), 1.0]) || T.tensor([np.array([1e300]), np.array([{r}])])
    T.tensor(np.ones(2, np.float16)) || T.tensor([[1], [2, 3]]) || T.tensor([]) || T.tensor([[], []])
as_tensor:
    T.as_tensor({x}) || T.as_tensor([{r}, {i}], dtype={t}) || T.as_tensor(np.arange(3.0))
    T.as_tensor(np.arange(3), dtype={t})
asarray:
    T.asarray({x}) || T.asarray([{r}, {i}], dtype={t}) || T.asarray({x}, copy={b})
from_numpy:
    T.from_numpy(np.arange(6.0).reshape(2, 3)) || T.from_numpy(np.arange(6).reshape(2, 3)[:, ::2])
    T.from_numpy(np.float32({r})) || T.from_numpy([1])
frombuffer:
    T.frombuffer(bytearray(8), dtype={t}) || T.frombuffer(bytearray(8), dtype=T.int16, count={i}, offset={i})
tril_indices:
    T.tril_indices({n}, {n}) || T.tril_indices({n}, {n}, {i}, dtype={t})
triu_indices:
    T.triu_indices({n}, {n}) || T.triu_indices({n}, {n}, {i})
bartlett_window:
    T.bartlett_window({n}) || T.bartlett_window({n}, {b}, dtype={t})
blackman_window:
    T.blackman_window({n}) || T.blackman_window({n}, {b})
hamming_window:
    T.hamming_window({n}) || T.hamming_window({n}, {b}, {r}, {r})
hann_window:
    T.hann_window({n}) || T.hann_window({n}, {b}, dtype={t})
kaiser_window:
    T.kaiser_window({n}) || T.kaiser_window({n}, {b}, {r})
broadcast_shapes:
    T.broadcast_shapes(({n}, 1), ({n},)) || T.broadcast_shapes(({n},), {n})
broadcast_tensors:
    T.broadcast_tensors({x}, {v}) || T.broadcast_tensors({x}, {k}, {z})
can_cast:
    T.can_cast({t}, {t})
promote_types:
    T.promote_types({t}, {t})
result_type:
    T.result_type({x}, {z}) || T.result_type({x}, {r}) || T.result_type({i}, {z}) || T.result_type({v}, {k})
is_complex:
    T.is_complex({x}) || {x}.is_complex()
is_floating_point:
    T.is_floating_point({x}) || {x}.is_floating_point()
is_signed:
    T.is_signed({x}) || {x}.is_signed()
is_nonzero:
    T.is_nonzero({z}) || {z}.is_nonzero() || T.is_nonzero({x})
is_same_size:
    T.is_same_size({x}, {y}) || {x}.is_same_size({v})
is_tensor:
    T.is_tensor({x}) || T.is_tensor({i})
numel:
    T.numel({x}) || {x}.numel() || {x}.nelement() || T.numel({i})
conj:
    T.conj({x}) || {x}.conj() || T.conj_physical({x}) || T.resolve_conj({x}) || T.resolve_neg({x}) || T.real({x})
    T.imag({x})
detach:
    T.detach({x}) || {x}.detach()
typename:
    T.typename({x}) || {x}.type() || {x}.type({t}) || {x}.type_as({v})
rand:
    T.rand({n}, {n}) || T.rand({i}) || T.rand({n}, dtype={t})
randn:
    T.randn({n}, {n}) || T.randn({i}) || T.randn({n}, dtype={t})
randint:
    T.randint({i}, ({n},)) || T.randint({i}, {i}, ({n},)) || T.randint({i}, ({n},), dtype={t})
randperm:
    T.randperm({i}) || T.randperm({n}, dtype={t})
rand_like:
    T.rand_like({x}) || T.randn_like({x}) || T.randint_like({x}, {i}) || T.randint_like({x}, {i}, {i})
normal:
    T.normal({x}, {y}) || T.normal({r}, {r}, ({n},)) || T.normal({r}, {x}) || T.normal({x}, {r})
bernoulli:
    T.bernoulli({x}) || {x}.bernoulli() || {x}.bernoulli({r}) || {x}.clone().bernoulli_({r})
multinomial:
    T.multinomial({x}, {n}) || T.multinomial({v}, {n}, {b}) || {x}.multinomial({n}, True)
poisson:
    T.poisson({x})
binomial:
    T.binomial({x}, {y})
normal_:
    {x}.clone().normal_({r}, {r}) || {x}.clone().uniform_({r}, {r}) || {x}.clone().random_({i})
    {x}.clone().random_({i}, {i})
cauchy_:
    {x}.clone().cauchy_({r}, {r}) || {x}.clone().exponential_({r}) || {x}.clone().geometric_({r})
    {x}.clone().log_normal_({r}, {r})
dropout:
    T.dropout({x}, {r}, {b}) || T.nn.functional.dropout({x}, {r}) || T.dropout({z}, 0.5, True)
alpha_dropout:
    T.alpha_dropout({x}, {r}, {b}) || T.feature_alpha_dropout({s}, {r}, {b})
rrelu:
    T.rrelu({x}, {r}, {r}, {b}) || T.rrelu({x})
layer_norm:
    T.layer_norm({x}, (4,)) || T.layer_norm({x}, (4,), {v}, {v}, {r}) || T.layer_norm({x}, ({n},))
    T.nn.functional.layer_norm({s}, (4, 6)) || T.nn.functional.layer_norm({x}, [4], eps={r})
group_norm:
    T.group_norm({s}, 2) || T.group_norm({s}, {n}) || T.group_norm({p}, 2, {v}, {v})
    T.nn.functional.group_norm({s}, {i}, eps={r})
batch_norm:
    T.batch_norm({x}, None, None, None, None, True, 0.1, {r}, False)
    T.batch_norm({x}, {v}, {v}, {v}, {v}, False, 0.1, 1e-5, False)
    T.nn.functional.batch_norm({x}, {v}, {v}, training={b}, momentum={r})
instance_norm:
    T.instance_norm({s}, None, None, None, None, True, 0.1, 1e-5, False)
    T.nn.functional.instance_norm({p}, eps={r})
embedding:
    T.embedding({x}, {k}) || T.embedding({x}, {K}, {i}) || T.nn.functional.embedding({k}, {x})
    T.nn.functional.embedding({K}, {x}, {i}) || T.nn.functional.embedding({k}, {x}, max_norm={r})
    T.nn.functional.embedding({k}, {x}, scale_grad_by_freq=True)
embedding_bag:
    T.nn.functional.embedding_bag({K}, {x}) || T.nn.functional.embedding_bag({k}, {x}, T.tensor([0, {i}]))
    T.nn.functional.embedding_bag({K}, {x}, mode='max', padding_idx={i})
kl_div:
    T.kl_div({x}, {y}) || T.kl_div({x}, {y}, {i}, log_target={b})
binary_cross_entropy_with_logits:
    T.binary_cross_entropy_with_logits({x}, {y}) || T.binary_cross_entropy_with_logits({x}, {y}, {v}, {v}, {i})
poisson_nll_loss:
    T.poisson_nll_loss({x}, {y}, {b}, {b}, 1e-8, 1)
hinge_embedding_loss:
    T.hinge_embedding_loss({x}, {y}) || T.hinge_embedding_loss({x}, {y}, {r}, {i})
cosine_embedding_loss:
    T.cosine_embedding_loss({x}, {y}, T.tensor([1, -1, 1]), {r})
margin_ranking_loss:
    T.margin_ranking_loss({x}, {y}, {y}, {r})
triplet_margin_loss:
    T.triplet_margin_loss({x}, {y}, {y}, {r}, {r})
cross_entropy:
    T.nn.functional.cross_entropy({x}, T.tensor([0, 3, {i}])) || T.nn.functional.cross_entropy({x}, {y})
    T.nn.functional.cross_entropy({x}, T.tensor([1, 1, 2]), {v}, ignore_index={i})
    T.nn.functional.cross_entropy({x}, T.tensor([1, 0, 2]), label_smoothing={r})
    T.nn.functional.nll_loss({x}, T.tensor([0, 3, {i}]))
ctc_loss:
    T.ctc_loss({s}.transpose(0, 1).log_softmax(2), T.tensor([[1, 2], [{i}, 3]]), T.tensor([4, 4]), T.tensor([2, 1]))
constant_pad_nd:
    T.constant_pad_nd({x}, ({i}, {i}), {r}) || T.nn.functional.pad({s}, ({i}, {i}), {q})
    T.nn.functional.pad({s}, ({n}, {n}), mode='reflect') || T.nn.functional.pad({s}, (0, 0), mode='circular')
    T.nn.functional.pad({x}, ({i}, {i}, {i}, {i}), value={r})
adaptive_max_pool1d:
    T.adaptive_max_pool1d({s}, {n}) || T.max_pool1d({s}, {i}, {i}) || T.max_pool1d_with_indices({s}, {n})
fill:
    T.fill({x}, {r}) || T.fill({x}, {z}) || {x}.clone().fill_({r}) || {x}.clone().fill_({z}) || {x}.clone().zero_()
    {q}.clone().fill_diagonal_({r})
leaky_relu:
    T.nn.functional.leaky_relu({x}, {r}) || T.nn.functional.leaky_relu({x}, T.tensor(0.1))
    T.nn.functional.elu({x}, T.tensor(0.5)) || T.nn.functional.softplus({x}, T.tensor(2.0), {r})
    T.nn.functional.hardtanh({x}, {r}, {r}) || T.nn.functional.celu({x}, {r})
    T.nn.functional.threshold({x}, {r}, {r})
apply_:
    {x}.detach().clone().apply_(lambda v: v)
item:
    {z}.item() || {x}.item() || {x}.tolist() || {z}.tolist() || {x}.detach().numpy().dtype.name
python:
    bool({z}) || float({z}) || int({z}) || len({x}) || len({z}) || bool({x}) || 1.5 in {x} || [n for n in {x}]
    list({v}) || operator.index({z}) || round(float({z}))
new:
    {x}.new_zeros(({n}, {n})) || {x}.new_ones({n}) || {x}.new_full(({n},), {r}) || {x}.new_tensor([{r}, {i}])
    {x}.new_zeros({i}, dtype={t}) || {x}.new_empty({n}, {n}).shape
size:
    {x}.size() || {x}.size({d}) || {x}.dim() || {x}.ndimension() || {x}.element_size() || {x}.is_contiguous()
    {x}.stride() || {s}.stride({d}) || {x}.shape || {x}.ndim || {x}.itemsize || {x}.nbytes
to:
    {x}.to({t}) || {x}.to({y}) || {x}.to('cpu', {t}) || {x}.to({t}, copy=True) || {x}.char() || {x}.byte()
    {x}.short() || {x}.int() || {x}.long() || {x}.half() || {x}.bool()
view:
    {x}.view({i}, {i}) || {x}.view(-1, {n}) || {x}.view_as({y}) || {x}.reshape_as({y}) || {x}.view({t})
    {x}.reshape({i}, {i}) || {x}.expand({i}, {i}) || {x}.expand_as({y}) || {x}.unflatten({d}, ({i}, {i}))
    {x}.expand({n}, {i}, {i})
resize_:
    {x}.detach().clone().resize_({n}, {n}).shape || {x}.detach().clone().resize_as_({v}).shape
transposes:
    {x}.T || {x}.mT || {s}.mT || {v}.mT || {x}.t() || {s}.t() || {s}.swapdims({d}, {d}) || {x}.clone().t_()
    {s}.clone().transpose_({d}, {d}) || {s}.clone().squeeze_({d}) || {s}.clone().unsqueeze_({d}) || {x}.H
    {s}.clone().swapdims_({d}, {d})
getitem:
    {x}[{i}] || {x}[{i}, {i}] || {x}[{k}] || {x}[..., {i}] || {x}[None, {i}] || {x}[{i}:{i}] || {x}[:, {i}:]
    {x}[{m}] || {x}[[{i}, {i}]] || {x}[{k}, {k}] || {x}[{b}] || {x}[T.tensor({b})] || {x}[[[0, 1], [1, 0]]]
    {x}[({i},)] || {x}[np.array([0, {i}])] || {x}[{m:bool}] || {z}[...] || {z}[None] || {s}[:, {k}, None]
    {s}[{i}, ..., {k}] || {x}[::{i}] || {x}[T.tensor([[0, {i}]])] || {x}[{k}, {i}] || {x}[{z:bool}]
    {s}[{k}[:2], :, {k}[:2]] || {x}[True, {i}]
setitem:
    (y := {x}.clone(), y.__setitem__({i}, {r}), y)[-1] || (y := {x}.clone(), y.__setitem__({k}, {y}), y)[-1]
    (y := {x}.clone(), y.__setitem__({m}, {r}), y)[-1]
    (y := {x}.clone(), y.__setitem__((slice(None), {i}), {v}), y)[-1]
    (y := {x}.clone(), y.__setitem__(({k}, {k}), {z}), y)[-1]
    (y := {x}.clone(), y.__setitem__(slice({i}, {i}), {v}), y)[-1]
    (y := {x}.clone(), y.__setitem__({k}, {v}), y)[-1] || (y := {x}.clone(), y.__setitem__(..., {z}), y)[-1]
operators:
    {x} + {y} || {x} - {r} || {r} - {x} || {x} * {v} || {x} / {y} || {r} / {x} || {x} // {y} || {x} // {r}
    {i} // {x} || {x} % {y} || {x} % {i} || {i} % {x} || {x} ** {y} || {x} ** {r} || {r} ** {x} || {x} @ {v}
    {x} @ {y} || {x} & {y} || {x} ^ {y} || ~{x} || -{x} || +{x} || abs({x}) || {x} << {i} || {x} >> {i}
    {x} == {y} || {x} != {r} || {x} < {y} || {x} >= {i} || {x} <= {r} || {x} == None || {x} + None || {x} + 'x'
    {x} * [1, 2, 3, 4] || {z} * {x} || {x} + True || {x} == {z}
numpy:
    {x} + np.ones(4) || {x} * np.float64({r}) || {x} == np.ones((3, 4)) || np.float32({r}) * {x}
    {x} - np.int64({i}) || {x} < np.zeros(4) || {x} @ np.ones(4) || {x} / np.ones(4, np.float32)
augmented:
    (y := {x}.clone(), y.__iadd__({v}), y)[-1] || (y := {x}.clone(), y.__imul__({r}), y)[-1]
    (y := {x}.clone(), y.__itruediv__({y}), y)[-1] || (y := {x}.clone(), y.__ipow__({i}), y)[-1]
    (y := {x}.clone(), y.__isub__({z}), y)[-1] || (y := {x}.clone(), y[1:].add_(y[:-1]), y)[-1]
    (y := {x}.clone(), y[{i}].mul_({r}), y)[-1] || (y := {x}.clone(), y.t().copy_({q}), y)[-1]
    {x}.clone().copy_({v})
var:
    {x}.var() || {x}.std(correction={i}) || T.var({x}, {d}, correction={r}) || {x}.var() * {r} || T.var_mean({x}, {d})
    T.std_mean({x}) || {v}.var() + {r} || T.std({x}, ({d}, {d}), keepdim={b}) || T.std({x}, {d}, {b})
linear:
    T.nn.functional.linear({x}, {q}) || T.nn.functional.linear({x}, {q}, {v})
    T.addmm({x}, {x}, {q}, beta={r}, alpha={r}) || T.addmv({v}, {q}, {v}, beta={r})
    T.addr({q}, {v}, {v}, alpha={r}) || T.einsum('ij,jk->ik', {x}, {q}) || T.einsum('ij->j', {x})
    T.einsum('ij,kj->', {x}, {y}) || T.einsum('ii', {q}) || T.matmul({x}[:0], {q}) || T.matmul({s}, T.ones(2, 6, 0))
conv:
    T.nn.functional.conv1d({s}, T.ones(3, 4, {n}), None, {i}, {i}, {i})
    T.conv1d({s}, T.ones(3, 4, 2), padding='sam') || T.conv2d({p}, T.ones(3, 4, 2, 2), None, {i}, {i})
    T.conv1d({s}, T.ones(4, 2, 2), groups={i})
cumulative:
    {x}.cumsum({d}) || {x}.cumprod({d}) || {x}.logcumsumexp({d}) || {x}.cummax({d}) || {x}.cumsum({d}, dtype={t})
    {x}.sum({d}, dtype={t}) || {x}.sum(dtype={t}) || {x}.prod({d}, dtype={t}) || {x}.mean({d}, dtype={t})
    {x}.sum(({d}, {d})) || {x}.mean(()) || {x}.amax(()) || {x}.sum([]) || {x}.max({d}, {b}) || {x}.any({d})
    {x}.all() || {x}.argmax() || {x}.argmin({d}, {b})
sorting:
    {x}.sort({d}, {b}) || {x}.argsort({d}) || {x}.topk({n}, {d}) || {x}.topk({n}, {d}, {b}) || {x}.kthvalue({n}, {d})
    {x}.median({d}) || {x}.mode({d}) || {x}.unique() || T.searchsorted({x}, {y}) || T.bucketize({x}, {v})
    {x}.quantile({r}, {d}) || T.isin({x}, {v}) || T.isin({x}, {i}) || {x}.msort()
rows:
    {x}.index_select({d}, {k}) || {x}.gather({d}, {K}) || {x}.scatter({d}, {K}, {y}) || {x}.scatter({d}, {K}, {r})
    {x}.scatter_add({d}, {K}, {y}) || {x}.index_add({d}, {k}, {q}) || {x}.index_fill({d}, {k}, {r}) || {x}.take({K})
    {x}.index_copy({d}, {k}, {q}) || {x}.index_put(({k},), {v}) || {x}.index_put(({k}, {k}), {z}, {b})
    {x}.masked_fill({m}, {r}) || {x}.masked_select({m}) || {x}.put({K}, {y}, {b})
    {z}.index_select(0, T.tensor([0, 0])) || {z}.gather(0, T.tensor(0)) || {z}.scatter_add(0, T.tensor(0), {z})
    {x}.scatter_reduce({d}, {K}, {y}, 'mean') || {x}.index_reduce({d}, {k}, {q}, 'mean')
dims:
    {x}.squeeze({d}) || {x}.unsqueeze({d}) || {s}.flatten({d}, {d}) || {s}.permute({d}, {d}, {d})
    {s}.movedim({d}, {d}) || {s}.select({d}, {i}) || {s}.narrow({d}, {i}, {i}) || {x}.repeat({i}, {i})
    {x}.tile(({i}, {i})) || {x}.flip({d}) || {x}.flip({d}, {d}) || {x}.roll({i}, {d}) || {x}.chunk({i}, {d})
    {x}.split({i}, {d}) || {x}.unbind({d}) || {x}.diagonal({i}) || {x}.diag({i}) || T.hstack([{x}])
    T.hstack([{v}, {v}]) || T.cat([{x}, {y}], {d}) || T.stack([{x}, {y}], {d}) || {x}.repeat_interleave({i}, {d})
    {x}.unfold({d}, {i}, {i}) || {x}.rot90({i}) || T.cat([{x}, {v}[:0]])
lists:
    T.sum([1.0]) || T.exp(2.0) || T.add([1], {x}) || T.cat({x}) || T.stack([]) || T.cat([1, 2])
    T.matmul([[1.0]], {x}) || T.nn.functional.relu([1.0]) || T.nn.functional.softmax(3.0, 0) || T.mean(None)
    T.where([True], {x}, {y}) || T.maximum({x}, 1) || T.nn.functional.mse_loss({x}, 1.0)
    T.nn.functional.linear({x}, [1]) || T.index_select({x}, 0, [0, 1]) || T.gather({x}, 0, [0])
    T.nn.functional.conv1d({s}, 'x')
requires_grad_:
    {x}.detach().requires_grad_({b}).requires_grad || {x}.detach().clone().requires_grad_() || {k}.requires_grad_()
"""


def _read(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.strip().splitlines():
        if line.endswith(":") and not line.startswith(" "):
            found[line.removesuffix(":")] = calls = []
        else:
            calls += [call.strip() for call in line.split(" || ")]
    return found


TEMPLATES = _read(_LINES)
