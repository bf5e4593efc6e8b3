{% include cookiecutter.application ~ "/app.py" ignore missing -%}
