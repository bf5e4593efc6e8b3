"""Fixtures: baked projects, and the tools that tests require."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from socket import create_connection
from time import monotonic, sleep

import pytest
from pytest_cookies.plugin import Cookies

from tests.helpers.conda_channel import Channels, bundled_pip, pack_python, pack_stub
from tests.helpers.containers import free_port, with_python
from tests.helpers.extended_project import add_routes_and_settings
from tests.helpers.harness import (
    PACKAGE,
    QUESTIONS,
    ROOT,
    SLUG,
    BakedProject,
    Combination,
    docker_problem,
    install_locked,
    interpreter,
    poetry,
    run,
    skip_or_fail,
)
from tests.helpers.pip_settings import index_variables
from tests.helpers.xdist_schedule import ByCombination

collect_ignore = ["edge_cases"]  # They run in projects.

# A shell starts background processes with Ctrl-C ignored, and their children inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# An environment active in this shell, or its settings, would be mistaken for those of a project.
OF_PROJECTS = ("CONDA_", "MAMBA_", "VIRTUAL_ENV", f"{PACKAGE.upper()}_")
for name in [name for name in os.environ if name.startswith(OF_PROJECTS)]:
    del os.environ[name]
# Without bytecode, each process of a project's environment compiles scikit-learn again: 10 s.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(optionalhook=True)  # Without the plugin, one process runs all tests.
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByCombination:
    """Return the scheduler that assigns tests to workers."""
    return ByCombination(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run slow tests first if workers share the tests, so that none runs alone at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the images that lost their tag to a newer one, after every worker has finished."""
    if not hasattr(session.config, "workerinput") and shutil.which("docker"):
        ours = f"label=org.opencontainers.image.title={SLUG}"
        run("docker", "image", "prune", "--force", f"--filter={ours}", check=False)


@pytest.fixture(scope="session", autouse=True)
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Share mypy's cache among the projects of a worker, which saves 15 s a project."""
    os.environ["MYPY_CACHE_DIR"] = str(tmp_path_factory.getbasetemp() / "mypy")


@pytest.fixture(scope="session")
def bake(cookies_session: Cookies) -> Callable[[Combination], BakedProject]:
    """Bake a combination with the default answers, once per worker."""

    @cache
    def bake_once(combination: Combination) -> BakedProject:
        result = cookies_session.bake(
            extra_context=combination.answers,
            template=str(ROOT),
        )
        assert result.exception is None, result.exception
        return BakedProject(result.project_path, combination)

    return bake_once


@pytest.fixture
def baked(combination: Combination, bake: Callable[[Combination], BakedProject]) -> BakedProject:
    """The baked project of the test's combination; tests must not change it."""
    return bake(combination)


@pytest.fixture(scope="session")
def install(
    bake: Callable[[Combination], BakedProject], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Combination], BakedProject]:
    """Copy a baked project and install everything in its lock into `venv` beside it."""

    @cache
    def install_once(combination: Combination) -> BakedProject:
        python = interpreter(combination.python)
        if not python:
            skip_or_fail(f"This machine has no Python {combination.python}.", required=False)
        folder = tmp_path_factory.mktemp(str(combination))
        project = BakedProject(folder / "project", combination)
        shutil.copytree(bake(combination).path, project.path)
        install_locked(project.path, folder / "venv", python)
        return project

    return install_once


@pytest.fixture(scope="session")
def extend(
    bake: Callable[[Combination], BakedProject], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Combination], BakedProject]:
    """Copy and install a baked web API, and add routes and settings to it."""

    @cache
    def extend_once(combination: Combination) -> BakedProject:
        python = interpreter(combination.python)
        assert python
        folder = tmp_path_factory.mktemp(f"{combination}-extended")
        project = BakedProject(folder / SLUG, combination)
        shutil.copytree(bake(combination).path, project.path)
        install_locked(project.path, folder / "venv", python)
        add_routes_and_settings(project)
        return project

    return extend_once


@pytest.fixture(scope="module")
def extended(
    combination: Combination, extend: Callable[[Combination], BakedProject]
) -> BakedProject:
    """A project with more routes and settings; tests have to undo their edits."""
    return extend(combination)


@pytest.fixture(scope="session")
def build(bake: Callable[[Combination], BakedProject]) -> Callable[[Combination], str]:
    """Build the image of an unedited baked project, and return its tag."""

    @cache
    def build_once(combination: Combination) -> str:
        tag = f"template-test:{combination}"
        bake(combination).run("make", "image", f"IMAGE={tag}", env=with_python())
        return tag

    return build_once


