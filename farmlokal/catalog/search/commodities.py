"""What the names are names of: of `Tomato (Hybrid)` and `Tomato (Desi)`, tomatoes."""

from farmlokal.catalog.search.aliases import Aliases
from farmlokal.catalog.search.vocabulary import Known, Name, Vocabulary


class Commodities:
    """The commodities of a vocabulary's names, as a vocabulary of their own.

    Names whose commodity has the same canonical words are of one: `Okra` and `Bhindi`. It is called what the first of
    them says, and has that one's category.
    """

    def __init__(self, aliases: Aliases) -> None:
        self.vocabulary = Vocabulary(aliases, correcting=False)
        self._ids: dict[frozenset[str], int] = {}
        self._products: list[int] = []

    def __repr__(self) -> str:
        return f"<Commodities {len(self.vocabulary)}>"

    def count(self, known: Known, further_products: int) -> None:
        """Know the commodity of `known`, and that it has so many products more, or fewer."""
        number = self._ids.setdefault(known.commodity, len(self._products))
        if number == len(self._products):
            self._products.append(0)
        self._products[number] += further_products
        name = known.name
        title, category = known.title, name.category
        if number in self.vocabulary:
            first = self.vocabulary.names[number].name
            title, category = first.text, first.category
        self.vocabulary.add(Name(number, title, category, self._products[number]))
