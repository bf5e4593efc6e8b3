{% include ("job" if cookiecutter.application == "job" else "service") ~ "/conftest.py" %}
