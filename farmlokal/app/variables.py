"""Where the settings come from: which variables are set, where, and which of them are none of ours."""

import re
from dataclasses import dataclass

from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from farmlokal.settings import PREFIX, Settings, variable
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# Read by the test suite, never by the service.
_TEST_VARIABLES = re.compile(r"FARMLOKAL_(TEST_.*|REALDATA)")
_DEFAULT = "the default"


@dataclass(frozen=True, slots=True)
class UnknownVariable:
    """A variable that looks like ours and is none.

    place: where it is set. nearest: the variable of ours whose name is most like it; None where none is.
    """

    name: str
    place: str
    nearest: str | None

    def __str__(self) -> str:
        meant = "" if self.nearest is None else f": did you mean {self.nearest}?"
        return f"{self.name} is set in {self.place}, and is none of FarmLokal's variables{meant}"


def unknown_variables() -> list[UnknownVariable]:
    """Returns the variables of the environment and of `.env` that look like ours and are none: misspelt, most likely.

    They are in the order of their names. One that stands in both places is the environment's, as its value would be.
    """
    known = {variable(name) for name in Settings.model_fields}
    found: dict[str, UnknownVariable] = {}
    for place, names in _names_by_place().items():
        for name in names:
            if name.startswith(PREFIX) and name not in known and not _TEST_VARIABLES.match(name):
                found.setdefault(name, UnknownVariable(name, place, _nearest(name)))
    return [found[name] for name in sorted(found)]


def _nearest(name: str) -> str | None:
    # Not above: most starts have no such variable.
    from difflib import get_close_matches

    # Without the prefix, by which every name is like every other.
    field = name.removeprefix(PREFIX).lower()
    alike = get_close_matches(field, Settings.model_fields, n=3)
    # OAUTH_SECRET is OAUTH_CLIENT_SECRET with a word left out, though OAUTH_SCOPE has more of its letters.
    with_all_words = [one for one in alike if set(field.split("_")) <= set(one.split("_"))]
    return variable((with_all_words or alike)[0]) if alike else None


def log_unknown_variables() -> None:
    """Warn of each unknown variable in a line."""
    for unknown in unknown_variables():
        _log.warning("unknown variable", variable=unknown.name, place=unknown.place, nearest=unknown.nearest)


def places_of_values() -> dict[str, str]:
    """Returns, for every variable of ours, where its value comes from: `the environment`, `.env` or `the default`."""
    places = _names_by_place()
    ours = [variable(name) for name in Settings.model_fields]
    return {name: next((place for place, names in places.items() if name in names), _DEFAULT) for name in ours}


def _names_by_place() -> dict[str, set[str]]:
    """Returns the names that have a value, in upper case, by their place; the first place has the last word.

    Read by what reads the values, so that names are found as those are: in any case, and an empty one not at all.
    """
    return {
        "the environment": {name.upper() for name in EnvSettingsSource(Settings).env_vars},
        ".env": _names_in_file(),
    }


def _names_in_file() -> set[str]:
    try:
        return {name.upper() for name in DotEnvSettingsSource(Settings).env_vars}
    except UnicodeDecodeError:  # which load_settings has a fault for
        return set()
