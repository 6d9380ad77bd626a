"""From a query string to a question, or to every fault at once."""
