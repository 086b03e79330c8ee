"""A statement's words and brackets, as far as the server has to see them."""

from __future__ import annotations

import re


def without_comments(text: str) -> str:
    """`text` without comments; what is quoted stays as it is."""
    quoted_or_comment = r"""('(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*"|\$\$.*?\$\$)|--[^\n]*|(?<!:)//[^\n]*|/\*.*?\*/"""
    return re.sub(quoted_or_comment, lambda match: match[1] or " ", text, flags=re.DOTALL).strip()


class Statement:
    def __init__(self, text: str) -> None:
        self.text = text.rstrip(";").strip()

    def match(self, pattern: str) -> re.Match | None:
        """`pattern` at the beginning; a blank in it is any run of white space."""
        return re.match(pattern.replace(" ", r"\s+"), self.text, re.IGNORECASE | re.DOTALL)

    def find(self, pattern: str) -> re.Match | None:
        return re.search(pattern.replace(" ", r"\s*"), self.text, re.IGNORECASE | re.DOTALL)


def closing(text: str, opening: int) -> int:
    """The place of the bracket that closes the one at `opening`."""
    depth, quote = 0, None
    for place in range(opening, len(text)):
        sign = text[place]
        if quote:
            quote = None if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "()":
            depth += 1 if sign == "(" else -1
            if depth == 0:
                return place
    raise ValueError("a bracket is not closed")


def parts(text: str) -> list[str]:
    """What stands between the commas of `text` that are in no bracket."""
    found, begin, depth, quote = [], 0, 0, None
    for place, sign in enumerate(text):
        if quote:
            quote = None if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "," and depth == 0:
            found.append(text[begin:place].strip())
            begin = place + 1
    return [*found, text[begin:].strip()]
