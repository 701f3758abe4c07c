"""Complex tensors: what they print, promote to and refuse, and PyTorch's gradients where programs meet them."""

import copy
import pickle

import numpy as np
import pytest

import autograd_gpu as ag

pytestmark = pytest.mark.ours


def leaf(*values: complex) -> ag.Tensor:
    return ag.tensor(values, dtype=ag.complex128, requires_grad=True)


def test_a_step_against_the_gradient_descends():
    z = leaf(1 + 2j, -3j)
    (z.abs() ** 2).sum().backward()
    assert z.grad.tolist() == [2 + 4j, -6j]  # d|z|^2 = 2 Re(conj(z) dz): PyTorch's gradient is 2 z


def test_a_real_input_gets_the_real_part_of_its_gradient():
    x = ag.tensor([2.0, 3.0], requires_grad=True)
    (x * (1 + 2j)).imag.sum().backward()
    assert x.grad.dtype is ag.float32 and x.grad.tolist() == [2.0, 2.0]


def test_gradients_are_turned_wherever_a_program_meets_them():
    z = leaf(1 + 2j)
    seen = {}
    y = z.square()
    y.register_hook(lambda g: seen.update(hook=g.item()))
    y.grad_fn.register_hook(lambda given, taken: seen.update(node=(given[0].item(), taken[0].item())))
    y.retain_grad()
    direction = ag.tensor([3 - 1j], dtype=ag.complex128)
    y.backward(direction, retain_graph=True)
    expected = (3 - 1j) * np.conj(2 * (1 + 2j))
    assert seen == {"hook": 3 - 1j, "node": (expected, 3 - 1j)}
    assert y.grad.item() == 3 - 1j and z.grad.item() == expected
    assert ag.autograd.grad(y, z, direction, retain_graph=True)[0].item() == expected
    assert y.grad_fn(direction).item() == expected


def test_a_function_of_the_users_own_meets_pytorchs_gradient():
    class Square(ag.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z)
            return z * z

        @staticmethod
        def backward(ctx, g):
            (z,) = ctx.saved_tensors
            return g * (2 * z).conj()

    z = leaf(1 + 2j, 0.5 - 1j)
    assert ag.autograd.gradcheck(Square.apply, z) and ag.autograd.gradgradcheck(Square.apply, z)


def test_writes_to_the_parts_reach_the_number_and_its_history():
    z, w = leaf(1 + 2j, 3 - 1j), ag.tensor([5.0, 7.0], dtype=ag.float64, requires_grad=True)

    def written(z, w, part):
        y = z * 2
        getattr(y, part).copy_(w)
        return y

    for part in ("real", "imag"):
        y = written(z, w, part)
        assert getattr(y, part).tolist() == [5.0, 7.0]
        assert ag.autograd.gradcheck(lambda z, w, part=part: written(z, w, part), (z, w))

    def pairs(z, w):
        y = z * 1
        ag.view_as_real(y)[..., 1] = w
        return y * y

    assert ag.autograd.gradcheck(pairs, (z, w))


def test_promotion():
    half, single, double = (ag.ones(2, dtype=dtype) for dtype in (ag.bfloat16, ag.float32, ag.float64))
    number = ag.tensor(1j, dtype=ag.complex128)
    assert [(x * 1j).dtype for x in (half, single, double)] == [ag.complex64, ag.complex64, ag.complex128]
    assert (single * number).dtype is ag.complex64 and (double * number).dtype is ag.complex128
    assert (ag.ones(2, dtype=ag.int64) * number).dtype is ag.complex128
    assert ag.promote_types(ag.float64, ag.complex64) is ag.complex128
    assert ag.tensor([1, 2.0, 3j]).dtype is ag.complex64


def test_printing():
    assert str(ag.tensor([1 + 2j, -0.5j])) == "tensor([1.+2.0000j, -0.-0.5000j])"
    assert str(ag.tensor(1j, dtype=ag.complex128)) == "tensor(0.+1.j, dtype=torch.complex128)"


