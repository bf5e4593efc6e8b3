{% include cookiecutter.application ~ "/test_cli.py" %}
