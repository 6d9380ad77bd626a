"""Load tests with locust. They know the service by its HTTP interface alone, and work against any URL."""
