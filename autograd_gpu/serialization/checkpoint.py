"""PyTorch's checkpoints, read without PyTorch or unpickling, and written so that `weights_only=True` reads them.

`data.pkl` describes values in which tensors are views of storages, and each storage is a record of the archive. What a
file may name is the allow-list below: tensors and parameters, sizes, dtypes, devices, layouts, and a few containers.
"""

from __future__ import annotations

import codecs
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any

import numpy as np

from .. import dtypes
from ..device import Device, cpu, resolve
from ..layouts import strided
from ..ops.creation import with_grad
from ..ops.pickling import attributes, offset_in, shown
from ..ops.pickling import storage as storage_of
from ..tensor import Size, Tensor, wrap
from .archive import Archive, write_archive
from .container import DamagedFile
from .unpickling import Maker, RefusedContent, Unpickler, as_key

_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}  # fmt: skip
_STORAGE_OF = {dtype: name for name, dtype in _STORAGES.items()}
_BEYOND = (
    "load() reads tensors, parameters, dicts, lists, tuples, sets, numbers, strings, bytes, sizes, dtypes and devices, "
    "and runs no code. Where the file is yours, load it in the program that made it and save its state_dict()."
)
_NOT_A_PICKLE = (  # what a reader stumbles over; the warning is of false escapes in strings, where warnings are errors
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, struct.error, DeprecationWarning,
)  # fmt: skip
_DEEPEST = 200


class _StorageType:
    """What a file calls its storages: of a dtype, or None where the tensor says which."""

    def __init__(self, dtype: dtypes.DType | None) -> None:
        self.dtype = dtype


