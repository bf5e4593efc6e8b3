"""A PostgreSQL server of Debian, for tests of the pages about databases."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.harness import run, skip_or_fail


@dataclass(frozen=True)
class PostgreSQL:
    """A server that listens on a socket in its folder."""

    control: tuple[str, ...]
    folder: Path
    port: int | None = None
    """A TCP port on all addresses, in addition to the socket."""

    @property
    def url(self) -> str:
        """The connection URL for clients."""
        port = f"&port={self.port}" if self.port else ""
        return f"postgresql://postgres@/postgres?host={self.folder}{port}"

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        options = f"-k {self.folder} -c listen_addresses="
        if self.port:
            options += f"* -p {self.port}"
        log = str(self.folder / "log")
        run(*self.control, "start", "--wait", "--log", log, "--options", options)

    def stop(self) -> None:
        """Stop the server without a clean shutdown, as a crash does."""
        run(*self.control, "stop", "--mode", "immediate")


def find_programs() -> Path:
    """Return the newest server's folder; REQUIRE_POSTGRESQL=1 turns the skip into a failure."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda it: int(it.parent.name))
    if not found:
        required = os.environ.get("REQUIRE_POSTGRESQL") == "1"
        skip_or_fail("There is no PostgreSQL server of Debian.", required=required)
    return found[-1]


def write_wrappers(folder: Path) -> None:
    """Write `pg_config`, `initdb` and `pg_ctl` as Conda installs them, but which root may run.

    The server refuses to run as root, so it runs as another user with root's access to files.
    """
    folder.mkdir()
    rights = "+chown,+dac_override,+fowner,+kill"
    user = f"setpriv --reuid=65534 --inh-caps={rights} --ambient-caps={rights} --"
    for name in ("initdb", "pg_ctl"):
        start = f"exec {user if os.getuid() == 0 else ''} {find_programs() / name}"
        (folder / name).write_text(f'#!/bin/sh\n{start} "$@"\n')
    (folder / "pg_config").write_text(f"#!/bin/sh\necho {folder}\n")
    for file in folder.iterdir():
        file.chmod(0o755)


@contextmanager
def postgresql(port: int | None = None, login: str = "") -> Iterator[PostgreSQL]:
    """Run a server.

    With a port, clients of other machines and in containers need the password `login`.
    """
    control_program = str(find_programs() / "pg_ctl")
    # The server refuses to run as root, and other users cannot enter the folders of pytest.
    user = ["runuser", "--user", "postgres", "--"] if os.getuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, "postgres")
        control = (*user, control_program, "--pgdata", f"{folder}/data")
        server = PostgreSQL(control, Path(folder), port)
        options = "--username=postgres --auth=trust"
        run(*control, "initdb", "--options", options, cwd=server.folder)
        with (server.folder / "data/pg_hba.conf").open("a") as clients:
            clients.write("host all all all scram-sha-256\n")
        server.start()
        if login:
            run("psql", "--command", f"ALTER USER postgres PASSWORD '{login}'", server.url)
        try:
            yield server
        finally:
            server.stop()
