"""PyTorch's checkpoints: read without PyTorch by an allow-list, written for `torch.load`, safe from anyone."""

import collections
import io
import math
import pickle
import random
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch as theirs

import autograd_gpu as torch
from autograd_gpu import nn
from autograd_gpu.serialization import DamagedFile, RefusedContent, load, save

pytestmark = pytest.mark.ours
DTYPES = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool".split()


def written_by_torch(obj, path=None):
    stream = io.BytesIO()
    theirs.save(obj, path or stream)
    stream.seek(0)
    return path or stream


def read_by_torch(obj):
    stream = io.BytesIO()
    save(obj, stream, format="torch")
    stream.seek(0)
    return theirs.load(stream, weights_only=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_of_every_dtype_go_both_ways(dtype):
    kind = getattr(theirs, dtype)
    tensors = {
        "plain": theirs.tensor([[0, 1, 1], [1, 0, 1]]).to(kind),
        "number": theirs.tensor(1).to(kind),
        "empty": theirs.zeros(0, 3).to(kind),
        "turned": theirs.tensor([[0, 1], [1, 1], [1, 0]]).to(kind).t(),
        "part": theirs.arange(6).to(kind)[2:5:2],
        "spread": theirs.tensor([1]).to(kind).expand(3, 2),
    }
    loaded = load(written_by_torch(tensors))
    back = read_by_torch(loaded)
    for name, tensor in tensors.items():
        ours = loaded[name]
        assert ours.tolist() == tensor.tolist() and ours.shape == tuple(tensor.shape) and str(ours.dtype) == str(kind)
        assert theirs.equal(back[name], tensor) and back[name].dtype == kind
        if tensor.numel() > 1:
            assert ours.stride() == tensor.stride() == back[name].stride()


def test_a_model_of_torch_fills_ours_and_back(tmp_path):
    def build(nn):
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))

    model, mine = build(theirs.nn), build(nn)
    written_by_torch(model.state_dict(), tmp_path / "m.pt")
    state = load(tmp_path / "m.pt")
    assert type(state) is collections.OrderedDict and state._metadata == model.state_dict()._metadata
    mine.load_state_dict(state)
    for name, tensor in model.state_dict().items():
        assert mine.state_dict()[name].tolist() == tensor.tolist()
    save(mine.state_dict(), tmp_path / "m2.pt", format="torch")
    model.load_state_dict(theirs.load(tmp_path / "m2.pt"))


def test_parameters_views_and_attributes_are_kept():
    x = theirs.arange(6.0)
    p = theirs.nn.Parameter(theirs.ones(2))
    tagged = theirs.nn.Parameter(theirs.ones(2), requires_grad=False)
    tagged.tag = "t"
    loaded = load(written_by_torch({"x": x, "part": x[2:4], "p": p, "again": p, "tagged": tagged, "leaf": x * p[0]}))
    loaded["x"][2] = 9
    assert loaded["part"].tolist() == [9, 3] and loaded["again"] is loaded["p"]
    assert type(loaded["p"]) is nn.Parameter and loaded["p"].requires_grad and loaded["leaf"].requires_grad
    assert not loaded["tagged"].requires_grad and loaded["tagged"].tag == "t"
    y = torch.arange(6.0)
    q = nn.Parameter(torch.ones(2))
    back = read_by_torch({"x": y, "part": y[2:4], "p": q, "again": q})
    back["x"][2] = 9
    assert back["part"].tolist() == [9, 3] and back["again"] is back["p"]
    assert type(back["p"]) is theirs.nn.Parameter and back["p"].requires_grad


