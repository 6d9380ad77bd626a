"""Absolute URLs of the web, such as pictures have."""

import re

# A host, no user before it (a password would be shown to everybody), and nothing that ends a URL in a page or a header.
_NEVER = r"""\s"<>\\^`{|}"""
_HOST = rf"[^{_NEVER}/?#@:\[\]]+|\[[0-9a-f:.]+\]"
_ADDRESS = re.compile(rf"https?://(?:{_HOST})(?::[0-9]{{1,5}})?(?:[/?#][^{_NEVER}]*)?", re.IGNORECASE)


def is_web_address(text: str) -> bool:
    """Whether `text` is an absolute http or https URL."""
    return _ADDRESS.fullmatch(text) is not None


def check_web_address(text: str) -> None:
    """Raises ValueError, whose text is what is allowed, unless `text` is an absolute http or https URL."""
    if not is_web_address(text):
        raise ValueError("must be an absolute http or https URL, such as https://shop.example/okra.jpg")
