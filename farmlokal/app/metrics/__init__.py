"""All that makes and serves the metrics of the service."""
