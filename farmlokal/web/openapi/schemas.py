"""From the types of the code to JSON Schema 2020-12."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_type_hints

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import TypedDict

Mode = Literal["validation", "serialization"]

REFERENCE = "#/components/schemas/{model}"


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of every field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


class Schemas:
    """The JSON Schemas of some types. Those with a name stand once in `components`, others refer to them there."""

    def __init__(self, shapes: Sequence[tuple[Any, Mode]]) -> None:
        inputs: Any = [(shape, mode, TypeAdapter[Any](shape)) for shape, mode in dict.fromkeys(shapes)]
        self._made, definitions = TypeAdapter.json_schemas(inputs, ref_template=REFERENCE, schema_generator=_Untitled)
        self.components: dict[str, Any] = definitions.get("$defs", {})
        for schema in self.components.values():
            schema.pop("title", None)

    def __repr__(self) -> str:
        return f"<Schemas {len(self.components)}>"

    def of(self, shape: Any, mode: Mode) -> Mapping[str, Any]:
        """The schema of one of the types."""
        return self._made[shape, mode]


def object_of(shape: type) -> Any:
    """The type of what `_asdict()` of the NamedTuple `shape` gives."""
    return TypedDict(shape.__name__, get_type_hints(shape, include_extras=True))  # type: ignore[operator]
