import pytest

from {{ cookiecutter.package_name }} import logs
from {{ cookiecutter.package_name }}.api.lines import new_writer


def written(capsys: pytest.CaptureFixture[str], level: logs.Level, form: logs.Format) -> str:
    logs.configure(level, form)
    write = new_writer("requests", level, form)
    write([{"event": "request", "number": number} for number in range(2)])
    return capsys.readouterr().out


def test_the_lines_are_json_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = written(capsys, "info", "json").splitlines()

    assert first.startswith('{"event":"request","number":0,"level":"info","logger":"requests"')
    assert second.startswith('{"event":"request","number":1,"level":"info","logger":"requests"')


def test_the_lines_are_for_people_in_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert "number" in written(capsys, "info", "console")


def test_the_lines_are_left_out_above_their_level(capsys: pytest.CaptureFixture[str]) -> None:
    assert written(capsys, "warning", "json") == ""
