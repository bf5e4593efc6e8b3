"""The package index of pip, for tools that do not read pip's configuration."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

# pip trusts them by default, and so do Debian's images; the CA of a company may be among them.
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@cache
def index_variables() -> dict[str, str]:
    """Return the environment variables that make Poetry and uv use pip's index and certificates.

    By default Poetry uses the JSON API of PyPI, which a company's mirror may lack. With
    poetry-plugin-pypi-mirror it uses the Simple API of the index that the variable names.
    """
    settings = dict(line.split("=", 1) for line in pip("config", "list").splitlines())

    def setting(name: str) -> str:
        given = (settings.get(f"{section}.{name}") for section in (":env:", "install", "global"))
        return str(ast.literal_eval(next(filter(None, given), "''")))

    index = setting("index-url") or default_index()
    parts = urlsplit(index)
    host = parts.netloc.rpartition("@")[2]
    variables = {
        "POETRY_PYPI_MIRROR_URL": parts._replace(netloc=host).geturl(),
        "UV_DEFAULT_INDEX": index,
    }
    if parts.username:
        variables["POETRY_HTTP_BASIC_PYPI_USERNAME"] = unquote(parts.username)
        variables["POETRY_HTTP_BASIC_PYPI_PASSWORD"] = unquote(parts.password or "")
    system = str(SYSTEM_CERTIFICATES) if SYSTEM_CERTIFICATES.is_file() else ""
    if certificates := setting("cert") or system:
        variables |= {"REQUESTS_CA_BUNDLE": certificates, "SSL_CERT_FILE": certificates}
    return variables


def default_index() -> str:
    """Return the default index of pip, which only its help names."""
    usage = " ".join(pip("install", "--help").split())
    found = re.search(r"--index-url <url> .*?\(default (\S+)\)", usage)
    assert found, usage
    return found[1]


def pip(*arguments: str) -> str:
    """Run pip and return what it prints."""
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
