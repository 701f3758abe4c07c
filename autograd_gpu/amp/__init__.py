"""Automatic mixed precision: regions that compute in 16 bits what bears it, and a scale that keeps gradients in
range."""

from .autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from .grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
