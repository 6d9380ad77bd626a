"""The one rule for text that comes in: with events, feeds, files and query strings.

::

    control characters; line and paragraph separators       refused
    lone surrogates; code points that are not assigned      refused
    bidirectional embeddings, overrides and isolates        refused
    blanks other than U+0020, such as U+00A0 and U+3000     become U+0020; at both ends they are cut off
    joiners and other marks that nobody sees (U+200B …)     kept in what is shown, ignored in what is compared
    everything else                                         kept

What is refused is refused by name. Joiners (U+200C, U+200D) are part of the right spelling of many Marathi, Malayalam
and Bengali words, which others write without them: so both spellings have to meet.
"""

import re
from unicodedata import category, name

# For a class of a regular expression, in Python's as in JSON Schema's: what is refused, save what is not assigned, and
# what is ignored.
REFUSED = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
INVISIBLE = r"\u00ad\u061c\u180e\u200b-\u200f\u2060-\u2064\u206a-\u206f\ufeff"

_ALLOWED = "letters, marks, digits, punctuation, symbols, blanks and joiners are allowed"
# They turn round or lock in the text around them: what is shown is then not what is stored (UTS 55, CVE-2021-42574).
_BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFUSED_KINDS = {
    "Cc": "a control character",
    "Cs": "a lone surrogate",
    "Cn": "not assigned",
    "Zl": "a line separator",
    "Zp": "a paragraph separator",
}
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_ODD_BLANKS = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_ODD_BLANK = re.compile(f"[{_ODD_BLANKS}]")
# A cell of a table is laid out with tabs and line breaks too.
_CELL_BLANK = re.compile(f"[{_ODD_BLANKS}\t\n\r\u2028\u2029]")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
# One escape of a JSON text: a pair of surrogates, a surrogate without its other half, or any other.
_JSON_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def accepted(text: str) -> str:
    """`text` as it is stored and shown: odd blanks become ordinary ones, and both ends are cut to what is no blank.

    Tabs and line breaks at the ends are cut off too. Raises ValueError, which names the first code point that is
    refused.
    """
    if text.isprintable():  # then U+0020 is its only blank, and nothing in it is refused or invisible
        return text.strip(" ")
    plain = _ODD_BLANK.sub(" ", text).strip(" \t\n\r")
    if (detail := refusal(plain)) is not None:
        raise ValueError(detail)
    if plain and not compared(plain).strip(" "):
        raise ValueError("must hold more than blanks and joiners")
    return plain


def accepted_lines(text: str) -> str:
    """A text of several lines as it is stored: each as `accepted` has it, parted by U+000A; tabs are ordinary blanks.

    Empty lines at both ends are cut off. Raises ValueError as `accepted` does.
    """
    if text.isprintable():
        return accepted(text)
    return "\n".join([accepted(line.replace("\t", " ")) for line in _LINE_BREAK.split(text)]).strip("\n")


def compared(text: str) -> str:
    """`text` without joiners and the other marks that nobody sees."""
    return text if text.isprintable() else _INVISIBLE.sub("", text)


def label_key(label: str) -> str:
    """`label` as a closed list of lower-case words would spell it: case, joiners and blanks at the ends are dropped."""
    return compared(label).strip().lower()


def refusal(text: str) -> str | None:
    """Why `text` is refused: its first code point that is not allowed, by number and name; None where it is not."""
    if text.isprintable():
        return None
    for char in text:
        what = (
            f"{name(char)}, a bidirectional control" if char in _BIDIRECTIONAL else _REFUSED_KINDS.get(category(char))
        )
        if what is not None:
            return _must_not_hold(ord(char), what)
    return None


def plain_cell(cell: str) -> str:
    """The text of a table's `cell`: odd blanks, and the tabs and line breaks of its layout, become ordinary blanks."""
    return cell if cell.isprintable() else _CELL_BLANK.sub(" ", cell)


def surrogate_refusal(json_text: str) -> str | None:
    r"""Why no text can be made of a string in `json_text`, such as `"\ud800"`; None where that is not its fault."""
    found = next((escape[1] for escape in _JSON_ESCAPE.finditer(json_text) if escape[1]), None)
    return None if found is None else _must_not_hold(int(found, 16), _REFUSED_KINDS["Cs"])


def storable(text: str) -> str:
    """`text` for a message or a log: a lone surrogate, which no database stores, is spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()


def _must_not_hold(code_point: int, what: str) -> str:
    return f"must not hold U+{code_point:04X} ({what}): {_ALLOWED}"
