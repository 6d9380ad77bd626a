"""The alias table of search: the package's, and the operator's beside it."""

from farmlokal.catalog.search.aliases import Aliases, AliasesRefused, load_aliases
from farmlokal.settings import PREFIX, Settings, SettingsInvalid


def aliases_of(settings: Settings) -> Aliases:
    """The table that the settings ask for. Raises SettingsInvalid, with a line for each of its faults."""
    try:
        return load_aliases(settings.aliases)
    except AliasesRefused as error:
        raise SettingsInvalid([f"{PREFIX}ALIASES: {line}" for line in str(error).splitlines()]) from error
