"""Modules: names, modes, hooks, state dicts, printing; layers and losses against their formulas, on both devices."""

import copy
import math
from collections import OrderedDict

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu import nn

F = nn.functional


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(4, 2, bias=False))
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)

    def forward(self, x):
        return self.rest(self.first(x)) * self.scale


# ---------------------------------------------------------------------------------------------------- registration


def test_parameters_are_found_by_dotted_name_in_order_of_assignment():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == ["first.weight", "first.bias", "rest.1.weight"]
    assert [name for name, _ in net.named_buffers()] == ["scale", "scratch"]
    assert [name for name, _ in net.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert [name for name, _ in net.named_children()] == ["first", "rest"]
    assert len(list(net.parameters(recurse=False))) == 0


def test_a_shared_parameter_is_yielded_once_but_saved_under_both_names():
    tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tied[1].weight = tied[0].weight
    assert len(list(tied.parameters())) == 3
    assert len(list(tied.named_parameters(remove_duplicate=False))) == 4
    assert list(tied.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_a_shared_module_is_walked_once():
    layer = nn.Linear(2, 2)
    assert len(list(nn.Sequential(layer, layer).modules())) == 2


def test_a_parameter_is_a_leaf_that_shares_its_data():
    data = torch.zeros(2)
    parameter = nn.Parameter(data)
    assert parameter.is_leaf and parameter.requires_grad and isinstance(parameter, torch.Tensor)
    data[0] = 5.0
    assert parameter[0].item() == 5.0
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert repr(parameter).startswith("Parameter containing:\ntensor([5., 0.]")


def test_a_parameter_of_integers_is_refused():
    with pytest.raises(RuntimeError, match="Only Tensors of floating point"):
        nn.Parameter(torch.zeros(2, dtype=torch.int64))


def test_a_parameter_keeps_its_name_but_not_for_a_plain_tensor():
    net = Net()
    with pytest.raises(TypeError, match="as parameter 'weight'"):
        net.first.weight = torch.zeros(4, 3)
    with pytest.raises(TypeError, match="as child module 'first'"):
        net.first = 3
    with pytest.raises(TypeError, match="as buffer 'scale'"):
        net.scale = 3
    net.first.bias = None
    assert "first.bias" not in net.state_dict()


def test_a_plain_attribute_can_become_a_module_or_a_parameter():
    net = Net()
    net.extra = None
    net.extra = nn.Linear(1, 1)
    net.extra = nn.Parameter(torch.ones(1))
    assert "extra" in net.state_dict() and "extra" not in dict(net.named_modules())


def test_attributes_need_a_finished_constructor():
    class Early(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match="before Module"):
        Early()


@pytest.mark.parametrize("name, message", [("a.b", "contain"), ("", "be empty"), ("forward", "already exists")])
def test_bad_names_are_refused(name, message):
    with pytest.raises(KeyError, match=message):
        Net().register_buffer(name, torch.zeros(1))


def test_a_missing_attribute_says_so():
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'second'"):
        _ = Net().second


def test_deleting_unregisters():
    net = Net()
    del net.first, net.scale
    assert "first.weight" not in net.state_dict() and "scale" not in net.state_dict()


def test_submodules_and_parameters_by_dotted_name():
    net = Net()
    assert net.get_submodule("rest.1") is net.rest[1]
    assert net.get_parameter("rest.1.weight") is net.rest[1].weight
    with pytest.raises(AttributeError):
        net.get_submodule("rest.7")


# --------------------------------------------------------------------------------------------------------- hooks


def test_hooks_see_and_replace_inputs_and_outputs():
    net = nn.Identity()
    seen = []
    net.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    handle = net.register_forward_hook(lambda module, args, output: seen.append(args) or output * 10)
    assert net(torch.tensor(1.0)).item() == 20.0
    assert seen[0][0].item() == 2.0
    handle.remove()
    assert net(torch.tensor(1.0)).item() == 2.0


def test_a_prepended_hook_runs_first():
    order = []
    net = nn.Identity()
    net.register_forward_hook(lambda *_: order.append("second"))
    net.register_forward_hook(lambda *_: order.append("first"), prepend=True)
    net(torch.ones(1))
    assert order == ["first", "second"]


def test_hooks_get_keyword_arguments_when_they_ask():
    class Scaled(nn.Module):
        def forward(self, x, by=1.0):
            return x * by

    net = Scaled()
    net.register_forward_pre_hook(lambda module, args, kwargs: (args, {"by": kwargs["by"] + 1}), with_kwargs=True)
    assert net(torch.tensor(1.0), by=2.0).item() == 3.0


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        nn.Module()(1)


# ---------------------------------------------------------------------------------------------- modes and moves


def test_train_and_eval_reach_every_module():
    net = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)))
    assert all(not module.training for module in net.eval().modules())
    assert all(module.training for module in net.train().modules())