class _Storage:
    """A record's bytes, on the way to the tensors that show them."""

    def __init__(self, content: np.ndarray, dtype: dtypes.DType | None, device: Device) -> None:
        self.content, self.dtype, self.device = content, dtype, device
        self._moved: dict[dtypes.DType, Any] = {}

    def view(self, dtype: dtypes.DType, offset: int, size: tuple, stride: tuple) -> Tensor:
        width, count = dtype.itemsize, len(self.content) // dtype.itemsize
        last = 0 if 0 in size else 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if min((offset, *size, *stride)) < 0 or offset + last > count:
            raise ValueError(f"a tensor of size {size} and stride {stride} at {offset} in a storage of {count}")
        if self.device is cpu or not last:
            strides = tuple(step * width for step in stride)
            array = shown(self.content, dtype.numpy, size, offset * width, strides)
            return wrap(array if self.device is cpu else self.device.backend.from_numpy(array), self.device)
        backend = self.device.backend
        if dtype not in self._moved:
            self._moved[dtype] = backend.from_numpy(self.content[: count * width].view(dtype.numpy))
        return wrap(backend.as_strided(self._moved[dtype], size, stride, offset), self.device)

    def computed(self, function: np.ufunc, dtype: dtypes.DType) -> _Storage:
        whole = self.content[: len(self.content) // dtype.itemsize * dtype.itemsize].view(dtype.numpy)
        return _Storage(function(whole).view(np.uint8), dtype, self.device)


# ---------------------------------------------------------------------------------------------------------- reading


def read(content: Any, filename: str, map_location: Any, mapped: bool) -> Any:
    """Return what the bytes of a checkpoint hold. DamagedFile or RefusedContent where that cannot be."""
    reader = _Reader(Archive(content, filename), map_location, mapped)
    try:
        return Unpickler(reader.named, reader.storage).load(bytes(reader.record("data.pkl")))
    except RefusedContent as error:
        raise RefusedContent(f"Weights only load failed. {filename} holds {error}. {_BEYOND}") from None
    except _NOT_A_PICKLE as error:
        reason = f"{type(error).__name__}: {error}"[:300]
        raise DamagedFile(f"{filename} is damaged: its pickle cannot be read ({reason})") from None


class _Reader:
    """What names and storages of one file stand for."""

    def __init__(self, archive: Archive, map_location: Any, mapped: bool) -> None:
        self.archive, self.map_location, self.mapped = archive, map_location, mapped
        self.folder = self._folder()
        self.storages: dict[str, np.ndarray] = {}
        self.places: dict[str, Device] = {}
        self.left = 4 * len(archive.content) + 2**16  # bytes that copies may take
        self.names = self._allowed()

    def _folder(self) -> str:
        found = [name for name in self.archive.places if name.partition("/")[2] == "data.pkl"]
        if len(found) != 1:
            raise self.archive.damaged("it has no one data.pkl")
        folder = found[0].partition("/")[0]
        if f"{folder}/constants.pkl" in self.archive.places:
            raise RefusedContent(
                f"{self.archive.filename} is a TorchScript archive, a program. Load it with torch.jit.load and save "
                "its state_dict()."
            )
        order = f"{folder}/byteorder"
        if order in self.archive.places and bytes(self.archive.record(order)) != b"little":
            raise RefusedContent(f"{self.archive.filename} was not written on a little-endian machine")
        return folder

    def record(self, name: str, check: bool = True) -> memoryview:
        return self.archive.record(f"{self.folder}/{name}", check)

    def named(self, name: str) -> Any:
        """Return what a name in the file stands for."""
        try:
            return self.names[name.replace("__builtin__.", "builtins.")]
        except KeyError:
            raise RefusedContent(f"Unsupported global: GLOBAL {name[:200]} was not an allowed global") from None

    def storage(self, identity: Any) -> _Storage:
        """Return the storage of a persistent id: ("storage", its type, the record's name, place, elements)."""
        what, kind, key, location, count = identity
        if what != "storage" or not isinstance(kind, _StorageType) or not type(key) is type(location) is str:
            raise TypeError("a persistent id that is no storage's")
        if key not in self.storages:
            part = np.frombuffer(self.record(f"data/{key}", not self.mapped), np.uint8)
            lies_well = part.ctypes.data % 8 == 0 and self.mapped
            self.storages[key] = part if lies_well else self._own(part)
            self.places[key] = _place(self.map_location, self.storages[key], location)
        width = 1 if kind.dtype is None else kind.dtype.itemsize
        if not _is_size(count) or count * width > len(self.storages[key]):
            raise ValueError(f"storage '{key[:40]}' has fewer than the {str(count)[:20]} elements that it should")
        return _Storage(self.storages[key], kind.dtype, self.places[key])

    def _own(self, part: np.ndarray) -> np.ndarray:
        self.spend(len(part))
        return part.copy()

    def spend(self, count: int) -> None:
        """Count bytes that are copied: a file may not name the same ones again and again."""
        self.left -= count
        if self.left < 0:
            raise ValueError("it would take many times its own size in memory")

    # What the allow-list's names do.

    def _allowed(self) -> dict[str, Any]:
        names: dict[str, Any] = {f"torch.{dtype.name}": dtype for dtype in dtypes.ALL}
        for name, dtype in _STORAGES.items():
            names |= dict.fromkeys((f"torch.{name}", f"torch.cuda.{name}"), _StorageType(dtypes.named(dtype)))
        names["torch.storage.UntypedStorage"] = names["torch.UntypedStorage"] = _StorageType(None)
        makers: dict[str, Callable[..., Any]] = {
            "torch._utils._rebuild_tensor": self._tensor,
            "torch._utils._rebuild_tensor_v2": self._tensor,
            "torch._utils._rebuild_tensor_v3": self._tensor_v3,
            "torch._utils._rebuild_parameter": self._parameter,
            "torch._utils._rebuild_parameter_with_state": self._parameter,
            "torch._tensor._rebuild_from_type_v2": self._from_type,
            "torch.Tensor": _not_called("torch.Tensor"),
            "torch._tensor.Tensor": _not_called("torch.Tensor"),
            "torch.nn.parameter.Parameter": self._parameter,
            "torch.Size": lambda sizes: Size(self._items(sizes, _is_size)),
            "torch.device": _device,
            "torch.serialization._get_layout": self._layout,
            "torch.torch_version.TorchVersion": _text,
            "collections.OrderedDict": lambda *pairs: self._pairs(OrderedDict, *pairs),
            "collections.Counter": lambda *pairs: self._pairs(Counter, *pairs),
            "builtins.set": lambda items=(): {*map(as_key, self._items(items))},
            "builtins.frozenset": lambda items=(): frozenset(map(as_key, self._items(items))),
            "builtins.complex": lambda *parts: complex(*map(_number, parts)),
            "builtins.bytes": lambda *given: self._bytes(*given),
            "builtins.bytearray": lambda *given: bytearray(self._bytes(*given)),
            "_codecs.encode": self._encoded,
        }
        return names | {name: Maker(name, make) for name, make in makers.items()}

    def _tensor(
        self, storage: Any, offset: int, size: tuple, stride: tuple, requires_grad: Any = False, hooks: Any = None,
        metadata: Any = None,
    ) -> Tensor:  # fmt: skip
        if not isinstance(storage, _Storage) or storage.dtype is None:
            raise TypeError("a tensor of a storage without a dtype")
        return self._tensor_v3(storage, offset, size, stride, requires_grad, hooks, storage.dtype, metadata)

    def _tensor_v3(
        self, storage: Any, offset: int, size: tuple, stride: tuple, requires_grad: Any, hooks: Any, dtype: Any,
        metadata: Any = None,
    ) -> Tensor:  # fmt: skip
        numbers = (offset, *self._items(size), *self._items(stride))
        if not isinstance(storage, _Storage) or not isinstance(dtype, dtypes.DType) or not all(map(_is_size, numbers)):
            raise TypeError("a tensor of other things than a storage, sizes and strides")
        for bit, function in (("conj", np.conjugate), ("neg", np.negative)):  # what was left for later
            if isinstance(metadata, dict) and metadata.get(bit) and (bit == "neg" or dtype.is_complex):
                self.spend(len(storage.content))
                storage = storage.computed(function, dtype)
        return with_grad(storage.view(dtype, offset, tuple(size), tuple(stride)), requires_grad is True)

    def _parameter(self, data: Any, requires_grad: Any = True, hooks: Any = None, state: Any = None) -> Tensor:
        from ..nn.parameter import Parameter

        if not isinstance(data, Tensor):
            raise TypeError(f"a parameter of a {type(data).__name__}")
        return _with_state(Parameter(data.detach(), requires_grad is True), state)

    def _from_type(self, maker: Any, kind: Any, arguments: Any, state: Any) -> Tensor:
        if not isinstance(maker, Maker) or not isinstance(kind, Maker) or not maker.name.startswith("torch._utils."):
            raise TypeError("a tensor of another class")
        return _with_state(maker.make(*arguments), state)

    def _items(self, items: Any, allowed: Callable[[Any], bool] = lambda item: True) -> Any:
        if type(items) not in (tuple, list, Size) or not all(map(allowed, items)):
            raise TypeError(f"a {type(items).__name__} of unexpected items")
        self.spend(8 * len(items))
        return items

    def _pairs(self, kind: type, pairs: Any = ()) -> Any:
        if type(pairs) is dict:
            self.spend(100 * len(pairs))
            return kind(pairs)
        return kind({as_key(key): value for key, value in self._items(pairs)})

    def _bytes(self, given: Any = b"", encoding: str = "latin1") -> bytes:
        if type(given) is str:
            return self._encoded(given, encoding)
        if not isinstance(given, (bytes, bytearray)):
            raise TypeError(f"bytes of a {type(given).__name__}")
        self.spend(len(given))
        return bytes(given)

    def _encoded(self, text: str, encoding: str = "latin1") -> bytes:
        if encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
            raise ValueError(f"encoding {str(encoding)[:20]}")
        self.spend(4 * len(_text(text)))
        return codecs.encode(text, encoding)

    def _layout(self, name: str) -> Any:
        if name != "torch.strided":
            raise RefusedContent(f"a layout that is not supported, {str(name)[:40]}")
        return strided


def _device(kind: Any, *index: Any) -> Device:
    try:
        return Device(_text(kind), *index)
    except RuntimeError as error:
        raise RefusedContent(f"a device that is not supported ({error})") from None


def _not_called(name: str) -> Callable[..., Any]:
    def refuse(*_: Any) -> Any:
        raise RefusedContent(f"a call of {name}")

    return refuse


def _with_state(tensor: Tensor, state: Any) -> Tensor:
    if not state:
        return tensor
    if type(state) is not dict or not all(type(name) is str and name.isidentifier() for name in state):
        raise RefusedContent("attributes of a tensor that are none")
    vars(tensor).update(state)
    if attributes(tensor).keys() != state.keys():
        raise RefusedContent("an attribute of a tensor that would hide one of ours")
    return tensor


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**62


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"a {type(value).__name__} where a text is expected")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)):
        raise TypeError(f"a {type(value).__name__} where a number is expected")
    return value


