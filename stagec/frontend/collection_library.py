"""Queues and sorted lists of the standard library, written in Python and staged like the
user's own code.
"""

# ruff: noqa: D103 (they do what those of these names do)
from __future__ import annotations

import bisect
import collections
from typing import Any


class Deque(collections.deque):  # type: ignore[type-arg]
    """What `collections.deque` makes in staged code: its items are in a list."""

    __new__: Any = object.__new__  # it is made as plain objects are

    def __init__(self, iterable: Any = (), maxlen: Any = None) -> None:
        if maxlen is not None and maxlen < 0:
            raise ValueError("maxlen must be non-negative")
        self.items: Any = []
        self.limit = maxlen
        self.extend(iterable)

    @staticmethod
    def _returned(attributes: dict[str, Any]) -> Any:
        return collections.deque(attributes["items"], attributes["limit"])

    @property
    def maxlen(self) -> Any:
        return self.limit

    def _full(self) -> Any:
        return self.limit is not None and len(self.items) == self.limit

    def append(self, x: Any) -> None:
        if self._full():
            if self.limit == 0:
                return
            self.items.pop(0)
        self.items.append(x)

    def appendleft(self, x: Any) -> None:
        if self._full():
            if self.limit == 0:
                return
            self.items.pop()
        self.items.insert(0, x)

    def extend(self, iterable: Any) -> None:
        for item in iterable:
            self.append(item)

    def extendleft(self, iterable: Any) -> None:
        for item in iterable:
            self.appendleft(item)

    def insert(self, i: Any, x: Any) -> None:
        if self._full():
            raise IndexError("deque already at its maximum size")
        self.items.insert(i, x)

    def pop(self) -> Any:  # type: ignore[override]
        if len(self.items) == 0:
            raise IndexError("pop from an empty deque")
        return self.items.pop()

    def popleft(self) -> Any:
        if len(self.items) == 0:
            raise IndexError("pop from an empty deque")
        return self.items.pop(0)

    def rotate(self, n: Any = 1) -> None:
        if len(self.items) > 0:
            k = n % len(self.items)
            self.items = self.items[len(self.items) - k :] + self.items[: len(self.items) - k]

    def remove(self, value: Any) -> None:
        if value not in self.items:
            raise ValueError("deque.remove(x): x not in deque")
        self.items.remove(value)

    def clear(self) -> None:
        self.items.clear()

    def reverse(self) -> None:
        self.items.reverse()

    def count(self, x: Any) -> Any:
        return self.items.count(x)

    def index(self, x: Any, *bounds: Any) -> Any:
        return self.items.index(x, *bounds)

    def copy(self) -> Any:
        return Deque(self.items, self.limit)

    __copy__ = copy

    def __len__(self) -> Any:
        return len(self.items)

    def __bool__(self) -> bool:
        return len(self.items) > 0

    def __iter__(self) -> Any:
        return iter(self.items)

    def __reversed__(self) -> Any:
        return reversed(self.items)

    def __contains__(self, x: Any) -> Any:
        return x in self.items

    def __getitem__(self, i: Any) -> Any:
        if not -len(self.items) <= i < len(self.items):
            raise IndexError("deque index out of range")
        return self.items[i]

    def __setitem__(self, i: Any, x: Any) -> None:
        if not -len(self.items) <= i < len(self.items):
            raise IndexError("deque index out of range")
        self.items[i] = x

    def __delitem__(self, i: Any) -> None:
        if not -len(self.items) <= i < len(self.items):
            raise IndexError("deque index out of range")
        del self.items[i]

    def __eq__(self, other: object) -> Any:
        return isinstance(other, collections.deque) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Any) -> Any:
        return Deque(self.items + list(other), self.limit)

    def __iadd__(self, other: Any) -> Any:
        self.extend(other)
        return self

    def __mul__(self, n: Any) -> Any:
        return Deque(self.items * n, self.limit)

    __rmul__ = __mul__

    def __repr__(self) -> str:
        if self.limit is None:
            return f"deque({self.items!r})"
        return f"deque({self.items!r}, maxlen={self.limit!r})"


def place(a: Any, x: Any, lo: Any, hi: Any, key: Any, left: bool) -> Any:
    """Where `x` is to be put into the sorted `a`: in front of equal items, or behind them."""
    if lo < 0:
        raise ValueError("lo must be non-negative")
    end = len(a) if hi is None else hi
    while lo < end:
        middle = (lo + end) // 2
        item = a[middle] if key is None else key(a[middle])
        if item < x if left else not x < item:
            lo = middle + 1
        else:
            end = middle
    return lo


def bisect_left_(a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Any = None) -> Any:
    return place(a, x, lo, hi, key, True)


def bisect_right_(a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Any = None) -> Any:
    return place(a, x, lo, hi, key, False)


def insort_left_(a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Any = None) -> None:
    a.insert(bisect_left_(a, x if key is None else key(x), lo, hi, key=key), x)


def insort_right_(a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Any = None) -> None:
    a.insert(bisect_right_(a, x if key is None else key(x), lo, hi, key=key), x)


FORMS = {
    collections.deque: Deque,
    bisect.bisect_left: bisect_left_,
    bisect.bisect_right: bisect_right_,
    bisect.insort_left: insort_left_,
    bisect.insort_right: insort_right_,
}
# what changes its arguments, or is changed, is part of the program
ALWAYS = (collections.deque, bisect.insort_left, bisect.insort_right)
