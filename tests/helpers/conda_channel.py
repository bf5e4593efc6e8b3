"""Conda's resolver, and a channel of this machine's Pythons, without an installed Conda.

The packages replace those of https://conda-forge.org: CPython comes from an interpreter of this
machine, and pip from the wheel inside it. The others are stubs that hold one file.
"""

import asyncio
import hashlib
import io
import json
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import zstandard
from rattler import Channel, ChannelConfig, Gateway, MatchSpec, RepoDataRecord, install, solve
from rattler.index.index import index_fs

NAME = "conda-forge"
PLATFORM: Final = "linux-64"
# Large, and not used by any project.
EXCLUDED = {"site-packages", "test", "tests", "idlelib", "turtledemo", "ensurepip", "__pycache__"}


class Entry(NamedTuple):
    """A file of a package, or a link to `target`; installing it rewrites `prefix`."""

    path: str
    data: bytes = b""
    mode: int = 0o644
    target: str = ""
    prefix: str = ""


def pack(
    channel: Path,
    name: str,
    version: str,
    entries: Iterable[Entry],
    *,
    depends: Iterable[str] = (),
    noarch: str = "",
    link: dict[str, Any] | None = None,
) -> None:
    """Write a .conda package: https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html."""
    subdir = "noarch" if noarch else PLATFORM
    entries = sorted(entries)
    index = {
        "name": name,
        "version": version,
        "build": "0",
        "build_number": 0,
        "depends": list(depends),
        "subdir": subdir,
        "timestamp": 1,
    }
    info: dict[str, Any] = {
        "info/index.json": index | ({"noarch": noarch} if noarch else {}),
        "info/paths.json": {"paths": [describe(entry) for entry in entries], "paths_version": 1},
        "info/about.json": {},
    }
    if link:
        info["info/link.json"] = link
    stem = f"{name}-{version}-0"
    folder = channel / subdir
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{stem}.conda", "w") as package:
        package.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        package.writestr(f"pkg-{stem}.tar.zst", compress(entries))
        package.writestr(
            f"info-{stem}.tar.zst",
            compress(Entry(path, json.dumps(content).encode()) for path, content in info.items()),
        )


def describe(entry: Entry) -> dict[str, Any]:
    """Return the entry of a file in info/paths.json."""
    description = {
        "_path": entry.path,
        "path_type": "softlink" if entry.target else "hardlink",
        "sha256": hashlib.sha256(entry.data).hexdigest(),
        "size_in_bytes": len(entry.data),
    }
    if entry.prefix:
        description |= {"prefix_placeholder": entry.prefix, "file_mode": "text"}
    return description


def compress(entries: Iterable[Entry]) -> bytes:
    """Return a compressed archive of the files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for entry in entries:
            member = tarfile.TarInfo(entry.path)
            member.mode, member.size = entry.mode, len(entry.data)
            if entry.target:
                member.type, member.linkname = tarfile.SYMTYPE, entry.target
            archive.addfile(member, io.BytesIO(entry.data))
    return zstandard.ZstdCompressor(level=1).compress(buffer.getvalue())


def pack_python(channel: Path, interpreter: Path) -> None:
    """Pack an installed CPython, and the pip that it bundles."""
    ask = "import platform, sys; print(platform.python_version(), sys.base_prefix)"
    answer = subprocess.run([interpreter, "-c", ask], capture_output=True, text=True, check=True)
    version, prefix = answer.stdout.split()
    pack(channel, "python", version, python_entries(Path(prefix), version.rpartition(".")[0]))
    wheel = bundled_pip(interpreter)
    assert wheel
    pip_version = wheel.name.split("-")[1]
    if not (channel / "noarch" / f"pip-{pip_version}-0.conda").exists():
        link = {"noarch": {"type": "python", "entry_points": ["pip = pip._internal.cli.main:main"]}}
        pack(
            channel,
            "pip",
            pip_version,
            wheel_entries(wheel),
            depends=["python"],
            noarch="python",
            link=link | {"package_metadata_version": 1},
        )


def bundled_pip(interpreter: Path) -> Path | None:
    """Return the wheel of pip that a CPython bundles, or None for Debian's, which has none.

    Debian's cannot be packed: it installs programs to `local/bin`.
    """
    ask = "import ensurepip; print(ensurepip.__path__[0])"
    answer = subprocess.run([interpreter, "-c", ask], capture_output=True, text=True, check=False)
    return next(Path(answer.stdout.strip()).glob("_bundled/pip-*.whl"), None)


def python_entries(prefix: Path, minor: str) -> Iterator[Entry]:
    """Yield the interpreter, its standard library, and the links to it."""
    library = prefix / "lib" / f"python{minor}"
    for path in library.rglob("*"):
        parts = path.relative_to(library).parts
        if path.is_dir() or EXCLUDED & set(parts) or parts[0].startswith("config-"):
            continue
        data = path.read_bytes()
        rewritten = path.suffix == ".py" and str(prefix).encode() in data
        yield Entry(
            path.relative_to(prefix).as_posix(),
            data,
            path.stat().st_mode & 0o777,
            prefix=str(prefix) if rewritten else "",
        )
    for path in prefix.glob("lib/libpython*.so*"):
        yield Entry(f"lib/{path.name}", path.read_bytes(), 0o755)
    yield Entry(f"bin/python{minor}", (prefix / f"bin/python{minor}").read_bytes(), 0o755)
    for name in ("python", "python3"):
        yield Entry(f"bin/{name}", target=f"python{minor}")


def wheel_entries(wheel: Path) -> Iterator[Entry]:
    """Yield the files of a wheel as Conda installs them."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                yield Entry(f"site-packages/{name}", archive.read(name))
            if name.endswith(".dist-info/METADATA"):
                yield Entry(f"site-packages/{Path(name).parent}/INSTALLER", b"conda\n")


def pack_stub(channel: Path, name: str, version: str) -> None:
    """Pack a package that can be resolved but holds nothing useful."""
    pack(channel, name, version, [Entry(f"share/{name}.stub", b"stub\n")], noarch="generic")


class Channels:
    """A folder with the channel, and Conda's operations on an environment.yml."""

    def __init__(self, root: Path) -> None:
        """Use a folder as the root of the channel's URL."""
        self.root = root
        self.config = ChannelConfig(channel_alias=root.as_uri() + "/")  # The slash matters.
        self.path = root / NAME

    def index(self) -> None:
        """Write the repodata of the channel."""
        asyncio.run(index_fs(self.path, write_zst=False, write_shards=False))

    def solve(self, environment: dict[str, Any]) -> list[RepoDataRecord]:
        """Resolve the packages of an environment.yml, as Conda does.

        Raises:
            Exception: rattler's, if there is no solution.
        """
        channels = [
            Channel(it, self.config) for it in environment["channels"] if it != "nodefaults"
        ]
        specs = [MatchSpec(it, strict=True) for it in environment["dependencies"]]
        gateway = Gateway(cache_dir=self.root / "repodata")
        return asyncio.run(solve(channels, specs, gateway=gateway, platforms=[PLATFORM, "noarch"]))

    def install(self, records: list[RepoDataRecord], prefix: Path) -> None:
        """Install packages into a prefix, and mark it as a Conda environment."""
        cache = self.root / "packages"
        asyncio.run(install(records, prefix, cache_dir=cache, show_progress=False))
        (prefix / "conda-meta" / "history").touch()
