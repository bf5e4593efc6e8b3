"""Projects that were not made by cruft: linked to the template, or moved into it."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.cruft import (
    BODY,
    WEB_API,
    add_dependency,
    assert_consistent,
    cruft,
    documented_command,
    edit,
    link,
)
from tests.helpers.harness import (
    PACKAGE,
    SLUG,
    BakedProject,
    Combination,
    activated_env,
    commit,
    each,
    install_locked,
    interpreter,
    run,
    working_tree,
)


@each(WEB_API)
def test_a_project_made_by_cookiecutter_is_linked_to_its_version_and_updated(
    combination: Combination, bake: Callable[[Combination], BakedProject], tmp_path: Path
) -> None:
    template = working_tree(tmp_path / "template")
    command = documented_command("cruft link .* --checkout ", template)
    run("git", "tag", command.rpartition(" ")[2], cwd=template)
    edit(template / BODY / ".gitignore", "dist/", "dist/\nbuild/")
    commit(template, "A later version")
    project = tmp_path / "project"
    shutil.copytree(bake(combination).path, project)

    link(project, command, combination)

    commit(project, "Link the template")
    assert "out of date" in cruft(project, "check", check=False)
    assert "diff --git" not in cruft(project, "diff")
    cruft(project, "update", "--skip-apply-ask")
    assert run("git", "diff", "--name-only", "HEAD", cwd=project).stdout.split() == [
        ".cruft.json",
        ".gitignore",
    ]
    assert "up to date" in cruft(project, "check")


OURS = {
    "README.md": "# Ours\n",
    "Dockerfile": "FROM scratch\n",
    "pyproject.toml": '[project]\nname = "ours"\nversion = "3"\ndependencies = ["humanize"]\n',
    ".github/workflows/ours.yml": "on: push\n",
    f"src/{PACKAGE}/__init__.py": '"""Ours."""\n',
    f"src/{PACKAGE}/prices.py": '''"""Prices."""

from humanize import intcomma


def price(cents: int) -> str:
    """Format a price with separators."""
    return intcomma(cents / 100, 2)
''',
    "tests/test_prices.py": f'''"""Ours."""

from {PACKAGE}.prices import price


def test_a_price_has_separators() -> None:
    assert price(123456) == "1,234.56"
''',
}
BOTH = {"Dockerfile", "pyproject.toml", f"src/{PACKAGE}/__init__.py"}


@pytest.mark.slow("locks, installs and checks a project")
@each(WEB_API)
def test_an_existing_project_adopts_the_template_and_passes_its_checks(
    combination: Combination,
    bake: Callable[[Combination], BakedProject],
    venv: Path,
    tmp_path: Path,
) -> None:
    template = working_tree(tmp_path / "template")
    baked = bake(combination)
    shutil.copytree(baked.path, tmp_path / "baked" / SLUG)
    ours = tmp_path / "ours"
    for name, text in OURS.items():
        (ours / name).parent.mkdir(parents=True, exist_ok=True)
        (ours / name).write_text(text)
    commit(ours, "Our work")

    # Some versions of cp exit with 1 if they skip a file.
    run("bash", "-c", documented_command("cp -R -n ", template), cwd=ours, check=False)

    for name, text in OURS.items():
        assert (ours / name).read_text() == text
    present = run("git", "ls-files", "--cached", "--others", cwd=ours).stdout.split()
    assert set(present) == set(OURS) | baked.files()

    for start in (r"cp [^-].*\}", r"cp [^-].*__init__"):
        run("bash", "-c", documented_command(start, template), cwd=ours)
    add_dependency(ours, "humanize", activated_env(venv))

    assert_consistent(ours)
    for name in OURS.keys() - BOTH:
        assert (ours / name).read_text() == OURS[name]
    environment = venv.with_name("development")
    python = interpreter(combination.python)
    assert python
    install_locked(ours, environment, python)
    run("make", "check", "test", cwd=ours, env=activated_env(environment))
    commit(ours, "Adopt the template")
    link(ours, documented_command(r"cruft link \S+$", template), combination)
    differs = re.findall(r"^diff --git [^/]+/(\S+)", cruft(ours, "diff"), re.MULTILINE)
    assert differs == ["README.md", "poetry.lock", "pyproject.toml", "requirements.txt"]
