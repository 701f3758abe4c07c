"""Making tensors: NumPy's values on each device in each dtype; random numbers that are the same on both."""

import numpy as np
import pytest

import autograd_gpu as torch

DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8"]


def values(tensor):
    return tensor.cpu().double().numpy()


@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
def test_filled_tensors(dtype, device):
    dtype = getattr(torch, dtype)
    for tensor, expected in (
        (torch.zeros(2, 3, dtype=dtype, device=device), 0),
        (torch.ones((2, 3), dtype=dtype, device=device), 1),
        (torch.full((2, 3), 1, dtype=dtype, device=device), 1),
        (torch.empty(2, 3, dtype=dtype, device=device).fill_(1), 1),
        (torch.zeros(2, 3, dtype=dtype, device=device).new_ones(2, 3), 1),
        (torch.ones(2, 3, dtype=dtype, device=device).new_zeros((2, 3)), 0),
        (torch.ones(2, 3, dtype=dtype, device=device).new_full((2, 3), 1), 1),
    ):
        assert tensor.dtype is dtype and tensor.shape == (2, 3) and tensor.device.type == device
        np.testing.assert_array_equal(values(tensor), np.full((2, 3), expected))


@pytest.mark.parametrize("dtype", DTYPES)
def test_arange(dtype, device):
    found = torch.arange(2, 11, 3, dtype=getattr(torch, dtype), device=device)
    np.testing.assert_array_equal(values(found), [2, 5, 8])


def test_arange_infers_its_dtype(device):
    assert torch.arange(3, device=device).dtype is torch.int64
    assert torch.arange(3.0, device=device).dtype is torch.float32
    assert torch.arange(3, 0, -1, device=device).tolist() == [3, 2, 1]
    assert torch.arange(0, device=device).shape == (0,)
    with pytest.raises(RuntimeError, match="step must be nonzero"):
        torch.arange(0, 1, 0, device=device)


@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_linspace_and_logspace(steps, device):
    options = {"dtype": torch.float64, "device": device}
    np.testing.assert_allclose(values(torch.linspace(-1, 3, steps, **options)), np.linspace(-1, 3, steps), atol=1e-15)
    np.testing.assert_allclose(values(torch.logspace(-1, 2, steps, **options)), np.logspace(-1, 2, steps), rtol=1e-14)


def test_eye_and_indices_of_triangles(device):
    np.testing.assert_array_equal(values(torch.eye(3, 2, device=device)), np.eye(3, 2))
    np.testing.assert_array_equal(values(torch.eye(2, dtype=torch.int64, device=device)), np.eye(2))
    np.testing.assert_array_equal(values(torch.tril_indices(3, 4, -1, device=device)), np.tril_indices(3, -1, 4))
    np.testing.assert_array_equal(values(torch.triu_indices(3, 4, 1, device=device)), np.triu_indices(3, 1, 4))


def test_tensors_from_data(device):
    array = np.arange(6.0).reshape(2, 3)
    for tensor in (torch.tensor(array, device=device), torch.as_tensor(array, device=device)):
        assert tensor.dtype is torch.float64
        np.testing.assert_array_equal(values(tensor), array)
    assert torch.tensor([[1, 2], [3, 4]], device=device).tolist() == [[1, 2], [3, 4]]
    assert torch.tensor(True, device=device).dtype is torch.bool
    assert torch.tensor([1, 2.5], device=device).dtype is torch.float32
    assert torch.tensor(torch.ones(2, dtype=torch.int8), device=device).dtype is torch.int8


def test_from_numpy_shares_memory():
    array = np.zeros(3)
    torch.from_numpy(array)[0] = 5
    assert array[0] == 5
    torch.as_tensor(array)[1] = 6
    assert array[1] == 6


RANDOM = {
    "rand": lambda **o: torch.rand(1000, **o),
    "randn": lambda **o: torch.randn(1000, **o),
    "randint": lambda **o: torch.randint(-3, 9, (1000,), **o),
    "randperm": lambda **o: torch.randperm(1000, **o),
    "normal": lambda **o: torch.normal(2.0, 3.0, (1000,), **o),
}


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_is_a_stream(name, device):
    torch.manual_seed(7)
    first, second = RANDOM[name](device=device), RANDOM[name](device=device)
    torch.manual_seed(7)
    assert RANDOM[name](device=device).tolist() == first.tolist() != second.tolist()


@pytest.mark.ours
@pytest.mark.parametrize("name", RANDOM)
def test_the_stream_is_the_same_on_both_devices(name):
    found = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(7)
        found.append(values(RANDOM[name](device=device)))
    np.testing.assert_allclose(*found, rtol=1e-6, atol=1e-6)


