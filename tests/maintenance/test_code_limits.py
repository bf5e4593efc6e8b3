"""The code of the template and its projects is short, and only silences checks with a reason."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.helpers.containers import NEWEST
from tests.helpers.harness import PYTHONS, ROOT, BakedProject, each, interpreter, run, skip_or_fail

# Code of the template that runs in projects, and has the syntax of their Pythons.
EDGE_CASES = sorted((ROOT / "tests" / "edge_cases").rglob("*.py"))
# Lists long modules and functions, on a Python that knows the syntax of the code.
TOO_LONG = """
import ast, sys
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as file:
        text = file.read()
    if (lines := text.count("\\n")) > 300:
        print(f"{name}: {lines} lines")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if (lines := node.end_lineno - node.lineno + 1) > 40:
                print(f"{name}: {node.name}: {lines} lines")
"""
SILENCED = re.compile(r"#\s*(?:ruff: *|flake8: *)?noqa\b|#\s*type: *ignore\b|#\s*pragma: no cover")
REASONED = re.compile(
    r"# (?:ruff: )?noqa: [A-Z]+\d+(?:, [A-Z]+\d+)* - \w|# type: ignore\[[\w-]+\] {1,2}# \w"
)


def template_code() -> list[Path]:
    """Return the template's own Python files, without those that it renders."""
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
    return [path for folder in mypy["files"] for path in (ROOT / folder).rglob("*.py")]


def rendered_code(project: BakedProject) -> list[Path]:
    return sorted(project.path.rglob("*.py"))


def too_long(python: str | Path, code: list[Path]) -> list[str]:
    return run(python, "-c", TOO_LONG, *code).stdout.splitlines()


def without_a_reason(code: list[Path]) -> list[str]:
    return [
        f"{path}: {line.strip()}"
        for path in code
        for line in path.read_text("utf-8").splitlines()
        if len(SILENCED.findall(line)) > len(REASONED.findall(line))
    ]


def test_no_function_of_the_template_is_over_40_lines_and_no_module_over_300() -> None:
    code = [path for path in template_code() if path not in EDGE_CASES]

    assert too_long(sys.executable, code) == []


@each(NEWEST)
def test_no_function_of_a_project_is_over_40_lines_and_no_module_over_300(
    baked: BakedProject,
) -> None:
    python = interpreter(PYTHONS[0]) if PYTHONS else None
    if not python:
        skip_or_fail("This machine has no Python of the template.", required=False)

    assert too_long(python, [*rendered_code(baked), *EDGE_CASES]) == []


def test_long_functions_and_modules_are_detected(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    body = "    pass\n"
    module.write_text(f"def short():\n{body * 39}\n\nasync def long():\n{body * 40}" + "\n" * 217)

    assert too_long(sys.executable, [module]) == [f"{module}: long: 41 lines"]

    module.write_text(module.read_text() + "\n")
    assert f"{module}: 301 lines" in too_long(sys.executable, [module])


def test_the_template_only_silences_checks_with_a_reason() -> None:
    code = [path for path in template_code() if path.name != "test_code_limits.py"]

    assert without_a_reason(code) == []


@each(NEWEST)
def test_a_project_only_silences_checks_with_a_reason(baked: BakedProject) -> None:
    assert without_a_reason(rendered_code(baked)) == []


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa",
        "x = 1  # noqa: F401",
        "# ruff: noqa",
        "x = 1  # type: ignore",
        "x = 1  # type: ignore[misc]",
        "x = 1  # pragma: no cover",
    ],
)
def test_a_check_that_is_silenced_without_a_reason_is_detected(line: str, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(f"x = 1  # noqa: F401, S101 - as ours\n{line}\n")

    assert without_a_reason([module]) == [f"{module}: {line}"]