def test_plain_values_go_both_ways():
    values = {
        "n": None, "t": True, "i": -3, "big": 10**30, "f": math.inf, "s": "hallo wörld", "b": b"\xff\0", "none": b"",
        "c": 1j, "l": [1, [2]], "tuple": (1, (2, ())), "set": {1, 2}, "ba": bytearray(b"x"), 3: {"x": {}},
        "counter": collections.Counter("aab"), "ordered": collections.OrderedDict(a=1), "negative": -(2**40),
    }  # fmt: skip
    special = {"size": "Size", "dtype": "bfloat16", "device": "device"}
    stream = io.BytesIO()
    save(values | {"size": torch.Size([1, 2]), "dtype": torch.bfloat16, "device": torch.device("cuda:1")}, stream,
         format="torch")  # fmt: skip
    loaded, back = load(io.BytesIO(stream.getvalue())), theirs.load(io.BytesIO(stream.getvalue()))
    for key, value in values.items():
        assert loaded[key] == value and type(loaded[key]) is type(value), key
        assert back[key] == value and type(back[key]) is type(value), key
    assert special.keys() <= back.keys() and back["size"] == theirs.Size([1, 2]) and back["dtype"] is theirs.bfloat16
    of_torch = values | {"size": theirs.Size([1, 2]), "dtype": theirs.bfloat16, "device": theirs.device("cuda", 1)}
    of_torch["version"] = theirs.__version__
    again = load(written_by_torch(of_torch))
    assert {key: again[key] for key in values} == values
    assert again["size"] == torch.Size([1, 2]) and again["dtype"] is torch.bfloat16
    assert again["device"] == torch.device("cuda", 1) and again["version"] == str(theirs.__version__)


def test_an_optimizers_state_goes_both_ways():
    w = theirs.nn.Parameter(theirs.ones(2))
    optimizer = theirs.optim.Adam([w], lr=0.1)
    w.sum().backward()
    optimizer.step()
    state = load(written_by_torch(optimizer.state_dict()))
    assert state["state"][0]["exp_avg"].tolist() == optimizer.state_dict()["state"][0]["exp_avg"].tolist()
    assert state["param_groups"][0]["betas"] == (0.9, 0.999)


def test_negative_views_are_negated():
    x = theirs._neg_view(theirs.tensor([1.0, 2.0]))
    assert x.is_neg() and load(written_by_torch([x]))[0].tolist() == [-1.0, -2.0]


def test_a_mapped_file_is_read_when_it_is_used_and_never_written(tmp_path):
    path = written_by_torch({"x": theirs.arange(1000.0)}, tmp_path / "x.pt")
    before = path.read_bytes()
    mapped = load(path, mmap=True)["x"]
    mapped[0] = 5
    assert mapped.tolist()[:3] == [5, 1, 2] and path.read_bytes() == before
    with pytest.raises(ValueError, match="f must be a string filename"):
        load(io.BytesIO(before), mmap=True)


def test_map_location_takes_devices_dicts_and_functions(device):
    x = theirs.arange(6.0).reshape(2, 3)
    stream = written_by_torch({"x": x.t(), "row": x[1]}).getvalue()
    seen = []

    def here(storage, place):
        seen.append((storage.numel(), place))
        return storage.to(device)

    for where in (device, torch.device(device), {"cpu": device}, here):
        loaded = load(io.BytesIO(stream), map_location=where)
        assert loaded["x"].device.type == device and loaded["x"].tolist() == x.t().tolist()
        assert loaded["x"].stride() == (1, 3) and loaded["row"].tolist() == [3, 4, 5]
    assert seen == [(24, "cpu")]
    assert load(io.BytesIO(stream), map_location=lambda storage, place: storage)["x"].device.type == "cpu"


def test_tensors_of_a_gpu_say_so(device):
    stream = io.BytesIO()
    save({"x": torch.tensor([1.0, 2.0], device=device)}, stream, format="torch")
    assert load(io.BytesIO(stream.getvalue()))["x"].device.type == device
    assert theirs.load(io.BytesIO(stream.getvalue()), map_location="cpu")["x"].tolist() == [1, 2]


class Something:
    pass


@pytest.mark.parametrize(
    ("obj", "name"),
    [
        (Something(), r"GLOBAL \S*test_torch_files\.Something"),
        (theirs.nn.Linear(1, 1), r"torch\.nn\.modules\.linear\.Linear"),
        (np.float64(3), r"numpy\S*\.scalar"),
        (theirs.zeros(2, dtype=theirs.complex32), r"complex32|ComplexHalfStorage"),
        (theirs.ones(2, dtype=theirs.uint16), r"torch\.uint16"),
        (theirs.eye(2).to_sparse(), "_rebuild_sparse_tensor"),
        (print, r"builtins\.print|__builtin__\.print"),
    ],
    ids="object module scalar complex uint16 sparse function".split(),
)
def test_anything_else_is_refused_by_name(obj, name):
    with pytest.raises(RefusedContent, match=name) as caught:
        load(written_by_torch(obj))
    assert isinstance(caught.value, pickle.UnpicklingError) and "Weights only load failed" in str(caught.value)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_tensors_are_read_also_where_the_conjugate_was_left_for_later(dtype):
    z = theirs.tensor([[1 + 2j, 3 - 4j]], dtype=getattr(theirs, dtype))
    for wanted in (z, z.conj(), z.mH, z.conj().imag):
        ours = load(written_by_torch(wanted))
        assert str(ours.dtype) == str(wanted.dtype) and ours.tolist() == wanted.tolist()


