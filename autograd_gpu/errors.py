"""Exception types that Python has no word for, and how a message is put together. Knows nothing else."""


class DeviceUnavailable(RuntimeError):
    """A device was asked for that this machine, or this installation, does not have."""


def complain(operation: str, expected: str, got: object, way_out: str = "") -> str:
    """Return a message that names the operation, what was expected, what came, and the way out."""
    message = f"{operation}: expected {expected}, but got {got}."
    return f"{message} {way_out}" if way_out else message
