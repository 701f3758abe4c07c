"""``torch.distributed.algorithms``. Names, nothing else."""
