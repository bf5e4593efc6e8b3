"""The command line: `{{ cookiecutter.project_slug }} serve` and `probe`."""

from {{ cookiecutter.package_name }}.api import commands
from {{ cookiecutter.package_name }}.startup import new_app

app = new_app("Serve the API. Every setting comes from the environment: see .env.example.")
commands.install(app)
