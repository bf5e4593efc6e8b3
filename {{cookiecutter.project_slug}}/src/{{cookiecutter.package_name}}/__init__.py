"""The version of this application, as its metadata has it."""

from importlib.metadata import version

__version__ = version("{{ cookiecutter.project_slug }}")
