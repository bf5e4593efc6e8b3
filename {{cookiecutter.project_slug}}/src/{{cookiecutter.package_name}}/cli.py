{% include cookiecutter.application ~ "/cli.py" %}
