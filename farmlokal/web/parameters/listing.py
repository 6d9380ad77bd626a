"""The parameters of `GET /products`: from the query string to a ListingQuery, or to every fault at once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.filter import Contradiction
from farmlokal.catalog.question.parameter import QuestionParameter, Several
from farmlokal.catalog.question.query import LIMIT_DEFAULT, Filters, ListingQuery
from farmlokal.catalog.question.sorts import SORT_DEFAULT
from farmlokal.catalog.question.table import TABLE, Contradictions, QuestionTable
from farmlokal.catalog.question.words import WORDS
from farmlokal.catalog.reading.searching import names_found
from farmlokal.catalog.search.index import NO_NAMES, SearchIndex
from farmlokal.errors import Fault, InvalidInput
from farmlokal.web.parameters.query_string import NOTHING_IGNORED, IgnoredParameters, parse_query_string, shown


def parse_listing_query(
    raw: str,
    signer: CursorSigner,
    table: QuestionTable = TABLE,
    ignored: IgnoredParameters = NOTHING_IGNORED,
    *,
    index: SearchIndex = NO_NAMES,
) -> ListingQuery:
    """The question that the query string `raw` asks. Raises InvalidInput, which lists every fault.

    table: what may be asked. ignored: parameters that are no part of the question. index: what words mean.
    """
    given, faults = parse_query_string(raw, ignored)
    texts = by_own_names(given, table)
    values = read_values(texts, table.parameters, faults)
    faults += understand(values, texts, signer, index)
    filters, sort = Filters(), SORT_DEFAULT
    contradictions: list[Contradiction] = []
    try:
        filters = table.filters_of(values)
    except Contradictions as error:
        contradictions += error.found
    try:
        sort = table.sort_of(values, filters)
    except Contradiction as error:
        contradictions.append(error)
    faults += contradicting(contradictions, texts)
    if filters.get(WORDS) is not None and not faults:
        names_found(index, filters)  # or too many of them
    query = ListingQuery(filters, sort, values.get("limit", LIMIT_DEFAULT))
    cursor = values.get("cursor")
    if faults:
        # Whether a cursor fits can only be told against a question without faults; whether it is ours, always.
        raise InvalidInput([*faults, *_forgery(cursor, signer)])
    return query if cursor is None else replace(query, position=signer.open(cursor, query))


def understand(
    values: dict[str, Any], texts: Mapping[str, list[str]], signer: CursorSigner, index: SearchIndex
) -> list[Fault]:
    """Put what the words of `values` mean in their place, and the filters that words became beside it.

    With a cursor its walk goes on as it began. Returns what is wrong.
    """
    text = values.get("q")
    if text is None:
        return []
    understood, cursor = None, values.get("cursor")
    if cursor is not None and not _forgery(cursor, signer):
        understood = signer.understood(cursor)
        if understood is not None and not index.could_mean(text, understood):
            return [Fault("q", shown(text), "must be what the cursor's page was asked for by, or what it says")]
    if understood is None:
        understood = index.interpret(text)
        if any(place.value not in values.get(place.filter, [place.value]) for place in understood.places):
            # Nothing is in two places at once.
            understood = understood.without_places()
    index.count(text, understood)
    values["q"] = understood
    for place in understood.places:
        values[place.filter] = [place.value]
    return []


def contradicting(found: Sequence[Contradiction], texts: Mapping[str, list[str]]) -> list[Fault]:
    """The faults of parameters that exclude each other, or of which one is missing. texts: of all that were given."""
    # What is missing because its text is wrong has a fault already.
    lacking = [one for one in found if one.needs is None or one.needs not in texts]
    return [Fault(one.parameter, shown(texts[one.parameter][0]), one.detail) for one in lacking]


def _forgery(cursor: str | None, signer: CursorSigner) -> Sequence[Fault]:
    try:
        if cursor is not None:
            signer.verify(cursor)
    except InvalidInput as error:
        return error.faults
    return ()


def by_own_names(texts: dict[str, list[str]], table: QuestionTable) -> dict[str, list[str]]:
    """`texts` with the brackets taken away that some clients put behind a parameter of several values."""
    named: dict[str, list[str]] = {}
    for name, given in texts.items():
        bare = name.removesuffix("[]")
        parameter = table.parameters.get(bare)
        named.setdefault(name if parameter is None or parameter.several is None else bare, []).extend(given)
    return named


def read_values(
    texts: Mapping[str, list[str]], parameters: Mapping[str, QuestionParameter], faults: list[Fault]
) -> dict[str, Any]:
    """The value of each parameter that is in order, by its name; what is wrong with the others goes to `faults`."""
    values: dict[str, Any] = {}
    unknown = False  # the parameters are listed once, not once for each of a thousand wrong names
    for name, given in texts.items():
        parameter = parameters.get(name)
        if parameter is None:
            detail = "is not a parameter" + ("" if unknown else f"; these are: {', '.join(parameters)}")
            faults.append(Fault(shown(name), shown(given[0]), detail))
            unknown = True
        elif parameter.several is not None:
            values[name] = _several(parameter, parameter.several, given, faults)
        elif len(given) > 1:
            faults.append(Fault(name, shown(", ".join(given)), "must be given once"))
        else:
            value = _read(parameter, given[0], faults)
            if value is not None:
                values[name] = value
    return values


def _several(parameter: QuestionParameter, several: Several, given: list[str], faults: list[Fault]) -> list[Any]:
    texts = [text for texts in given for text in texts.split(",")] if several.commas else given
    if len(texts) > several.most:
        faults.append(
            Fault(parameter.name, f"{len(texts)} {several.noun}", f"must be at most {several.most} {several.noun}")
        )
        return []
    values = [_read(parameter, text, faults) for text in texts]
    return [value for value in values if value is not None]


def _read(parameter: QuestionParameter, given: str, faults: list[Fault]) -> Any:
    """The value of one text; None, and a fault, where it is not of the parameter's form."""
    text = parameter.form.normalise(given)
    value = parameter.form.read(text) if text else None
    if value is None:
        faults.append(Fault(parameter.name, shown(text), parameter.form.allowed(text) if text else "must not be empty"))
    return value
