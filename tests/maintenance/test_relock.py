"""`make locks` stores new locks, and keeps those of combinations that fail."""

import shutil
from pathlib import Path

import pytest

from scripts import relock
from tests.helpers.harness import COMBINATIONS, ROOT

NAME = str(COMBINATIONS[-1])


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the template for `relock`."""
    copy = tmp_path / "template"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".venv*", ".git", ".*_cache"))
    monkeypatch.setattr(relock, "ROOT", copy)
    monkeypatch.setattr(relock, "LOCKS", copy / "templates" / "locks")
    return copy


def relock_only(*names: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["relock.py", *names])
    return relock.main()


def test_there_is_a_lock_for_every_combination_and_no_other() -> None:
    stored = {path.relative_to(relock.LOCKS).as_posix() for path in relock.LOCKS.glob("*/*")}

    assert stored == {f"{name}/{file}" for name in COMBINATIONS for file in relock.FILES}


@pytest.mark.usefixtures("template")
def test_a_combination_that_fails_keeps_its_lock_and_the_others_are_locked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Replaces Poetry, whose result depends on the day and on the network.
    def lock(project: Path, python: str) -> None:
        if python == "3.13":
            raise RuntimeError("no version of orjson fits")
        shutil.copy(relock.LOCKS / f"job-py{python}" / "poetry.lock", project)
        with (project / "poetry.lock").open("a") as text:
            text.write("# updated\n")

    monkeypatch.setattr(relock, "lock", lock)
    before = (relock.LOCKS / "job-py3.13" / "poetry.lock").read_bytes()

    status = relock_only("job-py3.13", "job-py3.12", monkeypatch=monkeypatch)

    assert status == 1
    output = capsys.readouterr().out
    assert "job-py3.13: FAILED, lock unchanged: no version of orjson fits" in output
    assert "job-py3.12: updated" in output
    assert "1 of 2 failed: job-py3.13" in output
    assert (relock.LOCKS / "job-py3.13" / "poetry.lock").read_bytes() == before
    assert (relock.LOCKS / "job-py3.12" / "poetry.lock").read_text().endswith("# updated\n")


def test_a_combination_that_is_not_offered_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        relock_only("job-py2.7", monkeypatch=monkeypatch)

    assert ended.value.code == 2
    assert "no combination job-py2.7; there are " in capsys.readouterr().err


def test_a_new_combination_is_baked_without_a_lock(template: Path, tmp_path: Path) -> None:
    shutil.rmtree(template / "templates" / "locks" / NAME)

    folder = tmp_path / "bake"
    folder.mkdir()

    project = relock.bake(*COMBINATIONS[-1][:2], folder)

    assert (project / "pyproject.toml").is_file()
    assert not (project / "poetry.lock").exists()
