"""The lecture's examples, as it shows them, print what it says: on the CPU and on the GPU."""

import re

import pytest

import autograd_gpu as torch

pytestmark = pytest.mark.usefixtures("on_each_device")


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], device: str):
    """What was printed, line by line; on the GPU without the device that PyTorch's repr names there."""

    def lines() -> list[str]:
        text = capsys.readouterr().out
        if device == "cuda":
            assert "device='cuda:0'" in text or "tensor(" not in text
            text = text.replace(", device='cuda:0'", "")
        return text.splitlines()

    return lines


def test_enabling_gradient_tracking(printed):
    # By default, no tracking
    a = torch.tensor([1.0, 2.0, 3.0])
    print(a.requires_grad)  # False

    # Enable tracking at creation
    b = torch.tensor([1.0, 2.0], requires_grad=True)
    print(b.requires_grad)  # True

    # Enable on existing tensor
    a.requires_grad_(True)  # in-place
    # or
    a = a.requires_grad_(True)

    assert printed() == ["False", "True"]
    assert a.requires_grad


def test_what_gets_tracked(printed):
    x = torch.tensor([2.0], requires_grad=True)
    y = x**2  # y = 4.0
    z = y * 3  # z = 12.0

    # a computation graph is built
    print(y.grad_fn)  # <PowBackward0>
    print(z.grad_fn)  # <MulBackward0>

    power, product = printed()
    assert re.fullmatch(r"<PowBackward0 object at 0x[0-9a-f]+>", power)
    assert re.fullmatch(r"<MulBackward0 object at 0x[0-9a-f]+>", product)
    print(x, y, z)
    assert printed() == [
        "tensor([2.], requires_grad=True) tensor([4.], grad_fn=<PowBackward0>) tensor([12.], grad_fn=<MulBackward0>)"
    ]


def test_only_for_floats():
    # Integer tensors can't track gradients
    with pytest.raises(RuntimeError, match=r"(?i)only tensors of floating point.* dtype can require gradients"):
        t = torch.tensor([1, 2], requires_grad=True)  # noqa: F841 (the lecture's own line)


def test_simple_backward(printed):
    x = torch.tensor([2.0], requires_grad=True)

    # Forward pass: y = x^2
    y = x**2

    # Backward pass: compute dy/dx
    y.backward()

    # Access gradient
    print(x.grad)  # tensor([4.0])
    # dy/dx = 2x, at x=2: 2*2 = 4

    assert printed() == ["tensor([4.])"]


def test_backward_with_multiple_variables(printed):
    x = torch.tensor([2.0], requires_grad=True)
    w = torch.tensor([3.0], requires_grad=True)

    y = x * w  # y = 6.0
    y.backward()

    print(x.grad)  # tensor([3.0]) - dy/dx = w = 3
    print(w.grad)  # tensor([2.0]) - dy/dw = x = 2

    assert printed() == ["tensor([3.])", "tensor([2.])"]


def test_chain_rule_in_action(printed):
    x = torch.tensor([2.0], requires_grad=True)

    # y = (x^2 + 1)^3
    y = (x**2 + 1) ** 3

    y.backward()
    print(x.grad)  # tensor([300.0])

    assert printed() == ["tensor([300.])"]


def test_the_computation_graph():
    x = torch.tensor([2.0], requires_grad=True)
    y = torch.tensor([3.0], requires_grad=True)

    z = x * y  # z depends on x and y
    out = z.sum()  # scalar output

    out.backward()  # traverse graph backwards

    assert (x.grad.tolist(), y.grad.tolist()) == ([3.0], [2.0])
    assert [node.name() for node, _ in out.grad_fn.next_functions] == ["MulBackward0"]
    assert [node.name() for node, _ in z.grad_fn.next_functions] == ["torch::autograd::AccumulateGrad"] * 2


def test_the_accumulation_problem(printed):
    x = torch.tensor([2.0], requires_grad=True)

    # First backward
    y1 = x**2
    y1.backward()
    print(x.grad)  # tensor([4.0])

    # Second backward (gradients ADD)
    y2 = x**3
    y2.backward()
    print(x.grad)  # tensor([16.0]) - not 12!
    # 4.0 (from y1) + 12.0 (from y2) = 16.0

    assert printed() == ["tensor([4.])", "tensor([16.])"]


@pytest.mark.parametrize("clear", ["zero_", "None"])
def test_the_solution_zero_grad(printed, clear):
    x = torch.tensor([2.0], requires_grad=True)

    # First backward
    y1 = x**2
    y1.backward()
    print(x.grad)  # tensor([4.0])

    # Clear gradients before next backward
    if clear == "zero_":
        x.grad.zero_()
    else:
        x.grad = None

    # Second backward (fresh start)
    y2 = x**3
    y2.backward()
    print(x.grad)  # tensor([12.0]) - correct!

    assert printed() == ["tensor([4.])", "tensor([12.])"]


def test_no_grad_context(printed):
    x = torch.tensor([2.0], requires_grad=True)

    # Inside no_grad, operations don't track
    with torch.no_grad():
        y = x**2
        print(y.requires_grad)  # False

    # Back to tracking outside
    z = x**2
    print(z.requires_grad)  # True

    assert printed() == ["False", "True"]


def test_detach(printed):
    x = torch.tensor([2.0], requires_grad=True)
    y = x**2

    # Detach from graph
    y_detached = y.detach()
    print(y_detached.requires_grad)  # False

    # y_detached shares data but no gradients
    assert printed() == ["False"]
    y_detached.zero_()
    assert y.tolist() == [0.0]


def test_inference_mode():
    x = torch.tensor([2.0], requires_grad=True)

    def model(x):
        return x**2

    # Even faster than no_grad for pure inference
    with torch.inference_mode():
        y = model(x)

    assert not y.requires_grad
    assert y.is_inference()


@pytest.mark.ours  # PyTorch lets the flag be set there; the lecture says that it can't be
def test_inference_mode_cannot_even_enable_requires_grad_inside():
    outside = torch.tensor([2.0])
    with torch.inference_mode():
        inside = torch.tensor([1.0])
        for tensor in (outside, inside):
            with pytest.raises(RuntimeError, match=r"inference_mode"):
                tensor.requires_grad_(True)


def test_putting_it_together(printed):
    # Simulate learning a simple function: y = 2x + 1
    # We'll learn the weight (w) and bias (b)

    w = torch.tensor([0.0], requires_grad=True)  # start at 0
    b = torch.tensor([0.0], requires_grad=True)  # start at 0

    x = torch.tensor([1.0, 2.0, 3.0])  # inputs
    y_true = torch.tensor([3.0, 5.0, 7.0])  # targets (2*x + 1)

    # Training step
    y_pred = w * x + b  # forward pass
    loss = ((y_pred - y_true) ** 2).mean()  # MSE loss

    loss.backward()  # compute gradients

    print(f"w.grad: {w.grad}")  # gradient w.r.t. w
    print(f"b.grad: {b.grad}")  # gradient w.r.t. b

    assert printed() == ["w.grad: tensor([-22.6667])", "b.grad: tensor([-10.])"]
