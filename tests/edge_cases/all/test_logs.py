import importlib
import io
import json
import logging
import math
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.conftest import ReadLog

from my_application import logs

VALUE = "hunter2"
log = structlog.get_logger()


def recurse(depth: int) -> None:
    if depth == 0:
        raise ValueError("x" * 1_000_000)
    recurse(depth - 1)


def test_closed_standard_streams_are_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    logs.configure()

    log.info("nobody reads this")
    assert not sys.stderr.isatty()
    sys.stdout.close()
    sys.stderr.close()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_any_text_can_be_logged_with_another_encoding_of_the_output(
    log_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, "latin-1", write_through=True))
    logs.configure("info", log_format)

    log.info("日", file="\udcff")
    log.info("not finite", file="\udcff", ratio=math.nan)

    text = output.getvalue().decode("latin-1" if log_format == "console" else "utf-8")
    assert "\\u65e5" in text or "日" in text
    assert "udcff" in text
    assert "NaN" not in text  # JSON has none.


@pytest.mark.parametrize(
    "text",
    [
        "Input tag 'hunter2' found using 'kind' does not match any of the expected tags: 'a', 'b'",
        "(sqlite3.OperationalError) no such table: t\n[parameters: ('hunter2',)]",
        'violates unique constraint "email"\nDETAIL:  Key (email)=(hunter2) already exists.',
        'violates unique constraint "bio"\nDETAIL:  Key (bio)=(a\n\n  b\nhunter2) already exists.',
        'invalid input syntax for type integer: "hunter2"',
        'invalid input syntax for type timestamp with time zone: "hunter2"',
        'invalid input value for enum color: "hunter2"',
        'malformed array literal: "hunter2"',
        'date/time field value out of range: "2026-13-45 hunter2"',
        "invalid input for query argument $1: 'hunter2' ('str' object is no integer)",
        "(1366, \"Incorrect integer value: 'hunter2' for column 'age' at row 1\")",
        "(1292, \"Truncated incorrect DOUBLE value: 'hunter2'\")",
        "Cannot insert duplicate key in object 'users'. The duplicate key value is (hunter2).",
        "syntax error\nLINE 1: SELECT hunter2",
        'bad\nCONTEXT:  COPY prices, line 2, column net: "hunter2"',
        "Duplicate entry 'line\nhunter2' for key 'users.email'",
        'E11000 duplicate key error dup key: { email: "hunter2" }',
        "Could not convert string 'hunter2' to INT32",
        "Illegal header value b'Bearer hunter2\\n'",
        "Invalid leading whitespace, or return character(s) in header value: 'Bearer hunter2\\n'",
        "GET https://hunter2@example.com/ failed",
        "see https://example.com/#access_token=hunter2",
    ],
)
def test_values_in_exceptions_of_libraries_are_hidden(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", "json")

    log.info("failed", error=RuntimeError(text), details={text: text})

    out = capsys.readouterr().out
    assert "hunter2" not in out
    assert text.split(maxsplit=1)[0] in out


@pytest.mark.parametrize(("level", "expected"), [("debug", "abd"), ("info", "bd"), ("error", "")])
def test_the_level_debug_is_not_for_libraries(
    level: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(level, "json")

    log.debug("a")
    log.info("b")
    logging.getLogger("library").debug("c")
    logging.getLogger("library").info("d", extra={"color_message": "d"})

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "".join(line["event"] for line in lines) == expected
    assert not any("color_message" in line for line in lines)


def test_an_uncaught_exception_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    error = RuntimeError('invalid input syntax for type integer: "hunter2"')

    sys.excepthook(type(error), error, None)

    line = json.loads(capsys.readouterr().out)
    assert (line["level"], "RuntimeError" in line["exception"]) == ("critical", True)
    assert "hunter2" not in str(line)


def test_what_follows_a_hidden_value_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    error = LookupError("another failure")
    error.__cause__ = RuntimeError("no\nDETAIL:  (bio)=(a\nhunter2)\n[SQL: INSERT INTO authors]")

    log.error("failed", exc_info=error)

    out = capsys.readouterr().out
    assert "hunter2" not in out
    assert "INSERT INTO authors" in out
    assert "another failure" in out


def test_frames_of_libraries_are_shortened_before_those_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "lib" / "site-packages" / "library.py"
    library.parent.mkdir(parents=True)
    library.write_text(
        "def first(call, depth):\n"
        "    return second(call, depth - 1, 'an argument', 'another argument', 'a third one')\n"
        "def second(call, depth, *_arguments):\n"
        "    return first(call, depth - 1) if depth > 0 else call()\n"
    )
    monkeypatch.syspath_prepend(library.parent)
    call_in_library = importlib.import_module("library").first
    logs.configure("info", "json")

    def my_endpoint() -> None:
        call_in_library(lambda: recurse(0), 66)

    with pytest.raises(ValueError, match=r"^x+$") as caught:
        call_in_library(my_endpoint, 55)
    log.error("failed", exc_info=caught.value)

    out = capsys.readouterr().out
    assert "in my_endpoint" in out
    assert len("".join(traceback.format_tb(caught.tb))) > 8000 > len(out)


def test_long_lists_and_names_are_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")

    log.info("failed", problems=[f"line {n}: {'x' * 60}" for n in range(1000)], article="chair")
    log.info("failed", exception=RuntimeError("x" * 9000))
    log.info("failed", **{"x" * 9000: "chair"})

    first, second, third = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["problems"].startswith("['line 0: ")
    assert len(first["problems"]) > 5000
    assert first["article"] == "chair"
    assert second["exception"].endswith("xxx")
    assert third["event"] == "failed"
    assert "chair" in third.values()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_long_entries_are_shortened(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", log_format)

    try:
        recurse(200)
    except ValueError:
        log.exception("failed", detail="é" * 1_000_000, path="/://a:" * 1_000_000 + "?")

    out = capsys.readouterr().out
    assert "ValueError" in out
    assert len(out.encode()) < 8000


class Detached:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_value_without_a_text_does_not_stop_its_caller(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", log_format)
    circular: dict[str, Any] = {"url": "a: b"}
    circular["itself"] = circular

    for value in (Detached(), circular, 10**5000):
        log.info("sold", article="chair", value=value)

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all("sold" in line and "chair" in line for line in lines)


def test_a_long_text_is_searched_in_linear_time(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")

    log.info("got", body='File "' * 100_000)  # Otherwise this takes a minute.

    assert len(capsys.readouterr().out) < 8000


def test_libraries_and_warnings_are_logged_in_the_same_form(read_log: ReadLog) -> None:
    read_log()

    logging.getLogger("library").warning("%d left", 3, extra={"article": "chair"})
    warnings.simplefilter("always")
    warnings.warn("old", DeprecationWarning, stacklevel=1)

    first, second = read_log()
    assert (first["event"], first["article"], first["level"]) == ("3 left", "chair", "warning")
    assert (first["logger"], second["logger"]) == ("library", "py.warnings")


def test_passwords_and_queries_of_urls_are_hidden(read_log: ReadLog) -> None:
    read_log()
    url = f"postgresql://{VALUE}:{VALUE}@host/database?sslkey={VALUE}"

    log.info(url, problems=[url], details={url: url}, error=KeyError(url), text="why? ?so a@b")

    (line,) = read_log()
    assert VALUE not in str(line)
    assert line["problems"] == [*line["details"]] == ["postgresql://...@host/database?..."]
    assert line["text"] == "why? ?so a@b"
