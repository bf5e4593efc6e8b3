"""Dependencies from a private index: locked by Poetry, exported, and installed in the image."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

import certifi
import pytest

from tests.helpers.github import Runner, ci_step
from tests.helpers.harness import (
    BUILT,
    INSTALLABLE,
    BakedProject,
    Combination,
    activated_env,
    first_or_skip,
    interpreter,
    poetry,
    run,
    tool,
)
from tests.helpers.package_index import (
    PASSWORD,
    USER,
    add_sdist,
    add_wheel,
    create_tls_context,
    mirror,
    serving,
)
from tests.helpers.pip_settings import index_variables

JOB = first_or_skip([one for one in INSTALLABLE if one.kind == "job" and one in BUILT])
TOOL = "internal-tool"
"""A package that only the company's index has, with a version like PyTorch's."""
VERSION = "1.0+cpu"
END = "-----END CERTIFICATE-----"
SOURCE_ONLY = "source-only"
"""Another one, which has no wheel."""


class Company(NamedTuple):
    """The URL and the certificates of a company's index."""

    url: str
    ca: Path

    @property
    def with_password(self) -> str:
        return self.url.replace("://", f"://{USER}:{PASSWORD}@")

    def add(
        self, project: BakedProject, package: str, priority: str, shell: dict[str, str]
    ) -> None:
        """Add a package from the index to a project, and export."""
        shell = shell | {
            "POETRY_HTTP_BASIC_COMPANY_USERNAME": USER,
            "POETRY_HTTP_BASIC_COMPANY_PASSWORD": PASSWORD,
            "POETRY_CERTIFICATES_COMPANY_CERT": str(self.ca),
        }
        source = ["source", "add", f"--priority={priority}", "company", self.url]
        project.run(*poetry(*source), env=shell)
        project.run(*poetry("add", "--lock", "--source", "company", package), env=shell)
        project.run("make", "requirements", "consistency", env=shell)

    def secrets(self, folder: Path, pip: str) -> list[str]:
        """Write the secrets of a build; return the arguments that pass them."""
        (folder / "pip.conf").write_text(f"[global]\n{pip}\n")
        shutil.copy(self.ca, folder)
        names = ("pip.conf", "ca.pem")
        return [f"--secret=id={name},src={folder / name}" for name in names]