def test_dropout_drops_in_training_only():
    layer = nn.Dropout(0.5)
    torch.manual_seed(0)
    y = layer(torch.ones(1000))
    kept = (y == 2.0).sum().item()
    assert 400 < kept < 600 and ((y == 0.0) | (y == 2.0)).all()
    x = torch.ones(3)
    assert layer.eval()(x) is x


def test_freezing_and_zeroing():
    net = Net()
    net(torch.ones(1, 3)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert all((p.grad == 0).all() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())


def test_to_casts_floating_members_only_and_keeps_the_parameter_objects():
    net = Net()
    net.register_buffer("count", torch.zeros(1, dtype=torch.int64))
    weight = net.first.weight
    net.to(torch.float64)
    assert net.first.weight is weight and weight.dtype == torch.float64 and weight.is_leaf
    assert net.scale.dtype == torch.float64 and net.count.dtype == torch.int64
    assert net.bfloat16().first.weight.dtype == torch.bfloat16
    with pytest.raises(TypeError, match="only accepts floating point"):
        net.to(torch.int64)


@pytest.mark.ours
def test_a_module_moves_to_the_gpu_with_gradients_and_buffers():
    net = Net()
    net(torch.ones(2, 3)).sum().backward()
    expected = net(torch.ones(2, 3)).detach()
    net.to("cuda")
    assert net.first.weight.is_cuda and net.first.weight.grad.is_cuda and net.scale.is_cuda
    assert net(torch.ones(2, 3, device="cuda")).detach().cpu().numpy() == pytest.approx(expected.numpy(), rel=1e-5)


def test_apply_visits_children_first():
    names = []
    nn.Sequential(nn.Linear(1, 1), nn.ReLU()).apply(lambda module: names.append(type(module).__name__))
    assert names == ["Linear", "ReLU", "Sequential"]


def test_a_deep_copy_is_independent():
    net = Net()
    net(torch.ones(1, 3)).sum().backward()
    twin = copy.deepcopy(net)
    with torch.no_grad():
        net.first.weight.zero_()
    assert twin.first.weight.abs().sum().item() > 0
    assert isinstance(twin.first.weight, nn.Parameter) and twin.first.weight.is_leaf
    assert twin(torch.ones(1, 3)).shape == (1, 2)


# --------------------------------------------------------------------------------------------------- state dicts


def test_a_state_dict_goes_around():
    net, other = Net(), Net()
    assert list(net.state_dict()) == ["scale", "first.weight", "first.bias", "rest.1.weight"]
    assert str(other.load_state_dict(net.state_dict())) == "<All keys matched successfully>"
    x = torch.ones(2, 3)
    assert (net(x) == other(x)).all()
    assert not net.state_dict()["first.weight"].requires_grad


def test_every_mismatch_is_listed_at_once():
    state = Net().state_dict()
    del state["first.bias"]
    state["extra"] = torch.zeros(1)
    state["first.weight"] = torch.zeros(5, 3)
    with pytest.raises(RuntimeError) as caught:
        Net().load_state_dict(state)
    message = str(caught.value)
    assert "Error(s) in loading state_dict for Net:" in message
    assert 'Missing key(s) in state_dict: "first.bias".' in message
    assert 'Unexpected key(s) in state_dict: "extra".' in message
    assert "size mismatch for first.weight: copying a param with shape" in message


def test_not_strict_returns_what_did_not_match():
    state = Net().state_dict()
    del state["first.bias"]
    state["extra"] = torch.zeros(1)
    missing, unexpected = Net().load_state_dict(state, strict=False)
    assert missing == ["first.bias"] and unexpected == ["extra"]


def test_assign_takes_the_tensors_over():
    net = Net()
    state = {name: tensor.double() for name, tensor in Net().state_dict().items()}
    net.load_state_dict(state, assign=True)
    assert net.first.weight.dtype == torch.float64 and isinstance(net.first.weight, nn.Parameter)


# -------------------------------------------------------------------------------------------------- containers


def test_sequential_is_indexed_sliced_and_edited():
    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Tanh())
    assert isinstance(net[-1], nn.Tanh) and len(net[:2]) == 2
    net[1] = nn.GELU()
    del net[2]
    net.append(nn.Sigmoid())
    net.insert(0, nn.Identity())
    assert [type(module).__name__ for module in net] == ["Identity", "Linear", "GELU", "Sigmoid"]
    with pytest.raises(IndexError):
        net[4]


