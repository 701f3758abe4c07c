"""Python's objects between processes: JSON where that gives back the same, else pickled; sent as bytes in a tensor."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.creation import from_numpy
from ..tensor import Tensor
from .collectives import all_gather, broadcast, gather, recv, scatter, send
from .group import ProcessGroup, group_of, peer

Group = Any
_PLAIN = (str, int, float, bool, type(None))


def all_gather_object(object_list: list, obj: Any, group: Group = None) -> None:
    """Fill ``object_list`` with every rank's ``obj``."""
    if (found := group_of("all_gather_object", group)) is None:
        return
    _check_list("all_gather_object", object_list, found.size())
    mine = _packed(obj)
    sizes = _sizes(len(mine), found)
    rows = [_empty(max(sizes), found) for _ in sizes]
    all_gather(rows, _padded(mine, max(sizes), found), found)
    object_list[:] = [_unpacked(row, size) for row, size in zip(rows, sizes)]


def gather_object(
    obj: Any, object_gather_list: list | None = None, dst: int | None = None, group: Group = None,
    group_dst: int | None = None,
) -> None:  # fmt: skip
    """Fill rank ``dst``'s ``object_gather_list`` with every rank's ``obj``."""
    if (found := group_of("gather_object", group)) is None:
        return
    root = peer("gather_object", "dst", found, dst, group_dst)
    is_root = found.rank() == root
    if is_root != (object_gather_list is not None):
        raise ValueError(
            "Argument ``object_gather_list`` must be specified on destination rank."
            if is_root
            else "Argument ``object_gather_list`` must NOT be specified on non-destination ranks."
        )
    mine = _packed(obj)
    sizes = _sizes(len(mine), found)
    rows = [_empty(max(sizes), found) for _ in sizes] if is_root else None
    gather(_padded(mine, max(sizes), found), rows, group=found, group_dst=root)
    if rows is not None and object_gather_list is not None:
        _check_list("gather_object", object_gather_list, found.size())
        object_gather_list[:] = [_unpacked(row, size) for row, size in zip(rows, sizes)]


def broadcast_object_list(
    object_list: list, src: int | None = None, group: Group = None, device: Any = None, group_src: int | None = None
) -> None:
    """Make every rank's ``object_list`` that of rank ``src``, in place; its length has to be the same."""
    if (found := group_of("broadcast_object_list", group)) is None:
        return
    root = peer("broadcast_object_list", "src", found, src, group_src)
    is_root = found.rank() == root
    mine = _packed(list(object_list)) if is_root else b""
    size = from_numpy(np.array([len(mine), len(object_list)], np.int64)).to(found.device())
    broadcast(size, group=found, group_src=root)
    count, length = size.tolist()
    if length != len(object_list):
        raise ValueError(
            f"broadcast_object_list: expected object_list to have {length} places as on rank {root}, but got "
            f"{len(object_list)}"
        )
    row = _padded(mine, count, found)
    broadcast(row, group=found, group_src=root)
    object_list[:] = _unpacked(row, count)


def scatter_object_list(
    scatter_object_output_list: list, scatter_object_input_list: list | None = None, src: int | None = None,
    group: Group = None, group_src: int | None = None,
) -> None:  # fmt: skip
    """Put into each rank's ``scatter_object_output_list[0]`` what rank ``src``'s list has at its place."""
    if (found := group_of("scatter_object_list", group)) is None:
        return
    if not isinstance(scatter_object_output_list, list) or not scatter_object_output_list:
        raise ValueError("Expected argument scatter_object_output_list to be a list of size at least 1.")
    root = peer("scatter_object_list", "src", found, src, group_src)
    rows: list[bytes] = []
    if found.rank() == root:
        _check_list("scatter_object_list", scatter_object_input_list, found.size())
        rows = [_packed(each) for each in scatter_object_input_list or ()]
    sizes = [0] * found.size()
    box = [[len(row) for row in rows] or sizes]
    broadcast_object_list(box, group=found, group_src=root)
    longest = max(box[0])
    mine = _empty(longest, found)
    scatter(mine, [_padded(row, longest, found) for row in rows] or None, group=found, group_src=root)
    scatter_object_output_list[0] = _unpacked(mine, box[0][found.rank()])


def send_object_list(
    object_list: list, dst: int | None = None, group: Group = None, device: Any = None, group_dst: int | None = None,
    use_batch: bool = False,
) -> None:  # fmt: skip
    """Send a list to rank ``dst``, which calls `recv_object_list`."""
    if (found := group_of("send_object_list", group)) is None:
        return
    mine = _packed(list(object_list))
    send(from_numpy(np.array([len(mine)], np.int64)).to(found.device()), dst, found, 0, group_dst)
    send(_padded(mine, len(mine), found), dst, found, 0, group_dst)


def recv_object_list(
    object_list: list, src: int | None = None, group: Group = None, device: Any = None, group_src: int | None = None,
    use_batch: bool = False,
) -> int:  # fmt: skip
    """Receive a list of rank ``src``, or of any, in place; return the rank that it came from."""
    if (found := group_of("recv_object_list", group)) is None:
        return -1
    size = from_numpy(np.zeros(1, np.int64)).to(found.device())
    source = recv(size, src, found, 0, group_src)
    row = _empty(int(size.item()), found)
    recv(row, source, found)
    object_list[:] = _unpacked(row, row.numel())
    return source


# ---------------------------------------------------------------------------------------------------------- as bytes


def _packed(obj: Any) -> bytes:
    if _is_plain(obj):
        return b"j" + json.dumps(obj).encode()
    return b"p" + pickle.dumps(obj)


def _unpacked(row: Tensor, size: int) -> Any:
    told = row.cpu().numpy()[:size].tobytes()
    return json.loads(told[1:]) if told[:1] == b"j" else pickle.loads(told[1:])  # of ranks of this very program


def _is_plain(obj: Any) -> bool:
    """Whether JSON gives back the same."""
    if type(obj) is list:
        return all(map(_is_plain, obj))
    if type(obj) is dict:
        return all(type(key) is str for key in obj) and all(map(_is_plain, obj.values()))
    return type(obj) in _PLAIN


def _padded(told: bytes, size: int, group: ProcessGroup) -> Tensor:
    row = np.zeros(size, np.uint8)
    row[: len(told)] = np.frombuffer(told, np.uint8)
    return from_numpy(row).to(group.device())


def _empty(size: int, group: ProcessGroup) -> Tensor:
    return _padded(b"", size, group)


def _sizes(mine: int, group: ProcessGroup) -> list[int]:
    told = [from_numpy(np.zeros(1, np.int64)).to(group.device()) for _ in range(group.size())]
    all_gather(told, from_numpy(np.array([mine], np.int64)).to(group.device()), group)
    return [int(each.item()) for each in told]


def _check_list(who: str, given: Sequence | None, size: int) -> None:
    if not isinstance(given, list) or len(given) != size:
        raise ValueError(
            f"{who}: expected a list with a place for each of {size} ranks, but got "
            f"{type(given).__name__ if not isinstance(given, list) else f'{len(given)} places'}"
        )
