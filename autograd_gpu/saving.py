"""What a node keeps for its backward: values with their versions, outputs as buffers, what pack hooks made of them.

And what it says when a value is gone, or was changed in place since. Knows tensors, versions and lines, no operation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import get_ident
from typing import Any

from . import dtypes
from .modes import duals, modes
from .tensor import HookedNode, Tensor, version_cell, wrap
from .user_line import line_of
from .views import edge_of

# (thread, pack, unpack) of every saved_tensors_hooks in force on any thread: saving first asks whether it is empty.
pack_hooks: list[tuple[int, Callable, Callable]] = []
backward_line: list[tuple | None] = [None]  # the user line of the backward now running


class SavingNode(HookedNode):
    """A node that keeps values from forward for backward."""

    # PyTorch's names of what `keep` saves, in its order: with "self other", y.grad_fn._saved_self reads the first.
    saved_as = ""
    where: tuple | None = None  # (code, instruction) of the user line that recorded the node
    freed = False
    freed_by: tuple | None = None  # the line of the backward that did
    _saved: tuple = ()
    _versions: tuple = ()

    def __init_subclass__(cls) -> None:
        for position, name in enumerate(cls.__dict__.get("saved_as", "").split()):
            setattr(cls, f"_saved_{name}", property(partial(_saved_at, position)))
            setattr(cls, f"_raw_saved_{name}", property(partial(SavedTensor, position)))

    def name(ctx) -> str:
        raise NotImplementedError

    def save(ctx, *values: Any) -> None:
        """Keep tensors (or scalars, or None) for backward, each with the version that it has now.

        An output must be marked, ``ctx.save(ctx.own(y))``: it is kept as buffer and version, since it holds this node.
        """
        for value in values:
            if getattr(value, "_cell", None) is not None or pack_hooks:
                ctx._save_with_versions(values)
                return
        ctx._saved = values  # every version is 0

    def _save_with_versions(ctx, values: tuple) -> None:
        kept: list[Any] = []
        versions: list[int] = []
        for value in values:
            version = 0
            if isinstance(value, Tensor):
                if value._inference:
                    raise RuntimeError(
                        "Inference tensors cannot be saved for backward. To work around you can make a clone to get a "
                        f"normal tensor and use it in autograd: x.clone(). (in {ctx.name()})"
                    )
                version = 0 if value._cell is None else value._cell.value
                if pack_hooks:
                    value = _packed(value) or value
            kept.append(value)
            versions.append(version)
        ctx._saved = tuple(kept)
        ctx._versions = tuple(versions)

    def own(ctx, output: Tensor, number: int = 0) -> Any:
        """Mark one of this node's outputs for `save`."""
        return SavedOutput(output, number)

    def own_saved(ctx, number: int) -> list[Any]:
        """Return what `save` kept of output `number`."""
        return [value for value in ctx._saved if type(value) is SavedOutput and value.number == number]

    @property
    def saved(ctx) -> tuple:
        """What `save` kept. Raises when it was freed, or changed in place since."""
        if ctx.freed:
            raise RuntimeError(_freed_message(ctx))
        values = ctx._saved
        for value in values:
            if getattr(value, "_cell", None) is not None:
                return ctx._checked_values()
        return values  # nothing was shared or written since, and nothing is wrapped

    def _checked_values(ctx) -> tuple:
        values: list[Any] = []
        for number, value in enumerate(ctx._saved):
            kind = type(value)
            if kind is SavedOutput or kind is PackedValue:
                value = value.unwrap(ctx)
            elif getattr(value, "_cell", None) is not None:
                version = ctx._versions[number] if ctx._versions else 0
                if value._cell.value != version:
                    raise RuntimeError(_modified_message(ctx, value, version))
            values.append(value)
        return tuple(values)

    def release(ctx) -> None:
        if ctx._saved:
            ctx._saved = ()
            ctx.freed = True
            ctx.freed_by = backward_line[0]


class SavedOutput:
    """A saved output: buffer, device, version cell and output number; becomes a tensor of its node when read."""

    _cell = True  # as on a tensor that was shared: `saved` looks closer
    packed: PackedValue | None = None
    _tangent: Tensor | None = None

    def __init__(self, output: Tensor, number: int) -> None:
        self.array, self.device, self.number = output._array, output.device, number
        self.cell = cell = output._cell or version_cell(output)
        self.version = cell.value
        if output._tangent is not None:
            self._tangent = output._tangent
        if pack_hooks:
            self.packed = _packed(output)
            if self.packed is not None:
                self.array = None

    def unwrap(self, node: SavingNode) -> Tensor:
        if self.packed is not None:
            tensor = self.packed.unwrap(node)
        elif self.cell.value != self.version:
            raise RuntimeError(_modified_message(node, self, self.version))
        else:
            tensor = wrap(self.array, self.device)
            tensor._cell = self.cell
        tensor._edge = (node, self.number)
        if duals:
            duals[-1].carry(tensor, self._tangent)
        return tensor


