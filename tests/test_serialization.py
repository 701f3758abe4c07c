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
from autograd_gpu import nn, optim
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
        header_of({"a": {**ENTRY, "shape": [2**62, 0], "data_offsets": [0, 0]}}),
        header_of({"a": {**ENTRY, "shape": [1] * 65, "data_offsets": [0, 4]}}) + bytes(4),
        header_of({"a": {**ENTRY, "shape": [True, 2]}}) + bytes(8),
        header_of({"a": {**ENTRY, "shape": "2"}}) + bytes(8),
        header_of({"a": {**ENTRY, "data_offsets": [0, 8, 8]}}) + bytes(8),
        header_of({"__metadata__": {"by": 3}}),
        header_of({"__metadata__": []}),
        (10000).to_bytes(8, "little") + b"[" * 10000,
        (28).to_bytes(8, "little") + b'{"__metadata__":{},"a":1' + b"    ",
        (38).to_bytes(8, "little") + b'{"__metadata__":{},"__metadata__":{}}\n',
        (40).to_bytes(8, "little") + '{"__metadata__":{}}'.encode("utf-16-le") + b"  ",
    ],
)
def test_a_false_header_is_damaged_too(content, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(DamagedFile):
        load(path)


@pytest.mark.parametrize(
    "tree",
    [
        "{",
        "{}",
        '{"tensor": "missing"}',
        '{"tensor": []}',
        '{"neither": 1}',
        '{"dict": 3}',
        '{"dict": [1]}',
        '{"dict": [[[], 1]]}',
        '{"dict": [["a", 1], ["a", 2]]}',
        '{"tuple": {}}',
        '{"numpy": ["int8", 1000]}',
        '{"numpy": ["int8", "1"]}',
        '{"numpy": ["object", 1]}',
        '{"view": ["t", [9], [1], 0]}',
        '{"view": ["t", [1], [1], -1]}',
        '{"view": ["t"]}',
        "[" * 5000,
        "[" * 5000 + "]" * 5000,
        '{"tuple": [' * 900 + "]}" * 900,
    ],
    ids=lambda tree: tree[:30],
)
def test_a_false_structure_is_damage(tree, tmp_path):
    tensors = {"t": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    content = header_of({"__metadata__": {"autograd_gpu.tree": tree}, **tensors}) + bytes(8)
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DamagedFile, match="structure") as caught:
        load(tmp_path / "x")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere")


# ------------------------------------------------------------------------------------------------ writing, safely


def test_a_full_disk_leaves_the_file_that_was_there(whole, monkeypatch):
    before = whole.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"could not save .*No space left.*before is untouched") as caught:
        save({"a": torch.ones(1000)}, whole)
    assert caught.value.errno == errno.ENOSPC
    assert whole.read_bytes() == before
    assert list(whole.parent.iterdir()) == [whole]


def test_an_interrupt_while_writing_leaves_no_trace(whole, monkeypatch):
    before = whole.read_bytes()

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
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


# ------------------------------------------------------------------------------------------------------- checksums


def checkpoint(path):
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(8, 5, generator=generator)
    state = {
        "model": {"weight": weight, "bias": torch.randn(5, generator=generator), "tied": weight},
        "step": 7,
        "curve": [(1, 0.5), (2, 0.25)],
        "half": torch.ones(3, dtype=torch.bfloat16),
    }
    save(state, path)


def mutated(content, random):
    """Return other bytes: a bit, a byte or a run of them changed, left out, put in or moved."""
    where, size = int(random.integers(len(content))), int(random.integers(1, 12))
    kind = random.integers(6)
    if kind == 0:
        changed = bytes([content[where] ^ 1 << int(random.integers(8))])
        return content[:where] + changed + content[where + 1 :]
    if kind == 1:
        return content[:where] + random.bytes(size) + content[where + size :]
    if kind == 2:
        return content[:where] + content[where + size :]
    if kind == 3:
        return content[:where] + random.bytes(size) + content[where:]
    if kind == 4:
        return content[:where] + bytes(size) + content[where + size :]
    other = int(random.integers(len(content)))
    return content[:where] + content[other : other + size] + content[where + size :]