def _place(wanted: Any, content: np.ndarray, location: str) -> Device:
    """Return where a storage goes that was saved at `location`."""
    if isinstance(wanted, Mapping):
        wanted = wanted.get(location)
    elif callable(wanted) and not isinstance(wanted, Device):
        moved = wanted(wrap(content, cpu), location)
        wanted = moved.device if isinstance(moved, Tensor) else None
    if wanted is not None:
        return resolve(wanted)
    if not location.startswith("cuda"):
        return cpu
    try:
        device = resolve("cuda")
        device.backend  # noqa: B018  # asks whether there is one
    except RuntimeError as error:
        raise RuntimeError(
            f"Attempting to deserialize object on a CUDA device ({location[:20]}), but there is none: {error} Please "
            "use load with map_location='cpu' to map your storages to the CPU."
        ) from None
    return device


# ---------------------------------------------------------------------------------------------------------- writing


def write(obj: Any, file: IO[bytes], folder: str) -> None:
    """Write a tree as PyTorch would. TypeError for what `torch.load(weights_only=True)` would not read."""
    pickler = _Pickler()
    content = pickler.dumped(obj)
    records: dict[str, bytes | np.ndarray] = {"data.pkl": content, "byteorder": b"little"}
    records |= {f"data/{index}": array for index, array in enumerate(pickler.storages)}
    write_archive(file, folder, records | {"version": b"3\n"})


