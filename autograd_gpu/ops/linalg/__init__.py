"""Linear algebra on batches of matrices: the operations that `torch.linalg` names."""
