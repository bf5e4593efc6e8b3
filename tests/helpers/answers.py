"""Answer the template's questions, at the prompt or with a replay file."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from cookiecutter.exceptions import FailedHookException
from cookiecutter.generate import generate_context
from cookiecutter.main import cookiecutter
from cookiecutter.prompt import prompt_for_config
from cookiecutter.utils import create_env_with_context
from jinja2 import Environment

from tests.helpers.harness import QUESTIONS, ROOT

HERE = ROOT / "tests" / "answers"
HOOKS = {name: ROOT / "hooks" / f"{name}.py" for name in ("pre_gen_project", "post_gen_project")}
KEYS = [key for key in QUESTIONS if not key.startswith("_")]
CHOICES = [key for key in KEYS if isinstance(QUESTIONS[key], list)]
# Cookiecutter runs the hooks on any of these.
NEWEST_MINOR = max(int(python.partition(".")[2]) for python in QUESTIONS["python_version"])
each_python = pytest.mark.parametrize("python", [f"3.{it}" for it in range(10, NEWEST_MINOR + 1)])
COMPILE = Environment.compile
COMPILED: dict[tuple[str, str | None], CodeType] = {}
VALID = {"project_slug": "my-application", "package_name": "my_application"}


@dataclass(frozen=True)
class Outcome:
    """The result of some answers: a project, or a message."""

    folder: Path
    context: dict[str, Any]
    message: str = ""
    project: Path | None = None
    error: BaseException | None = None

    def remaining_paths(self) -> list[str]:
        """Return every path in the folder of the bake, relative to it."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*"))


def load(name: str) -> list[dict[str, Any]]:
    """Read a data file of these tests."""
    entries: list[dict[str, Any]] = yaml.safe_load((HERE / f"{name}.yaml").read_text("utf-8"))
    return entries


def render(hook: str, context: Mapping[str, Any]) -> str:
    """Render a hook as cookiecutter does."""
    variables = {"cookiecutter": dict(context)}
    template = create_env_with_context(variables).from_string(HOOKS[hook].read_text("utf-8"))
    return str(template.render(**variables))


def hook_namespace(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names that the pre-generation hook defines, without running its checks."""
    namespace: dict[str, Any] = {"__name__": "pre_gen_project"}
    exec(render("pre_gen_project", context), namespace)  # noqa: S102 - the template's own code
    return namespace


def prompt_context(answers: Mapping[str, str]) -> dict[str, Any]:
    """Return the context after these answers at the prompt, with the default for all others."""

    def read(key: str, default: str, *_: object) -> str:
        return answers.get(key, default)

    def choose(key: str, offered: list[str], *_: object) -> str:
        return answers.get(key, offered[0])

    with (
        patch("cookiecutter.prompt.read_user_variable", read),
        patch("cookiecutter.prompt.read_user_choice", choose),
    ):
        return dict(prompt_for_config(generate_context(str(ROOT / "cookiecutter.json"))))


def without_defaults(message: str) -> str:
    """Remove the arguments that equal a default from the command in a message."""
    defaults = prompt_context({})
    for key in KEYS:
        message = message.replace(f' "{key}={defaults[key]}"', "")
    return message


def replay_context(answers: Mapping[str, object]) -> dict[str, Any]:
    """Return the context of a replay file that was edited to hold these answers."""
    return prompt_context({}) | dict(answers)


def compile_once(
    self: Environment, source: str, name: str | None = None, filename: str | None = None
) -> CodeType:
    """Compile a template once for all bakes: it takes most of the time of a bake."""
    if (source, name) not in COMPILED:
        COMPILED[source, name] = COMPILE(self, source, name, filename)
    return COMPILED[source, name]


def bake(context: Mapping[str, object], folder: Path, *, overwrite: bool = False) -> Outcome:
    """Bake into `folder/out` with hooks that find no Poetry, and return the outcome."""
    output = folder / "out"
    output.mkdir(parents=True, exist_ok=True)
    errors: list[str] = []

    def run(script: str, cwd: str) -> None:
        # Without site-packages there is no Poetry, so the hook keeps the shipped export.
        result = subprocess.run(
            [sys.executable, "-I", "-S", script],
            cwd=cwd,
            env={**os.environ, "PATH": ""},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        Path(script).unlink()
        if result.returncode:
            errors.append(result.stderr)
            raise FailedHookException(str(result.returncode))

    replay = folder.with_suffix(".replay.json")
    replay.write_text(json.dumps({"cookiecutter": dict(context)}))
    config = folder.with_suffix(".config.yaml")
    config.write_text(json.dumps({"replay_dir": str(folder.with_suffix(".replays"))}))
    with (
        patch("cookiecutter.hooks.run_script", run),
        patch.object(Environment, "compile", compile_once),
    ):
        try:
            project = cookiecutter(
                str(ROOT),
                replay=str(replay),
                output_dir=str(output),
                config_file=str(config),
                overwrite_if_exists=overwrite,
            )
        except Exception as error:  # noqa: BLE001 - tests check which it is
            return Outcome(folder, dict(context), "".join(errors), error=error)
    return Outcome(folder, dict(context), project=Path(project))
