"""Room for recursion: trees are walked recursively, and programs nest deeply.

CPython does not use its own stack for calls from Python to Python, so a higher limit is safe.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

LIMIT = 100_000
_lock = Lock()
_before: list[int] = []


@contextmanager
def deep() -> Iterator[None]:
    """Raise the recursion limit; the last to leave puts it back."""
    with _lock:
        _before.append(sys.getrecursionlimit())
        sys.setrecursionlimit(max(LIMIT, _before[0]))
    try:
        yield
    finally:
        with _lock:
            limit = _before[0]
            _before.pop()
            if not _before:
                sys.setrecursionlimit(limit)
