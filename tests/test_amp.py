"""Mixed precision: which dtype each operation computes in, and a scale that grows, backs off and skips steps."""

import threading

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu.amp import autocast, custom_bwd, custom_fwd

F = torch.nn.functional
LOWER = {"cpu": torch.bfloat16, "cuda": torch.float16}


def half(device, *shape):
    return torch.ones(*shape, device=device, dtype=LOWER[device])


PRODUCTS = {
    "matmul": lambda x, w: x @ w,
    "bmm": lambda x, w: torch.bmm(x[None], w[None]),
    "addmm": lambda x, w: torch.addmm(w, x, w),
    "baddbmm": lambda x, w: torch.baddbmm(w[None], x[None], w[None]),
    "einsum": lambda x, w: torch.einsum("ij,jk->ik", x, w),
    "linear": lambda x, w: F.linear(x, w, w[0]),
    "conv2d": lambda x, w: F.conv2d(x[None, None], w[None, None], w[0, :1]),
    "conv_transpose1d": lambda x, w: F.conv_transpose1d(x[None], w[:, :, None], w[0]),
    "attention": lambda x, w: F.scaled_dot_product_attention(x[None], w[None], w[None]),
    "masked attention": lambda x, w: F.scaled_dot_product_attention(x[None], w[None], w[None], w),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_take_both_operands_down(name, device):
    x, w = torch.ones(4, 4, device=device), torch.ones(4, 4, device=device, requires_grad=True)
    with autocast(device):
        from_float32, mixed = PRODUCTS[name](x, w), PRODUCTS[name](x.to(LOWER[device]), w)
    assert from_float32.dtype == mixed.dtype == LOWER[device]
    mixed.sum().backward()
    assert w.grad.dtype == torch.float32


IN_FLOAT32 = {
    "softmax": lambda x: F.softmax(x, 0),
    "log_softmax": lambda x: F.log_softmax(x, 0),
    "layer_norm": lambda x: F.layer_norm(x, (4,)),
    "layer_norm with parameters": lambda x: F.layer_norm(x, (4,), x[0].float(), x[0].float()),
    "rms_norm": lambda x: F.rms_norm(x, (4,), x[0].float()),
    "group_norm": lambda x: F.group_norm(x, 2),
    "cross_entropy": lambda x: F.cross_entropy(x, torch.zeros(4, dtype=torch.int64, device=x.device)),
    "sum": lambda x: x.sum(),
    "prod": lambda x: x.prod(0),
    "cumsum": lambda x: x.cumsum(0),
    "cumprod": lambda x: x.cumprod(0),
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "pow": lambda x: x**3,
    "square": lambda x: x**2,
    "reciprocal": lambda x: x.reciprocal(),
    "rsqrt": lambda x: x.rsqrt(),
    "norm": lambda x: x.norm(),
    "tan": lambda x: x.tan(),
    "nll_loss": lambda x: F.nll_loss(F.log_softmax(x, 1), torch.zeros(4, dtype=torch.int64, device=x.device)),
}


COMPOSED = {
    "mse_loss": lambda x: F.mse_loss(x, x),
    "l1_loss": lambda x: F.l1_loss(x, x),
    "huber_loss": lambda x: F.huber_loss(x, x),
    "smooth_l1_loss": lambda x: F.smooth_l1_loss(x, x),
    "binary_cross_entropy_with_logits": lambda x: F.binary_cross_entropy_with_logits(x, x),
    "soft_margin_loss": lambda x: F.soft_margin_loss(x, x),
    "kl_div": lambda x: F.kl_div(x, x, reduction="sum"),
    "poisson_nll_loss": lambda x: F.poisson_nll_loss(x, x),
    "hinge_embedding_loss": lambda x: F.hinge_embedding_loss(x, x),
    "margin_ranking_loss": lambda x: F.margin_ranking_loss(x, x, x),
    "cosine_embedding_loss": lambda x: F.cosine_embedding_loss(x, x, x[0]),
    "triplet_margin_loss": lambda x: F.triplet_margin_loss(x, x, x),
    "multi_margin_loss": lambda x: F.multi_margin_loss(x, torch.zeros(4, dtype=torch.int64, device=x.device)),
    "multilabel_margin_loss": lambda x: F.multilabel_margin_loss(x, torch.zeros_like(x, dtype=torch.int64)),
    "cosine_similarity": lambda x: F.cosine_similarity(x, x),
    "softplus": lambda x: F.softplus(x),
}


@pytest.mark.ours  # PyTorch's CPU computes some in bfloat16
@pytest.mark.parametrize("name", COMPOSED)
def test_losses_are_computed_in_float32(name, device):
    x = half(device, 4, 4)
    with autocast(device):
        assert COMPOSED[name](x).dtype == torch.float32
        with autocast(device, enabled=False):
            assert COMPOSED[name](x).dtype == x.dtype


@pytest.mark.ours  # PyTorch's CPU computes some of these in bfloat16
@pytest.mark.parametrize("name", IN_FLOAT32)
def test_what_overflows_is_computed_in_float32(name, device):
    with autocast(device):
        assert IN_FLOAT32[name](half(device, 4, 4)).dtype == torch.float32


def test_the_rest_computes_in_what_it_is_given(device):
    x, y = half(device, 4), torch.ones(4, device=device)
    with autocast(device):
        assert (x + x).dtype == F.relu(x).dtype == x.mean().dtype == LOWER[device]
        assert (x * y).dtype == (y + y).dtype == torch.float32


def test_float64_integers_and_other_devices_are_left_alone(device):
    x, i = torch.ones(2, 2, dtype=torch.float64, device=device), torch.ones(2, 2, dtype=torch.int64, device=device)
    with autocast(device):
        assert (x @ x).dtype == torch.float64
        assert (i @ i).dtype == i.sum().dtype == torch.int64
        with pytest.raises(RuntimeError, match="dtype"):
            x @ x.float()


def test_another_kind_of_device_is_left_alone():
    other = {"cpu": "cuda", "cuda": "cpu"}
    x = torch.ones(2, 2)
    with autocast(other["cpu"]) if torch.cuda.is_available() else autocast("cpu", enabled=False):
        assert (x @ x).dtype == torch.float32


def test_regions_nest(device):
    x = torch.ones(2, 2, device=device)
    assert not torch.is_autocast_enabled(device)
    with autocast(device):
        assert torch.is_autocast_enabled(device)
        with autocast(device, enabled=False):
            assert (x @ x).dtype == torch.float32
            with autocast(device, dtype=torch.bfloat16):
                assert (x @ x).dtype == torch.get_autocast_dtype(device) == torch.bfloat16
        assert (x @ x).dtype == LOWER[device]
    assert not torch.is_autocast_enabled(device)
    assert (x @ x).dtype == torch.float32


def test_a_region_that_raises_ends(device):
    with pytest.raises(KeyError), autocast(device):
        raise KeyError
    assert not torch.is_autocast_enabled(device)


def test_a_decorated_function_is_a_region(device):
    @autocast(device)
    def product(x):
        """Say something."""
        return x @ x

    assert product(torch.ones(2, 2, device=device)).dtype == LOWER[device]
    assert product.__doc__ == "Say something."
    assert not torch.is_autocast_enabled(device)
    with pytest.raises(TypeError, match="requires a callable"):
        autocast(device)(3)


@pytest.mark.ours  # PyTorch's stays on after a recursion
def test_a_decorated_function_may_call_itself(device):
    @autocast(device)
    def power(x, n):
        return x if n == 1 else power(x, n - 1) @ x

    assert power(torch.ones(2, 2, device=device), 3).tolist() == [[4, 4], [4, 4]]
    assert not torch.is_autocast_enabled(device)


@pytest.mark.ours  # not in PyTorch's list for the CPU
def test_matrix_times_vector_takes_both_operands_down(device):
    with autocast(device):
        assert torch.mv(torch.ones(2, 2, device=device), half(device, 2)).dtype == LOWER[device]


def test_a_region_is_its_threads_own(device):
    x, seen = torch.ones(2, 2, device=device), []
    with autocast(device):
        thread = threading.Thread(target=lambda: seen.append((x @ x).dtype))
        thread.start()
        thread.join()
        assert (x @ x).dtype == LOWER[device]
    assert seen == [torch.float32]


def test_the_default_dtype_can_be_set(device):
    before = torch.get_autocast_dtype(device)
    assert before == LOWER[device]
    torch.set_autocast_dtype(device, torch.bfloat16)
    try:
        with autocast(device):
            assert (half(device, 2, 2) @ half(device, 2, 2)).dtype == torch.bfloat16
    finally:
        torch.set_autocast_dtype(device, before)


def test_wrong_devices_and_dtypes():
    with pytest.raises(ValueError, match="Expected `device_type` of type `str`"):
        autocast(torch.device("cpu"))
    with pytest.raises(RuntimeError, match="toaster"):
        autocast("toaster")
    with (
        pytest.warns(UserWarning, match="In CPU autocast, but the target dtype is not supported"),
        autocast("cpu", dtype=torch.float32),
    ):
        assert not torch.is_autocast_enabled("cpu")


# ------------------------------------------------------------------------------------------------- casts of weights


def casts(graph_of):
    """The cast nodes of a graph, each once."""
    found, stack = set(), [graph_of.grad_fn]
    while stack:
        node = stack.pop()
        if node is not None and node not in found:
            found.add(node)
            stack += [following for following, _ in node.next_functions]
    return sum("ToCopy" in node.name() for node in found)


def test_a_weight_is_cast_once_in_a_region(device):
    w = torch.ones(2, 2, device=device, requires_grad=True)
    with autocast(device):
        assert casts((w @ w) @ (w @ w)) == 1
    with autocast(device, cache_enabled=False):
        assert not torch.is_autocast_cache_enabled()
        assert casts(w @ w) == 2
    assert torch.is_autocast_cache_enabled()


def test_casts_live_as_long_as_the_outermost_region(device):
    w = torch.ones(2, 2, device=device, requires_grad=True)
    with autocast(device):
        with autocast(device):
            first = w @ w
        assert casts(first + w @ w) == 1
        torch.clear_autocast_cache()
        assert casts(first + w @ w) == 2
    with autocast(device):
        assert casts(first + w @ w) == 2


@pytest.mark.ours  # PyTorch goes on with the old cast
def test_a_weight_written_in_a_region_is_cast_again(device):
    w, one = torch.ones(2, 2, device=device, requires_grad=True), torch.ones(2, 2, device=device)
    with autocast(device):
        assert (w @ one).tolist() == [[2, 2], [2, 2]]
        with torch.no_grad():
            w.mul_(2)
        assert (w @ one).tolist() == [[4, 4], [4, 4]]
        w.data = one * 3
        assert (w @ one).tolist() == [[6, 6], [6, 6]]


@pytest.mark.ours  # in PyTorch the gradient is lost
def test_a_cast_under_no_grad_is_not_kept(device):
    w = torch.ones(2, 2, device=device, requires_grad=True)
    with autocast(device):
        with torch.no_grad():
            w @ w
        assert (w @ w).requires_grad


def test_training_in_a_region_gives_float32_gradients(device):
    nn = torch.nn
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 4), nn.LayerNorm(4)]
    model = nn.Sequential(*layers, nn.Dropout(0.1), nn.Linear(4, 2)).to(device)
    x, y = torch.randn(3, 1, 4, 4, device=device), torch.tensor([0, 1, 1], device=device)
    with autocast(device):
        loss = F.cross_entropy(model(x), y)
    assert loss.dtype == torch.float32
    loss.backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("layer", ["MultiheadAttention", "LSTM", "GRU", "TransformerEncoderLayer"])
