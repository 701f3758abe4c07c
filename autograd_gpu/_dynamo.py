"""``torch._dynamo``, by which older programs reach what ``torch.compiler`` has."""

from .compiler import allow_in_graph, disable, is_compiling, reset

__all__ = ["allow_in_graph", "disable", "is_compiling", "reset"]