def test_older_files_and_programs_are_refused(tmp_path):
    theirs.save({"x": theirs.ones(1)}, tmp_path / "old", _use_new_zipfile_serialization=False)
    with pytest.raises(RefusedContent, match=r"before 1\.6"):
        load(tmp_path / "old")
    with pytest.raises(RefusedContent, match="plain pickle"):
        load(io.BytesIO(pickle.dumps({"a": 1})))
    with zipfile.ZipFile(tmp_path / "program", "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}.")
        archive.writestr("x/constants.pkl", b"")
    with pytest.raises(RefusedContent, match="TorchScript"):
        load(tmp_path / "program")


def test_what_torch_could_not_read_is_not_written(tmp_path):
    for value, message in ((Something(), "cannot save a Something at 'a.0'"), (1 << 5000, "too large")):
        with pytest.raises((TypeError, ValueError), match=message):
            save({"a": [value]}, tmp_path / "x", format="torch")
    with pytest.raises(ValueError, match="expected format"):
        save({}, tmp_path / "x", format="zip")
    assert list(tmp_path.iterdir()) == []


def test_safetensors_take_open_files_too():
    stream = io.BytesIO()
    save({"x": torch.ones(2), "n": 3}, stream)
    assert load(io.BytesIO(stream.getvalue()))["x"].tolist() == [1, 1]


# ------------------------------------------------------------------------------------------------------- hostile files


def archive(pickled, **records):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("x/data.pkl", pickled)
        for name, content in records.items():
            file.writestr(f"x/data/{name}", content)
    return stream.getvalue()


