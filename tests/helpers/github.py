"""A local stand-in for GitHub: a repository made with the button, and a runner of steps."""

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
# PyYAML reads the key `on` as a boolean, as in YAML 1.1.
DOCUMENT = yaml.safe_load(WORKFLOW.read_text("utf-8"))
INPUTS = DOCUMENT[True]["workflow_dispatch"]["inputs"]
STEPS = DOCUMENT["jobs"]["render"]["steps"]
CI = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))


def ci_step(job: str, name: str) -> dict[str, Any]:
    """Return the step with this name from a job of the CI."""
    (found,) = (step for step in CI["jobs"][job]["steps"] if step.get("name") == name)
    return dict(found)


class Repository:
    """A repository on a local stand-in for GitHub, made from the template with the button."""

    def __init__(self, folder: Path, name: str = "my-application", branch: str = "main") -> None:
        self.folder, self.name, self.branch = folder, name, branch
        self.remote = folder / "remote.git"
        run("git", "init", "--quiet", "--bare", "--initial-branch", branch, self.remote)
        self.work = working_tree(folder / "first")
        git(self.work, "push", "--quiet", str(self.remote), f"HEAD:{branch}")

    def refuse(self, branches: str, reason: str) -> None:
        """Make the remote refuse pushes to branches that match, as a ruleset does."""
        hook = self.remote / "hooks/update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(
            f'#!/bin/sh\ncase "${{1#refs/heads/}}" in {branches}) echo "{reason}"; exit 1;; esac\n'
        )
        hook.chmod(0o755)

    def commit(self, name: str, text: str) -> None:
        """Push a file to the remote, as another person would."""
        (self.work / name).write_text(text)
        commit(self.work, f"Add {name}")
        git(self.work, "push", "--quiet", str(self.remote), f"HEAD:{self.branch}")

    def head(self) -> str:
        return git(self.remote, "rev-parse", self.branch)

    def dispatch(
        self,
        inputs: dict[str, str] | None = None,
        *,
        is_template: bool = False,
        before_push: Callable[[], None] | None = None,
        gh: str = "exit 0",
    ) -> tuple[bool, str]:
        """Run the workflow; return whether it passed, and its summary."""
        runner = self.runner = Runner(self.folder / f"runner-{len(list(self.folder.iterdir()))}")
        runner.replace("gh", gh)
        values = {name: str(value.get("default", "")) for name, value in INPUTS.items()}
        values |= inputs or {}
        expressions = {
            "github.event.repository.is_template": str(is_template).lower(),
            "github.token": "a-token",
            "github.ref_name": self.branch,
            "github.run_id": "17",
            "github.event.repository.name": self.name,
            "toJSON(inputs)": json.dumps(values),
        }
        passed = True
        for step in STEPS:
            # Steps with a condition run after a failure only.
            if passed == ("if" in step):
                continue
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                runner.check_out(self.remote)
            if "run" not in step or step["run"] == "make cookiecutter":
                continue
            if step["name"] == "Push" and before_push:
                before_push()
            outputs = runner.output.read_text() if runner.output.exists() else ""
            expressions |= {
                f"steps.push.outputs.{line.partition('=')[0]}": line.partition("=")[2]
                for line in outputs.splitlines()
            }
            passed = not runner.run(step, expressions).returncode and passed
        return passed, runner.summary.read_text()


class Runner:
    """The machine of a single workflow run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.checkout = folder, folder / "checkout"
        self.temp, self.summary = folder / "temp", folder / "summary.md"
        self.output, self.programs = folder / "output.txt", folder / "programs"
        self.temp.mkdir(parents=True)
        self.programs.mkdir()

    def check_out(self, remote: Path) -> None:
        """Clone the repository; skip `make cookiecutter`, which another test runs."""
        git(self.folder, "clone", "--quiet", str(remote), str(self.checkout))
        (self.checkout / ".venv-new").mkdir()
        (self.checkout / ".venv-new" / "bin").symlink_to(Path(sys.executable).parent)

    def replace(self, program: str, script: str) -> None:
        """Replace a program with a script, whose arguments are logged."""
        path = self.programs / program
        path.write_text(
            f'#!/bin/bash\necho "{program} $*" >> "{self.folder}/calls.txt"\n{script}\n'
        )
        path.chmod(0o755)

    def calls(self) -> list[str]:
        """Return the command lines of the calls to replaced programs."""
        log = self.folder / "calls.txt"
        return log.read_text().splitlines() if log.exists() else []

    def run(
        self, step: dict[str, Any], expressions: dict[str, str], **environment: str
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
                "PATH": f"{self.programs}:{tool('git').parent}:/usr/local/bin:/usr/bin:/bin",
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_OUTPUT": str(self.output),
                "GITHUB_REPOSITORY": "owner/shop",
                "GITHUB_SERVER_URL": "https://github.example",
                "GITHUB_STEP_SUMMARY": str(self.summary),
            }
            | environment
            | given,
            capture_output=True,
            text=True,
            check=False,
        )


def git(folder: Path, *arguments: str) -> str:
    return run("git", *arguments, cwd=folder).stdout.strip()


def pushed_files(repository: Repository, branch: str = "") -> dict[str, bytes]:
    """Return the files on a branch of the remote, by default the main one, with their modes."""
    branch = branch or repository.branch
    names = git(repository.remote, "ls-tree", "-r", "-z", branch).split("\0")
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
