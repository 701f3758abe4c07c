"""Rows of the op table: nn.functional, family by family."""

from __future__ import annotations

from .activation import ACTIVATIONS
from .attention import ATTENTION
from .conv import COLUMNS, CONVOLUTIONS
from .distance import DISTANCES
from .dropout import DROPOUTS
from .embedding import EMBEDDINGS
from .loss import LOSSES
from .norm import NORMS
from .picture import PICTURES
from .pool import POOLS

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
