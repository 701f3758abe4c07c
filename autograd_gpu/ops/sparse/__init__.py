"""Sparse tensors: coordinates (`coo`), rows compressed for products (`csr`), and what they multiply (`products`), which
hang their methods on the classes."""

from . import conversion, products

__all__ = ["conversion", "products"]
