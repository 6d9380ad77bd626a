"""A made-up catalogue of any size: real crops, districts and prices, and the same products on every machine."""

from farmlokal.catalog.seed.generator import SOURCE, generate

__all__ = ["SOURCE", "generate"]
