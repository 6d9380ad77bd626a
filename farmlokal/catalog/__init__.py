"""The catalogue: what a product is, how it is stored, found, listed, seeded and imported. Knows nothing of HTTP."""