@pytest.fixture(scope="module")
def company(index: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:  # noqa: ARG001 - needed
    """Serve the company's packages, and redirect to pip's index for all others."""
    folder = tmp_path_factory.mktemp("company")
    add_wheel(folder, TOOL, VERSION)
    add_sdist(folder, SOURCE_ONLY)
    variables = index_variables()
    context = create_tls_context(folder)
    # The CA of the company, and those that the other index needs.
    others = Path(variables.get("SSL_CERT_FILE", certifi.where())).read_text("utf-8")
    with (folder / "ca.pem").open("a") as authorities:
        authorities.write(others)
    with serving(mirror(variables["UV_DEFAULT_INDEX"]), folder, context) as (port, _):
        yield Company(f"https://localhost:{port}/simple", folder / "ca.pem")


@pytest.fixture(scope="module")
def combination() -> Combination:
    return JOB


@pytest.fixture(scope="module", params=["primary", "supplemental", "explicit"])
def added(
    request: pytest.FixtureRequest,
    company: Company,
    bake: Callable[[Combination], BakedProject],
    tmp_path_factory: pytest.TempPathFactory,
) -> BakedProject:
    """A project with the company's package, from a source with this priority."""
    folder = tmp_path_factory.mktemp(request.param)
    project = BakedProject(folder / "project", JOB)
    shutil.copytree(bake(JOB).path, project.path)
    python = interpreter(JOB.python)
    assert python
    run(python, "-m", "venv", "--without-pip", folder / "venv")
    company.add(project, TOOL, request.param, activated_env(folder / "venv"))
    return project


@pytest.fixture
def project(bake: Callable[[Combination], BakedProject], tmp_path: Path) -> BakedProject:
    """A copy of a baked project, for edits."""
    shutil.copytree(bake(JOB).path, tmp_path / "project")
    return BakedProject(tmp_path / "project", JOB)


def test_the_export_names_no_index(added: BakedProject) -> None:
    export = (added.path / "requirements.txt").read_text("utf-8")

    assert re.search(rf"^{TOOL}==1\.0\+cpu .*\\\n    --hash=sha256:", export, re.MULTILINE)
    assert "://" not in export
    assert "--" not in export.replace("--hash=sha256:", "")


@pytest.mark.slow("builds an image")
@pytest.mark.usefixtures("docker")
def test_the_image_is_built_with_the_index_of_pip(
    added: BakedProject, company: Company, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    public = f"index-url = {index_variables()['UV_DEFAULT_INDEX']}"
    pip = {
        "primary": f"index-url = {company.with_password}",
        "supplemental": f"{public}\nextra-index-url = {company.with_password}",
        "explicit": f"{public}\nextra-index-url = {company.with_password}",
    }
    priority = next(it for it in pip if f"[{it}]" in request.node.name)
    secrets = company.secrets(tmp_path, pip[priority])

    image = f"template-test:{TOOL}-{priority}"
    build = ["docker", "build", "--network=host", "--progress=plain", "--tag", image]

    added.run(*build, *secrets, ".")

    imports = ["-c", "import internal_tool, pydantic"]
    run("docker", "run", "--rm", "--entrypoint", "python", image, *imports)


@pytest.mark.usefixtures("docker")
def test_a_wheel_with_a_url_needs_no_index(
    project: BakedProject, venv: Path, tmp_path: Path
) -> None:
    wheel = add_wheel(tmp_path / "wheels", TOOL)
    with serving(SimpleHTTPRequestHandler, wheel.parent) as (port, _):
        address = f"http://127.0.0.1:{port}/{wheel.name}"
        project.run(*poetry("add", "--lock", address), env=activated_env(venv))
        project.run("make", "requirements", "consistency", env=activated_env(venv))

        image = f"template-test:{TOOL}-address"
        project.run("docker", "build", "--network=host", "--tag", image, ".")

    run("docker", "run", "--rm", "--entrypoint", "python", image, "-c", "import internal_tool")


@pytest.mark.slow("builds an image twice")
@pytest.mark.usefixtures("docker")
def test_a_package_without_a_wheel_can_be_built_in_the_image_as_the_page_says(
    company: Company, project: BakedProject, venv: Path, tmp_path: Path
) -> None:
    company.add(project, SOURCE_ONLY, "explicit", activated_env(venv))
    image = f"template-test:{SOURCE_ONLY}"
    build = ["docker", "build", "--network=host", "--progress=plain", "--tag", image]
    build += [*company.secrets(tmp_path, f"index-url = {company.with_password}"), "."]
    page = (project.path / "docs/production.md").read_text("utf-8")
    message, old, new = (
        re.findall(pattern, page)[0].replace("NAME", SOURCE_ONLY).replace("VERSION", "1.0")
        for pattern in (
            "`(No matching distribution found for .*?)`",
            "after\\s`(--only-binary :all:)`",
            "`(--no-binary NAME)`",
        )
    )

    refused = project.run(*build, check=False)
    assert refused.returncode
    assert message in refused.stderr

    dockerfile = project.path / "Dockerfile"
    text = dockerfile.read_text("utf-8")
    dockerfile.write_text(text.replace(old, f"{old} {new}", 1), "utf-8")
    project.run(*build)
    run("docker", "run", "--rm", "--entrypoint", "python", image, "-c", "import source_only")


def test_poetry_in_ci_uses_the_password_in_pips_configuration(
    company: Company, project: BakedProject, venv: Path, tmp_path: Path
) -> None:
    company.add(project, TOOL, "explicit", activated_env(venv))
    runner, variables = Runner(tmp_path / "run"), tmp_path / "variables"
    others = "https://ann:one@a.example/simple https://bob:two@b.example:8443/simple"
    comment = "    # https://ann:old@a.example/simple"
    pip_conf = (
        f"[global]\nindex-url = {company.with_password}\nextra-index-url = {others}\n{comment}"
    )
    secrets = {
        "secrets.PIP_CONF": pip_conf,
        "secrets.CA_PEM": "".join(company.ca.read_text("utf-8").partition(END)[:2]),
    }
    step = ci_step("test", "Use a private package index, if the secrets name one")

    result = runner.run(step, secrets, GITHUB_ENV=str(variables))

    assert (result.returncode, result.stdout + result.stderr) == (0, "")
    assert {path.stat().st_mode & 0o077 for path in runner.temp.iterdir()} == {0}
    assert (runner.temp / "netrc").read_text().splitlines()[1:] == [
        "machine a.example login ann password one",
        "machine b.example login bob password two",
    ]
    given = dict(line.split("=", 1) for line in variables.read_text().splitlines())
    certificates = {"PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}
    assert given.keys() == certificates | {"PIP_CONFIG_FILE", "NETRC"}
    # Only in this test do the other packages come from another index, with another CA.
    (runner.temp / "ca.pem").write_text(company.ca.read_text("utf-8"))
    shell = activated_env(venv) | given | {"HOME": str(tmp_path)}
    update = poetry("update", "--lock", TOOL)
    refused = project.run(*update, env=shell | {"NETRC": os.devnull}, check=False)
    assert refused.returncode
    project.run(*update, env=shell)


PROJECT = f"""
[project]
name = "probe"
version = "0"
requires-python = ">=3.11"
dependencies = ["{TOOL}", "iniconfig"]
[tool.poetry]
package-mode = false
"""


def test_poetry_and_uv_use_the_index_that_pip_is_configured_to_use(
    company: Company, tmp_path: Path
) -> None:
    configuration = f"[global]\nindex-url = {company.with_password}\ncert = {company.ca}\n"
    (tmp_path / "pip.conf").write_text(configuration)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    script = (
        "import json, tests.helpers.pip_settings as it; print(json.dumps(it.index_variables()))"
    )
    shell = {"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    printed = run(sys.executable, "-c", script, env=shell | {"HOME": str(tmp_path)})
    variables = json.loads(printed.stdout)

    shell |= variables | {"HOME": str(tmp_path / "home")}
    run(*poetry("lock"), cwd=tmp_path, env=shell)
    target = ["--target", str(tmp_path / "target")]
    run(tool("uv"), "pip", "install", "--no-cache", *target, TOOL, env=shell)

    assert PASSWORD not in variables["POETRY_PYPI_MIRROR_URL"]
    lock = (tmp_path / "poetry.lock").read_text("utf-8")
    assert f'name = "{TOOL}"' in lock
    assert "://" not in lock
    assert (tmp_path / "target" / "internal_tool.py").is_file()
