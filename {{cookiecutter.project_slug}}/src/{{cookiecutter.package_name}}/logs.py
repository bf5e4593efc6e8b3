"""Logs on standard output: readable in a terminal, one JSON object a line elsewhere.

Log with `structlog.get_logger()`. Lines of libraries that use `logging`, and warnings, come out in
the same form.
"""

import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor

type Level = Literal["debug", "info", "warning", "error"]
type Format = Literal["auto", "console", "json"]

ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default=MappingProxyType({}))
"""What every line says of the work that it belongs to, such as the id of a request.

For more, structlog has `bind_contextvars`, at ten times the cost.
"""


def configure(level: Level, form: Format) -> None:
    """Send every log line of this process to standard output.

    Args:
        level: the lowest level that is shown.
        form: `console` for people, `json` for machines, `auto` for whichever of them is reading.
    """
    for_both: list[Processor] = [
        _with_ids,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _without_colours,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *for_both,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=for_both,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(form),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)


def chosen(form: Format) -> Format:
    """Give the form that `auto` stands for."""
    return form if form != "auto" else "console" if sys.stdout.isatty() else "json"


def _renderers(form: Format) -> list[Processor]:
    """Give what makes a line of an event."""
    if chosen(form) == "console":
        return [structlog.dev.ConsoleRenderer()]
    return [
        structlog.processors.dict_tracebacks,
        structlog.processors.JSONRenderer(serializer=_to_json),
    ]


def _to_json(event: Any, *, default: Any) -> str:
    return orjson.dumps(event, default=default).decode()


def _with_ids(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {**ids.get(), **event}


def _without_colours(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Leave out the second copy of the message that Uvicorn adds, with colours."""
    event.pop("color_message", None)
    return event
