"""What a caller may send: one form of text, and one parameter that has it. How it travels is none of its business."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """One form of text.

    read: a text → its value; None where the text is not of this form.
    schema: the same for people and tools, as JSON Schema 2020-12.
    rule: what is allowed, as a fault says it; empty where every text is.
    kind: what a text must look like to be told `rule`, and what any other is told in its place; None where all are.
    text: a value → its canonical text, which `read` reads back.
    normalise: a text → what of it counts; `read` gets that, and a fault shows it.
    """

    read: Callable[[str], Any]
    schema: Mapping[str, Any]
    rule: str = ""
    text: Callable[[Any], str] = str
    normalise: Callable[[str], str] = str
    kind: tuple[re.Pattern[str], str] | None = None

    def parse(self, text: str) -> Any:
        """The value of `text`. Raises ValueError, which says what is allowed."""
        value = self.read(self.normalise(text))
        if value is None:
            raise ValueError(self.allowed(text))
        return value

    def allowed(self, text: str) -> str:
        """What is allowed, as the fault of `text` says it, which is not of this form."""
        if self.kind is not None and self.kind[0].fullmatch(text) is None:
            return self.kind[1]
        return self.rule


@dataclass(frozen=True, slots=True)
class Several:
    """How many values a parameter may have at most, and what they are called together.

    commas: whether several may stand in one text with commas between them: where a comma may be part of a value it is.
    """

    most: int
    noun: str
    commas: bool = True


@dataclass(frozen=True, slots=True)
class QuestionParameter:
    """One parameter of a question: its name, its form, what it means, an example of its text.

    several: set where it may be repeated, or hold several values; its value is then a list.
    default: what its absence means. required: whether there is no question without it.
    """

    name: str
    form: Form
    meaning: str
    example: str | int | bool | None = None
    several: Several | None = None
    default: str | int | bool | None = None
    required: bool = False
