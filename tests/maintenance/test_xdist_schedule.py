"""Two workers share the tests without building the same combination twice."""

import re
import sys

import pytest

from tests.helpers.harness import COMBINATIONS, ROOT, run

TWO = [str(combination) for combination in COMBINATIONS[:2]]


@pytest.mark.slow("starts two workers")
def test_all_tests_of_a_combination_run_on_one_worker() -> None:
    tests = f"({' or '.join(TWO)}) and not kubernetes and (folder or newline or cookiecutter)"
    command = [sys.executable, "-m", "pytest", "--numprocesses", "2", "--verbose"]

    result = run(*command, "tests/rendering/test_rendered_files.py", "-k", tests, cwd=ROOT)

    ran = set(re.findall(r"\[(gw\d)\].* PASSED .*\[(.*)\]", result.stdout))
    assert sorted(combination for _, combination in ran) == sorted(TWO)
    assert len({worker for worker, _ in ran}) == 2
