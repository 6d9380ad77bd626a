"""The id of a product or of a farm in a path."""

from farmlokal.catalog.question.forms import ID_MAX, whole
from farmlokal.errors import Fault
from farmlokal.web.parameters.parameter import Parameter
from farmlokal.web.parameters.query_string import shown

PRODUCT_ID = Parameter("id", whole(1, ID_MAX), "the product's `id`", 1, place="path", required=True)
FARM_ID = Parameter("id", whole(1, ID_MAX), "the farm's `id`", 411, place="path", required=True)


def read_product_id(text: str, faults: list[Fault]) -> int:
    """The product's id that `text` is; see `read_id`."""
    return read_id(PRODUCT_ID, text, faults)


def read_id(parameter: Parameter, text: str, faults: list[Fault]) -> int:
    """The id that `text` is; where it is none, what is wrong with it goes to `faults`, and the id is 0."""
    try:
        number: int = parameter.form.parse(text)
    except ValueError as error:
        faults.append(Fault("id", shown(text), str(error)))
        return 0
    return number
