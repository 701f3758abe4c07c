"""The CUDA C sources, one file per family; read as text by autograd_gpu.arrays.cuda.compile."""
