"""What was understood of a question's words."""

from typing import NamedTuple

from farmlokal.catalog.search.places import Place
from farmlokal.catalog.search.words import Groups, groups_of, text_of


class Interpretation(NamedTuple):
    """Words of which a name needs every one, each with its alternatives; and filters that other words became.

    The last word may also be a word's beginning. Without words, every name is meant.
    """

    groups: Groups = ()
    places: tuple[Place, ...] = ()

    @property
    def text(self) -> str:
        """The words: a text that means them, and nothing else."""
        return text_of(self.groups)

    def without_places(self) -> "Interpretation":
        """The same with the words of the places as words that a name must have."""
        return Interpretation(groups_of(self.asking))

    @property
    def asking(self) -> str:
        """A text that asks for all of it: the words of the places first, for the last word may be a beginning."""
        places = [word for place in self.places for word in place.words]
        return " ".join([*places, self.text]).strip()
