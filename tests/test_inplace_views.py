"""In-place operations, views and the histories that they rewrite, on both devices."""

import pytest

import autograd_gpu as torch

pytestmark = pytest.mark.usefixtures("on_each_device")


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor([float(value) for value in values], requires_grad=True)


def gradient_of(function, *values: float) -> list[float]:
    """The gradient of sum(function(x)) for the leaf x."""
    x = leaf(*values)
    function(x).sum().backward()
    return x.grad.tolist()


# In-place operations record like their out-of-place twins


@pytest.mark.parametrize(
    ("change", "gradient"),
    [
        (lambda y: y.add_(1), [1, 1]),
        (lambda y: y.add_(torch.ones(2), alpha=2), [1, 1]),
        (lambda y: y.sub_(1), [1, 1]),
        (lambda y: y.mul_(3), [3, 3]),
        (lambda y: y.div_(2), [0.5, 0.5]),
        (lambda y: y.pow_(2), [2, 4]),
        (lambda y: y.neg_(), [-1, -1]),
        (lambda y: y.relu_(), [1, 1]),
        (lambda y: y.clamp_(0, 1.5), [1, 0]),
        (lambda y: y.zero_(), [0, 0]),
        (lambda y: y.fill_(3), [0, 0]),
        (lambda y: y.copy_(torch.zeros(2)), [0, 0]),
    ],
    ids=["add", "add_alpha", "sub", "mul", "div", "pow", "neg", "relu", "clamp", "zero", "fill", "copy"],
)
def test_in_place_gradients(change, gradient):
    def function(x):
        y = x * 1
        assert change(y) is y
        return y

    assert gradient_of(function, 1, 2) == gradient


def test_augmented_assignment_is_in_place():
    def function(x):
        y = x * 1
        same = y
        y += 1
        y *= 3
        y -= 2
        y /= 2
        assert y is same
        return y

    assert gradient_of(function, 1, 2) == [1.5, 1.5]


def test_an_in_place_operation_gives_the_tensor_its_grad_fn():
    y = leaf(1) * 1
    y.exp_()
    assert y.grad_fn.name() == "ExpBackward0"
    assert y._version == 1


def test_a_tensor_without_history_takes_one_from_an_in_place_operation():
    w = leaf(1, 2)
    b = torch.zeros(2)
    b.add_(w)
    assert b.requires_grad and not b.is_leaf
    b.sum().backward()
    assert w.grad.tolist() == [1, 1]


def test_gradient_flows_to_both_operands_of_an_in_place_multiplication():
    a, b = leaf(2, 3), leaf(4, 5)
    y = a * 1
    y *= b
    y.sum().backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([4, 5], [2, 3])


def test_copy_from_another_dtype_casts_and_keeps_the_sources_gradient_dtype():
    source = torch.ones(2, dtype=torch.float64, requires_grad=True)
    y = torch.zeros(2)
    y.copy_(source)
    y.sum().backward()
    assert source.grad.dtype == torch.float64


def test_in_place_results_must_fit():
    with pytest.raises(RuntimeError, match=r"output with shape .* doesn't match the broadcast shape"):
        torch.ones(3).add_(torch.ones(2, 3))
    with pytest.raises(RuntimeError, match=r"result type .* can't be cast to the desired output type"):
        torch.tensor([1, 2]).add_(1.5)


def test_writing_to_an_expanded_tensor_is_refused():
    with pytest.raises(RuntimeError, match=r"unsupported operation: more than one element of the written-to tensor"):
        torch.ones(1).expand(3).add_(1)


def test_one_value_may_be_written_to_an_expanded_tensor():
    y = torch.tensor([1.0, 2.0])
    assert y[:1].expand(3).fill_(2).tolist() == [2, 2, 2]
    y[1:].expand(3).zero_()
    assert (y.tolist(), y._version) == ([2, 0], 2)


@pytest.mark.ours  # PyTorch cannot go backward through it
def test_what_was_written_to_an_expanded_tensor_gets_no_gradient():
    x = leaf(1, 2)
    y = x * 1
    view = y[:1].expand(3)
    view.zero_()
    (y.sum() + view.sum()).backward()
    assert x.grad.tolist() == [0, 1]


# Views


