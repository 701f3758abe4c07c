"""``torch.utils._pytree``: trees of dicts, lists and tuples, by PyTorch's private names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..batching import pytree

PyTree = Any


class TreeSpec:
    """The shape of a tree: what remains when its leaves are taken off."""

    def __init__(self, tree: Any) -> None:
        leaves, self._rebuild = pytree.flatten(tree)
        self.num_leaves = len(leaves)
        self._shape = self._rebuild([None] * self.num_leaves)

    def unflatten(self, leaves: list) -> Any:
        """Return the tree with these leaves."""
        if len(leaves) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a pytree that "
                f"holds {self.num_leaves} items ({self})."
            )
        return self._rebuild(list(leaves))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TreeSpec) and _alike(self._shape, other._shape)

    def __hash__(self) -> int:
        return hash(repr(self._shape))

    def __repr__(self) -> str:
        return f"TreeSpec({self._rebuild(['*'] * self.num_leaves)!r})"


def _alike(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_alike(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_alike, a, b))
    return True


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list, TreeSpec]:
    """Return the leaves in order and the tree's shape."""
    return pytree.flatten(tree)[0], TreeSpec(tree)


def tree_unflatten(leaves: Any, treespec: TreeSpec) -> Any:
    """Return the tree of a shape with these leaves."""
    return treespec.unflatten(list(leaves))


def tree_leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list:
    """Return the leaves in order."""
    return pytree.flatten(tree)[0]


def tree_structure(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> TreeSpec:
    """Return the tree's shape."""
    return TreeSpec(tree)


def tree_map(func: Callable, tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """Return the tree of func of each leaf, and of the leaves of `rests` at its place."""
    leaves, rebuild = pytree.flatten(tree)
    return rebuild([func(*row) for row in zip(leaves, *(pytree.flatten(one)[0] for one in rests), strict=True)])


def tree_map_(func: Callable, tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """Call func of each leaf, and return the tree."""
    tree_map(func, tree, *rests)
    return tree


def tree_map_only(kind: Any, func: Callable, tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """Return the tree with func of the leaves of a type (or of several, or that a function picks)."""
    chosen = kind if callable(kind) and not isinstance(kind, type) else lambda leaf: isinstance(leaf, kind)
    return tree_map(lambda leaf: func(leaf) if chosen(leaf) else leaf, tree)


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Return whether pred holds for every leaf."""
    return all(map(pred, tree_leaves(tree)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Return whether pred holds for a leaf."""
    return any(map(pred, tree_leaves(tree)))
