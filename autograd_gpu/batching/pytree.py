"""Trees of dicts, lists and tuples: taken apart into leaves and put together again. Knows nothing of tensors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any


def _children(tree: Any) -> tuple[list, Callable[[list], Any]] | None:
    """Return a node's children and the way to make such a node of others; None for a leaf."""
    kind = type(tree)
    if kind in (dict, OrderedDict):
        keys = list(tree)
        return list(tree.values()), lambda values: kind(zip(keys, values))
    if kind in (list, tuple):
        return list(tree), kind
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return list(tree), lambda values: kind(*values)
    return None


def flatten(tree: Any) -> tuple[list, Callable[[list], Any]]:
    """Return the leaves in order, and a function that makes the same tree of other leaves."""
    node = _children(tree)
    if node is None:
        return [tree], lambda leaves: leaves[0]
    children, make = node
    parts = [flatten(child) for child in children]
    counts = [len(leaves) for leaves, _ in parts]

    def rebuild(leaves: list) -> Any:
        rebuilt, start = [], 0
        for count, (_, rebuild_part) in zip(counts, parts):
            rebuilt.append(rebuild_part(leaves[start : start + count]))
            start += count
        return make(rebuilt)

    return [leaf for leaves, _ in parts for leaf in leaves], rebuild


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return the tree with the function applied to every leaf."""
    leaves, rebuild = flatten(tree)
    return rebuild([function(leaf) for leaf in leaves])


def spread(prefix: Any, tree: Any) -> list | None:
    """Return one value per leaf of the tree from `prefix`, a tree that may stop early: its leaf then holds below it.

    None when the two have different shapes.
    """
    own = _children(prefix)
    if own is None:
        return [prefix] * len(flatten(tree)[0])
    node = _children(tree)
    if node is None or type(prefix) is not type(tree) or len(own[0]) != len(node[0]):
        return None
    if isinstance(prefix, dict):
        if prefix.keys() != tree.keys():
            return None
        pairs = [(prefix[key], tree[key]) for key in tree]
    else:
        pairs = list(zip(own[0], node[0]))
    parts = [spread(part, child) for part, child in pairs]
    return None if any(part is None for part in parts) else [value for part in parts for value in part]  # type: ignore[union-attr]
