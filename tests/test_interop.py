"""Sharing memory with NumPy and with all that speak DLPack: without a copy, and never behind autograd's back."""

import numpy as np
import pytest

import autograd_gpu as torch

DTYPES = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]


@pytest.mark.parametrize("name", DTYPES)
def test_numpy_reads_a_tensor_through_dlpack_without_a_copy(name):
    x = torch.zeros(2, 3, dtype=getattr(torch, name))
    array = np.from_dlpack(x)
    assert array.dtype == name and array.shape == (2, 3)
    x.fill_(1)
    assert array.sum() == 6


@pytest.mark.parametrize("name", DTYPES)
def test_a_tensor_reads_numpy_through_dlpack_without_a_copy(name):
    array = np.zeros((2, 3), dtype=name)
    x = torch.from_dlpack(array)
    assert x.dtype is getattr(torch, name) and x.shape == (2, 3) and not x.requires_grad
    array[:] = 1
    assert x.sum().item() == 6
    x.zero_()
    assert array.sum() == 0


def test_strides_and_offsets_are_kept():
    array = np.arange(12.0).reshape(3, 4)
    x = torch.from_dlpack(array[1:, ::2])
    assert x.tolist() == [[4, 6], [8, 10]]
    array[1, 0] = -1
    assert x[0, 0].item() == -1
    y = torch.arange(12).reshape(3, 4).t()[1:]
    assert np.from_dlpack(y).tolist() == y.tolist()


def test_empty_and_zero_dimensional_tensors():
    assert np.from_dlpack(torch.tensor(3.5)).item() == 3.5
    assert torch.from_dlpack(np.array(3.5)).shape == ()
    assert torch.from_dlpack(np.zeros((0, 3))).shape == (0, 3)


def test_memory_lives_as_long_as_anyone_looks_at_it():
    array = np.from_dlpack(torch.full((1000,), 7.0))
    x = torch.from_dlpack(np.full(1000, 7.0))
    torch.zeros(1000), np.zeros(1000)
    assert (array == 7).all() and (x == 7).all()


def test_numpy_sees_a_tensor_as_an_array():
    x = torch.arange(6).reshape(2, 3)
    array = np.asarray(x)
    x.zero_()
    assert array.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert np.add(torch.ones(2).numpy(), torch.ones(2)).tolist() == [2, 2]


def test_a_tensor_that_requires_grad_is_not_handed_out():
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(BufferError, match=r"Can't export tensors that require gradient, use tensor\.detach\(\)"):
        x.__dlpack__()
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        np.asarray(x)
    assert np.from_dlpack(x.detach()).tolist() == [1, 1]


def test_a_copy_when_asked_for():
    array = np.zeros(2)
    x = torch.from_dlpack(array, copy=True)
    array[:] = 1
    assert x.tolist() == [0, 0]


def test_the_cpu_has_no_cuda_array_interface():
    with pytest.raises(AttributeError, match=r"Can't get __cuda_array_interface__ on non-CUDA tensor"):
        torch.ones(2).__cuda_array_interface__  # noqa: B018
    assert not hasattr(torch.ones(2), "__cuda_array_interface__")
    assert torch.ones(2).__dlpack_device__() == (1, 0)


# Ours


@pytest.mark.ours
def test_a_borrowed_gradient_is_copied():
    array = np.ones(2, dtype=np.float32)
    x = torch.ones(2, requires_grad=True)
    x.backward(torch.from_dlpack(array))
    x.grad.zero_()
    assert array.tolist() == [1, 1]


@pytest.mark.ours
def test_a_capsule_and_a_tensor_are_taken_too():
    x = torch.ones(2)
    assert torch.from_dlpack(x.__dlpack__()).tolist() == [1, 1]
    alias = torch.from_dlpack(x)
    alias.zero_()
    assert x.tolist() == [0, 0]


@pytest.mark.ours
def test_bfloat16_goes_through_dlpack_too():
    x = torch.tensor([1.5, -2.0], dtype=torch.bfloat16)
    y = torch.from_dlpack(x.__dlpack__())
    assert y.dtype is torch.bfloat16 and y.tolist() == [1.5, -2.0]
    x.zero_()
    assert y.tolist() == [0, 0]


@pytest.mark.ours
def test_what_cannot_be_taken_says_why():
    with pytest.raises(RuntimeError, match=r"received an invalid capsule: expected an object with .*, but got int"):
        torch.from_dlpack(3)
    assert torch.from_dlpack(np.array([1j])).item() == 1j


@pytest.mark.ours
def test_emulated_memory_is_not_handed_out():
    x = torch.ones(2, device="cuda")
    assert x.__dlpack_device__() == (2, 0)
    with pytest.raises(BufferError, match=r"emulated device memory cannot be shared"):
        x.__dlpack__()
    with pytest.raises(AttributeError, match=r"emulated GPU"):
        x.__cuda_array_interface__  # noqa: B018
    with pytest.raises(TypeError, match=r"can't convert cuda:0 device type tensor to numpy"):
        np.asarray(x)


@pytest.mark.ours
def test_a_tensor_goes_to_a_device_on_the_way_in():
    x = torch.from_dlpack(np.ones(2), device="cuda")
    assert x.device.type == "cuda" and x.tolist() == [1, 1]


def test_a_capsule_made_by_name_is_read_once():
    x = torch.arange(3.0)
    y = torch.from_dlpack(torch.to_dlpack(x))
    x[0] = 7
    assert y.tolist() == [7, 1, 2]


@pytest.mark.ours
def test_numpys_array_interface_shares_the_memory():
    x = torch.zeros(3)
    memory = np.array(type("Exporter", (), {"__array_interface__": x.__array_interface__})(), copy=False)
    memory[1] = 4
    assert x.tolist() == [0, 4, 0]


@pytest.mark.parametrize("view", [lambda x: x, lambda x: x.t()[1:]])
def test_numpy_may_write_to_what_it_is_handed_by_dlpack(view):
    x = torch.zeros(2, 3)
    array = np.from_dlpack(view(x))
    array[...] = 1
    assert view(x).sum().item() == array.size


@pytest.mark.ours
def test_an_array_with_a_dtype_of_its_own_is_any_array():
    """Unpickling gives arrays an equal dtype that is another object."""
    import pickle

    for dtype in (np.float32, np.float64, np.int64, np.float16):
        array = pickle.loads(pickle.dumps(np.ones((2, 3), dtype)))[:, ::2]
        assert array.dtype is not np.dtype(dtype)
        for make in (torch.from_numpy, torch.tensor, torch.as_tensor):
            x = make(array)
            assert (x + x).tolist() == [[2, 2], [2, 2]] and x.add_(0).tolist() == [[1, 1], [1, 1]]


def test_an_array_is_divided_by_a_tensor():
    for array in (np.array([1.0, 6.0]), np.array([1, 6]), np.array([1.0, 6.0], np.float32)):
        result = array / torch.tensor([2.0, 4.0])
        assert isinstance(result, torch.Tensor) and result.tolist() == [0.5, 1.5]
    assert (np.ones((2, 1)) / torch.tensor([2, 4])).tolist() == [[0.5, 0.25], [0.5, 0.25]]
    with pytest.raises(RuntimeError, match="requires grad"):
        np.ones(2) / torch.ones(2, requires_grad=True)
