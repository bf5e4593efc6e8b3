"""Write the form behind GitHub's button from the questions in `cookiecutter.json`."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "use-this-template.yml"
EMPTY = {
    "project_name": "the repository's name",
    "project_slug": "from the name",
    "package_name": "from the slug",
}
"""Descriptions of the defaults that a form cannot compute."""
NOT_ASKED = {"ci"}
"""Projects of GitHub's button have the default: GitHub Actions."""


def form() -> str:
    """Return the inputs of the workflow, in the order of the questions."""
    questions = json.loads((ROOT / "cookiecutter.json").read_text("utf-8"))
    lines = []
    for name, default in questions.items():
        if name.startswith("_") or name in NOT_ASKED:
            continue
        prompt = questions["__prompts__"][name]
        label = prompt if isinstance(prompt, str) else prompt["__prompt__"]
        options = default if isinstance(default, list) else []
        fixed = {"default": options[0] if options else default}
        if name in EMPTY:
            label, fixed = f"{label} (empty: {EMPTY[name]})", {}
        fields = {"description": label, "type": "choice" if options else "string"}
        fields |= ({"options": options} if options else {}) | fixed
        lines.append(f"      {name}:")
        # JSON is YAML, and quotes strings that YAML would read as numbers.
        lines += [f"        {key}: {json.dumps(value)}" for key, value in fields.items()]
    return "\n".join(lines)


def main() -> None:
    """Update the form in the workflow."""
    text = WORKFLOW.read_text("utf-8")
    new, count = re.subn(r"(?<=\n    inputs:\n)(?: {6}.*\n)+", lambda _: form() + "\n", text)
    if count != 1:
        raise RuntimeError(f"{WORKFLOW} has {count} places for the form.")
    WORKFLOW.write_text(new, "utf-8")


if __name__ == "__main__":
    main()