def test_sequential_takes_names():
    net = nn.Sequential(OrderedDict({"in": nn.Linear(1, 2), "out": nn.Linear(2, 1)}))
    assert "in.weight" in net.state_dict() and net(torch.ones(3, 1)).shape == (3, 1)


def test_lists_and_dicts_register():
    layers = nn.ModuleList([nn.Linear(1, 1)])
    layers += [nn.Linear(1, 1)]
    assert list(layers.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    named = nn.ModuleDict({"a": nn.Linear(1, 1)})
    named["b"] = nn.ReLU()
    assert "a" in named and list(named.keys()) == ["a", "b"] and len(named) == 2
    assert len(list(nn.ParameterList([nn.Parameter(torch.ones(1))]).parameters())) == 1
    assert list(nn.ParameterDict({"w": nn.Parameter(torch.ones(1))}).state_dict()) == ["w"]


# ------------------------------------------------------------------------------------------------------ printing


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: nn.Linear(2, 3), "Linear(in_features=2, out_features=3, bias=True)"),
        (lambda: nn.LayerNorm(4), "LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)"),
        (lambda: nn.RMSNorm(4), "RMSNorm((4,), eps=None, elementwise_affine=True)"),
        (lambda: nn.Embedding(10, 3, padding_idx=0), "Embedding(10, 3, padding_idx=0)"),
        (lambda: nn.Dropout(0.1), "Dropout(p=0.1, inplace=False)"),
        (lambda: nn.GELU("tanh"), "GELU(approximate='tanh')"),
        (lambda: nn.ReLU(inplace=True), "ReLU(inplace=True)"),
        (lambda: nn.LeakyReLU(0.1), "LeakyReLU(negative_slope=0.1)"),
        (lambda: nn.Softplus(), "Softplus(beta=1.0, threshold=20.0)"),
        (lambda: nn.Softmax(-1), "Softmax(dim=-1)"),
        (lambda: nn.Flatten(), "Flatten(start_dim=1, end_dim=-1)"),
        (lambda: nn.CrossEntropyLoss(), "CrossEntropyLoss()"),
        (lambda: nn.Sequential(), "Sequential()"),
        (
            lambda: nn.Sequential(nn.Linear(1, 2), nn.Sequential(nn.ReLU())),
            "Sequential(\n  (0): Linear(in_features=1, out_features=2, bias=True)\n"
            "  (1): Sequential(\n    (0): ReLU()\n  )\n)",
        ),
        (
            lambda: nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()]),
            "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)",
        ),
    ],
)
def test_modules_print_as_in_pytorch(make, text):
    assert repr(make()) == text


# ---------------------------------------------------------------------------------------------- layers and losses


def on(device, values, grad=False):
    return torch.tensor(values, device=device, requires_grad=grad)


def close(actual, expected):
    np.testing.assert_allclose(actual.detach().cpu().numpy(), expected, rtol=2e-5, atol=1e-6)


def test_linear_is_x_w_transposed_plus_b(device):
    layer = nn.Linear(3, 2).to(device)
    x = torch.ones(2, 4, 3, device=device)
    expected = (
        np.ones((2, 4, 3), np.float32) @ layer.weight.detach().cpu().numpy().T + layer.bias.detach().cpu().numpy()
    )
    close(layer(x), expected)
    layer(x).sum().backward()
    close(layer.weight.grad, np.full((2, 3), 8.0))
    close(layer.bias.grad, np.full(2, 8.0))


def test_linear_starts_within_its_bound():
    layer = nn.Linear(100, 50)
    assert layer.weight.abs().max().item() <= 0.1 and layer.weight.abs().max().item() > 0.09
    assert layer.bias.abs().max().item() <= 0.1