def peak_of(content):
    """Read it; return the outcome and the most memory that reading took."""
    tracemalloc.start()
    try:
        try:
            outcome = load(io.BytesIO(content))
        except (DamagedFile, RefusedContent) as error:
            outcome = error
        return outcome, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK%ctQK%c(%st(%st\x89NtR."
)


def test_a_tensor_may_not_reach_beyond_its_storage():
    def content(count, offset, size, stride):
        numbers = [b"".join(b"\x8a\x08" + struct.pack("<q", n) for n in group) for group in (size, stride)]
        return archive(TENSOR % (bytes([count]), bytes([offset]), *numbers), **{"0": b"\0" * 16})

    assert load(io.BytesIO(content(4, 0, (2, 2), (2, 1)))).tolist() == [[0, 0], [0, 0]]
    for bad in [
        (5, 0, (2,), (1,)),
        (4, 3, (2,), (1,)),
        (4, 0, (2, 2), (4, 1)),
        (4, 0, (-1,), (1,)),
        (4, 0, (2,), (-1,)),
        (4, 0, (2**40,), (1,)),
        (4, 0, (2**61, 2**61), (0, 0)),
        (4, 0, (2,), (1, 1)),
        (4, 0, (1,) * 80, (1,) * 80),
    ]:
        outcome, peak = peak_of(content(*bad))
        assert isinstance(outcome, DamagedFile) and peak < 10**6, bad
    outcome, peak = peak_of(content(4, 0, (2**40,), (0,)))
    assert outcome.shape == (2**40,) and peak < 10**6  # a number spread out takes no memory


@pytest.mark.parametrize(
    "pickled",
    [
        b"(" * 100_000 + b".",
        b"X\x40\x9c\x00\x00" + b"a" * 40_000 + b"q\x00" + b"c_codecs\nencode\nh\x00\x85R" * 4000 + b".",
        b")" + b"q\x00h\x00h\x00\x86" * 60 + b"q\x01]\x94}h\x01Ns.",  # a key that is 2**60 tuples within each other
        b"}" + b"(" + b"I1\nN" * 5 + b"u" + b"q\x00ccollections\nCounter\nh\x00\x85R" * 50_000 + b".",
        b"\x8e" + struct.pack("<Q", 2**60) + b"x.",
        b"I" + b"9" * 100_000 + b"\n.",
        b"ctorch\nSize\n(" + b"J\xff\xff\xff\x7f" * 3 + b"tR.",
        b"N0.",
        b"]q\x00h\x00a.",
    ],
)
def test_a_pickle_built_to_do_harm_ends_in_our_error_or_a_small_value(pickled):
    content = archive(pickled)
    _, peak = peak_of(content)
    assert peak < 100 * len(content) + 10**6


def mutations(content, rng, count):
    for _ in range(count):
        changed = bytearray(content)
        kind = rng.randrange(4)
        for _ in range(rng.choice((1, 1, 2, 8))):
            at = rng.randrange(len(changed))
            if kind == 0:
                changed[at] = rng.randrange(256)
            elif kind == 1:
                changed[at] ^= 1 << rng.randrange(8)
            elif kind == 2:
                del changed[at : at + rng.choice((1, 2, 20))]
            else:
                changed[at:at] = rng.choice((b"\xff\xff\xff\xff", changed[: rng.randrange(1, 30)], bytes([at % 256])))
            if not changed:
                break
        yield bytes(changed)


def samples():
    x = theirs.arange(6.0)
    p = theirs.nn.Parameter(theirs.ones(2))
    p.tag = 4
    yield {"w": x, "v": x[1:3], "p": p, "size": theirs.Size([1, 2]), "d": theirs.bfloat16, "b": b"xy", "s": {1}}
    yield theirs.nn.Linear(2, 1).state_dict()
    yield [1, 2.5, "text", (None, True, 10**20), {"a": [{}, 1j]}, theirs.device("cpu"), theirs._neg_view(x)]


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_any_mutation_of_a_file_is_read_or_refused_and_takes_little_memory():
    rng = random.Random(0)
    tracemalloc.start()
    for sample in samples():
        content = written_by_torch(sample).getvalue()
        pickled = zipfile.ZipFile(io.BytesIO(content)).read("archive/data.pkl")
        numbers = {str(index): bytes(24) for index in range(4)}
        for changed in (
            *mutations(content, rng, 150),  # of the archive
            *(archive(each, **numbers) for each in mutations(pickled, rng, 350)),  # behind a checksum that is right
        ):
            tracemalloc.reset_peak()
            try:
                load(io.BytesIO(changed))
            except (DamagedFile, RefusedContent):
                pass
            except RuntimeError as error:  # a place that is changed to another
                assert "Attempting to deserialize object on a CUDA device" in str(error)
            assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


def test_a_truncated_or_damaged_checkpoint_is_told():
    content = written_by_torch({"x": theirs.arange(5.0)}).getvalue()
    for length in range(0, len(content), 7):
        with pytest.raises((DamagedFile, RefusedContent)):
            load(io.BytesIO(content[:length]))
    changed = bytearray(content)
    changed[content.index(np.arange(5, dtype=np.float32).tobytes()) + 6] ^= 1
    with pytest.raises(DamagedFile, match="checksum of record 'archive/data/0' differs"):
        load(io.BytesIO(bytes(changed)))


def test_archives_without_checksums_are_read():
    theirs.serialization.set_crc32_options(False)
    try:
        content = written_by_torch({"x": theirs.arange(5.0)})
    finally:
        theirs.serialization.set_crc32_options(True)
    assert load(content)["x"].tolist() == [0, 1, 2, 3, 4]


def test_records_beyond_four_gigabytes_have_wide_sizes_and_lie_aligned(monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)  # as if each byte were 40 million
    stream = io.BytesIO()
    save({"x": torch.arange(100.0), "y": torch.ones(3)}, stream, format="torch")
    monkeypatch.undo()
    content = stream.getvalue()
    assert b"\xff\xff\xff\xff" in content and content.index(np.arange(100, dtype=np.float32).tobytes()) % 64 == 0
    for read in (load, theirs.load):
        state = read(io.BytesIO(content))
        assert state["x"].tolist() == list(range(100)) and state["y"].tolist() == [1, 1, 1]
