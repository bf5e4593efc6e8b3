"""The pages of a project are correct: their commands run in order, as a reader would run them."""

import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_cookies.plugin import Cookies

from tests.helpers.containers import free_port
from tests.helpers.harness import (
    BUILT,
    COMBINATIONS,
    KUBERNETES,
    OTHER_CI,
    PACKAGE,
    ROOT,
    BakedProject,
    Combination,
    activated_env,
    another_python,
    docker_problem,
    each,
    install_locked,
    interpreter,
    poetry,
    run,
    tool,
)
from tests.helpers.page_commands import Reader, blocks, text

PAGES = [
    "README.md",
    "docs/model.md",
    "docs/production.md",
    "deploy/kubernetes/README.md",
    "AGENTS.md",
]
# Requirements of blocks that the tests do not have, as in the comment above a block.
UNAVAILABLE = {"the network", "Conda", "a cluster", "a registry", "a private index", "root"}
INSTALLABLE = [it for it in BUILT if interpreter(it.python)]
# Each application once, with Kubernetes, which adds a page.
FOLLOWED = [
    Combination(it.application, it.python, "kubernetes")
    for it in INSTALLABLE
    if it.python == INSTALLABLE[0].python
]


def pages(project: BakedProject) -> list[str]:
    return [page for page in PAGES if (project.path / page).exists()]


@each([*COMBINATIONS, *KUBERNETES, *OTHER_CI])
def test_the_readme_has_fewer_than_110_lines(baked: BakedProject) -> None:
    assert len(text(baked, "README.md").splitlines()) < 110


@each([*COMBINATIONS, *KUBERNETES, *OTHER_CI])
def test_the_page_for_coding_agents_has_at_most_20_lines(baked: BakedProject) -> None:
    page = text(baked, "AGENTS.md")

    assert len(page.splitlines()) <= 20
    # Another test runs its block: see `Reader.follow`.
    assert [block.needs for block in blocks(baked, "AGENTS.md")] == [""]
    assert {"make check", "make test"} <= set(page.splitlines())


@each([*COMBINATIONS, *KUBERNETES, *OTHER_CI])
def test_no_line_of_a_page_is_wider_than_100_characters(baked: BakedProject) -> None:
    for page in pages(baked):
        assert [line for line in text(baked, page).splitlines() if len(line) > 100] == []


@each([*COMBINATIONS, *KUBERNETES, *OTHER_CI])
def test_at_most_eight_blocks_of_a_page_have_special_requirements(baked: BakedProject) -> None:
    for page in pages(baked):
        found = blocks(baked, page)
        marked = [block for block in found if block.needs]
        assert text(baked, page).count("```") == 2 * len(found), page
        assert text(baked, page).count("<!--") == len(marked) <= 8, page
        assert all(block.language == "console" for block in marked)
        assert {thing for block in marked for thing in block.needs.split(" and ")} <= UNAVAILABLE


@each([*COMBINATIONS, *KUBERNETES, *OTHER_CI])
def test_the_readme_links_to_every_other_page(baked: BakedProject) -> None:
    links = re.findall(r"\]\((?!https://)(.+?)\)", text(baked, "README.md"))
    assert list(dict.fromkeys(links)) == pages(baked)[1:]


@each([*COMBINATIONS, *KUBERNETES, *OTHER_CI])
def test_the_pages_only_name_existing_targets_settings_and_secrets(
    baked: BakedProject,
) -> None:
    content = "".join(text(baked, page) for page in pages(baked))
    targets = re.findall(r"^([a-z]+):", text(baked, "Makefile"), re.MULTILINE)
    settings = re.findall(r"^#(\w+)=", text(baked, ".env.example"), re.MULTILINE)
    mounts = re.findall(r"type=secret,id=(\S+)", text(baked, "Dockerfile"))

    named = [
        name
        for words in re.findall(r"(?:^|`)make((?: [a-z]+)+)", content, re.MULTILINE)
        for name in words.split()
    ]
    assert set(named) <= {*targets}
    # Names with two underscores are fields of a nested model in an example.
    variables = set(re.findall(rf"\b{PACKAGE.upper()}_[A-Z_]+", content))
    assert {name for name in variables if "__" not in name} <= {*settings}
    assert set(re.findall(r"--secret id=([^,]+),", content)) == {*mounts}


