import logging
import threading
import warnings

import pytest
import structlog
from pydantic import BaseModel
from tests.conftest import ReadLog

from {{ cookiecutter.package_name }} import logs

both_formats = pytest.mark.parametrize("log_format", ["json", "console"])
VALUE = "hunter2"
log = structlog.get_logger()


class Model(BaseModel):
    number: int


def fail(password: str) -> None:
    Model.model_validate({"number": password})


def test_every_event_is_logged_as_one_json_object(read_log: ReadLog) -> None:
    read_log()

    log.info("sold", article="chair", price=float("inf"))
    log.info("sold", article=b"\xff")

    line, other = read_log()
    assert line.pop("timestamp").endswith("Z")
    assert line == {"article": "chair", "event": "sold", "level": "info", "price": "Infinity"}
    assert other["article"] == "b'\\xff'"


def test_libraries_and_warnings_are_logged_in_the_same_form(read_log: ReadLog) -> None:
    read_log()

    logging.getLogger("library").warning("%d left", 3, extra={"article": "chair"})
    warnings.simplefilter("always")
    warnings.warn("old", DeprecationWarning, stacklevel=1)

    first, second = read_log()
    assert (first["event"], first["article"], first["level"]) == ("3 left", "chair", "warning")
    assert (first["logger"], second["logger"]) == ("library", "py.warnings")


@both_formats
def test_exceptions_contain_no_values(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", log_format)

    try:
        fail(VALUE)
    except ValueError as error:
        log.exception("failed")
        logging.getLogger("library").warning(error, exc_info=error)
    thread = threading.Thread(target=fail, args=[VALUE])
    thread.start()
    thread.join()

    out = capsys.readouterr().out
    assert out.count("ValidationError") == 3
    assert out.count("in fail") == 3
    assert VALUE not in out


def test_passwords_and_queries_of_urls_are_hidden(read_log: ReadLog) -> None:
    read_log()
    url = f"postgresql://{VALUE}:{VALUE}@host/database?sslkey={VALUE}"

    log.info(url, problems=[url], details={url: url}, error=KeyError(url), text="why? ?so a@b")

    (line,) = read_log()
    assert VALUE not in str(line)
    assert line["problems"] == [*line["details"]] == ["postgresql://...@host/database?..."]
    assert line["text"] == "why? ?so a@b"


@both_formats
def test_long_lines_are_shortened(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", log_format)

    names, exception = {str(n): n for n in range(9999)}, 'File "/site-packages/shop.py"'
    log.info("sold", article="é" * 1_000_000, names=names, orders=["A"] * 9999, exception=exception)

    assert len(capsys.readouterr().out.encode()) < 8000
