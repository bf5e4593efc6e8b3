"""{{ cookiecutter.project_slug }}: see README.md."""

import os
import signal

if os.getpid() == 1:
    # A container's first process ignores SIGTERM without a handler, and the imports take a while.
    signal.signal(signal.SIGTERM, lambda number, _frame: os._exit(128 + number))

from importlib.metadata import version

__version__ = version("{{ cookiecutter.project_slug }}")
