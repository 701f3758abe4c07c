"""The one error that a job raises about what it was asked to do."""


class JobError(RuntimeError):
    """A job cannot run as asked: the message says why, and the way out."""
