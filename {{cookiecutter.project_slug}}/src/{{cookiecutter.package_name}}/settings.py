{% include cookiecutter.application ~ "/settings.py" -%}
