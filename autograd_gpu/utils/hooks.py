"""``torch.utils.hooks``: the handle by which a hook is taken away again."""

from ..engine import RemovableHandle

__all__ = ["RemovableHandle"]