def test_embedding_gathers_rows_and_accumulates_their_gradients(device):
    layer = nn.Embedding(4, 2, padding_idx=0).to(device)
    assert (layer.weight[0] == 0).all()
    layer(on(device, [[1, 1, 0]])).sum().backward()
    close(layer.weight.grad, [[0, 0], [2, 2], [0, 0], [0, 0]])


def test_layer_norm_normalises_the_last_dimensions(device):
    x = np.random.default_rng(0).normal(3, 2, (5, 8)).astype(np.float32)
    layer = nn.LayerNorm(8).to(device)
    expected = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    close(layer(on(device, x.tolist())), expected)
    assert nn.LayerNorm(8, bias=False).bias is None


def test_rms_norm_divides_by_the_root_mean_square(device):
    x = np.random.default_rng(0).normal(3, 2, (5, 8)).astype(np.float32)
    expected = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6)
    close(nn.RMSNorm(8, eps=1e-6).to(device)(on(device, x.tolist())), expected)


SIGMOID = {x: 1 / (1 + math.exp(-x)) for x in (-2.0, 0.0, 3.0)}


@pytest.mark.parametrize(
    "module, formula",
    [
        (nn.ReLU(), lambda x: max(x, 0)),
        (nn.ReLU6(), lambda x: min(max(x, 0), 6)),
        (nn.LeakyReLU(), lambda x: x if x > 0 else 0.01 * x),
        (nn.PReLU(), lambda x: x if x > 0 else 0.25 * x),
        (nn.ELU(), lambda x: x if x > 0 else math.expm1(x)),
        (nn.SELU(), lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x))),
        (nn.GELU(), lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2),
        (nn.SiLU(), lambda x: x * SIGMOID[x]),
        (nn.Mish(), lambda x: x * math.tanh(math.log1p(math.exp(x)))),
        (nn.Sigmoid(), lambda x: SIGMOID[x]),
        (nn.LogSigmoid(), lambda x: math.log(SIGMOID[x])),
        (nn.Tanh(), math.tanh),
        (nn.Softplus(), lambda x: math.log1p(math.exp(x))),
        (nn.Softplus(beta=2, threshold=1), lambda x: x if 2 * x > 1 else math.log1p(math.exp(2 * x)) / 2),
        (nn.Softsign(), lambda x: x / (1 + abs(x))),
        (nn.Hardtanh(-0.5, 2.0), lambda x: min(max(x, -0.5), 2.0)),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Module) else "",
)
def test_activations_follow_their_formulas(module, formula, device):
    xs = [-2.0, 0.0, 3.0]
    close(copy.deepcopy(module).to(device)(on(device, xs)), [formula(x) for x in xs])


def test_extreme_inputs_give_finite_values_and_gradients(device):
    for function in (F.softplus, F.logsigmoid, F.elu, F.selu, F.silu, F.mish, F.softsign):
        x = on(device, [-1e4, 0.0, 1e4], grad=True)
        y = function(x)
        y.sum().backward()
        assert np.isfinite(y.detach().cpu().numpy()).all() and np.isfinite(x.grad.cpu().numpy()).all()


def test_slopes_at_zero():
    for function, slope in ((F.softplus, 0.5), (F.logsigmoid, 0.5), (F.silu, 0.5), (F.elu, 1.0), (F.leaky_relu, 0.01)):
        x = torch.zeros(1, requires_grad=True)
        function(x).backward()
        assert x.grad.item() == pytest.approx(slope), function.__name__


def test_in_place_activations_write_into_their_input():
    for function in (F.relu, F.leaky_relu, F.elu, F.silu, F.hardtanh):
        leaf = torch.tensor([-1.0, 0.5], requires_grad=True)
        expected = torch.tensor([-1.0, 0.5], requires_grad=True)
        x = leaf * 1.0
        y = function(x, inplace=True)
        assert y is x
        y.sum().backward()
        function(expected).sum().backward()
        close(leaf.grad, expected.grad.numpy())


