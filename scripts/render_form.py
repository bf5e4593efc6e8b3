"""Render the project that was asked for in the form of GitHub's button: its workflow runs this.

INPUTS has the answers, as JSON, and REPOSITORY the project's name where they have none; the
arguments are cookiecutter's.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Type the answers as a person does, and give cookiecutter's exit status."""
    answers = json.loads(os.environ["INPUTS"])
    answers["project_name"] = answers["project_name"] or os.environ["REPOSITORY"]
    questions = json.loads((ROOT / "cookiecutter.json").read_text("utf-8"))
    asked = {key: default for key, default in questions.items() if not key.startswith("_")}
    # Cookiecutter renders what stands on its command line, so text is typed. A choice is made
    # there, and an empty line then takes it. What the form does not ask has its default.
    choices = [
        f"{key}={answers[key]}" for key in asked.keys() & answers if isinstance(asked[key], list)
    ]
    typed = ["" if isinstance(asked[key], list) else answers[key] for key in asked]
    cookiecutter = str(Path(sys.executable).with_name("cookiecutter"))
    command = [cookiecutter, *sys.argv[1:], str(ROOT), *choices]
    return subprocess.run(command, input="\n".join([*typed, ""]), text=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
