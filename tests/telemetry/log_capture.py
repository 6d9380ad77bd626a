"""The log as it is written: the real configuration in a test, and everything as it was afterwards."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import structlog

from farmlokal.telemetry import configure_logging, masking
from farmlokal.telemetry.logging import LogFormat


@contextmanager
def written_log(log_format: LogFormat = "json", level: str = "debug") -> Iterator[io.StringIO]:
    """What our loggers and everybody else's write inside the block."""
    root, written = logging.getLogger(), io.StringIO()
    handlers, root_level, config, hook = root.handlers, root.level, structlog.get_config(), sys.excepthook
    try:
        with patch("sys.stderr", written):
            configure_logging(log_format, level)
            # A logger that is kept after its first use would outlive this configuration.
            structlog.configure(cache_logger_on_first_use=False)
            yield written
    finally:
        root.handlers = handlers
        root.setLevel(root_level)
        structlog.configure(**config)
        sys.excepthook = hook


@contextmanager
def own_secrets() -> Iterator[None]:
    """Begin with no known secret, and forget afterwards what the block made known."""
    with (
        patch.object(masking, "_lasting", set()),
        patch.object(masking, "_tokens", masking._tokens.__class__(maxlen=masking._tokens.maxlen)),
        patch.object(masking, "_known", None),
    ):
        yield
