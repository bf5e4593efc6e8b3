"""`make release` only tags a version that is recorded everywhere."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from scripts import release
from tests.helpers.harness import commit, run, working_tree


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the template in which version 2027.1.0 is recorded everywhere."""
    copy = working_tree(tmp_path / "template")
    monkeypatch.setattr(release, "ROOT", copy)
    monkeypatch.setattr(sys, "argv", ["release.py"])
    (copy / "pyproject.toml").write_text('[project]\nversion = "2027.1.0"\n')
    (copy / "cookiecutter.json").write_text(json.dumps({"_version": "2027.1.0"}))
    (copy / "hooks/pre_gen_project.py").write_text('import sys\n\nVERSION = "2027.1.0"\n')
    (copy / "CHANGELOG.md").write_text("# Changelog\n\n## 2027.1.0\n\n- It is new.\n")
    commit(copy, "2027.1.0")
    return copy


def test_a_version_that_is_recorded_everywhere_is_tagged(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.main() == 0
    assert "git push --atomic origin main 2027.1.0" in capsys.readouterr().out
    assert run("git", "tag", "--list", cwd=template).stdout == "2027.1.0\n"


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("pyproject.toml", '[project]\nversion = "1.0"\n', "1.0 is not a version such as"),
        ("cookiecutter.json", '{"_version": "2026.1.0"}', "records 2026.1.0"),
        ("hooks/pre_gen_project.py", '\nVERSION = "2026.1.0"\n', "set VERSION to 2027.1.0"),
        ("CHANGELOG.md", "# Changelog\n\n## Later\n\nNew.\n", "does not begin with 2027.1.0"),
        ("CHANGELOG.md", "# Changelog\n\n## 2027.1.0\n\n## 2026.1.0\n\nOld.\n", "does not begin"),
        ("CHANGELOG.md", "# Changelog\n\n## 2027.1.0\n", "write what has changed"),
        ("CHANGELOG.md", "# Changelog\n", "write what has changed"),
    ],
)
def test_a_version_that_is_missing_somewhere_is_not_tagged(
    template: Path, capsys: pytest.CaptureFixture[str], file: str, text: str, problem: str
) -> None:
    (template / file).write_text(text)
    commit(template, "An edit")

    assert release.main() == 1
    assert problem in capsys.readouterr().out
    assert run("git", "tag", "--list", cwd=template).stdout == ""


def test_a_version_is_tagged_once(template: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release.main()

    assert release.main() == 1
    assert "already exists" in capsys.readouterr().out
    assert run("git", "tag", "--list", cwd=template).stdout == "2027.1.0\n"


@pytest.mark.parametrize(("tag", "status"), [("2027.1.1", 1), ("2027.10.0", 1), ("2026.12.9", 0)])
def test_a_version_is_later_than_all_tags(
    template: Path, capsys: pytest.CaptureFixture[str], tag: str, status: int
) -> None:
    run("git", "tag", tag, cwd=template)

    assert release.main() == status
    assert (f"{tag} is tagged, which is later" in capsys.readouterr().out) == bool(status)


def test_a_check_reports_problems_and_creates_no_tag(
    template: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["release.py", "--check"])

    assert release.main() == 0
    assert run("git", "tag", "--list", cwd=template).stdout == ""
    run("git", "tag", "2027.1.0", cwd=template)
    assert release.main() == 1
    assert "already exists" in capsys.readouterr().out


def test_a_version_is_only_tagged_on_main(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("git", "switch", "--quiet", "--create", "feature", cwd=template)

    assert release.main() == 1
    assert "on main, not on feature: git switch main." in capsys.readouterr().out


def test_an_error_of_git_is_shown(template: Path) -> None:
    shutil.rmtree(template / ".git")

    with pytest.raises(SystemExit, match="not a git repository"):
        release.main()


def test_uncommitted_changes_are_not_tagged(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (template / "notes.md").write_text("Call Ann.\n")

    assert release.main() == 1
    assert "not committed" in capsys.readouterr().out
