"""Exception types that Python has no word for. Knows nothing else."""


class DeviceUnavailable(RuntimeError):
    """A device was asked for that this machine, or this installation, does not have."""


class LinAlgError(RuntimeError):
    """A matrix has no such inverse, solution or decomposition: it is singular, not positive definite, not finite."""