@pytest.fixture
def image(docker: None, combination: Combination, build: Callable[[Combination], str]) -> str:  # noqa: ARG001 - needed
    """The image of the test's combination; it does not depend on the deployment."""
    return build(Combination(combination.application, combination.python))


@pytest.fixture(scope="session")
def docker() -> None:
    """Require an engine: `REQUIRE_DOCKER=1` turns the skip into a failure."""
    if problem := docker_problem():
        skip_or_fail(problem, required=os.environ.get("REQUIRE_DOCKER") == "1")


@pytest.fixture(scope="session")
def kubectl() -> None:
    """Require kubectl: `REQUIRE_KUBECTL=1` turns the skip into a failure."""
    require("kubectl")


@pytest.fixture(scope="session")
def haproxy() -> None:
    """Require HAProxy: `REQUIRE_HAPROXY=1` turns the skip into a failure."""
    require("haproxy")


@pytest.fixture(scope="session")
def checkov() -> None:
    """Require checkov: `REQUIRE_CHECKOV=1` turns the skip into a failure."""
    require("checkov")


@pytest.fixture(scope="session")
def nginx() -> None:
    """Require nginx: `REQUIRE_NGINX=1` turns the skip into a failure."""
    require("nginx")


@pytest.fixture(scope="session")
def curl() -> None:
    """Require curl, which the pages call: `REQUIRE_CURL=1` turns the skip into a failure."""
    require("curl")


@pytest.fixture(scope="session")
def jq() -> None:
    """Require jq, which GitHub's runners have: `REQUIRE_JQ=1` turns the skip into a failure."""
    require("jq")


@pytest.fixture(scope="session")
def gitlab_ci_local() -> None:
    """Require gitlab-ci-local: `REQUIRE_GITLAB_CI_LOCAL=1` turns the skip into a failure."""
    require("rsync", "GITLAB_CI_LOCAL")
    require("gitlab-ci-local", "GITLAB_CI_LOCAL")


def require(program: str, name: str = "") -> None:
    """Skip the test if a program is missing, or fail if `REQUIRE_NAME=1` is set."""
    if not shutil.which(program):
        required = os.environ.get(f"REQUIRE_{name or program.upper()}") == "1"
        skip_or_fail(f"{program} is not on PATH.", required=required)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """The host and port of a registry: `REQUIRE_REGISTRY=1` turns the skip into a failure."""
    require("docker-registry", "REGISTRY")
    port = free_port()
    configuration = tmp_path / "registry.json"
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}
    http = {"addr": f"127.0.0.1:{port}"}
    configuration.write_text(json.dumps({"version": 0.1, "storage": storage, "http": http}))
    with subprocess.Popen(
        ["docker-registry", "serve", configuration],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = monotonic() + 30
        while True:
            try:
                create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert monotonic() < deadline, "The registry does not answer."
                sleep(0.1)
        yield f"127.0.0.1:{port}"
        process.terminate()


@pytest.fixture(scope="session")
def channels(tmp_path_factory: pytest.TempPathFactory) -> Channels:
    """A Conda channel with the Pythons of this machine; the others are stubs."""
    channels = Channels(tmp_path_factory.mktemp("channels"))
    for python in QUESTIONS["python_version"]:
        if (path := interpreter(python)) and bundled_pip(path):
            pack_python(channels.path, path)
        else:
            pack_stub(channels.path, "python", f"{python}.0")
    for name in ("git", "make"):
        pack_stub(channels.path, name, "2.0")
    channels.index()
    return channels


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make Poetry resolve from pip's index; `REQUIRE_INDEX=1` turns the skip into a failure."""
    folder = tmp_path_factory.mktemp("index")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "probe"\nversion = "0"\nrequires-python = ">=3.11"\n'
        'dependencies = ["iniconfig"]\n[tool.poetry]\npackage-mode = false\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in index_variables().items():
            patch.setenv(name, value)
        probe = run(*poetry("lock"), cwd=folder, check=False)
        if probe.returncode:
            reason = f"Poetry cannot resolve here: {probe.stderr.strip()}"
            skip_or_fail(reason, required=os.environ.get("REQUIRE_INDEX") == "1")
        yield


@pytest.fixture
def venv(index: None, combination: Combination, tmp_path: Path) -> Path:  # noqa: ARG001 - needed
    """A venv of the combination's Python: Poetry only resolves for an active one."""
    python = interpreter(combination.python)
    assert python
    run(python, "-m", "venv", "--without-pip", tmp_path / "venv")
    return tmp_path / "venv"
