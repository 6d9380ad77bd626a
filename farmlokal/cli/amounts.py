"""Shares and spans of days as they are written on a command line."""

import re
from typing import Any

import click


class Share(click.ParamType[float]):
    """`20%`, as a part of one."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share from 0 to 1."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%?", str(value), re.ASCII)
        if match is None or float(match[1]) > 100:
            self.fail(f"must be from 0% to 100%, not {value!r}", param, ctx)
        return float(match[1]) / 100


class Days(click.ParamType[int]):
    """`30d`, as a number of days."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number of days, at least one."""
        match = re.fullmatch(r"([1-9]\d{0,4})d", str(value), re.ASCII)
        if match is None:
            self.fail(f"must be a number of days such as 30d, not {value!r}", param, ctx)
        return int(match[1])
