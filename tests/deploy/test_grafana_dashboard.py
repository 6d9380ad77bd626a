"""The Grafana dashboard, read by Grafana's own classes for the schema version that it names."""

import enum
import json
import types
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.deploy.deploy_files import DEPLOY, dashboard, read_yaml

_PLAIN = {int: (int,), float: (int, float), str: (str,), bool: (bool,), dict: (dict,), list: (list,)}


@pytest.fixture(autouse=True)
def _panels_and_queries() -> None:
    register_default_plugins()


def lost(given: Any, kept: Any, path: str = "") -> Iterator[str]:
    """Where `given` has what `kept` has not, or has otherwise."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, content in given.items():
            if name in kept:
                yield from lost(content, kept[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for place, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from lost(one, other, f"{path}[{place}]")
    elif given != kept:
        yield path


def is_a(value: Any, kind: Any) -> bool:
    """Whether `value` is what the annotation `kind` says."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in (Any, object):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(is_a(value, one) for one in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(is_a(one, arguments[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(is_a(one, arguments[1]) for one in value.values())
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return value in [*kind, *(one.value for one in kind)]
    if kind in _PLAIN and kind is not bool and isinstance(value, bool):
        return False
    return isinstance(value, _PLAIN.get(kind, kind))


def mistyped(value: Any, path: str) -> Iterator[str]:
    """Where something in `value`, an object of Grafana's classes, is not what its annotation says."""
    if isinstance(value, list):
        for place, one in enumerate(value):
            yield from mistyped(one, f"{path}[{place}]")
    elif hasattr(value, "to_json"):
        for name, kind in typing.get_type_hints(type(value)).items():
            if not is_a(getattr(value, name), kind):
                yield f"{path}.{name}"
            yield from mistyped(getattr(value, name), f"{path}.{name}")


def faults(content: dict[str, Any]) -> list[str]:
    """What Grafana's classes do not know of `content`, and what is of another type than they say."""
    read = Dashboard.from_json(content)
    return [*lost(content, json.loads(JSONEncoder().encode(read))), *mistyped(read, "")]


def test_the_dashboard_is_valid_for_its_schema_version() -> None:
    """Grafana's classes of that version know every field, of panels, options and queries too, and its type."""
    content = dashboard()
    assert Dashboard().schema_version == content["schemaVersion"]
    assert [] == faults(content)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("panels", 1, "fieldConfig", "defaults", "units"), "s"),
        (("panels", 1, "options", "graphMode"), "areas"),
        (("panels", 1, "gridPos", "w"), "4"),
        (("panels", 1, "targets", 0, "expression"), "up"),
        (("templating", "list", 0, "refresh"), 9),
    ],
)
def test_a_wrong_dashboard_would_be_seen(path: tuple[Any, ...], value: Any) -> None:
    """The check finds a misspelt field, a value that is none of the allowed, and a wrong type, at any depth."""
    content = dashboard()
    place: Any = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert faults(content)


def test_panels_are_told_apart_and_do_not_overlap() -> None:
    """Each panel has an id and a place of its own, a title, and a sentence that says what it shows."""
    panels = dashboard()["panels"]
    assert len(panels) == len({panel["id"] for panel in panels})
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"].endswith(".")


def test_every_query_follows_the_choice_of_data_source_and_instance() -> None:
    """No panel asks a data source or an instance of its own."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            assert {"type": "prometheus", "uid": "${datasource}"} == target["datasource"]
            assert 'instance=~"$instance"' in target["expr"]


def test_the_provisioned_data_source_is_the_dashboards_default() -> None:
    """With the compose file's Grafana the dashboard finds its data without a choice."""
    (source,) = read_yaml(DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    (variable,) = [one for one in dashboard()["templating"]["list"] if one["name"] == "datasource"]
    assert source["uid"] == variable["current"]["value"]
    assert source["type"] == variable["query"]
