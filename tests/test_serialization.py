"""Saving and loading: what goes in comes out, in a format others read; damage and full disks are told, not suffered."""

import errno
import json
import math
import os
import stat

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

import autograd_gpu as torch
from autograd_gpu import nn, optim, serialization
from autograd_gpu.serialization import DamagedFile, load, load_file, load_metadata, save, save_file

pytestmark = pytest.mark.ours

DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype_and_shape_comes_back(dtype, tmp_path):
    tensors = {
        "matrix": torch.tensor([[0, 1, 1], [1, 0, 1]]).to(dtype),
        "scalar": torch.tensor(1).to(dtype),
        "empty": torch.zeros(0, 3).to(dtype),
        "transposed": torch.tensor([[0, 1], [1, 1], [1, 0]]).to(dtype).t(),
    }
    save(tensors, tmp_path / "x.safetensors")
    loaded = load(tmp_path / "x.safetensors")
    assert set(loaded) == set(tensors)
    for name, tensor in tensors.items():
        assert loaded[name].dtype == dtype and loaded[name].shape == tensor.shape
        assert loaded[name].tolist() == tensor.tolist()


def test_the_safetensors_package_reads_what_we_write(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.tensor([1.5, math.nan]), "b": torch.tensor([[3]], dtype=torch.int64)}, path, {"by": "us"})
    theirs = safetensors.numpy.load_file(path)
    np.testing.assert_array_equal(theirs["a"], np.array([1.5, math.nan], np.float32))
    np.testing.assert_array_equal(theirs["b"], [[3]])
    assert load_metadata(path) == {"by": "us"}


def test_we_read_what_the_safetensors_package_writes(tmp_path):
    path = tmp_path / "x.safetensors"
    arrays = {"w": np.arange(6, dtype=np.float16).reshape(2, 3), "n": np.array([True, False]), "e": np.zeros((0, 2))}
    safetensors.numpy.save_file(arrays, path, {"by": "them"})
    loaded = load_file(path)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name].numpy(), array)
        assert loaded[name].numpy().dtype == array.dtype


def test_tensors_come_back_on_the_device_asked_for(tmp_path, device):
    save({"x": torch.tensor([1.0, 2.0], device=device)}, tmp_path / "x")
    assert not load(tmp_path / "x")["x"].is_cuda
    loaded = load(tmp_path / "x", map_location=device)["x"]
    assert loaded.device.type == device and loaded.tolist() == [1.0, 2.0]


def test_trees_keep_their_structure(tmp_path):
    tree = {
        "step": 3,
        "nothing": None,
        "flags": [True, 1.5, "x", math.inf],
        "betas": (0.9, 0.99),
        "state": {0: {"exp_avg": torch.ones(2)}, 7: {}},
        "a.b": torch.zeros(1),
        "a": {"b": torch.ones(1)},
    }
    save(tree, tmp_path / "tree")
    loaded = load(tmp_path / "tree")
    assert loaded["a.b"].item() == 0.0 and loaded["a"]["b"].item() == 1.0
    assert loaded["state"][0]["exp_avg"].tolist() == [1.0, 1.0] and loaded["state"][7] == {}
    plain = ("step", "nothing", "flags", "betas")
    assert {key: loaded[key] for key in plain} == {key: tree[key] for key in plain}


def test_a_model_and_its_optimizer_go_on_exactly(tmp_path):
    def make():
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        return model, optim.AdamW(model.parameters(), lr=0.1)

    def step(model, optimizer):
        optimizer.zero_grad()
        (model(torch.ones(2, 3)) ** 2).sum().backward()
        optimizer.step()

    model, optimizer = make()
    for _ in range(3):
        step(model, optimizer)
    save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "run")
    step(model, optimizer)
    resumed, resumed_optimizer = make()
    state = load(tmp_path / "run")
    resumed.load_state_dict(state["model"])
    resumed_optimizer.load_state_dict(state["optimizer"])
    step(resumed, resumed_optimizer)
    for ours, theirs in zip(resumed.parameters(), model.parameters(), strict=True):
        assert ours.tolist() == theirs.tolist()


def test_what_cannot_be_saved_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"cannot save a function at 'a\.0'.*nothing is pickled"):
        save({"a": [test_what_cannot_be_saved_is_named]}, tmp_path / "x")
    with pytest.raises(TypeError, match="keys of dicts"):
        save({"a": {(1, 2): 3}}, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------------------------- damage


@pytest.fixture
def whole(tmp_path):
    path = tmp_path / "x.safetensors"
    save({"a": torch.arange(10), "b": torch.ones(3)}, path)
    return path


def test_a_truncated_file_is_damaged_at_every_length(whole):
    content = whole.read_bytes()
    for length in range(len(content)):
        whole.write_bytes(content[:length])
        with pytest.raises(DamagedFile, match=r"x\.safetensors is damaged"):
            load(whole)


def header_of(entries):
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 200,
        b"\x02\0\0\0\0\0\0\0[]",
        (4).to_bytes(8, "little") + b"{...",
        header_of({"a": {**ENTRY, "dtype": "C64"}}) + bytes(8),
        header_of({"a": {**ENTRY, "shape": [-2]}}) + bytes(8),
        header_of({"a": {**ENTRY, "shape": [3]}}) + bytes(8),
        header_of({"a": {**ENTRY, "data_offsets": [4, 12]}}) + bytes(12),
        header_of({"a": {**ENTRY, "data_offsets": ["0", "8"]}}) + bytes(8),
        header_of({"a": ENTRY, "b": ENTRY}) + bytes(8),
        header_of({"a": ENTRY}) + bytes(9),
        header_of({"a": {"dtype": "F32"}}) + bytes(8),
        header_of({"a": 3}),
    ],
)
def test_a_false_header_is_damaged_too(content, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(DamagedFile):
        load(path)


def test_a_false_structure_is_damage(tmp_path):
    for tree in ("{", '{"tensor": "missing"}', '{"neither": 1}'):
        save_file({}, tmp_path / "x", {"autograd_gpu.tree": tree})
        with pytest.raises(DamagedFile, match="structure"):
            load(tmp_path / "x")


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere")


# ------------------------------------------------------------------------------------------------ writing, safely


def test_a_full_disk_leaves_the_file_that_was_there(whole, monkeypatch):
    before = whole.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(serialization.os, "fsync", full)
    with pytest.raises(OSError, match=r"could not save .*No space left.*before is untouched") as caught:
        save({"a": torch.ones(1000)}, whole)
    assert caught.value.errno == errno.ENOSPC
    assert whole.read_bytes() == before
    assert list(whole.parent.iterdir()) == [whole]


def test_an_interrupt_while_writing_leaves_no_trace(whole, monkeypatch):
    before = whole.read_bytes()

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(serialization.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save({"a": torch.ones(3)}, whole)
    assert whole.read_bytes() == before and list(whole.parent.iterdir()) == [whole]


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(OSError, match=r"could not save .*nowhere"):
        save({"a": torch.ones(1)}, tmp_path / "nowhere" / "x")


def test_files_have_the_usual_permissions(whole):
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(whole.stat().st_mode) == 0o666 & ~mask


def test_bfloat16_is_stored_as_its_own_bits(tmp_path):
    save({"x": torch.tensor([1.0, -2.5]).to(torch.bfloat16)}, tmp_path / "x")
    content = (tmp_path / "x").read_bytes()
    assert content.endswith(np.array([1.0, -2.5], ml_dtypes.bfloat16).tobytes())
