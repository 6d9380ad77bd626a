"""The forms in which people have market prices and lists of products: how each is recognised, and read or refused."""
