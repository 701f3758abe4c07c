"""The operations, one module per family, each the same name as its backends' modules and its kernels."""
