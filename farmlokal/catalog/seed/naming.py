"""What farms are called: after a family, a deity or a river, and the largest after their market."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import count
from struct import Struct

from farmlokal.catalog.seed.vocabulary import State, farm_name_forms

_TITLES = (
    "Shri Ganesh", "Jai Kisan", "Annapurna", "Mahalakshmi", "Sai", "Balaji", "Gokul", "Nandini", "Surya",
    "Dhanlaxmi", "Om", "Green Valley", "Sunrise", "Amrut", "Shanti", "Vasundhara", "Hariyali", "Prakruti",
)  # fmt: skip
_SURNAME_WEIGHT = 3  # families lend their names more often than deities and rivers do

# A name that is taken gets an initial, `S. Patil Farm`; where those run out, two.
_INITIALS = "ABCDGHJKLMNPRSTUVY"
_ONE_INITIAL_TRIES = 8

_COOPERATIVE_TRIES = 4  # so many names after the market are tried, then a family's

_DRAWS = Struct("<4H")


class FarmNames:
    """Gives each farm a name that no other farm of its district has; in other districts it may well recur.

    The catalogue tells farms apart by name, district and state: two of one name would be one farm.
    """

    def __init__(self) -> None:
        self._forms = farm_name_forms()
        self._taken: set[tuple[str, str, str]] = set()

    def __repr__(self) -> str:
        return f"<FarmNames taken={len(self._taken)}>"

    def give(self, farm_number: int, sector: str, style: str, market: str, district: str, state: State) -> str:
        """A name for the farm: `sector` and `style` choose its form, `market` and `state` whose name it bears."""
        name = next(
            name
            for name in self._candidates(farm_number, sector, style, market, state)
            if (name, district, state.name) not in self._taken
        )
        self._taken.add((name, district, state.name))
        return name

    def _candidates(self, farm_number: int, sector: str, style: str, market: str, state: State) -> Iterator[str]:
        for attempt in count():
            digest = blake2b(b"name %d %d" % (farm_number, attempt), digest_size=_DRAWS.size).digest()
            form_draw, *whose_draws = _DRAWS.unpack(digest)
            if style == "cooperative" and attempt < _COOPERATIVE_TRIES:
                forms, whose = self._forms[sector, style], market
            else:
                forms = self._forms[sector, "ordinary" if style == "cooperative" else style]
                whose = _whose(attempt, state, *whose_draws)
            yield forms[form_draw % len(forms)].format(whose)


def _whose(attempt: int, state: State, name_draw: int, initial_draw: int, second_draw: int) -> str:
    if attempt == 0:
        names = state.surnames * _SURNAME_WEIGHT + state.landmarks + _TITLES
        return names[name_draw % len(names)]
    initial = _INITIALS[initial_draw % len(_INITIALS)]
    second = f"{_INITIALS[second_draw % len(_INITIALS)]}. " if attempt > _ONE_INITIAL_TRIES else ""
    return f"{initial}. {second}{state.surnames[name_draw % len(state.surnames)]}"
