"""The same array functions twice: NumPy on the CPU, our own kernels on a GPU."""
