import logging
import threading

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


@both_formats
def test_long_lines_are_shortened(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", log_format)

    names, exception = {str(n): n for n in range(9999)}, 'File "/site-packages/shop.py"'
    log.info("sold", article="é" * 1_000_000, names=names, orders=["A"] * 9999, exception=exception)

    assert len(capsys.readouterr().out.encode()) < 8000
