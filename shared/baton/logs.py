"""Logs by structlog: lead ids and event ids, never a person's data."""

import logging
import sys
import traceback
from typing import Literal

import structlog

Logger = structlog.stdlib.BoundLogger

# A traceback's local variables, which structlog shows by default, are leads.
_TRACEBACK = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def configure(service: str, style: Literal["json", "console"], level: str) -> None:
    """Send the logs of this process, and of the libraries in it, to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.ExceptionRenderer(_TRACEBACK), structlog.processors.JSONRenderer()]
        if style == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # aiokafka logs each rebalance and each lost connection at levels that bury our own lines.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn.access").disabled = True
    # httpx logs whole addresses at INFO, and some have a token in their query.
    for client in ("httpx", "httpcore"):
        logging.getLogger(client).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def stack_of(error: BaseException) -> str:
    """The stack of an error, without the error's text, which may contain a person's data."""
    return "".join(traceback.format_tb(error.__traceback__))


def logger(name: str) -> Logger:
    """The logger of a module."""
    bound: Logger = structlog.stdlib.get_logger(name)
    return bound
