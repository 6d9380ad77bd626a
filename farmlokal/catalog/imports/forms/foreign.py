"""Published tables that people try and that hold no prices of this catalogue's kind: named, and refused."""

from farmlokal.catalog.imports.forms.headers import Header


def is_wfp(header: Header) -> bool:
    """Food prices of the World Food Programme, as HDX has them in this year's columns or in the former ones."""
    return {"commodity", "pricetype", "currency", "price"}.issubset(header.keys) or {
        "adm0-name",
        "mp-price",
    }.issubset(header.keys)


def is_fao(header: Header) -> bool:
    """FAOSTAT's tables, long or with a column for each year, and FAO's food price index."""
    return {"area", "item", "element"}.issubset(header.keys) or "food-price-index" in header.keys


def is_usda(header: Header) -> bool:
    """The directories of farmers' markets, food hubs and farms, in this year's columns or in the former ones."""
    return {"listing-id", "listing-name"}.issubset(header.keys) or {"fmid", "marketname"}.issubset(header.keys)


def is_markets(header: Header) -> bool:
    """The places of the portal's markets, which an import takes beside a file of prices."""
    return {"mandiname", "latitude"}.issubset(header.keys)
