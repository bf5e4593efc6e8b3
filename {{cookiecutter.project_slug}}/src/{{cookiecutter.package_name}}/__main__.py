"""`python -m {{ cookiecutter.package_name }}` is the same as the command `{{ cookiecutter.project_slug }}`."""

from {{ cookiecutter.package_name }}.cli import app

app(prog_name="{{ cookiecutter.project_slug }}")