VIEWS = {
    "view": lambda x: x.view(2, 3),
    "reshape": lambda x: x.reshape(3, 2),
    "slice": lambda x: x[1:],
    "step": lambda x: x[::2],
    "select": lambda x: x[3],
    "newaxis": lambda x: x[None],
    "ellipsis": lambda x: x[...],
    "t": lambda x: x.view(2, 3).t(),
    "transpose": lambda x: x.view(2, 3).transpose(0, 1),
    "permute": lambda x: x.view(1, 6).permute(1, 0),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "squeeze": lambda x: x.view(1, 6).squeeze(),
    "narrow": lambda x: x.narrow(0, 1, 2),
    "flatten": lambda x: x.view(2, 3).flatten(),
    "expand": lambda x: x.view(6, 1).expand(6, 2),
    "detach": lambda x: x.detach(),
    "diagonal": lambda x: x.view(2, 3).diagonal(),
    "split": lambda x: x.split(2)[1],
    "chunk": lambda x: x.chunk(3)[2],
    "unbind": lambda x: x.unbind()[5],
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory_and_versions(name):
    view = VIEWS[name]
    base = torch.arange(6.0)
    seen = view(base)
    base.mul_(2)
    again = view(base)
    assert seen.tolist() == again.tolist()
    assert seen._version == base._version == 1


def test_copies_share_nothing():
    base = torch.arange(6.0)
    for copy in (base.clone(), base[[0, 1]], base.view(2, 3).t().reshape(6), base[base > 2], base * 1):
        version = copy._version
        base.add_(1)
        assert copy._version == version


def test_a_view_of_a_view_writes_through():
    w = leaf(1, 2)
    base = torch.zeros(4, 4)
    base[1:][:, 2:][0] = w
    (base * torch.arange(16.0).view(4, 4)).sum().backward()
    assert w.grad.tolist() == [6, 7]


def test_two_views_of_one_base_see_each_others_history():
    w = leaf(1, 2, 3)
    base = w * 1
    first, last = base[:2], base[1:]
    first.mul_(10)
    assert last.tolist() == [20, 3]
    last.sum().backward()
    assert w.grad.tolist() == [0, 10, 1]


def test_a_write_to_a_view_changes_the_gradient_of_the_whole():
    def function(x):
        y = x * 1
        y[0].mul_(5)
        y[1:].add_(7)
        return y * y

    assert gradient_of(function, 1, 2, 3) == [2 * 5 * 5, 2 * 9, 2 * 10]


def test_a_write_through_a_transpose():
    def function(x):
        y = (x * 1).view(2, 3)
        y.t()[0].mul_(4)
        return y

    assert gradient_of(function, 1, 2, 3, 4, 5, 6) == [4, 1, 1, 4, 1, 1]


def test_a_views_grad_fn_is_made_anew_after_its_base_changed():
    base = leaf(1, 2, 3) * 1
    view = base[1:]
    before = view.grad_fn
    base.add_(1)
    after = view.grad_fn
    assert after is not before
    assert view.grad_fn is after


def test_a_view_made_under_no_grad_refuses_a_recorded_write():
    base = leaf(1, 2) * 1
    with torch.no_grad():
        view = base[:1]
    with pytest.raises(RuntimeError, match=r"view was created in no_grad mode"):
        view.add_(leaf(1))


def test_outputs_of_multi_view_functions_refuse_a_recorded_write():
    y = leaf(1, 2, 3, 4) * 1
    for part in (y.split(2)[0], y.chunk(2)[0], y.unbind()[0]):
        with pytest.raises(RuntimeError, match=r"is a view and is being modified inplace.*multiple views"):
            part.add_(1)


def test_outputs_of_multi_view_functions_may_be_written_without_a_graph():
    y = torch.zeros(4)
    y.split(2)[1].add_(1)
    assert y.tolist() == [0, 0, 1, 1]


def test_detach_in_place_makes_a_leaf_and_refuses_views():
    y = leaf(1) * 2
    y.detach_()
    assert y.is_leaf and not y.requires_grad
    with pytest.raises(RuntimeError, match=r"Can't detach views in-place"):
        (leaf(1, 2) * 1)[:1].detach_()


def test_the_base_of_a_view_that_changed_must_match_what_was_saved():
    y = leaf(1, 2) * 1
    z = y * y
    y[0] = 5
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation"):
        z.sum().backward()


# Reading and writing by index


GRID = [[float(4 * row + column) for column in range(4)] for row in range(3)]

INDICES = {
    "integer": lambda: 1,
    "negative": lambda: -1,
    "pair": lambda: (1, 2),
    "slice": lambda: slice(1, None),
    "steps": lambda: (slice(None, None, 2), slice(1, 4, 2)),
    "ellipsis": lambda: (..., 0),
    "newaxis": lambda: (None, 1, None),
    "list": lambda: [0, 2, 0],
    "tensor": lambda: torch.tensor([[0, 2], [1, -1]]),
    "two_tensors": lambda: (torch.tensor([0, 2]), torch.tensor([3, 1])),
    "broadcast_tensors": lambda: (torch.tensor([[0], [2]]), torch.tensor([3, 1])),
    "tensor_and_slice": lambda: (torch.tensor([2, 0]), slice(1, 3)),
    "slice_and_tensor": lambda: (slice(1, 3), torch.tensor([3, 0, 3])),
    "tensor_slice_newaxis": lambda: (torch.tensor([2, 0]), None, slice(None, 2)),
    "mask": lambda: torch.tensor(GRID) > 5,
    "row_mask": lambda: torch.tensor([True, False, True]),
    "mask_and_integer": lambda: (torch.tensor([True, False, True]), 1),
    "true": lambda: True,
    "empty_list": lambda: [],
    "empty_tensor": lambda: torch.tensor([], dtype=torch.int64),
}


@pytest.mark.parametrize("name", INDICES)
def test_reading_by_index_scatters_the_gradient_back(name):
    x = torch.tensor(GRID, requires_grad=True)
    index = INDICES[name]()
    y = x[index]
    weights = torch.arange(float(y.numel())).reshape(y.shape) + 1
    (y * weights).sum().backward()
    expected = [[0.0] * 4 for _ in range(3)]
    places = torch.arange(12).view(3, 4)[index]
    for place, weight in zip(places.reshape(-1).tolist(), weights.reshape(-1).tolist(), strict=True):
        expected[place // 4][place % 4] += weight
    assert x.grad.tolist() == expected
    assert y.tolist() == places.to(torch.float32).tolist()


@pytest.mark.parametrize("name", [name for name in INDICES if name not in ("list", "tensor", "slice_and_tensor")])
def test_writing_by_index(name):
    x = torch.tensor(GRID, requires_grad=True)
    value = torch.tensor(100.0, requires_grad=True)
    index = INDICES[name]()
    y = x * 1
    y[index] = value
    written = set(torch.arange(12).view(3, 4)[index].reshape(-1).tolist())
    assert y.tolist() == [[100.0 if 4 * r + c in written else 4.0 * r + c for c in range(4)] for r in range(3)]
    y.sum().backward()
    assert x.grad.tolist() == [[0.0 if 4 * r + c in written else 1.0 for c in range(4)] for r in range(3)]
    assert value.grad.item() == len(written)


def test_a_written_value_is_broadcast_and_cast():
    w = torch.ones(2, dtype=torch.float64, requires_grad=True)
    y = torch.zeros(3, 2)
    y[1:] = w
    assert y.dtype == torch.float32
    y.sum().backward()
    assert w.grad.tolist() == [2, 2]
    assert w.grad.dtype == torch.float64


def test_a_written_value_of_a_wrong_shape():
    with pytest.raises(RuntimeError, match=r"shape mismatch|must match"):
        torch.zeros(3)[1:] = torch.ones(3)


def test_floating_point_indices_are_refused():
    with pytest.raises(IndexError, match=r"tensors used as indices must be long"):
        torch.ones(3)[torch.ones(1)]


def test_iteration_and_length():
    x = leaf(1, 2, 3)
    assert len(x) == 3
    a, b, _ = x
    (a * b).backward()
    assert x.grad.tolist() == [2, 1, 0]
    with pytest.raises(TypeError, match=r"len\(\) of a 0-d tensor"):
        len(torch.tensor(1.0))
    with pytest.raises(TypeError, match=r"iteration over a 0-d tensor"):
        iter(torch.tensor(1.0))


# One of several views


@pytest.mark.parametrize("cut", ["x.split(2)[0]", "x.chunk(2)[0]", "x.unbind(0)[0]", "x.split(2)[0].view(2)"])
def test_one_of_several_views_cannot_be_written(on_each_device, cut):
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True) * 1
    with pytest.raises(RuntimeError, match=r"Output 0 of .* is a view and is being modified inplace.*multiple views"):
        eval(cut, {"x": x}).mul_(2)
    plain = torch.zeros(4)
    eval(cut, {"x": plain}).add_(1)
    assert plain[0].item() == 1


def test_one_of_several_views_of_a_constant_cannot_take_in_a_history(on_each_device):
    a, _ = torch.zeros(4).split(2)
    with pytest.raises(RuntimeError, match=r"is being modified inplace.*multiple views"):
        a.add_(torch.ones(2, requires_grad=True))


def test_one_of_several_views_has_no_history_once_its_base_was_written(on_each_device):
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True) * 1
    a, _ = x.split(2)
    x.mul_(2)
    assert a.tolist() == [2, 4] and a.requires_grad
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"its base or another view of its base has been modified inplace"):
            a.sum()
    assert "grad_fn=<Invalid>" in repr(a)
    x.sum().backward()


