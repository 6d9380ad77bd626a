"""When two spellings of a name in the portal's files mean the same."""

from functools import lru_cache

from farmlokal.catalog.normalise import slug


@lru_cache(maxsize=8192)  # a day's file names some 1,700 states, markets and commodities, again and again
def matching_key(name: str) -> str:
    """The letters and digits of `name`: case, white space and punctuation differ between the portal's own files.

    `Alwar (F&V)` and `ALWAR(FV)` meet, so do `Arhar Dal(Tur Dal)` and `Arhar Dal (Tur Dal)`.
    """
    return slug(name).replace("-", "")
