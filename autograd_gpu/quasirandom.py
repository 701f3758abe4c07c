"""``torch.quasirandom``: named, so that programs which import it go on until they need it."""

from __future__ import annotations

from typing import Any


class SobolEngine:
    """Sobol's sequence: not there."""

    MAXBIT = 30
    MAXDIM = 21201

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "quasirandom.SobolEngine is not supported: its table of direction numbers is not part of this package. "
            "Draw points with scipy.stats.qmc.Sobol and hand them to autograd_gpu.from_numpy."
        )