def test_of_200_random_mutations_all_are_refused_and_what_is_damaged_is_named(tmp_path):
    path = tmp_path / "x"
    checkpoint(path)
    content, random = path.read_bytes(), np.random.default_rng(0)
    begin = 8 + int.from_bytes(content[:8], "little")
    spans = {
        name: (begin + entry["data_offsets"][0], begin + entry["data_offsets"][1])
        for name, entry in json.loads(content[8:begin]).items()
        if name != "__metadata__"
    }
    told, tried = set(), 0
    while tried < 200:
        changed = mutated(content, random)
        if changed == content:
            continue
        tried += 1
        path.write_bytes(changed)
        with pytest.raises(DamagedFile) as caught:
            load(path)
        message = str(caught.value)
        if len(changed) == len(content):
            differing = [i for i, (a, b) in enumerate(zip(content, changed, strict=True)) if a != b]
            named = [f"tensor '{name}'" for name, (a, b) in spans.items() if any(a <= i < b for i in differing)]
            assert any(what in message for what in (named if differing[0] >= begin else ["header"])), message
        told.add(message.partition(": ")[2][:20])
    assert len(told) > 4


def test_every_single_bit_counts(tmp_path):
    path = tmp_path / "x"
    save({"a": torch.arange(3), "n": 1}, path)
    content = bytearray(path.read_bytes())
    for position in range(len(content)):
        content[position] ^= 1 << position % 8
        path.write_bytes(content)
        with pytest.raises(DamagedFile):
            load(path)
        content[position] ^= 1 << position % 8
    path.write_bytes(content)
    assert load(path)["a"].tolist() == [0, 1, 2]


def test_what_another_program_wrote_has_no_checksums_and_is_read(tmp_path):
    safetensors.numpy.save_file({"a": np.ones(2, np.float32)}, tmp_path / "x", {"by": "them"})
    assert load(tmp_path / "x")["a"].tolist() == [1.0, 1.0] and load_metadata(tmp_path / "x") == {"by": "them"}


# ------------------------------------------------------------------------------- save writes nothing that load refuses


def test_save_refuses_what_load_would(tmp_path):
    circle = []
    circle.append(circle)
    deep = 0
    for _ in range(200):
        deep = [deep]
    one = torch.ones(1)
    for obj, error in [
        ({"__metadata__": one}, "keeps the name"),
        ({"\ud800": one}, "no UTF-8"),
        ({"a": circle}, "contains itself"),
        (deep, "levels deep"),
        ({"a": np.longdouble(1)}, "make it a Python number"),
        ({"a": np.ones(2)}, "cannot save a ndarray"),
        ({"a": 10**5000}, "digits"),
    ]:
        with pytest.raises((ValueError, TypeError), match=error):
            save(obj, tmp_path / "x")
    for metadata, error in [({"a": 1}, "a string"), ({1: "a"}, "a string"), ({"autograd_gpu.tree": "1"}, "own")]:
        with pytest.raises((ValueError, TypeError), match=error):
            save_file({"a": one}, tmp_path / "x", metadata)
    assert list(tmp_path.iterdir()) == []


def test_odd_names_and_keys_come_back(tmp_path):
    tree = {"\ud800": torch.ones(1), "__metadata__": [torch.zeros(2)], 'q"\\': {True: 1, 2.5: "\udcff"}, "": ()}
    save([tree], tmp_path / "x")
    (loaded,) = load(tmp_path / "x")
    assert loaded.keys() == tree.keys() and loaded['q"\\'] == tree['q"\\'] and loaded[""] == ()
    assert loaded["\ud800"].tolist() == [1.0] and loaded["__metadata__"][0].tolist() == [0.0, 0.0]