def test_a_view_made_in_inference_mode_cannot_be_written_outside(on_each_device):
    x = torch.ones(3, requires_grad=True) * 1
    with torch.inference_mode():
        v = x[:1]
    with pytest.raises(RuntimeError, match=r"A view was created in inference mode and is being modified inplace in"):
        v.add_(1)


def test_a_view_made_under_no_grad_cannot_be_written_outside_when_its_base_has_a_history(on_each_device):
    x = torch.ones(3, requires_grad=True) * 1
    with torch.no_grad():
        v = x[:1]
        v.add_(1)
    with pytest.raises(RuntimeError, match=r"A view was created in no_grad mode and is being modified inplace"):
        v.add_(1)
    assert x.tolist() == [2, 1, 1]


# out=


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda out: torch.add(torch.ones(2), torch.ones(2), out=out), [2, 2]),
        (lambda out: torch.exp(torch.zeros(2), out=out), [1, 1]),
        (lambda out: torch.sum(torch.ones(2, 3), 1, out=out), [3, 3]),
        (lambda out: torch.matmul(torch.ones(2, 3), torch.ones(3), out=out), [3, 3]),
        (lambda out: torch.cat([torch.ones(1), torch.zeros(1)], out=out), [1, 0]),
        (lambda out: torch.where(torch.tensor([True, False]), torch.ones(2), torch.zeros(2), out=out), [1, 0]),
        (lambda out: torch.clamp(torch.tensor([-1.0, 5.0]), 0, 1, out=out), [0, 1]),
    ],
)
def test_out_takes_the_result(on_each_device, call, expected):
    buffer = torch.zeros(4)
    out = buffer[1:3]
    assert call(out) is out
    assert buffer.tolist() == [0, *expected, 0]
    assert buffer._version == 1