X, Y = [[0.5, -1.0], [2.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]
DISTANCES = np.abs(np.array(X) - np.array(Y))


@pytest.mark.parametrize(
    "loss, expected",
    [
        (nn.MSELoss(), (DISTANCES**2).mean()),
        (nn.MSELoss(reduction="sum"), (DISTANCES**2).sum()),
        (nn.MSELoss(reduction="none"), DISTANCES**2),
        (nn.L1Loss(), DISTANCES.mean()),
        (nn.HuberLoss(delta=1.0), np.where(DISTANCES <= 1, DISTANCES**2 / 2, DISTANCES - 0.5).mean()),
        (nn.SmoothL1Loss(beta=0.5), np.where(DISTANCES < 0.5, DISTANCES**2, DISTANCES - 0.25).mean()),
        (nn.BCEWithLogitsLoss(), np.mean(np.logaddexp(0, X) - np.array(X) * np.array(Y))),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Module) else "",
)
def test_losses_follow_their_formulas(loss, expected, device):
    close(loss(on(device, X), on(device, Y)), expected)


def test_cross_entropy_is_the_negative_log_probability(device):
    logits = np.array([[1.0, 2.0, 0.5], [0.0, 0.0, 0.0]], np.float32)
    expected = [math.log(np.exp(logits[0]).sum()) - 2.0, math.log(3)]
    target = on(device, [1, 2])
    close(nn.CrossEntropyLoss(reduction="none")(on(device, logits.tolist()), target), expected)
    log_probabilities = F.log_softmax(on(device, logits.tolist()), dim=-1)
    close(nn.NLLLoss()(log_probabilities, target), np.mean(expected))


def test_binary_cross_entropy_of_certainty_is_finite(device):
    x = on(device, [0.0, 1.0, 0.5], grad=True)
    loss = F.binary_cross_entropy(x, on(device, [1.0, 1.0, 0.0]), reduction="none")
    close(loss, [100.0, 0.0, math.log(2)])
    loss.sum().backward()
    assert np.isfinite(x.grad.cpu().numpy()).all()


def test_kl_divergence(device):
    p, q = np.array([[0.0, 0.25, 0.75]]), np.array([[0.2, 0.3, 0.5]])
    expected = 0.25 * math.log(0.25 / 0.3) + 0.75 * math.log(0.75 / 0.5)
    close(F.kl_div(on(device, np.log(q).tolist()), on(device, p.tolist()), reduction="batchmean"), expected)


def test_a_size_mismatch_is_warned_of_or_refused():
    with pytest.warns(UserWarning, match="Using a target size"):
        F.mse_loss(torch.ones(2), torch.ones(2, 1))
    with pytest.raises(ValueError, match="Target size"):
        F.binary_cross_entropy_with_logits(torch.ones(2), torch.ones(2, 1))
    with pytest.raises(ValueError, match="is not a valid value for reduction"):
        F.mse_loss(torch.ones(2), torch.ones(2), reduction="median")


def test_one_hot_normalize_and_cosine_similarity(device):
    hot = F.one_hot(on(device, [2, 0]), 3)
    assert hot.tolist() == [[0, 0, 1], [1, 0, 0]] and hot.dtype == torch.int64
    with pytest.raises(RuntimeError, match="smaller than num_classes"):
        F.one_hot(on(device, [3]), 3)
    close(F.normalize(on(device, [[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0.0, 0.0]])
    close(F.cosine_similarity(on(device, [[1.0, 0.0]]), on(device, [[1.0, 1.0]])), [math.sqrt(0.5)])


def test_flatten_and_unflatten():
    x = torch.ones(2, 3, 4)
    assert nn.Flatten()(x).shape == (2, 12)
    assert nn.Unflatten(1, (3, 1))(x).shape == (2, 3, 1, 4)


# ------------------------------------------------------------------------------------------------ init and clipping


def test_initialisers_have_their_variance():
    torch.manual_seed(0)
    w = torch.empty(200, 100)
    variances = {
        nn.init.xavier_normal_: 2 / 300,
        nn.init.xavier_uniform_: 2 / 300,
        nn.init.kaiming_normal_: 2 / 100,
        nn.init.kaiming_uniform_: 2 / 100,
    }
    for initialise, variance in variances.items():
        assert initialise(w) is w
        assert float((w * w).mean()) == pytest.approx(variance, rel=0.05), initialise.__name__
    assert (nn.init.ones_(w) == 1).all() and (nn.init.constant_(w, 3.0) == 3).all()
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        nn.init.xavier_normal_(torch.empty(3))


def test_initialising_a_parameter_is_not_recorded():
    parameter = nn.Parameter(torch.empty(2, 2))
    nn.init.uniform_(parameter, 1.0, 2.0)
    assert parameter.is_leaf and parameter.grad_fn is None and 1.0 <= parameter.min().item() <= 2.0


def test_clipping_scales_to_the_norm_and_returns_the_norm_before(device):
    parameters = [nn.Parameter(torch.zeros(2, device=device)) for _ in range(2)]
    parameters[0].grad = on(device, [3.0, 0.0])
    parameters[1].grad = on(device, [0.0, 4.0])
    assert nn.utils.clip_grad_norm_(parameters, 1.0).item() == pytest.approx(5.0)
    close(parameters[1].grad, [0.0, 0.8])
    assert nn.utils.clip_grad_norm_(parameters, 10.0, norm_type=math.inf).item() == pytest.approx(0.8, rel=1e-4)
    close(parameters[1].grad, [0.0, 0.8])
    nn.utils.clip_grad_value_(parameters, 0.5)
    close(parameters[1].grad, [0.0, 0.5])


def test_clipping_can_refuse_what_is_not_finite():
    parameter = nn.Parameter(torch.zeros(1))
    parameter.grad = torch.tensor([math.nan])
    with pytest.raises(RuntimeError, match="non-finite"):
        nn.utils.clip_grad_norm_([parameter], 1.0, error_if_nonfinite=True)


def test_parameters_go_to_a_vector_and_back():
    net = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(net.parameters())
    assert vector.shape == (9,)
    nn.utils.vector_to_parameters(torch.arange(9.0), net.parameters())
    close(net.bias, [6.0, 7.0, 8.0])


def test_a_window_that_steps_over_all_of_x_has_nothing_and_gives_nothing_back(device):
    x = torch.ones(1, 1, 1, device=device, requires_grad=True)
    y, index = torch.nn.functional.max_pool1d(x, 2, stride=3, padding=1, dilation=2, return_indices=True)
    assert y.tolist() == [[[-torch.inf]]] and index.tolist() == [[[1]]]  # PyTorch's: its first place not before x
    y.sum().backward()
    assert x.grad.tolist() == [[[0.0]]]


class Counting(nn.Module):
    """A module whose state is not all tensors."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def get_extra_state(self):
        return {"seen": self.seen}

    def set_extra_state(self, state):
        self.seen = state["seen"]


def test_extra_state_goes_around_and_is_missed():
    model, other = nn.Sequential(Counting()), nn.Sequential(Counting())
    model[0].seen = 3
    state = model.state_dict()
    assert state["0._extra_state"] == {"seen": 3}
    other.load_state_dict(state)
    assert other[0].seen == 3
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "0._extra_state"'):
        other.load_state_dict({})


def test_batch_norm_loads_a_dict_from_before_it_counted_batches():
    norm = nn.BatchNorm1d(2)
    old = {name: tensor + 1 for name, tensor in norm.state_dict().items() if name != "num_batches_tracked"}
    norm.load_state_dict(old)
    assert norm.running_mean.tolist() == [1, 1] and norm.num_batches_tracked.item() == 0
    new = norm.state_dict()
    del new["num_batches_tracked"]
    with pytest.raises(RuntimeError, match="num_batches_tracked"):
        norm.load_state_dict(new)


def test_what_apply_writes_in_place_counts_as_a_write():
    layer = nn.Linear(2, 2)
    before = layer.weight._version
    layer._apply(lambda tensor: tensor.mul_(2))
    assert layer.weight._version > before


def test_class_probabilities_are_told_from_class_indices_by_shape_and_dtype(device):
    x, p = on(device, [[0.0, 1.0, 2.0]]), on(device, [[0.2, 0.3, 0.5]])
    with pytest.raises(RuntimeError, match="ignore_index is not supported for floating point target"):
        F.cross_entropy(x, p, ignore_index=2)
    with pytest.raises(
        RuntimeError, match="Expected floating point type for target with class probabilities, got Long"
    ):
        F.cross_entropy(x, p.long())


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 3, 0)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_mean_over_no_probabilities_is_nan_and_their_sum_zero(device, shape, smoothing):
    x = torch.zeros(shape, device=device)
    assert math.isnan(F.cross_entropy(x, x, label_smoothing=smoothing))
    assert F.cross_entropy(x, x, label_smoothing=smoothing, reduction="sum") == 0
