"""A private network: a package index with a password and its own CA, or a proxy."""

import re
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.containers import NEWEST, with_python
from tests.helpers.harness import BakedProject, Combination, each, run
from tests.helpers.package_index import PASSWORD, USER, Handler, create_tls_context, serving

JOB = [one for one in NEWEST if one.kind == "job"]
PRIVATE_HOST = "http://packages.invalid"
"""A host that only the proxy can reach."""

pytestmark = pytest.mark.usefixtures("docker")


class Proxy(Handler):
    """A proxy for one other host, whose files it has itself."""

    challenge = (407, "proxy-authenticate", "proxy-authorization")

    def translate_path(self, path: str) -> str:
        assert path.startswith(PRIVATE_HOST)
        return super().translate_path(path.removeprefix(PRIVATE_HOST))


def download_wheels(project: BakedProject, folder: Path) -> None:
    """Download the packages that a project and its build need into a package index."""
    text = (project.path / "requirements.txt").read_text("utf-8")
    pins = [it[1] for it in re.finditer(r"^(\S+==\S+) ;?(?!.*== .win32.)", text, re.MULTILINE)]
    pyproject = (project.path / "pyproject.toml").read_text("utf-8")
    backend = re.search(r'requires = \["(.*)"\]', pyproject)
    assert backend
    abi = "cp" + project.combination.python.replace(".", "")
    platforms = [f"--platform=manylinux{it}_x86_64" for it in ("_2_28", "_2_17", "2014")]
    run(
        *[sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"],
        *[f"--python-version={project.combination.python}", f"--abi={abi}", "--abi=abi3"],
        *["--abi=none", *platforms, "--platform=any", "--dest", folder, *pins, backend[1]],
    )
    for wheel in list(folder.glob("*.whl")):
        name = re.sub(r"[-_.]+", "-", wheel.name.partition("-")[0]).lower()
        (folder / "simple" / name).mkdir(parents=True)
        wheel.rename(folder / "simple" / name / wheel.name)


@pytest.fixture(scope="session")
def packages(
    bake: Callable[[Combination], BakedProject], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    download_wheels(bake(JOB[0]), folder)
    return folder


def downloaded_packages(served: list[str]) -> set[str]:
    """Return the packages whose wheels have been downloaded."""
    return {path.split("/")[-2] for path in served if path.endswith(".whl")}


@pytest.mark.slow("builds without a cache")
@each(JOB)
def test_a_private_index_is_used_and_leaves_no_secrets(
    baked: BakedProject, combination: Combination, packages: Path, tmp_path: Path
) -> None:
    tag = f"template-test:{combination}-private"
    build = ["docker", "build", "--no-cache", "--network=host", "--progress=plain", "--tag", tag]
    secrets = [f"--secret=id={name},src={tmp_path / name}" for name in ("pip.conf", "ca.pem")]

    with serving(Handler, packages, create_tls_context(tmp_path)) as (port, served):
        address = f"https://{USER}:{PASSWORD}@127.0.0.1:{port}/simple"
        (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {address}\n")
        result = baked.run(*build, *secrets, ".")

    assert {"pydantic", "structlog", "poetry-core"} <= downloaded_packages(served)
    authority = (tmp_path / "ca.pem").read_text().splitlines()[1]
    seen = image_contents(tag, tmp_path) + (result.stdout + result.stderr).encode()
    assert b"pydantic" in seen
    assert PASSWORD.encode() not in seen
    assert authority.encode() not in seen


@pytest.mark.slow("builds without a cache")
@each(JOB)
def test_the_proxy_of_the_shell_is_used_and_leaves_no_trace(
    baked: BakedProject, combination: Combination, packages: Path, tmp_path: Path
) -> None:
    tag = f"template-test:{combination}-proxied"
    index = f"[global]\nindex-url = {PRIVATE_HOST}/simple\ntrusted-host = packages.invalid\n"
    (tmp_path / "pip.conf").write_text(index)
    secret = f"--secret=id=pip.conf,src={tmp_path / 'pip.conf'}"
    build = ["make", "image", f"IMAGE={tag}", f"ARGS=--no-cache --network=host {secret}"]

    with serving(Proxy, packages) as (port, served):
        address = f"http://{USER}:{PASSWORD}@127.0.0.1:{port}"
        result = baked.run(*build, env=with_python() | {"http_proxy": address})

    assert {"pydantic", "structlog", "poetry-core"} <= downloaded_packages(served)
    seen = image_contents(tag, tmp_path) + (result.stdout + result.stderr).encode()
    assert b"pydantic" in seen
    assert PASSWORD.encode() not in seen
    assert f"127.0.0.1:{port}".encode() not in seen


def image_contents(image: str, folder: Path) -> bytes:
    """Return the unpacked layers, the history and the environment of an image."""
    archive = folder / "image.tar"
    run("docker", "save", "--output", archive, image)
    history = run("docker", "history", "--no-trunc", image).stdout
    environment = run("docker", "run", "--rm", "--entrypoint", "env", image).stdout
    with tarfile.open(archive) as files:
        contents = [files.extractfile(member) for member in files if member.isfile()]
        layers = b"".join(content.read() for content in contents if content)
    return layers + (history + environment).encode()
