"""Measurements against PyTorch in the same run: host time, kernels, training, and the whole check of a GPU."""