def test_the_same_list_twice_is_no_circle(tmp_path):
    part = [1, 2]
    save({"a": part, "b": part}, tmp_path / "x")
    assert load(tmp_path / "x") == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    "scalar",
    [np.float64(0.1), np.float32(0.1), np.float16(0.1), ml_dtypes.bfloat16(0.1), np.bool_(True), np.uint64(2**64 - 1),
     np.int8(-3), np.float32(np.inf)],
    ids=lambda scalar: type(scalar).__name__,
)  # fmt: skip
def test_numpys_scalars_stay_what_they_are(scalar, tmp_path):
    save({"best": scalar}, tmp_path / "x")
    loaded = load(tmp_path / "x")["best"]
    assert type(loaded) is type(scalar) and loaded == scalar


def test_tensors_that_share_memory_share_it_again(tmp_path, device):
    table = torch.arange(12.0, device=device).reshape(3, 4)
    flat = torch.arange(10.0, device=device)
    tree = {
        "embedding": table, "output": table.detach(), "transposed": table.t(), "row": table[1], "same": table,
        "early": flat[:6], "late": flat[4:], "own": torch.arange(12.0, device=device).reshape(3, 4),
    }  # fmt: skip
    for written in (tree, {"in a tree": tree}):  # an ordinary file for other programs too, and a tree
        save(written, tmp_path / "x")
        loaded = load(tmp_path / "x", map_location=device)
        loaded = loaded.get("in a tree", loaded)
        assert {name: t.tolist() for name, t in loaded.items()} == {name: t.tolist() for name, t in tree.items()}
        assert loaded["same"] is loaded["embedding"]
        loaded["output"].mul_(0).add_(5)
        assert loaded["embedding"].tolist() == [[5.0] * 4] * 3 and loaded["transposed"].tolist() == [[5.0] * 3] * 4
        assert loaded["row"].tolist() == [5.0] * 4 and loaded["own"].tolist() == table.tolist()
        loaded["early"][5] = -1.0
        assert loaded["late"].tolist() == [4.0, -1.0, 6.0, 7.0, 8.0, 9.0]
    save(tree, tmp_path / "x")
    assert set(safetensors.numpy.load_file(tmp_path / "x")) >= set(tree)
    assert load_file(tmp_path / "x")["transposed"].tolist() == table.t().tolist()


# ------------------------------------------------------------------------------------------------- mapped to memory


def test_mapped_tensors_are_the_files_until_they_are_written(tmp_path):
    path = tmp_path / "x"
    save(
        {"a": torch.arange(5), "h": torch.ones(3, dtype=torch.bfloat16), "e": torch.zeros(0), "s": torch.ones(())}, path
    )
    before = path.read_bytes()
    loaded = load(path, mmap=True)
    assert [loaded[name].tolist() for name in "ahes"] == [[0, 1, 2, 3, 4], [1.0, 1.0, 1.0], [], 1.0]
    loaded["a"].add_(1)
    assert loaded["a"].tolist() == [1, 2, 3, 4, 5] and path.read_bytes() == before
    assert load(path, mmap=True)["a"].tolist() == [0, 1, 2, 3, 4]
    save({"a": torch.zeros(5)}, path)  # replaces the file; what is mapped stays
    assert loaded["h"].tolist() == [1.0] * 3


def test_a_mapped_file_is_checked_too(tmp_path):
    path = tmp_path / "x"
    save({"a": torch.arange(5)}, path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match="tensor 'a'"):
        load(path, mmap=True)


# --------------------------------------------------------------------------------------------- what the killed left


def test_what_a_killed_writer_left_is_swept_and_what_a_living_one_writes_is_not(whole):
    left = whole.parent / f".{whole.name}.abc.partial"
    living = whole.parent / f".{whole.name}.def.partial"
    other = whole.parent / ".other.abc.partial"
    for path in (left, living, other):
        path.write_bytes(b"half")
    import fcntl

    with open(living) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        save({"a": torch.ones(2)}, whole)
    assert not left.exists() and living.exists() and other.exists()
    assert load(whole)["a"].tolist() == [1.0, 1.0]
