"""torch.fft: gradients to second order, tangents and vmap, what is refused, precision, and networks made of it."""

import numpy as np
import pytest

import autograd_gpu as ag
from autograd_gpu.autograd import gradcheck, gradgradcheck

pytestmark = pytest.mark.ours
RANDOM = np.random.default_rng(0)


def real(*shape: int) -> ag.Tensor:
    return ag.tensor(RANDOM.standard_normal(shape), requires_grad=True)


def number(*shape: int) -> ag.Tensor:
    return ag.tensor(RANDOM.standard_normal(shape) + 1j * RANDOM.standard_normal(shape), requires_grad=True)


@pytest.mark.parametrize(
    ("name", "make", "kwargs"),
    [
        ("fft", number, {}), ("fft", real, {"n": 6}), ("ifft", number, {"norm": "ortho"}), ("rfft", real, {}),
        ("rfft", real, {"n": 4, "norm": "forward"}), ("irfft", number, {}), ("irfft", number, {"n": 5}),
        ("hfft", number, {}), ("ihfft", real, {}), ("rfftn", real, {}), ("irfftn", number, {}),
        ("irfft2", number, {"s": (3, 5)}), ("hfftn", number, {}), ("ihfftn", real, {}), ("fft2", number, {}),
    ],
)  # fmt: skip
def test_gradients_and_tangents_are_those_of_differences(name, make, kwargs):
    def transform(x):
        return getattr(ag.fft, name)(x, **kwargs)

    x = make(2, 4)
    options = {"check_forward_ad": True, "check_batched_forward_grad": True, "check_batched_grad": True}
    assert gradcheck(transform, x, **options) and gradgradcheck(transform, x)


def test_single_precision_stays():
    x = ag.ones(8)
    assert ag.fft.rfft(x).dtype is ag.complex64 and ag.fft.irfft(ag.fft.rfft(x)).dtype is ag.float32
    assert ag.fft.fft(ag.ones(4, dtype=ag.int64)).dtype is ag.complex64


def test_frequencies_and_shifts():
    for n in (1, 4, 7):
        assert np.allclose(ag.fft.fftfreq(n, 0.5).numpy(), np.fft.fftfreq(n, 0.5))
        assert np.allclose(ag.fft.rfftfreq(n, 0.5).numpy(), np.fft.rfftfreq(n, 0.5))
        x = ag.arange(n * 3).reshape(n, 3)
        assert np.array_equal(ag.fft.fftshift(x).numpy(), np.fft.fftshift(x.numpy()))
        assert np.array_equal(ag.fft.ifftshift(x, 0).numpy(), np.fft.ifftshift(x.numpy(), 0))


def test_what_makes_no_sense_is_refused():
    x = ag.ones(3)
    for call, words in (
        (lambda: ag.fft.fft(x, 0), r"Invalid number of data points \(0\)"),
        (lambda: ag.fft.fft(x, norm="half"), 'Invalid normalization mode: "half"'),
        (lambda: ag.fft.rfft(x + 1j), "rfft expects a real input tensor"),
        (lambda: ag.fft.fftn(x, dim=(0, 0)), "dims must be unique"),
        (lambda: ag.fft.fftn(x, (1, 2), (0,)), "must have the same length"),
        (lambda: ag.fft.fft(x.half()), "Unsupported dtype Half"),
        (lambda: ag.fft.fft(ag.tensor(1.0)), "has no dimensions"),
    ):
        with pytest.raises((RuntimeError, IndexError), match=words):
            call()


def test_a_gpu_is_refused_by_name():
    with pytest.raises(NotImplementedError, match="rfft: Fourier transforms are on the CPU only"):
        ag.fft.rfft(ag.ones(4, device="cuda"))


def test_an_fnet_block_learns():
    """Lee-Thorp et al. 2021: the real part of a transform over time and features, in the place of attention."""
    ag.manual_seed(0)
    x, target = ag.randn(4, 6, 8), ag.randn(4, 6, 8)
    norm, project = ag.nn.LayerNorm(8), ag.nn.Linear(8, 8)
    optimizer = ag.optim.SGD([*norm.parameters(), *project.parameters()], lr=0.1)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        mixed = norm(x + ag.fft.fft2(x).real)
        loss = ag.nn.functional.mse_loss(project(mixed), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_a_fourier_layer_of_two_dimensions():
    """Li et al. 2020: the lowest frequencies times a matrix each, with the gradient of a complex weight."""
    x, weight = real(2, 3, 6, 6), number(3, 2, 2, 3)

    def layer(x, weight):
        y = ag.fft.rfft2(x)
        low = ag.einsum("bixy,ioxy->boxy", y[..., :2, :3], weight)
        return ag.fft.irfft2(low, s=(6, 6))

    expected = np.fft.irfft2(
        np.einsum("bixy,ioxy->boxy", np.fft.rfft2(x.detach().numpy())[..., :2, :3], weight.detach().numpy()), (6, 6)
    )
    assert np.allclose(layer(x, weight).detach().numpy(), expected)
    assert gradcheck(layer, (x, weight), fast_mode=True)