@pytest.fixture
def reader(
    curl: None,  # noqa: ARG001 - needed
    combination: Combination,
    cookies_session: Cookies,
    tmp_path: Path,
) -> Iterator[Reader]:
    """A project with a name of its own, and a shell in which its environment is active."""
    slug = f"pages-{combination.application}"
    result = cookies_session.bake(
        extra_context=combination.answers | {"project_slug": slug}, template=str(ROOT)
    )
    assert result.exception is None, result.exception
    project = BakedProject(tmp_path / slug, combination)
    shutil.copytree(result.project_path, project.path)
    python = interpreter(combination.python)
    assert python
    install_locked(project.path, tmp_path / "venv", python)
    port = free_port()
    # PORT is the published port in compose.yaml.
    yield Reader(project, activated_env(tmp_path / "venv") | {"PORT": str(port)}, port)
    if docker_problem() is None:
        project.run("docker", "compose", "down", "--timeout", "1")
        project.run("docker", "rmi", "--force", slug)


@pytest.mark.slow("installs a project, uses it and builds its image")
@each(FOLLOWED)
def test_every_command_of_the_pages_does_what_they_say(reader: Reader) -> None:
    for page in pages(reader.project):
        reader.follow(page)


def edit(project: BakedProject, name: str, old: str, new: str) -> None:
    before = text(project, name)
    assert old in before
    (project.path / name).write_text(before.replace(old, new, 1), "utf-8")


def failure_outputs(reader: Reader, folder: Path) -> Iterator[str]:
    """Yield the output of failures that a test can cause quickly."""

    def fail(*command: str | Path, env: dict[str, str]) -> str:
        result = project.run(*command, check=False, env=env)
        assert result.returncode, command
        return result.stdout + result.stderr

    project, shell = reader.project, reader.shell
    bare = {"PATH": "/usr/bin:/bin"}
    another = folder / "another"
    run(tool("uv"), "venv", "--python", another_python(project.combination.python), another)
    yield fail("make", "install", env=bare | {"VIRTUAL_ENV": "/venv"})
    yield fail(*poetry("--no-plugins", "export"), env=shell)
    yield fail("make", "install", env=bare)
    yield fail("make", "install", env=bare | {"CONDA_DEFAULT_ENV": "base", "CONDA_PREFIX": "/"})
    yield fail("make", "install", env=activated_env(another))
    yield fail("make", "run", env=bare)
    yield fail("make", "run", env=shell | {f"{reader.prefix}NO_SUCH": "1"})
    if not reader.is_job:
        with socket.create_server(("127.0.0.1", reader.port)):
            yield fail("make", "run", env=shell | {f"{reader.prefix}PORT": str(reader.port)})
    edit(project, "environment.yml", "python=3.", "python=2.")
    edit(project, "requirements.txt", "sha256:", "sha512:")
    yield fail("python", "scripts/consistency.py", env=shell)
    edit(project, "pyproject.toml", '"structlog>=', '"structlog>=1,>=')
    yield fail("poetry", "check", "--lock", env=shell)
    # The tests of the image cause the failures of a build.
    yield text(project, "Dockerfile")


@pytest.mark.slow("installs a project")
@each(FOLLOWED)
def test_every_symptom_in_the_readme_is_really_printed(reader: Reader, tmp_path: Path) -> None:
    table = text(reader.project, "README.md").partition("| Symptom |")[2]
    messages = re.findall(r"`([^`]+)`", "".join(re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)))
    printed = "\n".join(failure_outputs(reader, tmp_path))

    assert len(messages) >= 10
    assert [message for message in messages if message not in printed] == []
