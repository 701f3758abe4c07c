"""``torch.cuda.FloatTensor`` and its like: `ops/tensor_types.py` on the GPU."""

from typing import TYPE_CHECKING, Any

from ..ops.tensor_types import CUDA_TYPES

globals().update(CUDA_TYPES)

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
