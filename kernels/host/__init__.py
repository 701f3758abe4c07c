"""What the kernels include when this machine's processor is the target, and families with a variant of their own."""
