"""The keys for which a dead event waits: 32 hexadecimal digits that stand for an order or for a product."""

from hashlib import blake2b

_KEY_BYTES = 16


def order_key(source: str, order_id: str) -> str:
    """Returns the key of what waits for an order's placement."""
    return _key(b"", source, order_id)


def product_key(source: str, external_id: str) -> str:
    """Returns the key of what waits for a product: for its arrival, for its stock, or for its next version."""
    return _key(b"product", source, external_id)


def _key(kind: bytes, source: str, name: str) -> str:
    # Neither text can hold a NUL, so that no two pairs are written alike.
    return blake2b(f"{source}\0{name}".encode(), digest_size=_KEY_BYTES, person=kind).hexdigest()
