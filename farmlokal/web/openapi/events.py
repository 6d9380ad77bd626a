"""The body of a webhook, made from the models that read it."""

from typing import Any, Literal

from pydantic import BaseModel, create_model

from farmlokal.catalog.wire import WireDeletion, WireProduct
from farmlokal.web.openapi.operation import Content
from farmlokal.web.openapi.schemas import REFERENCE
from farmlokal.webhooks.events import TYPE_CHARS_MAX, Envelope
from farmlokal.webhooks.orders import Order

# What `data` holds, by the event's type.
EVENTS: dict[str, type[BaseModel]] = {
    "product.upserted": WireProduct,
    "product.deleted": WireDeletion,
    "order.placed": Order,
    "order.cancelled": Order,
}

_ORDER = {"order_id": "A1", "source": "partner", "external_id": "7", "quantity": 3}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "product.upserted": {
        "source": "partner",
        "external_id": "7",
        "version": 1795342500,
        "name": "Tomato (Hybrid)",
        "category": "vegetables",
        "price": "24.50",
        "unit": "kg",
        "farm": "Patil Farm",
        "district": "Pune",
        "state": "Maharashtra",
        "stock": 120,
    },
    "product.deleted": {"source": "partner", "external_id": "8", "version": 1795342500},
    "order.placed": _ORDER,
    "order.cancelled": _ORDER,
}


def _model(name: str, data: type[BaseModel]) -> type[BaseModel]:
    """The envelope of one type of event."""
    fields: Any = {"type": (Literal[name], ...), "data": (data, ...)}
    title = "".join(part.title() for part in name.split("."))
    return create_model(title, __base__=Envelope, __doc__=f"The event `{name}`.", **fields)


MODELS = {name: _model(name, data) for name, data in EVENTS.items()}

# Schemas that no model is behind, by their names: a tool that makes a client needs one for each.
COMPONENTS: dict[str, Any] = {
    "OtherEvent": {
        "description": "An event of any other type: accepted, recorded, and without effect.",
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"type": "string", "minLength": 1, "maxLength": TYPE_CHARS_MAX, "not": {"enum": list(EVENTS)}}
        },
    },
    "Event": {
        "description": "An event, by its type.",
        "anyOf": [
            {"$ref": REFERENCE.format(model=name)}
            for name in (*(model.__name__ for model in MODELS.values()), "OtherEvent")
        ],
    },
}

EVENT = Content(
    shape={"$ref": REFERENCE.format(model="Event")},
    examples={
        name: {"type": name, "timestamp": "2026-11-22T10:15:00Z", "data": data} for name, data in _EXAMPLES.items()
    },
)


def relax_source(components: dict[str, Any]) -> None:
    """Let a product and a deletion leave out `source`, as their parsers do: the partner's own then stands in."""
    for model in (WireProduct, WireDeletion):
        components[model.__name__]["required"].remove("source")
