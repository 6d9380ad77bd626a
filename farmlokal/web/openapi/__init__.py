"""The OpenAPI document, put together from the definitions that read requests and make answers."""
