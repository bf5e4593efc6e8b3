"""Cookiecutter, cruft and the button give the same project."""

from pathlib import Path

from tests.cruft import create
from tests.github import Repository, pushed
from tests.harness import BakedProject, each_combination, working_tree


def tree(project: Path) -> dict[str, bytes]:
    """Every file with its mode and bytes, as git would store them."""
    modes = {False: b"100644 ", True: b"100755 "}
    return {
        path.relative_to(project).as_posix(): modes[bool(path.stat().st_mode & 0o100)]
        + path.read_bytes()
        for path in project.rglob("*")
        if path.is_file()
    }


@each_combination
def test_the_three_routes_give_the_same_tree(baked: BakedProject, tmp_path: Path) -> None:
    answers = {
        "project_name": "My Application",
        "application": baked.combination.application,
        "python_version": baked.combination.python,
    }
    expected = tree(baked.path)

    created = create(tmp_path, working_tree(tmp_path / "template"), **answers)
    repository = Repository(tmp_path / "github")
    passed, log = repository.dispatch(answers)

    assert passed, log
    assert pushed(repository) == expected
    by_cruft = tree(created)
    del by_cruft[".cruft.json"]
    assert by_cruft == expected
