"""An extended web API reloads, depends on a database, and works without some of its parts."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers.containers import free_port
from tests.helpers.extended_project import (
    PARTS,
    PREFIX,
    Server,
    each_extended,
    edit,
    remove_parts,
    serving,
    venv,
)
from tests.helpers.harness import PACKAGE, SLUG, BakedProject, Combination, activated_env, run
from tests.helpers.nginx import run_proxy
from tests.helpers.postgresql import PostgreSQL, postgresql

pytestmark = each_extended


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    with postgresql() as server:
        yield server


def test_readiness_follows_a_database_and_recovers(
    extended: BakedProject, database: PostgreSQL, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    with serving(extended, output, database__host=database.folder) as server:
        wait_for_readiness(server, 200)
        assert server.get("/week/customers") == (200, 42)
        database.stop()
        wait_for_readiness(server, 503)
        assert server.get("/readyz")[1]["detail"] == "Not ready: database."
        assert server.get("/livez")[0] == 200
        assert server.get("/week/customers")[0] == 500
        database.start()
        wait_for_readiness(server, 200)
        assert server.get("/week/customers") == (200, 42)
        assert server.stop() == 0


@pytest.mark.usefixtures("nginx")
def test_a_websocket_works_behind_nginx(extended: BakedProject, tmp_path: Path) -> None:
    client = (
        "import ssl, sys; from websockets.sync.client import connect\n"
        "url, name, certificate = sys.argv[1:]\n"
        "context = ssl.create_default_context(cafile=certificate)\n"
        "with connect(url, ssl=context, server_hostname=name) as it:\n"
        "    it.send('hello'); print(it.recv())\n"
    )
    with (
        serving(extended, tmp_path / "output") as server,
        run_proxy(extended, server.port, tmp_path, 10) as nginx,
    ):
        url = f"wss://127.0.0.1:{nginx.port}/week/echo"
        arguments = [url, f"{SLUG}.example.com", str(tmp_path / "certificate.pem")]
        output = run(venv(extended) / "bin/python", "-c", client, *arguments).stdout

    assert output == "hello\n"


def wait_for_readiness(server: Server, status: int) -> None:
    deadline = time.monotonic() + 30
    while server.get("/readyz")[0] != status:
        assert time.monotonic() < deadline, server.output.read_text("utf-8")
        time.sleep(0.2)


def copy_project(project: Path, folder: Path) -> Path:
    """Copy a project, whose package needs PYTHONPATH then."""
    shutil.copytree(project, folder / project.name)
    return folder / project.name


def test_make_run_restarts_on_a_change_and_waits_for_a_debugger(
    extended: BakedProject, tmp_path: Path
) -> None:
    project, port = copy_project(extended.path, tmp_path), free_port()
    settings = {"PORT": str(port), "REQUEST_TIMEOUT_SECONDS": "1", "SHUTDOWN_GRACE_SECONDS": "2"}
    environment = activated_env(venv(extended)) | {"PYTHONPATH": str(project / "src")}
    environment |= {f"{PREFIX}{name}": value for name, value in settings.items()}
    output = tmp_path / "output"
    with output.open("wb") as file:
        make = subprocess.Popen(
            ["make", "run"], cwd=project, env=environment, stdout=file, stderr=file, process_group=0
        )
    server = Server(make, port, output)
    try:
        wait_for_line(output, "Application startup complete")
        assert server.get("/week/breakpoint?seconds=1.5") == (200, "continued")
        edit(project / "src" / PACKAGE / "routes/work.py", '"continued"', '"restarted"')
        wait_for_line(output, "Application startup complete", 2)
        assert server.get("/week/breakpoint?seconds=0") == (200, "restarted")
    finally:
        os.killpg(make.pid, signal.SIGINT)
        make.wait(20)


def wait_for_line(output: Path, text: str, times: int = 1) -> None:
    deadline = time.monotonic() + 30
    while output.read_text("utf-8").count(text) < times:
        assert time.monotonic() < deadline, output.read_text("utf-8")
        time.sleep(0.1)


ANY_PATH = '''

@router.get("/{path:path}")
async def show(path: str) -> str:
    """Answer for any path, as the pages of a frontend do."""
    return path
'''


@pytest.fixture
def fresh(
    combination: Combination, bake: Callable[[Combination], BakedProject], tmp_path: Path
) -> Path:
    """A copy of a fresh project, for edits."""
    return copy_project(bake(combination).path, tmp_path)


def environment_for(extended: BakedProject, project: Path) -> dict[str, str]:
    """Return the environment of another project, with the code of this one."""
    return activated_env(venv(extended)) | {"PYTHONPATH": str(project / "src")}


def test_a_route_for_any_path_hides_no_other(extended: BakedProject, fresh: Path) -> None:
    environment = environment_for(extended, fresh)
    with (fresh / "src" / PACKAGE / "routes/quotes.py").open("a", encoding="utf-8") as module:
        module.write(ANY_PATH)

    run("ruff", "check", cwd=fresh, env=environment)
    run("pytest", "-q", cwd=fresh, env=environment)


@pytest.mark.parametrize("parts", [*([part] for part in PARTS), [*PARTS]], ids="+".join)
def test_a_part_can_be_removed_with_its_file_and_its_lines_in_app(
    parts: list[str], extended: BakedProject, fresh: Path
) -> None:
    environment = environment_for(extended, fresh)

    remove_parts(fresh, *parts)

    run("ruff", "check", cwd=fresh, env=environment)
    run("mypy", cwd=fresh, env=environment)
    # The metrics need the access log.
    ignored = ["--ignore=tests/test_metrics.py"] if parts == ["access_log"] else []
    run("pytest", "-q", "--cov", *ignored, cwd=fresh, env=environment)
