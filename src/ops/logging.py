"""One stream of log lines on stderr, for people or for machines, without secrets."""

import logging
import re
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "**********"
_SECRET_NAME = re.compile(r"(?i)password|passwd|secret|token|authorization|api_?key$|cookie")
_URL_SECRET = re.compile(r"(://[^/\s:@]*):[^/\s]+@")
# A database's password may hold nearly anything, so all up to the last @ is hidden.
_DATABASE_SECRET = re.compile(r"(?i)(\b(?:postgres\w*|sqlite)(?:\+\w+)?://[^/\s:@]*):.+@")
# It may be a parameter, too, and then nothing but another one ends it.
_PARAMETER_SECRET = re.compile(r"(?i)([?&](?:ssl)?password=)[^&\s]*")
_HEADER_SECRET = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
# They say at `info` what is of use to their own developers only.
QUIET = ("aiokafka", "alembic", "aiosqlite", "asyncio", "httpx", "httpcore", "uvicorn")


def configure(level: str, log_format: str) -> None:
    """Send the log lines of this program and its libraries to stderr.

    `log_format` is `console`, `json`, or `auto`: console on a terminal, else JSON.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        mask_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    quiet = max(logging.WARNING, root.level) if level != "debug" else logging.DEBUG
    for name in QUIET:
        logging.getLogger(name).setLevel(quiet)
    if level != "debug":
        # It repeats itself a hundred times a second while a broker is away; we say it once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def mask_secrets(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    """Hide values whose name or form says that they are secret."""
    for name, value in event.items():
        if _SECRET_NAME.search(name):
            event[name] = MASK
        elif isinstance(value, str):
            event[name] = mask_text(value)
    return event


def mask_text(text: str) -> str:
    """Hide passwords inside URLs, and credentials of an authorization header."""
    for pattern in (_DATABASE_SECRET, _URL_SECRET):
        text = pattern.sub(rf"\1:{MASK}@", text)
    text = _PARAMETER_SECRET.sub(rf"\1{MASK}", text)
    return _HEADER_SECRET.sub(rf"\1 {MASK}", text)


def _renderers(log_format: str) -> list["Processor"]:
    exceptions: list[Processor] = [structlog.processors.format_exc_info, _mask_exception]
    if log_format == "console" or (log_format == "auto" and sys.stderr.isatty()):
        return [
            *exceptions,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # Never with local variables: they include headers, and so keys.
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
    return [*exceptions, structlog.processors.JSONRenderer()]


def _mask_exception(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    # Its text comes into being after the first masking.
    if isinstance(event.get("exception"), str):
        event["exception"] = mask_text(event["exception"])
    return event
