"""The tensor: a buffer with dtype, device, gradient and version. No mathematics: `ops` hangs that on later."""

from __future__ import annotations

import functools
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import dtypes
from .capturing import met, noticing
from .device import Device
from .engine import Edge, Node, RemovableHandle, add_hook, hooks_of, next_sequence
from .layouts import MemoryFormat, check_memory_format, strided
from .modes import modes
from .user_line import user_line
from .views import edge_of

if TYPE_CHECKING:
    from ._methods import Methods  # what ops/methods.py hangs on the class, by `make pages`
else:
    Methods = object


class Version:
    """How often a buffer was written in place, and by which user line. Shared by a tensor, its views and detach()."""

    # Defaults of the class: most are made and never counted up.
    value = 0
    where: tuple | None = None


class Size(tuple):
    """A shape; a tuple that prints as PyTorch's does."""

    __slots__ = ()

    def numel(self) -> int:
        count = 1
        for size in self:
            count *= size
        return count

    def __getitem__(self, index: Any) -> Any:
        item = tuple.__getitem__(self, index)
        return Size(item) if isinstance(index, slice) else item

    def __add__(self, other: tuple) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __reduce__(self) -> tuple:
        return (Size, (tuple(self),))


_accumulating = threading.RLock()  # backwards on several threads may meet at a leaf


class HookedNode(Node):
    """A node on which a program may hang hooks."""

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)` after the node ran; what it returns replaces grad_inputs."""
        return add_hook(hooks_of(self).after, checked_node_hook(hook))

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad_outputs)` before the node runs; what it returns replaces grad_outputs."""
        return add_hook(hooks_of(self).before, checked_node_hook(hook))


class AccumulateGrad(HookedNode):
    """The end of the graph at a leaf: adds what arrives to the leaf's ``.grad``."""

    def __init__(self, tensor: Tensor) -> None:
        self.sequence = next_sequence()
        self._tensor = weakref.ref(tensor)  # the tensor holds this node; a strong reference back would be a cycle
        self.post_accumulate: dict[int, Callable] = {}

    @property
    def variable(self) -> Tensor | None:
        """The leaf, or None when the program has let go of it."""
        return self._tensor()

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    @property
    def next_functions(self) -> tuple:
        return ()

    def run(self, gradients: list[Any]) -> Sequence[Any]:
        gradient = gradients.pop()
        tensor = self._tensor()
        if tensor is None or gradient is None:
            return ()
        if tensor._array.dtype.kind == "c":
            gradient = gradient.conj()
        with _accumulating:
            if tensor._grad is None:
                # Nobody else holds it: the local name and getrefcount's own argument make two.
                is_ours = sys.getrefcount(gradient) == 2
                tensor._grad = gradient if modes.grad else private_gradient(gradient, is_ours)
            else:
                tensor._grad = add_to_gradient(tensor._grad, gradient)
        for hook in list(self.post_accumulate.values()):
            if (result := hook(tensor)) is not None and result is not tensor:
                if not isinstance(result, Tensor):
                    raise TypeError(f"expected Variable, but hook returned '{type(result).__name__}'")
                raise RuntimeError("Tensor post accumulate grad hooks should return None.")
        return ()

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self):#x}>"


def conjugated(gradient: Tensor) -> Tensor:
    """Return a gradient as programs see it, from one as backward has it, or the other way round.

    Backward multiplies by the derivative (u -> u^T J), which is right of complex numbers too, rule by rule as it
    stands for real ones. PyTorch's gradient, along which a real loss rises, is its conjugate: so it is turned wherever
    programs meet it, and nowhere else.
    """
    return gradient.conj() if gradient.dtype.is_complex else gradient


def private_gradient(gradient: Tensor, is_ours: bool) -> Tensor:
    """Return a gradient that shares memory with nothing else: itself when that is so already, else a copy."""
    if gradient.layout is not strided:
        return gradient._private()  # type: ignore[attr-defined]
    array, backend = gradient._array, gradient.device.backend
    if gradient._tangent is not None:
        return gradient
    if is_ours and gradient._edge is None and sys.getrefcount(array) == 3 and backend.owns(array):
        return gradient
    return wrap(backend.copy(array), gradient.device)


def accumulate(total: Tensor, gradient: Tensor, private: bool) -> Tensor:
    """Return total + gradient; written into total when it is private and nothing is being recorded."""
    if gradient.layout is not strided or total.layout is not strided:
        return gradient + total if gradient.layout is strided else total + gradient
    if total._array.dtype is not gradient._array.dtype or total._array.shape != gradient._array.shape:
        gradient = _made_like(gradient, total)
    if modes.grad or not private or total.device is not gradient.device:  # within vmap one of them may be batched
        return total + gradient
    if total._tangent is not None or gradient._tangent is not None:
        return total + gradient
    total.device._backend.add(total._array, gradient._array, out=total._array)  # type: ignore[union-attr]
    return total


