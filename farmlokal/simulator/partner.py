"""The partner: everything that the simulated server remembers between two requests."""

import time
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web

from farmlokal.simulator.catalogue import Catalogue
from farmlokal.simulator.credentials import Credentials
from farmlokal.simulator.faults import Faults
from farmlokal.simulator.webhooks import Webhooks


@dataclass(slots=True)
class Partner:
    """Its credentials, products, faults and webhooks, and how many requests came to which route (`"GET /products"`)."""

    credentials: Credentials
    catalogue: Catalogue
    requests: Counter[str] = field(default_factory=Counter)
    faults: Faults = field(default_factory=Faults)
    webhooks: Webhooks = field(default_factory=Webhooks)


PARTNER: web.AppKey[Partner] = web.AppKey("partner", Partner)


def default_partner(products: int) -> Partner:
    """Make a partner of `products` rows, with the well-known client and the system's clock."""
    return Partner(Credentials(clock=time.time), Catalogue(products, clock=time.time))