def test_layers_run_in_a_region(layer, device):
    torch.manual_seed(0)
    settings = {"dropout": 0.0} if layer == "TransformerEncoderLayer" else {}
    module = getattr(torch.nn, layer)(4, 2, **settings).to(device)
    x = torch.randn(3, 2, 4, device=device)
    arguments = (x, x, x) if layer == "MultiheadAttention" else (x,)
    outputs = []
    for enabled in (False, True):
        with autocast(device, enabled=enabled):
            output = module(*arguments)
        outputs.append((output[0] if isinstance(output, tuple) else output).float())
    outputs[1].sum().backward()
    np.testing.assert_allclose(outputs[0].tolist(), outputs[1].tolist(), atol=0.05)
    assert all(p.grad.dtype == torch.float32 for p in module.parameters())


def test_written_in_place_or_into_out_nothing_is_cast(device):
    x = torch.full((2, 2), 1 + 2.0**-20, device=device)
    with autocast(device):
        into = torch.mm(x, torch.eye(2, device=device), out=torch.empty(2, 2, device=device))
        added = torch.zeros(2, 2, device=device).addmm_(x, torch.eye(2, device=device))
        assert half(device, 2).exp_().dtype == LOWER[device]
    assert into.tolist() == added.tolist() == x.tolist()


