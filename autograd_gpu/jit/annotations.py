"""``torch.jit.annotations``: words for types that programs import from there. Nothing is compiled by them."""

from __future__ import annotations

from typing import Any, Optional, Union

Dict, List, Tuple = dict, list, tuple


class _AsItIs:
    """BroadcastingListN[int] is int or a tuple: its type is what is in the brackets."""

    def __getitem__(self, types: Any) -> Any:
        return types


BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = _AsItIs()
BroadcastingList4 = BroadcastingList5 = BroadcastingList6 = _AsItIs()

__all__ = [
    "Any", "BroadcastingList1", "BroadcastingList2", "BroadcastingList3", "BroadcastingList4", "BroadcastingList5",
    "BroadcastingList6", "Dict", "List", "Optional", "Tuple", "Union",
]  # fmt: skip
