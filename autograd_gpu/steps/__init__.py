"""A whole step in one call: recorded once, replayed without Python per operation. Knows no operation."""

from .captured_step import CapturedStep as CapturedStep
from .captured_step import capture as capture
from .captured_step import explain as explain
