"""Lua scripts by the names that Redis gives them."""

from hashlib import sha1


class Script:
    """One Lua script: its text, and the name that Redis gives it, the SHA-1 of the text in hexadecimal."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __repr__(self) -> str:
        return f"<Script {self.sha}>"
