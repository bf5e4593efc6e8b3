"""A PostgreSQL server of Debian, for the tests of what a page says about databases."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.harness import run, unavailable


@dataclass(frozen=True)
class PostgreSQL:
    """A server that listens on a socket in its folder."""

    control: tuple[str, ...]
    folder: Path

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-k {self.folder} -c listen_addresses="
        log = str(self.folder / "log")
        run(*self.control, "start", "--wait", "--log", log, "--options", options)

    def stop(self) -> None:
        """Stop it as a crash does."""
        run(*self.control, "stop", "--mode", "immediate")


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """Run a server; REQUIRE_POSTGRESQL=1 turns the skip into a failure."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda it: int(it.parent.name))
    if not programs:
        required = os.environ.get("REQUIRE_POSTGRESQL") == "1"
        unavailable("There is no PostgreSQL server of Debian.", required=required)
    # The server refuses to run as root, and other users cannot enter the folders of pytest.
    user = ["runuser", "--user", "postgres", "--"] if os.getuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, "postgres")
        control = (*user, str(programs[-1] / "pg_ctl"), "--pgdata", f"{folder}/data")
        server = PostgreSQL(control, Path(folder))
        options = "--username=postgres --auth=trust"
        run(*control, "initdb", "--options", options, cwd=server.folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
