"""What Docker Compose makes of docker-compose.yml: the rules of its interpolation, as far as the file uses them."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from tests.deploy.deploy_files import ROOT, read_yaml

# `$$`, `${NAME}`, `${NAME-default}` and `${NAME:-default}`; anything else after a dollar Compose refuses.
_DOLLAR = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<kind>:?-)(?P<default>[^}]*))?\}|(?P<wrong>))")


def compose(variables: Mapping[str, str]) -> dict[str, Any]:
    """The compose file as it is for somebody with these variables.

    Values are put in after the YAML was read, and are not looked through again: whatever stands in them is text.
    """
    found: dict[str, Any] = _filled(_described(), variables)
    return found


def environment_of(service: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a service's container, but what its image sets."""
    return {name: str(value) for name, value in compose(variables)["services"][service]["environment"].items()}


@cache
def _described() -> Any:
    return read_yaml(ROOT / "docker-compose.yml")


def _filled(node: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {name: _filled(value, variables) for name, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, variables) for value in node]
    return _DOLLAR.sub(lambda found: _value(found, variables), node) if isinstance(node, str) else node


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["wrong"] is not None:
        raise ValueError(f"Compose refuses this dollar: {found.string}")
    if found["dollar"]:
        return "$"
    given, default = variables.get(found["name"]), found["default"] or ""
    return default if given is None or (found["kind"] == ":-" and not given) else given
