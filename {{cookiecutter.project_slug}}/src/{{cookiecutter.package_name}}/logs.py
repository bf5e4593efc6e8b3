"""Structured logs on standard output: readable in a terminal, JSON lines elsewhere."""

import json
import logging
import os
import re
import sys
import threading
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import structlog
from pydantic_core import to_json
from structlog.typing import EventDict, Processor

MAX_LINE_BYTES = 8000  # Many log collectors cut longer lines, or split them.
# Possible secrets: the values that exceptions of Pydantic, HTTP clients and databases repeat (a
# database's may have line breaks), and the users, passwords, queries and fragments of URLs.
HIDDEN = re.compile(
    r"(input_value=|'input': |Input tag |\[parameters: |convert string |header value:? ).*"
    r"|(/[^\s/?#]*[?#])\S+|(://)(?:(?!://)\S)+(?=@)"
    r"|(DETAIL: |CONTEXT: |LINE \d+: |for (?:type|enum) [\w ]+: |array literal: |out of range: "
    r"|argument \$\d+: |orrect \w+ value: |Duplicate entry |dup key: |key value is )(?s:.*?)"
    r"(?=\n[ |]*(?:\[SQL: |HINT: |File \"|The above |During )|\Z)"
)
HINTS = re.compile(r"[\n?#@=']|: ")  # A text without any of these has nothing to hide.
# In a traceback, the path of a library's file, and the lines of its source.
LIBRARY_FRAME = re.compile(r'File "[^"\n]*[/\\]site-packages[/\\](.*)(?:\n    .*)*')
log = structlog.get_logger()


def configure(level: str = "info", log_format: str = "auto") -> None:
    """Configure structlog, and send the logs of libraries through the same processors."""
    for stream in ("stdout", "stderr"):
        if not getattr(sys, stream):  # The parent process closed it: `my-command >&-`.
            setattr(sys, stream, Path(os.devnull).open("w"))  # noqa: SIM115 - open until the end
    console = sys.stdout.isatty() if log_format == "auto" else log_format == "console"
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding=None if console else "utf-8", errors="backslashreplace")
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # Unlike others, it shows no local variables.
        safe(structlog.dev.ConsoleRenderer() if console else to_json_line),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(),
    )
    formatter, add_extra = structlog.stdlib.ProcessorFormatter, structlog.stdlib.ExtraAdder()
    add_name = [structlog.stdlib.add_logger_name, formatter.remove_processors_meta]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter(processors=[add_extra, *add_name, *processors]))
    # The debug logs of libraries may contain secrets, such as headers and messages.
    library_level = "INFO" if level == "debug" else level.upper()
    logging.basicConfig(handlers=[handler], level=library_level, force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda *exc_info: log.critical("uncaught exception", exc_info=exc_info)
    threading.excepthook = lambda args: log.critical("uncaught exception", exc_info=args[:3])


def _hide(value: Any) -> Any:
    if isinstance(value, dict):
        return {_hide(str(key)): _hide(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [*map(_hide, value)]
    if not HINTS.search(text := str(value)):
        return value
    lines = HIDDEN.sub(r"\1\2\3\4...", text).splitlines()
    return "\n".join(shorten(line, 500) for line in lines)


def safe(render: Processor) -> Processor:
    """Wrap a renderer to hide possible secrets, and to shorten long values in long lines."""

    def render_safely(logger: Any, method: str, event: EventDict) -> str:
        event.pop("color_message", None)  # Uvicorn's, for terminals; it repeats the event.
        line = str(render(logger, method, {**event}))
        if HINTS.search(line) or len(line) > MAX_LINE_BYTES:
            event = {key: _hide(value) for key, value in event.items()}
            line = str(render(logger, method, {**event}))
        length = MAX_LINE_BYTES
        while len(line.encode(errors="replace")) > MAX_LINE_BYTES:
            length = length * 3 // 4
            last = list(event.items())[-length:]
            event = {shorten(key, length): shorten(value, length) for key, value in last}
            line = str(render(logger, method, {**event}))
        return line

    def render_anything(logger: Any, method: str, event: EventDict) -> str:
        try:
            return render_safely(logger, method, event)
        except Exception as error:  # noqa: BLE001 - of a value; the request must not fail
            texts = {key: value for key, value in event.items() if isinstance(value, str)}
            return render_safely(logger, method, {**texts, "not_logged": type(error).__name__})

    return render_anything


def shorten(value: Any, length: int) -> Any:
    """Return a value, or its text with at most about `length` characters if that is longer."""
    if len(str(value)) <= length:
        return value
    text = LIBRARY_FRAME.sub(r'File "\1', str(value))
    start = length // 3
    return text if len(text) <= length else f"{text[:start]} ... {text[start - length :]}"


def to_json_line(_logger: Any, _method: str, event: EventDict) -> str:
    """Render an event as JSON, whatever its values are."""
    try:
        return to_json(event, inf_nan_mode="strings", fallback=str).decode()
    except ValueError:  # Such as bytes, or text that is not Unicode.
        return json.dumps(event, default=str, skipkeys=True, allow_nan=False)
