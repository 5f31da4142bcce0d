"""Where a node of the tree stands in the user's file."""

from __future__ import annotations

import linecache
from typing import Any

from stagec.errors import Loc


def location(node: Any, file: str) -> Loc:
    """The range of `node` in `file`, its columns counted in characters."""
    line, end = node.lineno, node.end_lineno or node.lineno
    return Loc(
        file,
        line,
        _characters(file, line, node.col_offset),
        end,
        _characters(file, end, node.end_col_offset or 0),
    )


def _characters(file: str, line: int, column: int) -> int:
    """The character offset for the parser's offset, which counts UTF-8 bytes."""
    text = linecache.getline(file, line)
    if text.isascii():
        return column
    return len(text.encode()[:column].decode(errors="ignore"))
