"""A local stand-in for GitHub: a repository made with the button, and the workflow's own steps."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.helpers.harness import ROOT, commit, run, tool, working_tree

WORKFLOW = ROOT / ".github/workflows/use-this-template.yml"
# PyYAML reads the key `on` as the boolean that it is in YAML 1.1.
DOCUMENT = yaml.safe_load(WORKFLOW.read_text("utf-8"))
INPUTS = DOCUMENT[True]["workflow_dispatch"]["inputs"]
STEPS = DOCUMENT["jobs"]["render"]["steps"]


class Repository:
    """A repository on a local stand-in for GitHub, made from the template with the button."""

    def __init__(self, folder: Path, name: str = "my-application") -> None:
        self.folder, self.name = folder, name
        self.remote = folder / "remote.git"
        run("git", "init", "--quiet", "--bare", "--initial-branch", "main", self.remote)
        self.work = working_tree(folder / "first")
        git(self.work, "push", "--quiet", str(self.remote), "HEAD:main")

    def commit(self, name: str, text: str) -> None:
        """Let somebody push a file."""
        (self.work / name).write_text(text)
        commit(self.work, f"Add {name}")
        git(self.work, "push", "--quiet", str(self.remote), "HEAD:main")

    def head(self) -> str:
        return git(self.remote, "rev-parse", "main")

    def dispatch(
        self,
        inputs: dict[str, str] | None = None,
        *,
        is_template: bool = False,
        before_push: Callable[[], None] | None = None,
    ) -> tuple[bool, str]:
        """Run the workflow; tell whether it passed, and its summary, or its output without one."""
        runner = Runner(self.folder / f"runner-{len(list(self.folder.iterdir()))}")
        values = {name: str(value.get("default", "")) for name, value in INPUTS.items()}
        values |= inputs or {}
        expressions = {
            "github.event.repository.is_template": str(is_template).lower(),
            "github.token": "a-token",
            "github.ref_name": "main",
            "github.event.repository.name": self.name,
            "toJSON(inputs)": json.dumps(values),
        }
        log = ""
        for step in STEPS:
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                runner.check_out(self.remote)
            if "run" not in step or step["run"] == "make cookiecutter":
                continue
            if step["name"] == "Push" and before_push:
                before_push()
            result = runner.run(step, expressions)
            log += result.stdout + result.stderr
            if result.returncode:
                return False, runner.summary.read_text() if runner.summary.exists() else log
        return True, log


class Runner:
    """The machine that one run of the workflow has to itself."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.checkout = folder, folder / "checkout"
        self.temp, self.summary = folder / "temp", folder / "summary.md"
        self.output = folder / "output.txt"
        self.temp.mkdir(parents=True)

    def check_out(self, remote: Path) -> None:
        """Clone the repository; `make cookiecutter`, which another test runs, is left out."""
        git(self.folder, "clone", "--quiet", str(remote), str(self.checkout))
        (self.checkout / ".venv-new").mkdir()
        (self.checkout / ".venv-new" / "bin").symlink_to(Path(sys.executable).parent)

    def run(
        self, step: dict[str, Any], expressions: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a step's own script, as GitHub does."""
        given = {
            name: re.sub(r"\$\{\{ (.*?) \}\}", lambda match: expressions[match[1]], value)
            for name, value in step.get("env", {}).items()
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.checkout if self.checkout.exists() else self.folder,
            env={
                "HOME": str(self.folder),
                "PATH": f"{tool('git').parent}:/usr/local/bin:/usr/bin:/bin",
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "GITHUB_OUTPUT": str(self.output),
            }
            | given,
            capture_output=True,
            text=True,
            check=False,
        )


def git(folder: Path, *arguments: str) -> str:
    return run("git", *arguments, cwd=folder).stdout.strip()


def pushed(repository: Repository) -> dict[str, bytes]:
    """The files on the remote's main branch, with their modes."""
    names = git(repository.remote, "ls-tree", "-r", "-z", "main").split("\0")
    files = {}
    for entry in filter(None, names):
        mode, _, rest = entry.split(" ", 2)
        digest, name = rest.split("\t", 1)
        content = subprocess.run(
            ["git", "cat-file", "blob", digest],
            cwd=repository.remote,
            capture_output=True,
            check=True,
        ).stdout
        files[name] = mode.encode() + b" " + content
    return files
