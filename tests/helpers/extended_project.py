"""Extend a web API with routes and settings as its owner would, and serve it."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

from tests.helpers.containers import free_port
from tests.helpers.harness import INSTALLABLE, PACKAGE, ROOT, BakedProject, each, uv_pip_install

WEB_API = [one for one in INSTALLABLE if one.application == "web-api"][:1]
each_extended = each(WEB_API, scope="module")
Headers = dict[str, str]
PREFIX = f"{PACKAGE.upper()}_"
VALUE = "hunter2"
PACKAGES = ["python-multipart", "websockets", "psycopg[binary,pool]"]
SETTINGS = """
    token: SecretStr
    token_minutes: PositiveInt = 60
    database: Database = Database()
    partners: list[str] = []
    region: str = Field(default="nowhere", validation_alias="CLOUD_REGION")
"""
DATABASE = '''
class Database(BaseModel):
    """How to reach the database."""

    host: str = "localhost"
    user: str = "postgres"
    password: SecretStr = SecretStr("")
    timeout: float | None = None


'''
EXAMPLE = f"""
{PREFIX}TOKEN=for-development
#{PREFIX}TOKEN_MINUTES=60
#{PREFIX}DATABASE__HOST=localhost
#{PREFIX}DATABASE__USER=postgres
#{PREFIX}DATABASE__PASSWORD=
#{PREFIX}DATABASE__TIMEOUT=
#{PREFIX}PARTNERS=[]
#CLOUD_REGION=nowhere
"""
PARTS = {
    "metrics": ["from {0}.metrics import add_metrics\n", "    add_metrics(app)\n"],
    "docs": ["from {0}.docs import add_docs\n", "    if settings.docs:\n        add_docs(app)\n"],
    "limits": ["from {0}.limits import add_limits\n", "    add_limits(app)\n"],
    "access_log": ["from {0}.access_log import AccessLog\n", "    app.add_middleware(AccessLog)\n"],
}


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text in a file; fail if it is not there."""
    text = path.read_text("utf-8")
    assert old in text, f"{path}: {old}"
    path.write_text(text.replace(old, new, 1), "utf-8")


def remove_parts(project: Path, *parts: str) -> None:
    """Delete the file of each part, its tests and its lines in `app.py`."""
    package = project / "src" / PACKAGE
    for part in parts:
        (package / f"{part}.py").unlink()
        (project / "tests" / f"test_{part}.py").unlink()
        for lines in PARTS[part]:
            edit(package / "app.py", lines.format(PACKAGE), "")


def add_routes_and_settings(project: BakedProject) -> None:
    """Add routes and settings, one of them without a default, to the project."""
    package = project.path / "src" / PACKAGE
    uv_pip_install(venv(project), *PACKAGES)
    routes = (ROOT / "tests/helpers/extended_project_routes.py").read_text("utf-8")
    (package / "routes/work.py").write_text(routes, "utf-8")
    edit(package / "app.py", "import quotes\n", "import quotes, work\n")
    include = "    app.include_router(quotes.router)\n"
    edit(package / "app.py", include, include + "    app.include_router(work.router)\n")
    page = (project.path / "docs/production.md").read_text("utf-8")
    (pool,) = re.findall(r"```python\n(from psycopg_pool .+?)```", page, re.DOTALL)
    app = (package / "app.py").read_text("utf-8")
    begin, end = app.index("@asynccontextmanager"), app.index("\n\ndef create_app")
    (package / "app.py").write_text(f"{app[:begin]}{pool}{app[end:]}", "utf-8")
    settings = package / "settings.py"
    edit(settings, "    PositiveInt,\n", "    PositiveInt,\n    SecretStr,\n")
    edit(settings, "\n# https://docs.pydantic", f"{DATABASE}# https://docs.pydantic")
    edit(settings, "\n    @model_validator", f"{SETTINGS}\n    @model_validator")
    with (project.path / ".env.example").open("a") as example:
        example.write(EXAMPLE)
    (project.path / ".env").write_text(
        f"{PREFIX}TOKEN={VALUE}\n{PREFIX}TOKEN_MINUTES=5\n{PREFIX}DATABASE__PASSWORD={VALUE}\n",
        "utf-8",
    )


def venv(project: BakedProject) -> Path:
    return project.path.parent / "venv"


class Response(NamedTuple):
    """The complete response of a server."""

    status: int
    headers: Message
    body: bytes


@dataclass
class Server:
    """A running `serve`, and what it has printed."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def stream(
        self, method: str, path: str, body: str | None = None, headers: Headers | None = None
    ) -> Iterator[HTTPResponse]:
        """Send a request over a new connection; yield the response before its body is read."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    def request(
        self, method: str, path: str, body: str | None = None, headers: Headers | None = None
    ) -> Response:
        """Send a request; return the complete response."""
        with self.stream(method, path, body, headers) as response:
            return Response(response.status, response.headers, response.read())

    def get(self, path: str) -> tuple[int, Any]:
        """Request JSON; return the status and the decoded body."""
        response = self.request("GET", path)
        return response.status, json.loads(response.body)

    def log(self, **members: object) -> list[dict[str, Any]]:
        """Return the log entries so far that have these members; each line is JSON."""
        lines = [json.loads(line) for line in self.output.read_text("utf-8").splitlines()]
        return [line for line in lines if line.items() >= members.items()]

    def wait_for(self, **members: object) -> dict[str, Any]:
        """Wait for a log entry with these members, and return it."""
        deadline = monotonic() + 20
        while not (found := self.log(**members)):
            assert monotonic() < deadline, self.output.read_text("utf-8")
            sleep(0.05)
        return found[-1]

    def stop(self) -> int:
        """Send SIGTERM; return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def serving(
    project: BakedProject, output: Path, *arguments: str, **settings: object
) -> Iterator[Server]:
    """Run `serve` in the project's folder with these settings."""
    port = free_port()
    # A copy of a project shares the environment of the original.
    given = {f"{PREFIX}{name}".upper(): str(value) for name, value in settings.items()}
    given["PYTHONPATH"] = str(project.path / "src")
    with output.open("wb") as file:
        process = subprocess.Popen(
            [venv(project) / "bin" / project.path.name, "serve", *arguments],
            cwd=project.path,
            env=os.environ | {f"{PREFIX}PORT": str(port)} | given,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    server = Server(process, port, output)
    try:
        deadline = monotonic() + 30
        while not re.search("Uvicorn running|startup failed", output.read_text("utf-8")):
            assert process.poll() is None, output.read_text("utf-8")
            assert monotonic() < deadline, output.read_text("utf-8")
            sleep(0.05)
        yield server
    finally:
        process.kill()
        process.wait()
