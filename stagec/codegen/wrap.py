"""Long lines broken inside their longest brackets, as formatters do.

The invariant: only white space inside brackets changes, so the text means the same.
"""

from __future__ import annotations

import io
import tokenize
from itertools import pairwise

WIDTH = 96
INDENT = 4
OPENING, CLOSING = "([{", ")]}"


def wrap(text: str) -> str:
    """The source with lines of at most `WIDTH` columns, where brackets allow it."""
    return "".join(_wrapped(line) for line in text.splitlines(keepends=True))


def _wrapped(line: str) -> str:
    if len(line.rstrip()) <= WIDTH:
        return line
    group = _longest_group(line)
    if group is None:
        return line
    start, end, commas = group
    margin = " " * (len(line) - len(line.lstrip()))
    inner = margin + " " * INDENT
    edges = [start, *(c + 1 for c in commas), end]
    parts = [line[a:b].strip() for a, b in pairwise(edges)]
    rows = _filled([p for p in parts if p], WIDTH - len(inner))
    body = "".join(_wrapped(f"{inner}{row}\n") for row in rows)
    return f"{line[:start]}\n{body}{margin}{line[end:]}"


def _filled(parts: list[str], width: int) -> list[str]:
    """The parts in rows that are as full as they may be."""
    rows: list[str] = []
    for part in parts:
        if rows and len(rows[-1]) + 1 + len(part) <= width:
            rows[-1] += f" {part}"
        else:
            rows.append(part)
    return rows


def _longest_group(line: str) -> tuple[int, int, list[int]] | None:
    """Start, end and commas of the longest outermost brackets; None if there are none."""
    groups: list[tuple[int, int, list[int]]] = []
    depth, start = 0, 0
    commas: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(line.lstrip()).readline):
            at = token.start[1] + len(line) - len(line.lstrip())
            if token.type != tokenize.OP:
                continue
            if token.string in OPENING:
                if depth == 0:
                    start, commas = at + 1, []
                depth += 1
            elif token.string in CLOSING:
                depth -= 1
                if depth == 0:
                    groups.append((start, at, commas))
            elif token.string == "," and depth == 1:
                commas.append(at)
    except (tokenize.TokenError, IndentationError):
        return None  # part of a statement over several lines: a string
    return max(groups, key=lambda g: g[1] - g[0], default=None)
