"""Structured logs: one event name and its fields per line, for people on a terminal and as JSON elsewhere."""

import logging
import sys
import traceback
from types import TracebackType
from typing import Literal

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from farmlokal.telemetry.masking import mask_credential_fields, masked_line

LogFormat = Literal["console", "json"]

# Libraries that log private values at `debug`: every statement with its values, every export of spans.
_QUIET_LIBRARIES = ("aiosqlite", "urllib3")


def configure_logging(log_format: LogFormat | None = None, level: str = "info") -> None:
    """Send structlog's and the standard library's records to standard error, without secrets.

    log_format: None picks `console` on a terminal and `json` elsewhere. level: the lowest that is written.
    """
    chosen = log_format or ("console" if sys.stderr.isatty() else "json")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        _MaskingFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                mask_credential_fields,
                *_renderer(chosen),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    sys.excepthook = _write_crash


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Returns the logger of module `name`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _renderer(log_format: LogFormat) -> list[structlog.typing.Processor]:
    # Neither shows local variables in tracebacks, as both would by default: those hold tokens and what clients sent.
    if log_format == "console":
        return [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    return [tracebacks, structlog.processors.JSONRenderer()]


def _write_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Write an exception that nobody caught as Python does, without secrets."""
    sys.stderr.write(masked_line("".join(traceback.format_exception(kind, error, trace))))


class _MaskingFormatter(structlog.stdlib.ProcessorFormatter):
    """Masks the finished line, tracebacks and other libraries' messages included."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line of `record`, without secrets."""
        return masked_line(super().format(record))