class _Pickler:
    """Writes pickle's protocol 2, no more of it than PyTorch's reader of weights knows."""

    def __init__(self) -> None:
        self.out = bytearray(b"\x80\x02")
        self.storages: list[np.ndarray] = []
        self._keys: dict[tuple[int, str], int] = {}
        self._memo: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id is given away again
        self._path: list[str] = []

    def dumped(self, obj: Any) -> bytes:
        self._value(obj)
        return bytes(self.out + b".")

    def _value(self, value: Any) -> None:
        if value is None or isinstance(value, bool):
            self.out += {None: b"N", True: b"\x88", False: b"\x89"}[value]
        elif isinstance(value, int):
            self._integer(int(value))
        elif isinstance(value, float):
            self.out += b"G" + struct.pack(">d", value)
        elif isinstance(value, str):
            text = value.encode("utf-8", "surrogatepass")
            self.out += b"X" + struct.pack("<I", len(text)) + text
        elif isinstance(value, complex):
            self._call("__builtin__ complex", value.real, value.imag)
        elif isinstance(value, bytes):
            self._call("_codecs encode", value.decode("latin1"), "latin1")
        elif isinstance(value, dtypes.DType):
            self._global(f"torch {value.name}")
        elif isinstance(value, Device):
            self._call("torch device", value.type, *(() if value.index is None else (value.index,)))
        elif value is strided:
            self._call("torch.serialization _get_layout", "torch.strided")
        elif id(value) in self._memo:
            self.out += b"j" + struct.pack("<I", self._memo[id(value)])
        else:
            self._object(value)

    def _object(self, value: Any) -> None:
        if len(self._path) > _DEEPEST:
            raise ValueError(f"save: '{'.'.join(self._path[:6])}...' is nested more than {_DEEPEST} levels deep")
        if isinstance(value, Tensor):
            self._tensor(value)
            self._remember(value)
        elif isinstance(value, Size):
            self._call("torch Size", tuple(value))
        elif isinstance(value, tuple):
            self._tuple(value)
            self._remember(value)
        elif isinstance(value, list):
            self.out += b"]"
            self._remember(value)
            self.out += b"("
            self._each(enumerate(value), with_keys=False)
            self.out += b"e"
        elif isinstance(value, Mapping):
            self._mapping(value)
        elif isinstance(value, set):
            self._call("__builtin__ set", list(value))
        elif isinstance(value, bytearray):
            self._call("__builtin__ bytearray", value.decode("latin1"), "latin1")
        else:
            raise TypeError(
                f"save: cannot save a {type(value).__name__} at '{'.'.join(self._path)}'. Files hold tensors, numbers, "
                "strings, bytes, None, sizes, dtypes, devices, and dicts, lists, tuples and sets of them; nothing else "
                "would be read again."
            )

    def _remember(self, value: Any) -> None:
        index = self._memo[id(value)] = len(self._memo)
        self._kept.append(value)
        self.out += b"r" + struct.pack("<I", index)

    def _each(self, items: Iterable[tuple[Any, Any]], with_keys: bool = True) -> None:
        for key, value in items:
            self._path.append(str(key))
            if with_keys:
                self._value(key)
            self._value(value)
            self._path.pop()

    def _tuple(self, values: tuple) -> None:
        self.out += b"("
        self._each(enumerate(values), with_keys=False)
        self.out += b"t"

    def _mapping(self, value: Mapping) -> None:
        if isinstance(value, (OrderedDict, Counter)):
            self._call(f"collections {'OrderedDict' if isinstance(value, OrderedDict) else 'Counter'}")
        else:
            self.out += b"}"
        self._remember(value)
        self.out += b"("
        self._each(value.items())
        self.out += b"u"
        if (metadata := getattr(value, "_metadata", None)) is not None and isinstance(value, OrderedDict):
            self.out += b"}("
            self._each([("_metadata", metadata)])
            self.out += b"ub"

    def _integer(self, value: int) -> None:
        if -(2**31) <= value < 2**31:
            self.out += b"J" + struct.pack("<i", value)
            return
        length = value.bit_length() // 8 + 1
        if length > 255:
            raise ValueError(f"save: '{'.'.join(self._path)}' is too large an integer for the format")
        self.out += b"\x8a" + bytes([length]) + value.to_bytes(length, "little", signed=True)

    def _global(self, name: str) -> None:
        module, attribute = name.split(" ")
        self.out += f"c{module}\n{attribute}\n".encode()

    def _call(self, name: str, *arguments: Any) -> None:
        self._global(name)
        self._tuple(arguments)
        self.out += b"R"

    def _tensor(self, tensor: Tensor) -> None:
        is_parameter = any(kind.__name__ == "Parameter" for kind in type(tensor).__mro__)
        state = attributes(tensor)
        if is_parameter:
            self._global(f"torch._utils _rebuild_parameter{'_with_state' if state else ''}")
            self.out += b"("
        array = tensor._array if tensor.device is cpu else tensor.device.backend.to_numpy(tensor._array)
        key, root, array = self._storage(array, tensor.dtype)
        width = tensor.itemsize
        self._global("torch._utils _rebuild_tensor_v2")
        self.out += b"(("
        self._value("storage")
        self._global(f"torch {_STORAGE_OF[tensor.dtype.name]}")
        for part in (str(key), str(tensor.device), root.nbytes // width):
            self._value(part)
        self.out += b"tQ"
        self._value(offset_in(root, array) // width)
        self._tuple(array.shape)
        self._tuple(tuple(step // width for step in array.strides))
        self._value(tensor.requires_grad and not is_parameter)
        self._call("collections OrderedDict")
        self.out += b"tR"
        if is_parameter:
            self._value(tensor.requires_grad)
            self._call("collections OrderedDict")
            if state:
                self._value(state)
            self.out += b"tR"

    def _storage(self, array: np.ndarray, dtype: dtypes.DType) -> tuple[int, np.ndarray, np.ndarray]:
        """Return the key of the array's storage, the storage, and the array, which may have become a copy."""
        root, width = storage_of(array), dtype.itemsize
        fits = root is not None and not root.nbytes % width and not offset_in(root, array) % width
        if root is None or not fits or not array.size or any(step % width or step < 0 for step in array.strides):
            root = array = np.array(array, order="C", subok=False)
        key = self._keys.setdefault((id(root), dtype.name), len(self.storages))
        if key == len(self.storages):
            self.storages.append(root)
        return key, root, array
