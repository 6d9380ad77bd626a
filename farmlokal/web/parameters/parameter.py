"""A parameter of a request: what it may be, and where it stands."""

from dataclasses import dataclass
from typing import Literal

from farmlokal.catalog.question.parameter import QuestionParameter


@dataclass(frozen=True, slots=True)
class Parameter(QuestionParameter):
    """One parameter, and where it stands in a request."""

    place: Literal["query", "path", "header"] = "query"


def in_query(asked: QuestionParameter) -> Parameter:
    """A question's parameter, where requests have it."""
    return Parameter(asked.name, asked.form, asked.meaning, asked.example, asked.several, asked.default, asked.required)
