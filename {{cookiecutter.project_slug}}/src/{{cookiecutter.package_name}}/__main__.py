"""Run the command line with `python -m {{ cookiecutter.package_name }}`."""
{% set main = "main" if cookiecutter.__kind == "job" else "app" %}
from {{ cookiecutter.package_name }}.cli import {{ main }}

{{ main }}({{ "" if main == "main" else 'prog_name="' ~ cookiecutter.project_slug ~ '"' }})
