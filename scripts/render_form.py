"""Render a project from the form behind GitHub's button, in its workflow.

INPUTS has the answers as JSON, and REPOSITORY the default for the project's name; the arguments
are passed to cookiecutter.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Pass the answers to cookiecutter, and return its exit status."""
    answers = json.loads(os.environ["INPUTS"])
    answers["project_name"] = answers["project_name"] or os.environ["REPOSITORY"]
    questions = json.loads((ROOT / "cookiecutter.json").read_text("utf-8"))
    asked = {key: default for key, default in questions.items() if not key.startswith("_")}
    # Cookiecutter renders the arguments of its command line, so text is typed at the prompts. The
    # arguments are the defaults of choices, which an empty line takes, as it does other defaults.
    choices = [
        f"{key}={answers[key]}" for key in asked.keys() & answers if isinstance(asked[key], list)
    ]
    lines = ["" if isinstance(asked[key], list) else answers[key] for key in asked]
    cookiecutter = str(Path(sys.executable).with_name("cookiecutter"))
    command = [cookiecutter, *sys.argv[1:], str(ROOT), *choices]
    return subprocess.run(command, input="\n".join([*lines, ""]), text=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