class PackedValue:
    """A saved value that went through the user's pack hook, and where its gradient goes. Versions end at the hook."""

    __slots__ = ("value", "unpack", "edge", "dtype")
    _cell = True

    def __init__(self, value: Any, unpack: Callable, like: Tensor) -> None:
        self.value, self.unpack, self.edge, self.dtype = value, unpack, edge_of(like), like._array.dtype

    def unwrap(self, node: SavingNode) -> Tensor:
        value = self.unpack(self.value)
        if not isinstance(value, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(value).__name__}. (a value saved by {node.name()} at {line_of(node.where)})"
            )
        if value._array.dtype != self.dtype:  # kept in fewer bits, and computed with in its own
            value = value.detach().to(dtypes.from_numpy(self.dtype))
        tensor = wrap(value._array, value.device)
        tensor._edge = self.edge
        return tensor


def pack_hooks_here() -> list[tuple]:
    """Return this thread's entries among the hooks in force."""
    here = get_ident()
    return [entry for entry in tuple(pack_hooks) if entry[0] == here] if pack_hooks else []


def restore_pack_hooks(before: list[tuple]) -> None:
    """Drop the hooks that were put in force on this thread since, as by a backward that did not take them back."""
    for entry in pack_hooks_here():
        if not any(entry is old for old in before):
            pack_hooks.remove(entry)


def _packed(value: Tensor) -> PackedValue | None:
    """Return what this thread's innermost pack hook makes of a value; None when this thread has no hook."""
    here = get_ident()
    pair = next(((pack, unpack) for thread, pack, unpack in reversed(tuple(pack_hooks)) if thread == here), None)
    if pair is None:
        return None
    return packed_by(*pair, value)


def packed_by(pack: Callable, unpack: Callable, value: Tensor) -> PackedValue:
    """Return what a pair of hooks makes of a value that is saved."""
    shown = value.detach()
    version = version_cell(shown).value
    grad_mode, modes.grad = modes.grad, False
    try:
        packed = pack(shown)
    finally:
        modes.grad = grad_mode
    if version_cell(shown).value != version:
        raise RuntimeError(
            "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook can not "
            "be modified by in-place operations as this can lead to unexpected side-effects. Return a changed copy."
        )
    return PackedValue(packed, unpack, value)


def _freed_message(node: SavingNode) -> str:
    return (
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
        "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
        "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
        f"saved tensors after calling backward. ({node.name()} was recorded at {line_of(node.where)}; its values were "
        f"freed by the backward at {line_of(node.freed_by)}.)"
    )


def _modified_message(node: SavingNode, value: Any, version: int) -> str:
    if isinstance(value, Tensor):
        array, cell = value._array, value._cell
        made_by, number = value.grad_fn, value.output_nr
    else:
        array, cell, made_by, number = value.array, value.cell, node, value.number
    assert cell is not None
    kind = f"{dtypes.SCALAR_TYPES[array.dtype.name]}Tensor"
    origin = "" if made_by is None else f", which is output {number} of {made_by.name()},"  # type: ignore[attr-defined]
    return (
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[torch.{kind} {list(array.shape)}]{origin} is at version {cell.value}; expected version {version} "
        f"instead. It was saved by {node.name()} at {line_of(node.where)} and changed in place at "
        f"{line_of(cell.where)}. Change a copy instead: x = x + y, or x.clone()."
    )


def _saved_at(position: int, node: SavingNode) -> Any:
    return node.saved[position]


class SavedTensor:
    """One saved value of a node, ``y.grad_fn._raw_saved_self``: where it is kept, for hooks on it alone."""

    def __init__(self, position: int, node: SavingNode) -> None:
        self.node, self.position = node, position

    def unpack(self) -> Any:
        """Return the value, as backward gets it."""
        return self.node.saved[self.position]

    def register_hooks(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        """Keep pack_hook(value) instead of the value, from now on, and give backward what unpack_hook makes of it.

        RuntimeError when the value was freed, is no tensor, or has gone through hooks already.
        """
        node, position = self.node, self.position
        if node.freed:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the "
                "graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need "
                "to backward through the graph a second time or if you need to access saved variables after calling "
                "backward."
            )
        kept = node._saved[position]
        if isinstance(kept, PackedValue) or (isinstance(kept, SavedOutput) and kept.packed is not None):
            raise RuntimeError(
                "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair of "
                "hooks is allowed at a time."
            )
        value = self.unpack()
        if not isinstance(value, Tensor):
            raise RuntimeError("Calling register_hooks on a saved tensor with value None is forbidden.")
        packed = packed_by(pack_hook, unpack_hook, value)
        if isinstance(kept, SavedOutput):
            kept.packed, kept.array = packed, None
        else:
            node._saved = (*node._saved[:position], packed, *node._saved[position + 1 :])
