"""Rows of the op table: nn.functional, family by family."""

from __future__ import annotations

from .op_rows_activation import ACTIVATIONS
from .op_rows_attention import ATTENTION
from .op_rows_conv import COLUMNS, CONVOLUTIONS
from .op_rows_distance import DISTANCES
from .op_rows_dropout import DROPOUTS
from .op_rows_embedding import EMBEDDINGS
from .op_rows_loss import LOSSES
from .op_rows_norm import NORMS
from .op_rows_picture import PICTURES
from .op_rows_pool import POOLS

NN = [
    *CONVOLUTIONS,
    *COLUMNS,
    *POOLS,
    *NORMS,
    *PICTURES,
    *ACTIVATIONS,
    *LOSSES,
    *EMBEDDINGS,
    *DROPOUTS,
    *ATTENTION,
    *DISTANCES,
]
