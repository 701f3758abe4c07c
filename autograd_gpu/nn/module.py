"""Module: a tree of parameters, buffers and submodules with a forward. Knows names, modes, hooks and state dicts.

It does no mathematics, and it never looks inside a tensor beyond its shape and dtype.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Self

from ..capturing import met, noticing
from ..device import Device
from ..dtypes import DType
from ..engine import RemovableHandle, add_hook
from ..modes import no_grad
from ..tensor import Tensor
from .module_hooks import HOOK_TABLES, add, call_with_hooks, everywhere, is_full, registered
from .parameter import Buffer, Parameter
from .state_dict import EXTRA_STATE, IncompatibleKeys, is_default, load, load_own, own_state, take


class Module:
    """Base class of all layers and models. Assign parameters and modules in ``__init__``, compute in ``forward``."""

    training: bool
    dump_patches = False
    _version = 1  # of the layout of the state dict, kept in its _metadata
    _younger_than_state_dicts: frozenset[str] = frozenset()  # buffers that a dict from before may lack

    def __init__(self) -> None:
        # Past __setattr__, which looks into these very dictionaries.
        self.__dict__.update(
            training=True,
            _parameters={},
            _buffers={},
            _non_persistent_buffers_set=set(),
            _modules={},
            **{name: OrderedDict() for name in HOOK_TABLES},
            _is_full_backward_hook=None,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the attributes of a module that was pickled, perhaps before there were all these hooks."""
        self.__dict__.update(state)
        for name in HOOK_TABLES:
            self.__dict__.setdefault(name, OrderedDict())
        self.__dict__.setdefault("_is_full_backward_hook", None)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs from the inputs. Every subclass defines its own."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if noticing:
            met(self)
        if (
            self._forward_pre_hooks or self._forward_hooks or self._backward_hooks or self._backward_pre_hooks
            or everywhere
        ):  # fmt: skip
            return call_with_hooks(self, args, kwargs)
        return self.forward(*args, **kwargs)

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before every forward; what it returns, unless None, replaces the arguments."""
        return add(self, "_forward_pre_hooks", hook, prepend=prepend, with_kwargs=with_kwargs)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after every forward; what it returns, unless None, is the output.

        With ``always_call`` also when forward has raised, or a hook before it.
        """
        return add(self, "_forward_hooks", hook, prepend=prepend, with_kwargs=with_kwargs, always=always_call)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before backward goes through the module; what it returns replaces
        grad_output."""
        return add(self, "_backward_pre_hooks", hook, prepend=prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)``, tuples, when backward has gone through the module.

        grad_input has an entry for each positional argument: zeros for a tensor that nothing came to, None for what is
        no tensor; what the hook returns replaces it. Of a module whose output is no tensor and no tuple, it is not
        called.
        """
        is_full(self, True)
        return add(self, "_backward_hooks", hook, prepend=prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` of the node that made the output: what came before the full
        hooks, whose grad_input is the module's."""
        is_full(self, False)
        return add(self, "_backward_hooks", hook)

    # Attributes: parameters, buffers and modules live in their own dictionaries, found again by __getattr__.

    def __getattr__(self, name: str) -> Any:
        for kind in ("_parameters", "_buffers", "_modules"):
            members = self.__dict__.get(kind, {})
            if name in members:
                return members[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._forget(name, keep="_parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Buffer):
            self._forget(name, keep="_buffers")
            self.register_buffer(name, value, value.persistent)
        elif isinstance(value, Module):
            self._forget(name, keep="_modules")
            self.register_module(name, value)
        elif name in self.__dict__.get("_parameters", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type(value).__module__}.{type(value).__name__}' as parameter '{name}' "
                    "(autograd_gpu.nn.Parameter or None expected)"
                )
            self._parameters[name] = None
        elif name in self.__dict__.get("_modules", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type(value).__module__}.{type(value).__name__}' as child module '{name}' "
                    "(autograd_gpu.nn.Module or None expected)"
                )
            self._modules[name] = None
        elif name in self.__dict__.get("_buffers", ()):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{type(value).__module__}.{type(value).__name__}' as buffer '{name}' "
                    "(autograd_gpu.Tensor or None expected)"
                )
            self._buffers[name] = value
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if name in self.__dict__ or not self._forget(name):
            object.__delattr__(self, name)

    def _forget(self, name: str, keep: str = "") -> bool:
        """Take a name out of wherever it stands, so that it can change its kind; say whether it was registered.

        In ``keep`` it stays, and so keeps its place in the order.
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameters or modules before Module.__init__() call")
        self.__dict__.pop(name, None)
        registered = False
        for kind in {"_parameters", "_buffers", "_modules"} - {keep}:
            if name in self.__dict__[kind]:
                registered = True
                del self.__dict__[kind][name]
        self._non_persistent_buffers_set.discard(name)
        return registered

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._parameters, *self._buffers, *self._modules})

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name; None reserves the name."""
        self._check_new_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type(param).__module__}.{type(param).__name__}' object to parameter '{name}' "
                "(autograd_gpu.nn.Parameter or None required)"
            )
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. "
                f"To express '{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        self._parameters[name] = registered("parameter", self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the module's state but is not trained; not persistent: not in the state dict."""
        self._check_new_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type(tensor).__module__}.{type(tensor).__name__}' object to buffer '{name}' "
                "(autograd_gpu.Tensor or None required)"
            )
        self._buffers[name] = registered("buffer", self, name, tensor)
        if not persistent:
            self._non_persistent_buffers_set.add(name)

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a child module under a name; the same as ``add_module``."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__module__}.{type(module).__name__} is not a Module subclass")
        self._check_new_name("module", name, self._modules)
        self._modules[name] = registered("module", self, name, module)

    add_module = register_module

    def _check_new_name(self, kind: str, name: str, members: Mapping[str, object]) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "." (got: {name})')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in members:
            raise KeyError(f"attribute '{name}' already exists")

    # Walks over the tree. Each shared object is met once, under its first name, unless told otherwise.

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield ``(dotted name, module)`` for this module, named ``prefix``, and everything below it."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """Yield this module and everything below it."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield ``(name, module)`` for the modules directly below."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Yield the modules directly below."""
        return (module for _, module in self.named_children())

    def _named_members(
        self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        seen = set()
        for module_prefix, module in modules:
            for name, member in module.__dict__[kind].items():
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield f"{module_prefix}.{name}" if module_prefix else name, member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield ``(dotted name, parameter)``."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield the parameters: what an optimizer is given."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield ``(dotted name, buffer)``."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield the buffers."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """Return the module of a dotted name; AttributeError when there is none."""
        module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter of a dotted name; AttributeError when there is none."""
        module_path, _, name = target.rpartition(".")
        parameter = getattr(self.get_submodule(module_path), name)
        if not isinstance(parameter, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return parameter

    # Mode, device and dtype.

    def train(self, mode: bool = True) -> Self:
        """Set training mode here and below (dropout drops), or evaluation mode with False."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set evaluation mode here and below (dropout passes everything through)."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze or unfreeze every parameter."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every parameter's gradient, or fill it with zeros."""
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                parameter.grad = parameter.grad.detach().zero_()

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call ``fn(module)`` on everything below and then on this module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor]) -> Self:
        """Replace every parameter, gradient and buffer by ``fn`` of it; parameters stay the same objects."""
        with no_grad():
            for parameter in self.parameters():
                gradient, parameter.grad = parameter.grad, None
                parameter.data = fn(parameter)  # what it writes in place counts as a write to the parameter
                if gradient is not None:
                    parameter.grad = fn(gradient)
            for module in self.modules():
                for name, buffer in module._buffers.items():
                    if buffer is not None:
                        module._buffers[name] = fn(buffer)
        return self

    def to(
        self,
        device: Device | str | int | DType | Tensor | None = None,
        dtype: DType | None = None,
        non_blocking: bool = False,
    ) -> Self:
        """Move to a device and cast the floating point parameters and buffers: ``to("cuda")``, ``to(bfloat16)``."""
        if isinstance(device, DType):
            device, dtype = None, device
        elif isinstance(device, Tensor):
            dtype = device.dtype
            device = device.device
        if dtype is not None and not dtype.is_inexact:
            raise TypeError(f"nn.Module.to only accepts floating point dtypes, but got desired dtype={dtype}")

        def moved(tensor: Tensor) -> Tensor:
            new_dtype = dtype if dtype is not None and tensor.dtype.is_inexact else tensor.dtype
            return tensor.to(device=tensor.device if device is None else device, dtype=new_dtype)

        return self._apply(moved)

    def cpu(self) -> Self:
        """Move to the CPU."""
        return self.to("cpu")

    def cuda(self, device: Device | int | None = None) -> Self:
        """Move to the GPU."""
        return self.to("cuda" if device is None else device)

    def type(self, dst_type: DType) -> Self:
        """Cast every parameter and buffer."""
        return self._apply(lambda tensor: tensor.to(dst_type))

    def float(self) -> Self:
        """Cast to float32 what is floating point."""
        return self._cast_floats("float")

    def double(self) -> Self:
        """Cast to float64 what is floating point."""
        return self._cast_floats("double")

    def half(self) -> Self:
        """Cast to float16 what is floating point."""
        return self._cast_floats("half")

    def bfloat16(self) -> Self:
        """Cast to bfloat16 what is floating point."""
        return self._cast_floats("bfloat16")

    def _cast_floats(self, method: str) -> Self:
        return self._apply(lambda tensor: getattr(tensor, method)() if tensor.dtype.is_floating_point else tensor)

    # State dicts.

    def state_dict(
        self, *args: Any, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Return parameters and persistent buffers by dotted name, detached but sharing memory with the module."""
        if args:  # what older programs say without the words
            return take(self, *args, *(destination, prefix, keep_vars)[len(args) :])
        return take(self, destination, prefix, keep_vars)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Put this module's own tensors in a state dict: what a class may do in another way."""
        for name, tensor in own_state(self).items():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        if not is_default(self, "get_extra_state"):
            destination[prefix + EXTRA_STATE] = self.get_extra_state()

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Take this module's own tensors from a state dict: what a class may do in another way."""
        load_own(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy a state dict into this module; RuntimeError lists every missing, unexpected and ill-shaped key at once.

        ``strict=False`` tolerates missing and unexpected keys and returns them; ``assign=True`` takes over the
        tensors themselves, with their device and dtype, instead of copying their values. When anything is wrong,
        nothing is changed.
        """
        return load(self, state_dict, strict, assign)

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before this module's tensors are put in a state dict."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after this module's and those below are in it."""
        return _add_pair(self._state_dict_hooks, hook, False)

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        """The same; what the hook returns, unless None, is the state dict."""
        return _add_pair(self._state_dict_hooks, hook, True)

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)``
        before this module takes its tensors from a state dict, which the hook may change."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook: Callable, with_module: bool = False) -> RemovableHandle:
        return add_hook(self._load_state_dict_pre_hooks, partial(hook, self) if with_module else hook)

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` when this module and those below it are loaded; it may take keys
        out of the two lists, which are then no errors."""
        return add_hook(self._load_state_dict_post_hooks, hook)

    def get_extra_state(self) -> Any:
        """Return what else belongs into the state dict. A class that has this also has `set_extra_state`."""
        raise RuntimeError("Module.get_extra_state: a module without extra state has none. Override it in the class.")

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave."""
        raise RuntimeError("Module.set_extra_state: a module without extra state takes none. Override it in the class.")

    # Printing.

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({name}): {_indented(repr(module))}" for name, module in self._modules.items()]
        lines = extra + children
        if not children and len(extra) <= 1:
            return f"{self._get_name()}({''.join(lines)})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


def _add_pair(table: Any, hook: Callable, may_replace: bool) -> RemovableHandle:
    """Put a hook in a table with whether what it returns replaces the state dict."""
    handle = RemovableHandle(table)
    table[handle.id] = (hook, may_replace)
    return handle


def _indented(text: str) -> str:
    """Indent all lines but the first."""
    return text.replace("\n", "\n  ")
