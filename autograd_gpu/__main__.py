"""``python -m autograd_gpu``: the same as the ``autograd-gpu`` command."""

import sys

from .cli import main

sys.exit(main())