@pytest.mark.ours  # PyTorch advises against it
def test_backward_in_a_region_casts_nothing(device):
    x = torch.ones(2, 2, device=device, requires_grad=True)
    y = x @ torch.full((2, 2), 1 + 2.0**-20, device=device)
    with autocast(device):
        y.backward(torch.eye(2, device=device))
        assert torch.is_autocast_enabled(device)
    assert x.grad.tolist() == [[1 + 2.0**-20] * 2] * 2


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_a_checkpoint_computes_again_as_it_did_first(use_reentrant, device):
    torch.manual_seed(0)
    w, x = torch.randn(4, 4, device=device, requires_grad=True), torch.randn(4, 4, device=device, requires_grad=True)

    def function(x):
        return F.softmax(x @ w, 0) @ w

    with autocast(device):
        plain = function(x)
    expected = torch.autograd.grad(plain.float().sum(), [w, x])
    with autocast(device):
        again = torch.utils.checkpoint.checkpoint(function, x, use_reentrant=use_reentrant)
    again.float().sum().backward()
    assert w.grad.tolist() == expected[0].tolist()
    assert x.grad.tolist() == expected[1].tolist()


@pytest.mark.ours  # operations are named by the types of their nodes
def test_a_selective_checkpoint_in_a_region(device):
    checkpoint, contexts = (
        torch.utils.checkpoint.checkpoint,
        torch.utils.checkpoint.create_selective_checkpoint_contexts,
    )
    w = torch.full((4, 4), 0.5, device=device, requires_grad=True)
    with autocast(device):
        product = type((w @ w).grad_fn)
        y = checkpoint(lambda x: (x @ w).exp() @ w, w, use_reentrant=False, context_fn=lambda: contexts([product]))
    with autocast(device, cache_enabled=False):
        expected = torch.autograd.grad(((w @ w).exp() @ w).float().sum(), w)
    (found,) = torch.autograd.grad(y.float().sum(), w)
    assert found.tolist() == expected[0].tolist()


