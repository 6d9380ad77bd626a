"""What operators see of the running service: structured logs, spans, and the table of its metrics."""

from farmlokal.telemetry.logging import configure_logging, get_logger

__all__ = ["configure_logging", "get_logger"]
