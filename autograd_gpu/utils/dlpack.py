"""``torch.utils.dlpack``: arrays handed over between libraries."""

from ..ops.dlpack import from_dlpack, to_dlpack

__all__ = ["from_dlpack", "to_dlpack"]
