"""The wire format of a product: the feed's, an imported file's and an event's, checked by one model."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)

from farmlokal.catalog import records
from farmlokal.catalog.categories import OTHER, known_category
from farmlokal.catalog.plain_wire import plain_record
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.errors import Fault, InvalidRecord
from farmlokal.formats.text import accepted, accepted_lines
from farmlokal.formats.web_addresses import check_web_address

_VALUE_CHARS_MAX = 80
_Model = TypeVar("_Model", bound=BaseModel)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
# What else pydantic reads as a time: numbers, and numbers as text.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", re.ASCII)
# What both databases keep, and every client can read.
_YEAR_MIN, _YEAR_MAX = 1970, 9998
# Clocks and time zones differ. But a product of the year 2099 would be the newest of all until then.
_AHEAD_MAX = timedelta(days=1)


def _accepted(value: Any) -> Any:
    return accepted(value) if isinstance(value, str) else value


def _accepted_lines(value: Any) -> Any:
    return accepted_lines(value) if isinstance(value, str) else value


def _web_address(address: str) -> str:
    check_web_address(address)
    return address


def _plain_number(value: Any) -> Any:
    # Python would also take True, "1_000" and "1e5" for numbers; other readers of the wire format would not.
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        raise ValueError("must be a number")
    return value


def _time_text(value: Any) -> Any:
    if not isinstance(value, str) or not _TIME.match(value):
        raise ValueError("must be an RFC 3339 time")
    return value


def _storable_time(moment: datetime) -> datetime:
    if not _YEAR_MIN <= moment.year <= _YEAR_MAX:
        raise ValueError(f"must be in the years {_YEAR_MIN} to {_YEAR_MAX}")
    return moment


def check_not_ahead(moment: datetime, now: datetime) -> None:
    """Raises ValueError where `moment` lies more than a day after `now`, both aware."""
    if moment > now + _AHEAD_MAX:
        raise ValueError("must not lie more than a day in the future")


def _past_time(moment: datetime, info: ValidationInfo) -> datetime:
    check_not_ahead(moment, info.context["now"] if info.context else datetime.now(UTC))
    return moment


def _text(chars_max: int, read: Callable[[Any], Any] = _accepted, *further: Any) -> Any:
    return Annotated[str, Field(min_length=1, max_length=chars_max), BeforeValidator(read), *further]


def _number(kind: type, least: int, most: int | Decimal, **further: Any) -> Any:
    """A number within two bounds, in JSON as a number or as its text: files of rows have nothing but text."""
    in_json: Any = Annotated[float if kind is Decimal else kind, Field(ge=least, le=float(most))]
    # The bounds stand before the validator: behind it they would not be told in the JSON Schema.
    read = BeforeValidator(_plain_number, json_schema_input_type=in_json | _NumberText)
    return Annotated[kind, Field(ge=least, le=most, **further), read]


_NumberText = Annotated[str, Field(pattern=f"^{_NUMBER.pattern}$")]
_Place = _text(records.PLACE_CHARS_MAX)
_ImageUrl = _text(
    records.IMAGE_URL_CHARS_MAX, _accepted, AfterValidator(_web_address), Field(description="absolute, http or https")
)
_Created = Annotated[
    AwareDatetime, BeforeValidator(_time_text), AfterValidator(_storable_time), AfterValidator(_past_time)
]
_PRICE_MAX = Decimal(records.PRICE_PAISE_MAX) / 100


class WireDeletion(BaseModel):
    """What a `product.deleted` event says, and a feed row with `"deleted":true`."""

    model_config = ConfigDict(extra="forbid")

    source: _text(records.SOURCE_CHARS_MAX)  # type: ignore[valid-type]
    external_id: _text(records.EXTERNAL_ID_CHARS_MAX)  # type: ignore[valid-type]
    version: _number(int, 0, records.VERSION_MAX)  # type: ignore[valid-type]

    def to_deletion(self) -> Deletion:
        """The checked deletion in the form that the store takes."""
        return Deletion(self.source, self.external_id, self.version)


class WireProduct(WireDeletion):
    """One product on the wire. A field that is null counts as absent; an unknown field is refused by name."""

    name: _text(records.NAME_CHARS_MAX)  # type: ignore[valid-type]
    category: _text(records.PLACE_CHARS_MAX)  # type: ignore[valid-type]
    price: _number(Decimal, 0, _PRICE_MAX, decimal_places=2)  # type: ignore[valid-type]
    unit: _text(records.UNIT_CHARS_MAX)  # type: ignore[valid-type]
    farm: _Place | None = None  # type: ignore[valid-type]
    market: _Place | None = None  # type: ignore[valid-type]
    district: _Place | None = None  # type: ignore[valid-type]
    state: _Place | None = None  # type: ignore[valid-type]
    lat: _number(float, -90, 90) | None = None  # type: ignore[valid-type]
    lon: _number(float, -180, 180) | None = None  # type: ignore[valid-type]
    stock: _number(int, 0, records.STOCK_MAX) | None = None  # type: ignore[valid-type]
    organic: bool | None = None
    rating: _number(Decimal, 0, 5, decimal_places=2) | None = None  # type: ignore[valid-type]
    created_at: _Created | None = None
    image_url: _ImageUrl | None = None  # type: ignore[valid-type]
    description: _text(records.DESCRIPTION_CHARS_MAX, _accepted_lines) | None = None  # type: ignore[valid-type]
    brand: _text(records.BRAND_CHARS_MAX) | None = None  # type: ignore[valid-type]

    def to_record(self) -> ProductRecord:
        """The checked product in the form that the store takes."""
        return ProductRecord(
            source=self.source,
            external_id=self.external_id,
            version=self.version,
            name=self.name,
            category=known_category(self.category) or OTHER,
            price_paise=int(self.price * 100),
            unit=self.unit,
            farm=self.farm,
            market=self.market,
            district=self.district,
            state=self.state,
            lat=self.lat,
            lon=self.lon,
            stock=self.stock,
            organic=bool(self.organic),
            rating=None if self.rating is None else float(self.rating),
            created_at=None if self.created_at is None else wire_time(self.created_at),
            image_url=self.image_url,
            description=self.description,
            brand=self.brand,
        )


def wire_time(moment: datetime) -> str:
    """`moment` (aware) in UTC and whole seconds, as RFC 3339 writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_product(data: object, *, source: str, now: datetime | None = None) -> ProductRecord:
    """The record that `data`, one decoded JSON object, describes.

    `source` stands in where the object names none. `now`, aware, is the clock's time unless it is given: no product
    was created later. Raises InvalidRecord, which lists every fault.
    """
    now = now or datetime.now(UTC)
    if isinstance(data, dict) and (record := plain_record(data, source, now)) is not None:
        return record
    return _checked(WireProduct, data, source, now).to_record()


def unknown_category(data: object) -> str | None:
    """What `data`, which describes a product, calls its category where that is not in the list; else None."""
    label = data.get("category") if isinstance(data, dict) else None
    if not isinstance(label, str) or known_category(label := accepted(label)) is not None:
        return None
    return label


def parse_deletion(data: object, *, source: str) -> Deletion:
    """The deletion that `data`, one decoded JSON object, describes. Raises InvalidRecord."""
    return _checked(WireDeletion, data, source, None).to_deletion()


def _checked(model: type[_Model], data: object, source: str, now: datetime | None) -> _Model:
    if not isinstance(data, dict):
        raise InvalidRecord([Fault("record", str(data)[:_VALUE_CHARS_MAX], "must be a JSON object")])
    try:
        return model.model_validate({"source": source, **data}, context={"now": now or datetime.now(UTC)})
    except ValidationError as error:
        raise InvalidRecord([_fault(item) for item in error.errors(include_url=False)]) from error


def _fault(item: Any) -> Fault:
    field = ".".join(str(part) for part in item["loc"] if isinstance(part, str)) or "record"
    value = "" if item["type"] == "missing" else str(item["input"])[:_VALUE_CHARS_MAX]
    return Fault(field, value, item["msg"].removeprefix("Value error, "))
