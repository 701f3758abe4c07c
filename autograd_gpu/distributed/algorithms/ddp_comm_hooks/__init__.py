"""``torch.distributed.algorithms.ddp_comm_hooks``. Names, nothing else."""
