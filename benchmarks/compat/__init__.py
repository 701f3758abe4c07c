"""Public packages written for PyTorch, run on PyTorch and on this library standing in for it: `make compat`."""
