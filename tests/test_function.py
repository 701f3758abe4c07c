"""`autograd.Function`: operations that users write themselves."""

import pytest

import autograd_gpu as torch

Function = torch.autograd.Function


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor([float(value) for value in values], requires_grad=True)


class Cube(Function):
    """y = x^3, differentiable again since its backward is made of operations."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * 3 * x**2


def test_forward_and_backward(device):
    x = torch.tensor([2.0], requires_grad=True, device=device)
    y = Cube.apply(x)
    assert y.grad_fn.name() == "CubeBackward"
    y.backward()
    assert (y.tolist(), x.grad.tolist()) == ([8], [12])


def test_double_backward_through_a_function():
    x = leaf(2)
    (g,) = torch.autograd.grad(Cube.apply(x), x, create_graph=True)
    (gg,) = torch.autograd.grad(g, x)
    assert gg.tolist() == [12]


def test_setup_context():
    class Scale(Function):
        @staticmethod
        def forward(x, factor):
            return x * factor

        @staticmethod
        def setup_context(ctx, inputs, output):
            _, ctx.factor = inputs

        @staticmethod
        def backward(ctx, gy):
            return gy * ctx.factor, None

    x = leaf(1)
    Scale.apply(x, 3.0).backward()
    assert x.grad.tolist() == [3]


def test_forward_records_nothing_of_its_own():
    class Check(Function):
        @staticmethod
        def forward(ctx, x):
            assert not torch.is_grad_enabled()
            y = x * 2
            assert not y.requires_grad
            return y

        @staticmethod
        def backward(ctx, gy):
            return gy * 2

    x = leaf(1)
    Check.apply(x).backward()
    assert x.grad.tolist() == [2]


def test_needs_input_grad():
    seen = []

    class Mul(Function):
        @staticmethod
        def forward(ctx, x, y, note):
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx, g):
            seen.append(ctx.needs_input_grad)
            _, y = ctx.saved_tensors
            return g * y, None, None

    Mul.apply(leaf(1), torch.ones(1), "note").backward()
    assert seen == [(True, False, False)]


def test_several_outputs_with_materialised_gradients():
    seen = []

    class Split(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g2, g3):
            seen.append((g2.tolist(), g3.tolist()))
            return g2 * 2 + g3 * 3

    x = leaf(1, 1)
    Split.apply(x)[1].sum().backward()
    assert seen == [([0, 0], [1, 1])]
    assert x.grad.tolist() == [3, 3]


def test_gradients_stay_none_when_not_materialised():
    seen = []

    class Split(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g2, g3):
            seen.append(g2)
            return g3 * 3

    Split.apply(leaf(1))[1].backward()
    assert seen == [None]


def test_mark_non_differentiable():
    class Top(Function):
        @staticmethod
        def forward(ctx, x):
            values, index = x.max(0)
            ctx.mark_non_differentiable(index)
            return values, index

        @staticmethod
        def backward(ctx, gvalues, gindex):
            return gvalues.expand(2)

    values, index = Top.apply(leaf(1, 2))
    assert values.requires_grad and not index.requires_grad


def test_mark_dirty_makes_the_input_the_output():
    class AddOne(Function):
        @staticmethod
        def forward(ctx, x):
            x.add_(1)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, gy):
            return gy * 10

    x = leaf(1)
    y = x * 1
    z = AddOne.apply(y)
    assert z is y
    assert y.grad_fn.name() == "AddOneBackward"
    z.backward()
    assert x.grad.tolist() == [10]


def test_returning_an_input_gives_a_view_of_it():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, gy):
            return gy * 10

    x = leaf(1)
    y = Same.apply(x)
    assert y is not x
    y.backward()
    assert x.grad.tolist() == [10]


def test_once_differentiable():
    class Once(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return gy * 2 * x

    x = leaf(2)
    (g,) = torch.autograd.grad(Once.apply(x), x, grad_outputs=leaf(1), create_graph=True)
    assert g.tolist() == [4]
    with pytest.raises(RuntimeError, match=r"marked with @once_differentiable"):
        g.backward()


def test_saved_tensors_are_freed_and_checked():
    x = leaf(2)
    y = Cube.apply(x)
    y.backward()
    with pytest.raises(RuntimeError, match=r"second time"):
        y.backward()
    z = x * 1
    y = Cube.apply(z)
    z.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation"):
        y.backward()


def returning(*gradients):
    """A Function whose backward gives just this."""

    class Returns(Function):
        @staticmethod
        def forward(ctx, x, other=None):
            return x * 1

        @staticmethod
        def backward(ctx, gy):
            return gradients if len(gradients) != 1 else gradients[0]

    return Returns


def test_a_wrong_number_of_gradients():
    with pytest.raises(RuntimeError, match=r"ReturnsBackward returned an incorrect number of gradients"):
        returning(torch.ones(1), torch.ones(1)).apply(leaf(1)).backward()


def test_superfluous_gradients_that_are_none_are_fine():
    x = leaf(1)
    returning(torch.ones(1), None, None).apply(x).backward()
    assert x.grad.tolist() == [1]


def test_a_gradient_of_a_wrong_shape():
    with pytest.raises(RuntimeError, match=r"returned an invalid gradient at index 0 - got \[3\] but expected shape"):
        returning(torch.ones(3)).apply(leaf(1, 2)).sum().backward()


def test_a_gradient_of_another_float_dtype_is_cast():
    x = leaf(1)
    returning(torch.ones(1, dtype=torch.float64)).apply(x).backward()
    assert x.grad.dtype == torch.float32


def test_a_gradient_that_is_no_tensor():
    with pytest.raises(RuntimeError, match=r"expected Variable or None|expected a Tensor|got int"):
        returning(1).apply(leaf(1)).backward()


def test_none_as_gradient_leaves_the_input_without_one():
    x = leaf(1)
    returning(None).apply(x).sum().backward()
    assert x.grad is None


def test_a_function_without_gradients_records_nothing():
    y = Cube.apply(torch.ones(1))
    assert y.grad_fn is None and not y.requires_grad
    with torch.no_grad():
        assert not Cube.apply(leaf(1)).requires_grad


def test_a_function_is_called_through_apply_only():
    with pytest.raises(RuntimeError, match=r"apply|Legacy autograd function|static"):
        Cube()(leaf(1))


def test_a_function_passes_gradcheck():
    x = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Cube.apply, x)
    assert torch.autograd.gradgradcheck(Cube.apply, x)


def test_keyword_arguments_take_their_places():
    class Scale(Function):
        @staticmethod
        def forward(ctx, x, factor=3.0):
            ctx.factor = factor
            return x * factor

        @staticmethod
        def backward(ctx, gy):
            return gy * ctx.factor, None

    x = leaf(1)
    Scale.apply(x, factor=5.0).backward()
    assert x.grad.tolist() == [5]


def test_mark_dirty_takes_tensors_only():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(3)
            return x * 2

    with pytest.raises(RuntimeError, match="mark_dirty can only accept variables, but argument"):
        Wrong.apply(leaf(1))


# ---- in place on a view


class Doubled(Function):
    """x = 2 x, in place."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x.mul_(2))
        return x

    @staticmethod
    def backward(ctx, gy):
        return gy * 2


