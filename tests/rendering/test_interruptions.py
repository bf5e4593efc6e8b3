"""Whatever interrupts a bake, the project is complete or does not exist."""

import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.helpers.harness import (
    COMBINATIONS,
    ROOT,
    SLUG,
    BakedProject,
    Combination,
    needs_posix,
    run,
    tool,
    unshare_command,
)

JOB = COMBINATIONS[-1]
ANSWERS = [f"{key}={answer}" for key, answer in JOB.answers.items()]
BAKE = shlex.join([str(tool("cookiecutter")), str(ROOT), "--no-input", *ANSWERS])
KEPT = "exported at the template's release, from poetry.lock"
DEEP = "/".join("abcdefghijklmnopqrstuvwxyz" * 3)

pytestmark = needs_posix


@pytest.fixture(scope="module", autouse=True)
def no_poetry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Shadow Poetry, whose export takes seconds, with one that fails at once."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "poetry.py").write_text("raise SystemExit(1)\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        yield


@pytest.fixture
def complete(bake: Callable[[Combination], BakedProject]) -> dict[str, bytes]:
    """Every file of the project after an uninterrupted bake."""
    return files(bake(JOB).path)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def shell(
    script: str, folder: Path, *before: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run bash in a folder, with PWD as an interactive shell exports it."""
    folder.mkdir(exist_ok=True)
    environment = os.environ | {"PWD": str(folder)} | variables
    command = [*before, "bash", "-o", "pipefail", "-c", script]
    return run(*command, cwd=folder, env=environment, check=False)


@pytest.mark.parametrize(
    "console", ["| true", "| head -n 1", ">/dev/full", ">&-", "2>&1 | true", ">/dev/full 2>&1"]
)
def test_a_console_that_accepts_no_output_leaves_the_project_complete(
    complete: dict[str, bytes], tmp_path: Path, console: str
) -> None:
    result = shell(f"{BAKE} {console}", tmp_path)

    assert result.returncode == 0, result.stderr
    assert files(tmp_path / SLUG) == complete


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16"])
def test_a_console_in_another_encoding_leaves_the_project_complete(
    complete: dict[str, bytes], tmp_path: Path, encoding: str
) -> None:
    folder = tmp_path / "Größe 日本"

    result = shell(f"{BAKE} >said", folder, PYTHONIOENCODING=encoding)

    assert result.returncode == 0, result.stderr
    assert f"{SLUG}: a {JOB.application} on" in (folder / "said").read_text(encoding)
    assert files(folder / SLUG) == complete


def test_a_console_in_utf_8_shows_the_name_of_the_folder_unchanged(tmp_path: Path) -> None:
    result = shell(f"{BAKE} --output-dir 'Größe 日本' >said", tmp_path, PYTHONIOENCODING="utf-8")

    assert result.returncode == 0, result.stderr
    assert f"  cd 'Größe 日本/{SLUG}'\n" in (tmp_path / "said").read_text("utf-8")


@pytest.mark.parametrize(
    ("where", "options", "shown"),
    [
        (".", "", SLUG),
        (".", "--overwrite-if-exists", SLUG),
        (".", "--output-dir sub/folder", f"sub/folder/{SLUG}"),
        (".", "--output-dir 'a b;$(touch c)'", f"'a b;$(touch c)/{SLUG}'"),
        ("sub", "--output-dir ..", f"../{SLUG}"),
        (DEEP, "--output-dir {above}/z", f"{{above}}/z/{SLUG}"),
        ("link", "--output-dir ..", f"{{above}}/{SLUG}"),
    ],
    ids=["here", "overwrite", "below", "quoted", "beside", "far away", "behind a link"],
)
def test_the_next_command_enters_the_project(
    tmp_path: Path, where: str, options: str, shown: str
) -> None:
    (tmp_path / "link").symlink_to("sub")
    folder = tmp_path / where
    (tmp_path / "sub").mkdir()
    folder.mkdir(parents=True, exist_ok=True)
    if "overwrite" in options:
        (folder / SLUG).mkdir()

    result = shell(f"{BAKE} {options}".replace("{above}", str(tmp_path)), folder)

    assert result.returncode == 0, result.stderr
    (command,) = [line for line in result.stdout.splitlines() if line.startswith("  cd ")]
    assert command == "  cd " + shown.replace("{above}", str(tmp_path))
    assert shell(f"{command} && test -f poetry.lock", folder).returncode == 0


def test_a_folder_with_a_project_of_cruft_is_like_others(tmp_path: Path) -> None:
    (tmp_path / ".cruft.json").touch()

    assert f"Next:\n  cd {SLUG}\n" in shell(BAKE, tmp_path).stdout


def test_the_next_steps_install_poetry_and_run_in_any_shell(tmp_path: Path) -> None:
    _, steps = shell(BAKE, tmp_path).stdout.split("Next:\n")

    # Poetry may be missing, and `&&` is an error in the PowerShell of Windows.
    assert "  make poetry env\n" in steps
    assert "&&" not in steps


def test_a_shell_without_pwd_gets_the_absolute_path(tmp_path: Path) -> None:
    result = shell(f"unset PWD; {BAKE}", tmp_path)

    assert f"  cd {tmp_path / SLUG}\n" in result.stdout


@pytest.mark.parametrize("megabytes", [0.2, 1, 2.5, 4])
def test_a_full_disk_has_the_complete_project_or_nothing(
    complete: dict[str, bytes], tmp_path: Path, megabytes: float
) -> None:
    isolated = unshare_command("--mount")
    size = f"{megabytes * 1024:.0f}k"
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size={size} tmpfs {disk}"

    result = shell(
        f"{mount} && cd {disk} && {BAKE}; status=$?; cp -R {disk} {copy}; exit $status",
        tmp_path,
        *isolated,
    )

    if megabytes < 2:
        assert result.returncode == 1
        assert "Cannot be written: No space left on device." in result.stderr
        assert list(copy.iterdir()) == []
    else:
        assert result.returncode == 0, result.stderr
        assert files(copy / SLUG) == complete


def interrupt_bake(folder: Path, modules: dict[str, str]) -> str:
    """Press Ctrl-C as soon as one of these modules, imported by the hook, creates `reached`."""
    for name, source in modules.items():
        path = folder / "modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    variables = {"PYTHONPATH": str(folder / "modules"), "REACHED": str(folder / "reached")}
    process = subprocess.Popen(
        shlex.split(BAKE),
        cwd=folder,
        env=os.environ | variables,
        start_new_session=True,  # A process group, like a job of a terminal.
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = monotonic() + 60
    while not (folder / "reached").exists():
        assert process.poll() is None
        assert monotonic() < deadline
        sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)  # Until the hook has exited, too.
    assert process.returncode == 1
    assert "Aborted!" in output
    return output


REACH = "import os, pathlib, time\npathlib.Path(os.environ['REACHED']).touch()\ntime.sleep({})\n"


@pytest.mark.parametrize("half_way", [False, True], ids=["started", "half an export"])
def test_ctrl_c_during_an_export_keeps_the_shipped_one(
    complete: dict[str, bytes], tmp_path: Path, *, half_way: bool
) -> None:
    write = "import sys\nopen(sys.argv[4], 'w').write('x')\n"
    poetry = {
        "poetry/__init__.py": "",
        "poetry/__main__.py": (write if half_way else "") + REACH.format(60),
    }

    output = interrupt_bake(tmp_path, poetry)

    assert f"{KEPT}; the export was interrupted" in output
    assert files(tmp_path / SLUG) == complete


def test_ctrl_c_does_not_stop_the_hook_while_it_removes_files(
    complete: dict[str, bytes], tmp_path: Path
) -> None:
    slow = f"""
import shutil
drop = shutil.rmtree
def rmtree(path):
    exec({REACH.format(0.2)!r})
    drop(path)
shutil.rmtree = rmtree
"""

    interrupt_bake(tmp_path, {"sitecustomize.py": slow})

    assert files(tmp_path / SLUG) == complete
