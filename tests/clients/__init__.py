"""Clients that public tools make of the OpenAPI document, tried against the running service."""