def test_out_is_cast_when_the_kind_allows_and_resized_with_a_warning():
    out = torch.zeros(2, dtype=torch.float64)
    assert torch.add(torch.ones(2), 1, out=out).dtype is torch.float64
    with pytest.raises(RuntimeError, match=r"result type Float can't be cast to the desired output type Long"):
        torch.add(torch.ones(2), 1, out=torch.zeros(2, dtype=torch.int64))
    with pytest.warns(UserWarning, match=r"An output with one or more elements was resized"):
        assert torch.exp(torch.zeros(3), out=out).tolist() == [1, 1, 1]
    assert out.shape == (3,)
    empty = torch.empty(0)
    torch.exp(torch.zeros(3), out=empty)
    assert empty.tolist() == [1, 1, 1]


def test_out_is_refused_where_it_would_lose_a_gradient():
    x = torch.ones(2, requires_grad=True)
    message = r"\(\): functions with out=... arguments don't support automatic differentiation"
    with pytest.raises(RuntimeError, match="add" + message):
        torch.add(x, 1, out=torch.empty(2))
    with pytest.raises(RuntimeError, match="exp" + message):
        torch.exp(torch.ones(2), out=x * 1)
    with pytest.raises(RuntimeError, match="cat" + message):
        torch.cat([torch.ones(2), x], out=torch.empty(4))
    with torch.no_grad():
        assert torch.add(x, 1, out=torch.empty(2)).tolist() == [2, 2]
    with pytest.raises(TypeError, match=r"argument 'out' must be (Tensor|tuple)|incompatible"):
        torch.exp(torch.ones(2), out=3)


def test_repeat_is_a_copy_that_can_be_written(on_each_device):
    x = torch.zeros(2)
    for times in ((3, 1), (1,), (2, 1, 1)):
        y = x.repeat(*times)
        y[..., 0] = 1
        y.reshape(-1)[1] = 5
        assert (y == 5).sum() == 1 and x.tolist() == [0, 0]
