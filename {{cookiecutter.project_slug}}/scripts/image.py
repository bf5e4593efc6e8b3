"""Build the production image, with its labels filled in: `make image`.

The arguments are those of `docker build`. The labels come from `pyproject.toml` and, where there is
a repository, from git. They travel through the environment, so no shell reads them.
"""

import os
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
# What the build takes from the shell, where it is set there. Nothing else sets SOURCE_DATE_EPOCH:
# with another one, Docker builds every layer anew.
PASSED_ON = [
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    "SOURCE_DATE_EPOCH",
]


def git(*arguments: str) -> str:
    """Give what git prints, or nothing where there is no git, no repository or no commit."""
    try:
        command = ["git", *arguments]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, no input
    except OSError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def web_address(remote: str) -> str:
    """Turn the address that git pulls from into one for a browser, without a name or a password."""
    if remote.startswith("git@") and ":" in remote:
        remote = "https://" + remote.removeprefix("git@").replace(":", "/", 1)
    parts = urlsplit(remote)
    if parts.scheme not in {"http", "https", "ssh"} or not parts.hostname:
        return ""
    port = f":{parts.port}" if parts.port and parts.scheme != "ssh" else ""
    scheme = "https" if parts.scheme == "ssh" else parts.scheme
    return f"{scheme}://{parts.hostname}{port}{parts.path.removesuffix('.git')}"


def build_arguments() -> dict[str, str]:
    """Give what the Dockerfile's last lines ask for.

    It counts as created when SOURCE_DATE_EPOCH says, or when the commit was made, or now.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct")
    created = datetime.fromtimestamp(int(seconds), UTC) if seconds else datetime.now(UTC)
    return {
        "TITLE": project["name"],
        "DESCRIPTION": project["description"],
        "VERSION": project["version"],
        "REVISION": git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"),
        "SOURCE": web_address(git("remote", "get-url", "origin")),
        "CREATED": created.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def main() -> int:
    """Give the exit status of `docker build`, which speaks for itself."""
    arguments = build_arguments()
    names = [*arguments, *(name for name in PASSED_ON if os.environ.get(name))]
    # An argument without a value takes it from the environment.
    flags = [part for name in names for part in ("--build-arg", name)]
    command = ["docker", "build", *flags, *sys.argv[1:], str(ROOT)]
    try:
        return subprocess.run(command, env=os.environ | arguments, check=False).returncode  # noqa: S603 - no shell
    except FileNotFoundError:
        sys.exit("Docker is not on PATH: https://docs.docker.com/get-started/get-docker/")


if __name__ == "__main__":
    sys.exit(main())
