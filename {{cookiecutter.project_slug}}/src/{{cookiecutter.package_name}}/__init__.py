"""{{ cookiecutter.project_slug }}: see README.md."""

import os
import signal
import sys

if os.getpid() == 1:
    # A container's first process ignores SIGTERM until it handles it; the imports take a while.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))

from importlib.metadata import version

__version__ = version("{{ cookiecutter.project_slug }}")
