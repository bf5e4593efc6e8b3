"""The command `{{ cookiecutter.project_slug }}`, for `python -m`."""

from {{ cookiecutter.package_name }}.cli import app

app(prog_name="{{ cookiecutter.project_slug }}")
