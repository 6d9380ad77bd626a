"""Commands that are imported when they are asked for: `serve` needs no reader of market files, and starts sooner."""

from collections import UserDict
from importlib import import_module
from typing import Any


class LazyCommands(UserDict[str, Any]):
    """The commands of a group by their names. Made of where each is: `module:attribute` in this package."""

    def __getitem__(self, name: str) -> Any:
        """Return the command, whose module is imported first. Raises KeyError where there is none."""
        module, _, attribute = self.data[name].partition(":")
        return getattr(import_module(f"{__package__}.{module}"), attribute)
