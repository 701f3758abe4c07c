"""What can go wrong with the emulator itself, and what it finds wrong with a kernel."""


class EmulatorError(RuntimeError):
    """The emulator cannot do what was asked: no compiler, a source that does not compile, an impossible launch."""


class KernelError(EmulatorError):
    """A kernel did what it must not. The message names kernel, argument, block, thread and source line."""
