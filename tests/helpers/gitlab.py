"""A local stand-in for GitLab: gitlab-ci-local runs a project's jobs in the shell."""

import csv
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.helpers.harness import BakedProject, commit, run, tool

ADDRESS = "https://gitlab.example/group/shop.git"
MERGE_REQUEST = {"CI_PIPELINE_SOURCE": "merge_request_event"}
SCHEDULE = {"CI_PIPELINE_SOURCE": "schedule"}


class Pipeline:
    """A copy of a project in git, and the machine that runs its jobs."""

    def __init__(self, baked: BakedProject, folder: Path) -> None:
        self.folder, self.project, self.programs = folder, folder / "shop", folder / "programs"
        shutil.copytree(baked.path, self.project)
        path = self.project / ".gitlab-ci.yml"
        # Docker of this machine replaces the service, as on a runner that has Docker.
        services = re.compile(r"^  services:\n(?:    .*\n)+", re.MULTILINE)
        text, count = services.subn("", path.read_text())
        assert count == 1
        path.write_text(text)
        commit(self.project, "Start")
        run("git", "remote", "add", "origin", ADDRESS, cwd=self.project)
        head = ["refs/remotes/origin/HEAD", "refs/remotes/origin/main"]
        run("git", "symbolic-ref", *head, cwd=self.project)
        self.programs.mkdir()

    def replace(self, program: str, script: str) -> None:
        """Replace a program with a script."""
        path = self.programs / program
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def call(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Call gitlab-ci-local with variables that GitLab predefines or a project sets."""
        given = [f"--variable={name}={value}" for name, value in variables.items()]
        path = [str(self.programs), str(tool("git").parent), os.environ["PATH"]]
        return run(
            *["gitlab-ci-local", f"--home={self.folder / 'home'}"],
            *[f"--ignore-predefined-vars={','.join(variables)}", *given, *arguments],
            cwd=self.project,
            env=os.environ
            | {"DOCKER_CONFIG": str(self.folder / "docker"), "PATH": os.pathsep.join(path)},
            check=False,
        )

    def jobs(self, **variables: str) -> list[str]:
        """Return the names of the jobs of a pipeline."""
        listed = self.call("--list-csv", **variables)
        assert not listed.returncode, listed.stderr
        return [row["name"] for row in csv.DictReader(listed.stdout.splitlines(), delimiter=";")]

    def run(self, *jobs: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run jobs of a pipeline in the shell, each in a copy of the tracked files."""
        options = ["--force-shell-executor", "--shell-isolation", *jobs]
        return self.call(*options, **variables)

    def artifacts(self, job: str) -> Path:
        """Return the folder with the artifacts of a job."""
        return self.project / ".gitlab-ci-local/artifacts" / job
