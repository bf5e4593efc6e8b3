"""`make renew`, its table, and the week before a release is locked."""

import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from scripts import relock
from tests.helpers.containers import NEWEST
from tests.helpers.harness import (
    INSTALLABLE,
    ROOT,
    BakedProject,
    Combination,
    activated_env,
    commit,
    each,
    install_locked,
    interpreter,
    poetry,
    run,
    working_tree,
)
from tests.helpers.package_index import add_wheel, serving

JOB = [one for one in INSTALLABLE if one.application == "job"][:1]
HEADING = "| package | from | to | age in days | changelog |\n|---|---|---|---|---|\n"
NAME = "shared-tool"


class DatedIndex(SimpleHTTPRequestHandler):
    """The Simple API in JSON: version 1.0 is a month old, all others are a day old."""

    def do_GET(self) -> None:
        folder = Path(self.translate_path(self.path))
        if not folder.is_dir():
            super().do_GET()
            return
        files = [
            self.file(path.name, days=30 if "-1.0-" in path.name else 1)
            for path in folder.iterdir()
        ]
        page = {"meta": {"api-version": "1.1"}, "name": folder.name, "files": files}
        self.send_response(200)
        self.send_header("content-type", "application/vnd.pypi.simple.v1+json")
        self.end_headers()
        self.wfile.write(json.dumps(page).encode())

    def file(self, name: str, *, days: int) -> dict[str, object]:
        uploaded = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"filename": name, "url": name, "hashes": {}, "upload-time": uploaded}

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class UndatedIndex(DatedIndex):
    """The same without upload times, like some indexes."""

    def file(self, name: str, *, days: int) -> dict[str, object]:
        file = super().file(name, days=days)
        del file["upload-time"]
        return file


