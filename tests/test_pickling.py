"""Pickle, copy, joblib and processes take tensors and modules as users of PyTorch expect."""

import copy
import multiprocessing
import pickle

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu import nn, optim

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]


def again(value, protocol=None):
    return pickle.loads(pickle.dumps(value, protocol))


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dtype_shape_strides_and_values_come_back(dtype, protocol, device):
    x = torch.arange(6, device=device).remainder(3).reshape(2, 3).to(dtype)
    for tensor in (x, x[0, 1], x[:0], torch.zeros(0, 3, dtype=dtype, device=device)):
        back = again(tensor, protocol)
        assert back.dtype == dtype and back.device == tensor.device and back.shape == tensor.shape
        assert back.tolist() == tensor.tolist()
        assert tensor.numel() == 0 or back.stride() == tensor.stride()


def test_requires_grad_class_and_attributes_are_kept(device):
    p = nn.Parameter(torch.tensor([1.0, 2.0], device=device))
    p.tag = "first"
    frozen = nn.Parameter(torch.ones(1), requires_grad=False)
    for back in (again(p), copy.copy(p)):
        assert type(back) is nn.Parameter and back.requires_grad and back.is_leaf and back.tag == "first"
        assert back.device == p.device and back.tolist() == [1.0, 2.0]
    assert type(again(frozen)) is nn.Parameter and not again(frozen).requires_grad
    computed = again(p * 2)
    assert computed.requires_grad and computed.is_leaf and computed.tolist() == [2.0, 4.0]
    p.sum().backward()
    assert again(p).grad is None
    back = again(p)
    (back * back).sum().backward()
    assert back.grad.tolist() == [2.0, 4.0]


def test_a_view_brings_its_storage():
    x = torch.arange(1000.0)
    small, whole = len(pickle.dumps(x[:1].clone())), len(pickle.dumps(x[:1]))
    assert whole > small + 3900
    turned = again(torch.arange(6.0).reshape(2, 3).t())
    assert turned.stride() == (1, 3) and turned.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert again(torch.tensor([1.0]).expand(1000)).stride() == (0,)


@pytest.mark.ours
def test_what_shares_memory_within_a_pickle_shares_it_afterwards():
    x = torch.arange(4.0)
    whole, part = again((x, x[1:3]))
    whole[1] = 9
    assert part.tolist() == [9.0, 2.0]


def test_a_copy_of_a_tensor_shares_its_memory(device):
    x = torch.zeros(2, device=device)
    duplicate = copy.copy(x)
    x[0] = 5
    assert duplicate.tolist() == [5.0, 0.0] and duplicate is not x
    deep = copy.deepcopy(x)
    x[0] = 6
    assert deep.tolist() == [5.0, 0.0]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU())
        self.tied = nn.Linear(2, 3)
        self.tied.weight = self.body[0].weight

    def forward(self, x):
        return self.body(x) + self.tied(x)


def test_modules_optimisers_and_schedules_go_on_after_pickling():
    torch.manual_seed(0)
    net = Net()
    optimizer = optim.Adam(net.parameters(), lr=0.1)
    schedule = optim.lr_scheduler.StepLR(optimizer, 2)
    x = torch.randn(4, 2)

    def step(net, optimizer, schedule):
        optimizer.zero_grad()
        net(x).square().sum().backward()
        optimizer.step()
        schedule.step()

    step(net, optimizer, schedule)
    others = again((net, optimizer, schedule))
    assert others[0].tied.weight is others[0].body[0].weight
    for _ in range(3):
        step(net, optimizer, schedule)
        step(*others)
    for mine, theirs in zip(net.parameters(), others[0].parameters(), strict=True):
        assert mine.tolist() == theirs.tolist()


def test_functions_are_pickled_by_the_names_that_programs_use():
    for function in (torch.relu, torch.lgamma, torch.add, torch.absolute, torch.abs_, torch.clip_, torch.linalg.svd,
                     nn.functional.relu, nn.functional.cross_entropy, torch.special.psi, torch.nn.init.ones_,
                     torch.Tensor.add, torch.Tensor.sum, torch.Tensor.relu_):  # fmt: skip
        assert again(function) is function
    assert again(nn.TransformerEncoderLayer(4, 2)).activation is nn.functional.relu


def test_small_things_are_pickled():
    for value in (torch.float32, torch.bfloat16, torch.device("cpu"), torch.Size([2, 3]), torch.strided):
        assert again(value) == value
    assert again(torch.sort(torch.tensor([2.0, 1.0]))).values.tolist() == [1.0, 2.0]


def test_a_generator_goes_on_where_it_was():
    generator = torch.Generator().manual_seed(3)
    torch.rand(5, generator=generator)
    other = again(generator)
    assert torch.rand(3, generator=other).tolist() == torch.rand(3, generator=generator).tolist()


def twice(x):
    return x * 2


def test_processes_exchange_tensors():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        back = pool.apply(twice, (torch.ones(2, dtype=torch.bfloat16),))
    assert back.dtype == torch.bfloat16 and back.tolist() == [2.0, 2.0]


def test_joblib_saves_loads_and_hands_over(tmp_path):
    joblib = pytest.importorskip("joblib")
    state = {"a": torch.arange(3.0).to(torch.bfloat16), "b": nn.Parameter(torch.ones(200, 1000))}
    joblib.dump(state, tmp_path / "x")
    back = joblib.load(tmp_path / "x")
    assert back["a"].tolist() == [0, 1, 2] and back["a"].dtype == torch.bfloat16
    assert type(back["b"]) is nn.Parameter and back["b"].sum().item() == 200_000
    mapped = joblib.load(tmp_path / "x", mmap_mode="r")["b"]
    with torch.no_grad():
        mapped[0, 0] = 3.0  # memory of its own, as PyTorch's
    assert joblib.hash(state["a"]) == joblib.hash(back["a"])


def test_hooks_stay_behind_with_a_warning():
    x = torch.ones(1, requires_grad=True)
    x.register_hook(lambda g: g)
    with pytest.warns(UserWarning, match="will not be serialized"):
        assert again(x).requires_grad


@pytest.mark.ours
def test_memory_that_nobody_owns_plainly_is_copied():
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    back = again(torch.from_numpy(array))
    assert back.tolist() == array.tolist()


def test_a_deep_copy_shares_what_was_shared_and_keeps_strides_and_attributes():
    x = torch.arange(6.0)
    x.mark = ["hello"]
    held = {"all": x, "part": x[2:4], "again": x, "columns": x.reshape(2, 3).t()}
    other = copy.deepcopy(held)
    assert other["again"] is other["all"] and other["all"].mark == ["hello"] and other["all"].mark is not x.mark
    other["all"][2] = 100.0
    assert other["part"].tolist() == [100.0, 3.0] and other["columns"].tolist() == [
        [0.0, 3.0],
        [1.0, 4.0],
        [100.0, 5.0],
    ]
    assert other["columns"].stride() == held["columns"].stride() and x.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_deep_copy_within_a_capture_of_attributes_of_its_own_ends(device):
    x = torch.ones(2, device=device)
    x.itself = x
    y = copy.deepcopy(x)
    assert y.itself is y and y is not x and y.device == x.device