def test_a_view_changed_by_a_function_changes_its_bases_history(device):
    x = torch.ones(4, device=device, requires_grad=True)
    base = x * 1
    part, other = base[1:3], base[2:]
    assert Doubled.apply(part) is part
    assert (base.tolist(), type(base.grad_fn).__name__) == ([1, 2, 2, 1], "CopySlices")
    weights = torch.tensor([1.0, 10, 100, 1000], device=device)
    (of_base,) = torch.autograd.grad((base * weights).sum(), x, retain_graph=True)
    (of_part,) = torch.autograd.grad((part * weights[:2]).sum(), x, retain_graph=True)
    (of_other,) = torch.autograd.grad((other * weights[:2]).sum(), x)
    assert of_base.tolist() == [1, 20, 200, 1000]
    assert (of_part.tolist(), of_other.tolist()) == ([0, 2, 20, 0], [0, 0, 2, 10])


def test_a_view_of_a_leaf_is_not_changed_by_a_function():
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being used in an in-place"):
        Doubled.apply(leaf(1, 2)[1:])


def test_a_function_that_changes_a_view_returns_one_tensor():
    class Two(Doubled):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x.mul_(2))
            return x, x * 1

    with pytest.raises(RuntimeError, match="your Function cannot return more than one Tensor"):
        Two.apply((leaf(1, 2) * 1)[1:])


# ---- arguments, rules


def test_setup_context_sees_the_defaults_of_forward():
    class Scaled(Function):
        @staticmethod
        def forward(x, factor=3.0):
            return x * factor

        @staticmethod
        def setup_context(ctx, inputs, output):
            _, ctx.factor = inputs

        @staticmethod
        def backward(ctx, gy):
            return gy * ctx.factor, None

    x = leaf(1, 2)
    for y, slope in ((Scaled.apply(x), 3), (Scaled.apply(x, 4.0), 4), (Scaled.apply(x, factor=5.0), 5)):
        assert torch.autograd.grad(y.sum(), x)[0].tolist() == [slope, slope]


@pytest.mark.parametrize("with_setup", [True, False])
def test_a_keyword_only_argument_is_refused(with_setup):
    class Scaled(Cube):
        @staticmethod
        def forward(*args, factor=3.0):
            return args[-1] * factor

    if with_setup:
        Scaled.setup_context = staticmethod(lambda ctx, inputs, output: None)
    with pytest.raises(TypeError, match="unexpected keyword argument 'factor'"):
        Scaled.apply(leaf(1), factor=5.0)


def test_backward_and_vjp_are_one_rule():
    class Both(Cube):
        @staticmethod
        def vjp(ctx, gy):
            return gy

    class Older(Function):
        forward = Cube.forward
        vjp = Cube.backward

    x = leaf(2)
    assert torch.autograd.grad(Older.apply(x), x)[0].tolist() == [12]
    with pytest.raises(
        RuntimeError, match="Implementing both 'backward' and 'vjp' for a custom Function is not allowed"
    ):
        Both.apply(x).backward()
