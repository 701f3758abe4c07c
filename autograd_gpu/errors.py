"""Exception types that Python has no word for. Knows nothing else."""


class DeviceUnavailable(RuntimeError):
    """A device was asked for that this machine, or this installation, does not have."""


class LinAlgError(RuntimeError):
    """A matrix has no such inverse, solution or decomposition: it is singular, not positive definite, not finite."""


class DistError(RuntimeError):
    """Base of what goes wrong among processes."""


class DistBackendError(DistError):
    """A collective came to no end: a process has gone, hangs, or called something else. The group is of no more use."""


class DistNetworkError(DistError):
    """The processes do not find each other."""
