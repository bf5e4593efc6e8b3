import sys

import pytest
import structlog

from my_application import logs

log = structlog.get_logger()


def recurse(depth: int) -> None:
    if depth == 0:
        raise ValueError("x" * 1_000_000)
    recurse(depth - 1)


def test_a_closed_standard_output_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)

    logs.configure()

    log.info("nobody reads this")
    sys.stdout.close()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_long_lines_are_shortened(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", log_format)

    try:
        recurse(200)
    except ValueError:
        log.exception("failed", detail="é" * 1_000_000, path="/://a:" * 1_000_000 + "?")

    out = capsys.readouterr().out
    assert "ValueError" in out
    assert len(out.encode()) < 8000
