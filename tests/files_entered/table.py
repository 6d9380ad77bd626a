"""What the program prints."""

from collections import Counter


def table_of(entered: dict[str, list[str]]) -> str:
    """A Markdown table: a row per flow with the number of its files, and of these by folder."""
    rows = [f"| {name} | {len(files)} | {_by_folder(files)} |" for name, files in entered.items()]
    return "\n".join(["| flow | files | of these in |", "|---|--:|---|", *rows])


def lists_of(entered: dict[str, list[str]]) -> str:
    """The files of each flow, a line each, in the order in which they are entered."""
    return "\n".join(
        line for name, files in entered.items() for line in ("", f"{name}:", *(f"  {file}" for file in files))
    )


def _by_folder(files: list[str]) -> str:
    folders = Counter(file.rpartition("/")[0] or "." for file in files)
    return ", ".join(f"`{folder}` {number}" for folder, number in sorted(folders.items()))
