"""Several processes as one program: who they are, the engines between them (MPI, NCCL), what is done together.

`autograd_gpu.distributed` has PyTorch's names for it; what stands below that, DistributedDataParallel for one, imports
the parts from here.
"""