def test_what_random_numbers_are_like(device):
    torch.manual_seed(0)
    uniform, normal = torch.rand(20000, device=device), torch.randn(20000, device=device)
    assert uniform.min().item() >= 0 and uniform.max().item() < 1
    assert abs(uniform.mean().item() - 0.5) < 0.01 and abs(uniform.var().item() - 1 / 12) < 0.005
    assert abs(normal.mean().item()) < 0.03 and abs(normal.std().item() - 1) < 0.03
    assert sorted(torch.randperm(50, device=device).tolist()) == list(range(50))
    whole = torch.randint(2, 5, (3000,), device=device)
    assert set(whole.tolist()) == {2, 3, 4} and whole.dtype is torch.int64
    assert set(torch.randint_like(whole, 4).tolist()) == {0, 1, 2, 3}
    p = torch.tensor([0.0, 0.25, 1.0], device=device).expand(4000, 3)
    shares = torch.bernoulli(p).mean(0).tolist()
    assert shares[0] == 0 and shares[2] == 1 and abs(shares[1] - 0.25) < 0.03
    drawn = torch.multinomial(torch.tensor([1.0, 0.0, 3.0], device=device), 4000, replacement=True)
    assert abs((drawn == 2).float().mean().item() - 0.75) < 0.03 and (drawn != 1).all()
    assert sorted(torch.multinomial(torch.ones(5, device=device), 5).tolist()) == [0, 1, 2, 3, 4]


def test_a_generators_state_is_saved_and_restored(device):
    generator = torch.Generator(device=device).manual_seed(3)
    torch.rand(5, generator=generator, device=device)
    state = generator.get_state()
    ahead = torch.rand(5, generator=generator, device=device).tolist()
    generator.set_state(state)
    assert torch.rand(5, generator=generator, device=device).tolist() == ahead
    assert generator.initial_seed() == 3


def test_generators_do_not_share_their_streams(device):
    torch.manual_seed(3)
    expected = torch.rand(4, device=device).tolist()
    torch.manual_seed(3)
    torch.rand(4, generator=torch.Generator(device=device).manual_seed(5), device=device)
    assert torch.rand(4, device=device).tolist() == expected


def test_requires_grad_and_its_refusal(device):
    assert torch.rand(2, requires_grad=True, device=device).is_leaf
    with pytest.raises(RuntimeError, match="Only Tensors of floating point"):
        torch.zeros(2, dtype=torch.int64, requires_grad=True, device=device)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: torch.zeros(-1), RuntimeError),
        (lambda: torch.tensor([[1, 2], [3]]), ValueError),
        (lambda: torch.tensor("a"), TypeError),
        (lambda: torch.tensor(None), RuntimeError),
        (lambda: torch.randint(3, 3, (2,)), RuntimeError),
        (lambda: torch.multinomial(torch.ones(2), 3), RuntimeError),
        (lambda: torch.linspace(0, 1, -1), RuntimeError),
        (lambda: torch.eye(-1), RuntimeError),
        (lambda: torch.zeros(2, device="nowhere"), RuntimeError),
    ],
)
def test_what_cannot_be_made(make, error):
    with pytest.raises(error):
        make()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([[1, 2], [3]], r"expected sequence of length 2 at dim 1 \(got 1\)"),
        ([[[1], [2]], [[3], [4, 5]]], r"expected sequence of length 1 at dim 2 \(got 2\)"),
    ],
)
def test_ragged_lists_say_where(data, said):
    with pytest.raises(ValueError, match=said):
        torch.tensor(data)


def test_memory_is_row_major(device):
    x = torch.ones(2, 3, device=device)
    assert x.layout is torch.strided
    for fresh in (
        x.t().clone(memory_format=torch.contiguous_format),
        x.t().contiguous(memory_format=torch.contiguous_format),
        torch.zeros_like(x, memory_format=torch.preserve_format),
        x.to(torch.float64, memory_format=torch.preserve_format),
    ):
        assert fresh.is_contiguous(memory_format=torch.contiguous_format)


@pytest.mark.ours
def test_other_memory_formats_are_refused_by_name():
    x = torch.ones(1, 3, 2, 2)
    for call in (
        lambda: x.contiguous(memory_format=torch.channels_last),
        lambda: x.to(memory_format=torch.channels_last),
        lambda: torch.empty_like(x, memory_format=torch.channels_last),
    ):
        with pytest.raises(NotImplementedError, match="channels_last is not supported"):
            call()


def test_the_packages_own_state_is_saved_and_restored():
    torch.manual_seed(5)
    torch.rand(3)
    state = torch.get_rng_state()
    x = torch.zeros(4, 2, dtype=torch.float64)
    ahead = torch.randn_like(x)
    assert ahead.shape == x.shape and ahead.dtype is x.dtype and (ahead != 0).all()
    torch.set_rng_state(state)
    assert torch.equal(torch.randn_like(x), ahead)
    assert torch.seed() == torch.initial_seed() != torch.seed()


def test_arrays_of_the_other_byte_order_are_refused_where_memory_is_shared_and_copied_where_it_is_not():
    array = np.arange(1, 4).astype(">f4")
    for function in (torch.from_numpy, torch.as_tensor):
        with pytest.raises(ValueError, match="byte order different from the native byte order"):
            function(array)
    assert torch.tensor(array).tolist() == [1, 2, 3]


def test_a_weight_of_one_interpolates_to_the_very_end():
    start, end = torch.tensor([1e8]), torch.tensor([1.0])
    assert torch.lerp(start, end, 1.0).item() == torch.lerp(start, end, torch.tensor([1.0])).item() == 1