@pytest.fixture(params=[DatedIndex])
def project(
    request: pytest.FixtureRequest,
    bake: Callable[[Combination], BakedProject],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """A project for this Python, with the settings and the scripts of a baked one."""
    # The cache may have the packages of another index with the same URL.
    monkeypatch.setenv("POETRY_CACHE_DIR", str(tmp_path / "cache"))
    for version in ("1.0", "2.0"):
        add_wheel(tmp_path / "index", NAME, version)
    folder = tmp_path / "project"
    baked = bake(NEWEST[-1]).path
    shutil.copytree(baked / "scripts", folder / "scripts")
    shutil.copy(baked / "poetry.toml", folder)
    with serving(request.param, tmp_path / "index") as (port, _):
        (folder / "pyproject.toml").write_text(f"""
[project]
name = "prices"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["{NAME}"]

[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "company"
url = "http://127.0.0.1:{port}/simple"
""")
        yield folder


def locked_version(project: Path) -> str:
    lock = (project / "poetry.lock").read_text("utf-8")
    (package,) = tomllib.loads(lock)["package"]
    return str(package["version"])


def documented_commands(project: BakedProject) -> list[str]:
    """Return the commands of docs/production.md for a security fix, and for a week later."""
    page = (project.path / "docs/production.md").read_text("utf-8")
    fix = page.partition("A security fix need not wait:")[2].partition("\n\n")[0]
    return [line.replace("NAME", NAME) for line in re.findall("`poetry (.+?)`", fix)]


def test_a_release_is_locked_when_it_is_a_week_old(project: Path) -> None:
    run(*poetry("update", "--lock"), cwd=project)

    assert locked_version(project) == "1.0"


def test_make_locks_waits_as_long_and_allows_the_same_exception(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = "{}.{}".format(*sys.version_info)
    relock.lock(project, python)
    assert locked_version(project) == "1.0"
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (variable,) = re.findall(r"`(\w+)=NAME make locks`", page)
    monkeypatch.setenv(variable, NAME)

    relock.lock(project, python)

    assert locked_version(project) == "2.0"


@pytest.mark.parametrize("project", [UndatedIndex], indirect=True)
def test_an_index_without_upload_times_works(project: Path) -> None:
    run(*poetry("update", "--lock"), cwd=project)

    assert locked_version(project) == "2.0"
    result = renewal_table(project, "")
    assert result == f"{HEADING}| {NAME} |  | 2.0 |  |  |\n"


def test_a_security_fix_can_be_locked_at_once_and_stays(
    project: Path, bake: Callable[[Combination], BakedProject]
) -> None:
    run(*poetry("update", "--lock"), cwd=project)

    exclude, update, remove = documented_commands(bake(NEWEST[-1]))
    for command in (exclude, update):
        run(*poetry(*command.split()), cwd=project)

    assert locked_version(project) == "2.0"
    # `poetry update` keeps it as long as there is the exception, and `poetry lock` always.
    run(*poetry("update", "--lock"), cwd=project)
    assert locked_version(project) == "2.0"
    run(*poetry(*remove.split()), cwd=project)
    run(*poetry("lock"), cwd=project)
    assert locked_version(project) == "2.0"


def renewal_table(project: Path, old: str, *installed: Path) -> str:
    """Return the table of a project against an old lock, with folders of installed packages."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    packages = os.pathsep.join(map(str, installed))
    shell = os.environ | {"PATH": path, "PYTHONPATH": packages}
    (project / "old.lock").write_text(old, "utf-8")
    script = f"{sys.executable} scripts/renewal.py < old.lock"
    return run("sh", "-c", script, cwd=project, env=shell).stdout


@pytest.mark.parametrize("label", ["Changelog", "Release Notes", "What's New"])
def test_the_table_shows_the_versions_the_age_and_the_changelog(
    project: Path, tmp_path: Path, label: str
) -> None:
    run(*poetry("lock"), cwd=project)
    information = tmp_path / "site" / f"{NAME.replace('-', '_')}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n"
        "Project-URL: Homepage, https://example.com\n"
        f"Project-URL: {label}, https://example.com/news\n"
    )
    old = "".join(f'[[package]]\nname = "gone"\nversion = "{it}"\n' for it in ("3.0", "3.1"))
    older = old + f'[[package]]\nname = "{NAME}"\nversion = "0.9"\n'

    lines = renewal_table(project, older, information.parent)

    row = f"| {NAME} | 0.9 | 1.0 | 30 | [changelog](https://example.com/news) |\n"
    assert lines == f"{HEADING}| gone | 3.0, 3.1 |  |  |  |\n{row}"
    assert renewal_table(project, (project / "poetry.lock").read_text("utf-8")) == HEADING


def commit_older_lock(folder: Path, lock: str) -> None:
    """Commit a lock with an older version of structlog, and restore the newer one."""
    path = folder / lock
    newer = path.read_text("utf-8")
    older, count = re.subn(r'(name = "structlog"\nversion = )".*"', r'\1"1.0"', newer)
    assert count == 1
    path.write_text(older, "utf-8")
    commit(folder, "Lock an older version")
    path.write_text(newer, "utf-8")


@pytest.mark.usefixtures("index")
@pytest.mark.slow("updates and installs every package of a project")
@each(JOB)
def test_make_renew_updates_installs_and_reports(baked: BakedProject, tmp_path: Path) -> None:
    project, venv = tmp_path / "project", tmp_path / "venv"
    shutil.copytree(baked.path, project)
    python = interpreter(baked.combination.python)
    assert python
    install_locked(project, venv, python)
    commit_older_lock(project, "poetry.lock")

    run("make", "renew", cwd=project, env=activated_env(venv))

    report = (project / "renewal.md").read_text("utf-8")
    assert report.startswith(HEADING)
    assert re.search(
        r"^\| structlog \| 1\.0 \| [\d.]+ \| \d* \| \[changelog\]\(https://\S+\) \|$",
        report,
        re.MULTILINE,
    )
    run("make", "consistency", cwd=project, env=activated_env(venv))
    assert "renewal.md" not in run("git", "status", "--porcelain", cwd=project).stdout


@pytest.mark.usefixtures("index")
@pytest.mark.slow("installs every package of a lock")
@each(JOB)
def test_the_template_lists_the_changes_in_all_locks(
    combination: Combination, tmp_path: Path
) -> None:
    template = working_tree(tmp_path / "template")
    commit_older_lock(template, f"templates/locks/{combination}/poetry.lock")

    report = run(sys.executable, "-m", "scripts.renewal", cwd=template).stdout

    assert re.fullmatch(
        re.escape(HEADING)
        + r"\| structlog \| 1\.0 \| [\d.]+ \| \d* \| \[changelog\]\(https://\S+\) \|\n",
        report,
    )


def test_a_repository_that_is_not_converted_yet_is_not_renewed() -> None:
    environment = os.environ | {"IS_TEMPLATE": "false"}

    result = run("make", "renew", cwd=ROOT, env=environment)

    assert result.stdout == "Nothing to renew: run 'Use this template' under Actions.\n"


def test_the_template_updates_every_lock() -> None:
    commands = run("make", "--dry-run", "renew", cwd=ROOT).stdout.splitlines()

    steps = ["poetry update", "poetry lock", "poetry export", "scripts/relock.py", "renewal.md"]
    found = [next(n for n, line in enumerate(commands) if step in line) for step in steps]
    assert found == sorted(found)
