import json
import logging
import warnings

import pytest
import structlog

from {{ cookiecutter.package_name }} import logs


def test_a_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")

    structlog.get_logger("shop").info("sold", article="chair", pieces=4)

    line = json.loads(capsys.readouterr().out)
    assert line["timestamp"].endswith("Z")
    del line["timestamp"]
    assert line == {
        "article": "chair",
        "event": "sold",
        "level": "info",
        "logger": "shop",
        "pieces": 4,
    }


def test_lines_of_libraries_and_warnings_have_the_same_form(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("info", "json")

    logging.getLogger("library").warning("%d left", 3)
    warnings.simplefilter("always")
    warnings.warn("old", DeprecationWarning, stacklevel=1)

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["event"], first["logger"], first["level"]) == ("3 left", "library", "warning")
    assert second["logger"] == "py.warnings"


def test_an_exception_is_logged_as_structure(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")

    try:
        _ = 1 / 0
    except ZeroDivisionError:
        structlog.get_logger().exception("failed")

    line = json.loads(capsys.readouterr().out)
    assert line["exception"][0]["exc_type"] == "ZeroDivisionError"


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "json")

    structlog.get_logger().info("detail")
    logging.getLogger("library").info("detail")

    assert capsys.readouterr().out == ""


def test_auto_writes_json_where_nobody_reads_along(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "auto")

    structlog.get_logger().info("started")

    assert json.loads(capsys.readouterr().out)["event"] == "started"


def test_console_lines_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "console")

    structlog.get_logger().info("started")

    out = capsys.readouterr().out
    assert "started" in out
    assert not out.startswith("{")