def test_forward_mode_in_a_region(device):
    x, w = torch.ones(2, 2, device=device), torch.full((2, 2), 2.0, device=device)
    with torch.autograd.forward_ad.dual_level(), autocast(device):
        y = torch.autograd.forward_ad.make_dual(x, w) @ w
        tangent = torch.autograd.forward_ad.unpack_dual(y).tangent
    assert y.dtype == tangent.dtype == LOWER[device]
    assert tangent.tolist() == [[8, 8], [8, 8]]


def test_vmap_in_a_region(device):
    x = torch.ones(3, 2, 2, device=device)
    with autocast(device):
        y = torch.vmap(lambda m: m @ m)(x)
    assert y.dtype == LOWER[device]
    assert y.tolist() == [[[2, 2], [2, 2]]] * 3


@pytest.mark.ours
def test_the_fused_loss_is_float32_and_its_gradients_the_parameters_own(device):
    x, w = torch.randn(3, 4, device=device, requires_grad=True), torch.randn(5, 4, device=device, requires_grad=True)
    y = torch.tensor([0, 4, 2], device=device)
    with autocast(device):
        loss = F.linear_cross_entropy(x.to(LOWER[device]), w, y)
        expected = F.cross_entropy(F.linear(x, w), y)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=1e-2)
    loss.backward()
    assert x.grad.dtype == w.grad.dtype == torch.float32


# ------------------------------------------------------------------------------------------------ users' Functions


def test_a_function_with_cast_inputs_runs_outside_the_region(device):
    class Product(torch.autograd.Function):
        @staticmethod
        @custom_fwd(device_type=device, cast_inputs=torch.float32)
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            assert not torch.is_autocast_enabled(device)
            return x @ y

        @staticmethod
        @custom_bwd(device_type=device)
        def backward(ctx, g):
            assert not torch.is_autocast_enabled(device)
            x, y = ctx.saved_tensors
            return g @ y.t(), x.t() @ g

    x = half(device, 2, 2).requires_grad_()
    with autocast(device):
        y = Product.apply(x, x)
    assert y.dtype == torch.float32
    y.sum().backward()
    assert x.grad.dtype == LOWER[device]
    assert Product.apply(x, x).dtype == LOWER[device]  # outside of a region nothing is cast


def test_a_functions_backward_is_in_the_region_of_its_forward(device):
    class Product(torch.autograd.Function):
        @staticmethod
        @custom_fwd(device_type=device)
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x @ x

        @staticmethod
        @custom_bwd(device_type=device)
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            seen.append((x @ x).dtype)
            return g.float() @ x.t()

    seen, x = [], torch.ones(2, 2, device=device, requires_grad=True)
    with autocast(device, dtype=torch.bfloat16):
        y = Product.apply(x)
    y.sum().backward()
    Product.apply(x).sum().backward()
    assert seen == [torch.bfloat16, torch.float32]


@pytest.mark.ours
def test_the_older_names():
    from autograd_gpu.cuda.amp import GradScaler as OlderScaler
    from autograd_gpu.cuda.amp import autocast as older_autocast

    x = torch.ones(2, 2, device="cuda")
    with older_autocast():
        assert (x @ x).dtype == torch.float16
    with older_autocast(False):
        assert (x @ x).dtype == torch.float32
    assert OlderScaler(4.0).scale(x).tolist() == [[4, 4], [4, 4]]
    assert torch.cuda.amp.autocast is older_autocast
    assert torch.autocast is torch.amp.autocast is autocast