def _made_like(gradient: Tensor, total: Tensor) -> Tensor:
    """Return a gradient in the dtype of what it is added to, whose shape it must have."""
    if total._array.shape != gradient._array.shape:
        raise RuntimeError(
            f"Mismatch in shape: a gradient of size {list(gradient.shape)} cannot be added to one of size "
            f"{list(total.shape)}; {different_sizes(total._array.shape, gradient._array.shape)}. Where .data was "
            "replaced by a tensor of another shape, set .grad to None as well."
        )
    return gradient.to(total.dtype)


def different_sizes(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    """Return PyTorch's words for two shapes that do not go together."""
    for d in range(-1, -max(len(a), len(b)) - 1, -1):
        sizes = [shape[d] if len(shape) >= -d else 1 for shape in (a, b)]
        if sizes[0] != sizes[1]:
            at = max(len(a), len(b)) + d
            return (
                f"The size of tensor a ({sizes[0]}) must match the size of tensor b ({sizes[1]}) at non-singleton "
                f"dimension {at}"
            )
    return f"shapes {list(a)} and {list(b)} differ"


def add_to_gradient(total: Tensor, gradient: Tensor) -> Tensor:
    """Return a ``.grad`` with more added to it: the same object written in place, or a new one that is recorded."""
    if modes.grad:
        return total + gradient
    version_cell(total).value += 1
    return accumulate(total, gradient, private=True)


class Tensor(Methods):
    """A multi-dimensional array of one dtype on one device that remembers how it was computed.

    ``Tensor(data)`` makes a float tensor from numbers or nested lists; ``autograd_gpu.tensor`` infers the dtype.
    """

    # Class-level defaults keep the making of a tensor to two stores.
    _array: Any
    device: Device
    _edge: Edge | None = None  # where its gradient goes; a leaf's own AccumulateGrad, or None without requires_grad
    _grad: Tensor | None = None
    _cell: Version | None = None  # made when first needed: absent means version 0, shared with nobody
    _base: Tensor | None = None  # for a view: the tensor whose buffer it shows
    _steps: tuple | None = None  # for a view: how the base leads to it, (steps before, operation, parameters, output)
    _epoch = 0  # of a base: how often its history was rewritten; of a view: the base's epoch that its edge belongs to
    _layouts: tuple = ()  # of a base that changed its own shape: (epoch until which it had an older one, the way back)
    _made_in: str | None = None  # of a view: "no_grad" or "inference", where a recorded write to it would be ambiguous
    _tangent: Tensor | None = None  # in forward mode: the derivative that it carries
    _inference = False
    _retains_grad = False
    _inert_flag = False  # requires_grad=True inside inference_mode: reads as True, records nothing there

    layout = strided

    __array_priority__ = 1000  # numpy_array * tensor asks the tensor

    # ------------------------------------------------------------------------------------------ what it is

    @property
    def shape(self) -> Size:
        return Size(self._array.shape)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size along `dim`."""
        if dim is None:
            return self.shape
        if not -self.ndim <= dim < max(self.ndim, 1) or self.ndim == 0:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-max(self.ndim, 1)}, {max(self.ndim, 1) - 1}], "
                f"but got {dim})"
            )
        return self._array.shape[dim]

    @property
    def ndim(self) -> int:
        return self._array.ndim

    def dim(self) -> int:
        return self._array.ndim

    ndimension = dim

    def numel(self) -> int:
        return self._array.size

    nelement = numel

    @property
    def dtype(self) -> dtypes.DType:
        return dtypes.from_numpy(self._array.dtype)

    @property
    def itemsize(self) -> int:
        return self._array.dtype.itemsize

    def element_size(self) -> int:
        return self._array.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self._array.size * self._array.dtype.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Return the strides in elements, or the one along `dim`."""
        strides = tuple(s // self._array.dtype.itemsize for s in self._array.strides)
        return strides if dim is None else strides[dim]

    def is_contiguous(self, memory_format: MemoryFormat | None = None) -> bool:
        check_memory_format(memory_format, "is_contiguous")
        return bool(self._array.flags.c_contiguous)

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self._array.dtype.kind == "c"

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    @property
    def is_cpu(self) -> bool:
        return self.device.type == "cpu"

    def get_device(self) -> int:
        return -1 if self.device.index is None else self.device.index

    # ------------------------------------------------------------------------------------------ its place in the graph

    @property
    def requires_grad(self) -> bool:
        if self._edge is not None or self._inert_flag:
            return True
        base = self._base
        if base is None or (base._epoch == self._epoch and self._made_in is None):
            return False
        # The base was written since: the view has its history when asked for it. Or it was made where nothing is
        # recorded: then it reads as its base does, and has no history.
        return edge_of(base) is not None

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Switch recording on or off for a leaf, in place. Only floating point tensors can require gradients."""
        if requires_grad is not True and requires_grad is not False:
            kind = type(requires_grad).__name__
            raise TypeError(f"requires_grad_(): argument 'requires_grad' (position 1) must be bool, not {kind}")
        edge = edge_of(self)
        if edge is not None and type(edge[0]) is not AccumulateGrad:
            if requires_grad:
                return self
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in "
                "a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        if not requires_grad:
            self._edge = None
            self._inert_flag = False
            return self
        check_can_require_grad(self._array)
        if modes.inference:
            raise RuntimeError(
                "requires_grad_: Setting requires_grad=True is not allowed inside inference_mode(): nothing is "
                "recorded there. Do it outside the block, or use no_grad() if only part of the work needs no gradient."
            )
        if self._inference:
            raise RuntimeError(
                "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed. "
                "Make a normal tensor of it first: x.clone().requires_grad_()."
            )
        if edge is None:
            self._edge = (AccumulateGrad(self), 0)
        return self

    @property
    def is_leaf(self) -> bool:
        edge = edge_of(self)
        return edge is None or type(edge[0]) is AccumulateGrad

    @property
    def grad_fn(self) -> Node | None:
        """The operation that made this tensor, or None for a leaf."""
        edge = edge_of(self)
        return None if edge is None or type(edge[0]) is AccumulateGrad else edge[0]

    @property
    def output_nr(self) -> int:
        edge = edge_of(self)
        return 0 if edge is None else edge[1]

    @property
    def _version(self) -> int:
        if self._inference:
            raise RuntimeError("Inference tensors do not track version counter.")
        return 0 if self._cell is None else self._cell.value

    def is_inference(self) -> bool:
        """Whether the tensor was made inside ``inference_mode``."""
        return self._inference

    def _is_view(self) -> bool:
        return self._base is not None

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient; None before the first backward. Assigning checks shape, dtype and device."""
        if self._grad is None and not self._retains_grad and not self.is_leaf:
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute "
                "won't be populated during autograd.backward(). If you indeed want the .grad field to be populated for "
                "a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor.",
                UserWarning,
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is None:
            self._grad = None
            return
        if not isinstance(value, Tensor):
            raise TypeError(
                f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
            )
        if value is self:
            raise RuntimeError("can't assign Variable as its own grad")
        if value.dtype is not self.dtype:
            raise RuntimeError(
                f"attempting to assign a gradient with dtype '{value.dtype}' to a tensor with dtype '{self.dtype}'. "
                "Cast it with .to(dtype)."
            )
        if value.device is not self.device:
            raise RuntimeError(
                f"assigned grad has data located on a different device: the tensor is on {self.device}, the gradient "
                "on "
                f'{value.device}. Move it with .to("{self.device}").'
            )
        if value.shape != self.shape:
            raise RuntimeError(
                f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of size "
                f"'{list(self.shape)}'. Please ensure that the gradient and the tensor are the same size"
            )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    # ------------------------------------------------------------------------------------------ hooks

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(grad)` whenever this tensor's gradient is computed; a tensor it returns replaces the gradient."""
        edge = edge_of(self)
        if edge is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        return add_hook(hooks_of(edge[0]).tensor.setdefault(edge[1], {}), _checked_hook(hook, self))

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook(tensor)` after a gradient was added to this leaf's ``.grad``."""
        edge = edge_of(self)
        if edge is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        node = edge[0]
        if not isinstance(node, AccumulateGrad):
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        return add_hook(node.post_accumulate, hook)

    def retain_grad(self) -> None:
        """Keep this non-leaf's gradient in ``.grad`` when backward computes it. On a leaf this does nothing."""
        edge = edge_of(self)
        if edge is None:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.is_leaf or self._retains_grad:
            return
        self._retains_grad = True
        hooks_of(edge[0]).retain[edge[1]] = _Retain(self)

    @property
    def retains_grad(self) -> bool:
        return self._retains_grad

    # ------------------------------------------------------------------------------------------ the same data

    def detach(self) -> Tensor:
        """Return a tensor over the same buffer (and version counter) that is not part of any graph."""
        out = wrap(self._array, self.device)
        out._cell = version_cell(self)
        out._inference = self._inference
        return out

    @property
    def data(self) -> Tensor:
        """The same buffer without history and with a version counter of its own: writes to it go unnoticed."""
        return wrap(self._array, self.device)

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if self._edge is not None and not value.dtype.is_inexact:
            raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
        self._array, self.device = value._array, value.device

    def __hash__(self) -> int:
        return id(self)


class _Retain:
    """Keeps a gradient in the ``.grad`` of a non-leaf, which it does not keep alive."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = weakref.ref(tensor)

    def __call__(self, gradient: Tensor) -> None:
        tensor = self.tensor()
        if tensor is None:
            return
        gradient = conjugated(gradient)
        if tensor._grad is None:
            tensor._grad = gradient if modes.grad else private_gradient(gradient, is_ours=False)
        else:
            tensor._grad = tensor._grad + gradient


def _checked_hook(hook: Callable, tensor: Tensor) -> Callable:
    shape, dtype = tensor._array.shape, tensor._array.dtype

    def run(gradient: Tensor) -> Tensor | None:
        result = hook(gradient if gradient is None else conjugated(gradient))
        return None if result is None else conjugated(_as_it_was(hook, result, shape, dtype))

    return run


def checked_node_hook(hook: Callable) -> Callable:
    """Return a hook of a node whose gradients, where it replaces them, are of the shapes and dtypes that they were."""

    @functools.wraps(hook)
    def run(*several: tuple) -> Any:
        gradients, *others = map(all_conjugated, several)
        results = hook(gradients, *others)
        if results is None:
            return None
        results = tuple(results) if isinstance(results, (tuple, list)) else (results,)
        for old, new in zip(gradients, results):
            if isinstance(old, Tensor) and new is not None and new is not old:
                _as_it_was(hook, new, old._array.shape, old._array.dtype)
        return all_conjugated(results)

    return run


def all_conjugated(gradients: Sequence[Any]) -> tuple:
    """Return gradients, or None, as programs see them, or the other way round."""
    return tuple(conjugated(g) if isinstance(g, Tensor) else g for g in gradients)


def _as_it_was(hook: Callable, result: Any, shape: tuple[int, ...], dtype: Any) -> Tensor:
    """Return what a hook puts in a gradient's place; it has to be of that gradient's shape and dtype."""
    name = getattr(hook, "__name__", type(hook).__name__)
    if not isinstance(result, Tensor):
        raise TypeError(f"hook '{name}' has returned a {type(result).__name__}: expected a Tensor or None")
    if result.shape != shape:
        raise RuntimeError(
            f"hook '{name}' has changed the size of value: expected {list(shape)}, got {list(result.shape)}"
        )
    if result.dtype.numpy != dtype:
        raise RuntimeError(
            f"hook '{name}' has changed the type of value: expected {dtypes.from_numpy(dtype)}, got {result.dtype}"
        )
    return result


def wrap(array: Any, device: Device) -> Tensor:
    """Return a tensor over an array of the device's kind."""
    tensor = object.__new__(Tensor)
    tensor._array = array
    tensor.device = device
    return tensor


_INFERENCE_CELL = Version()  # of every inference tensor: a cell that never counts, so that saving one is noticed


def mark_inference(tensor: Tensor) -> None:
    """Mark a tensor as made inside ``inference_mode``."""
    tensor._inference = True
    tensor._cell = _INFERENCE_CELL


def version_cell(tensor: Tensor) -> Version:
    """Return the tensor's version counter, made on first use."""
    cell = tensor._cell
    if cell is None:
        cell = tensor._cell = Version()
    return cell


def bump_version(tensor: Tensor) -> None:
    """Count a write to the tensor's buffer, with the line that did it."""
    if tensor._inference:
        return
    cell = version_cell(tensor)
    cell.value += 1
    cell.where = user_line(2)
    if noticing:
        met(None, (tensor,))
    base = tensor if tensor._base is None else tensor._base
    if base._edge is not None:
        base._epoch += 1  # as in PyTorch, its views look for their history anew


def check_can_require_grad(array: Any) -> None:
    """Raise PyTorch's error when an array of this dtype cannot require gradients."""
    dtype = dtypes.from_numpy(array.dtype)
    if not dtype.is_inexact:
        raise RuntimeError(
            "Only Tensors of floating point and complex dtype can require gradients, but this one is "
            f"{dtype}. Write the numbers with a decimal point, or pass dtype=torch.float32."
        )
