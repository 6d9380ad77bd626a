"""The table of the listing's parameters."""

from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.question.table import TABLE, QuestionTable


def parameters_table(table: QuestionTable = TABLE) -> str:
    """The parameters of `table` in Markdown: name, what is allowed, meaning; a line each."""
    lines = ["| parameter | text | meaning |", "|---|---|---|"]
    lines += [f"| `{one.name}` | {_allowed(one)} | {one.meaning} |" for one in table.parameters.values()]
    return "\n".join(lines)


def _allowed(parameter: QuestionParameter) -> str:
    said = [parameter.form.rule]
    if parameter.several is not None:
        written = "repeated or with commas between them" if parameter.several.commas else "repeated"
        said.append(f"at most {parameter.several.most} {parameter.several.noun}, {written}")
    if parameter.default is not None:
        said.append(f"default `{parameter.default}`")
    return "; ".join(said)