@pytest.mark.parametrize(
    "call",
    [
        lambda z: z < z, lambda z: z.sort(), lambda z: z.max(), lambda z: z.argmin(), lambda z: z.amax(),
        lambda z: z.floor(), lambda z: z.round(), lambda z: z.clamp(0, 1), lambda z: z.sign(), lambda z: z % 2,
        lambda z: z // 2, lambda z: ag.maximum(z, z), lambda z: ag.atan2(z, z), lambda z: z.softmax(0),
        lambda z: z.topk(1), lambda z: z.median(), lambda z: z.relu(), lambda z: z.erf(), lambda z: z.cummax(0),
        lambda z: ag.nn.functional.mse_loss(z, z), lambda z: z.nansum(), lambda z: z.unique(), lambda z: z.lgamma(),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused(call, native):
    with pytest.raises((NotImplementedError, RuntimeError), match=r"omplex"):
        call(ag.tensor([1 + 2j, 3.0]))


@pytest.fixture(params=["native", "numpy"])
def native(request, monkeypatch):
    if request.param == "numpy":
        from autograd_gpu.arrays import cpu

        monkeypatch.setattr(ag.device("cpu"), "_backend", cpu)


def test_numbers_that_a_real_tensor_does_not_hold_are_refused():
    z = leaf(1j)
    for call in (
        lambda: ag.zeros(2).fill_(1j), lambda: ag.zeros(2).add_(1j), lambda: ag.full((2,), 1j, dtype=ag.float32),
        lambda: ag.tensor([1j], dtype=ag.float32), lambda: float(ag.tensor(1j)), lambda: (z * z).sum().backward(),
    ):  # fmt: skip
        with pytest.raises((RuntimeError, TypeError)):
            call()


def test_copies_files_and_other_libraries(tmp_path):
    z = ag.tensor([[1 + 2j, 3 - 4j]], dtype=ag.complex64)
    for other in (copy.deepcopy(z), pickle.loads(pickle.dumps(z)), ag.from_numpy(z.numpy()), ag.from_dlpack(z)):
        assert other.dtype is ag.complex64 and other.tolist() == z.tolist()
    ag.save({"z": z}, tmp_path / "z.safetensors")
    assert ag.load(tmp_path / "z.safetensors")["z"].tolist() == z.tolist()


def test_long_sums_of_complex64_are_right_in_every_order_of_axes():
    z = ag.tensor(np.full((1 << 20, 2), 0.1 + 0.2j, np.complex64))
    assert np.allclose(z.sum(0).numpy(), (0.1 + 0.2j) * (1 << 20), rtol=1e-6)


def test_random_numbers_have_variance_1():
    ag.manual_seed(0)
    z = ag.randn(20000, dtype=ag.complex128)
    assert abs((z.abs() ** 2).mean().item() - 1) < 0.03 and abs(z.mean().item()) < 0.02


def test_llamas_rotary_embedding_by_complex_numbers_is_that_by_cosines():
    rng = np.random.default_rng(0)
    x = ag.tensor(rng.standard_normal((2, 6, 3, 8)), requires_grad=True)  # batch, time, heads, head dimension
    angles = np.outer(np.arange(6), 10000.0 ** (-np.arange(0, 8, 2) / 8))
    turns = ag.polar(ag.ones(6, 4, dtype=ag.float64), ag.tensor(angles))
    pairs = ag.view_as_complex(x.reshape(2, 6, 3, 4, 2))
    y = ag.view_as_real(pairs * turns.view(1, 6, 1, 4)).flatten(3)
    even, odd, c, s = x[..., ::2], x[..., 1::2], np.cos(angles)[:, None], np.sin(angles)[:, None]
    c, s = ag.tensor(c), ag.tensor(s)
    expected = ag.stack([even * c - odd * s, even * s + odd * c], -1).flatten(3)
    assert np.allclose(y.detach().numpy(), expected.detach().numpy(), atol=1e-12)
    weight = ag.tensor(rng.standard_normal(y.shape))
    found, wanted = (ag.autograd.grad((z * weight).sum(), x, retain_graph=True)[0] for z in (y, expected))
    assert np.allclose(found.numpy(), wanted.numpy(), atol=1e-12)
