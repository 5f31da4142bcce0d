"""Methods of lists whose length or index only the run time knows, staged like the user's code.

An item is put in or taken out by moving those behind it, as Python does.
"""

# ruff: noqa: D103 (what is staged is loops)
from typing import Any

import numpy as np


def pop_(items: Any, at: Any, empty: Any, outside: Any) -> Any:
    n = len(items)
    if n == 0:
        raise IndexError(empty)
    k = at + n if at < 0 else at
    if k < 0 or k >= n:
        raise IndexError(outside)
    item = items[k]
    for j in range(k, n - 1):
        items[j] = items[j + 1]
    items.pop()
    return item


def insert_(items: Any, at: Any, item: Any) -> None:
    n = len(items)
    k = min(max(at + n, 0) if at < 0 else at, n)
    items.append(item)
    for j in range(n, k, -1):
        items[j] = items[j - 1]
    items[k] = item


def reverse_(items: Any) -> None:
    n = len(items)
    for k in range(n // 2):
        item = items[k]
        items[k] = items[n - 1 - k]
        items[n - 1 - k] = item


def extend_(items: Any, more: Any) -> None:
    for item in more:
        items.append(item)


def part_(items: Any, start: Any, stop: Any, step: Any) -> Any:
    n = len(items)
    first, last = (0, n) if step > 0 else (-1, n - 1)
    if start is None:
        lo = first if step > 0 else last
    else:
        lo = max(start + n, first) if start < 0 else min(start, last)
    if stop is None:
        hi = last if step > 0 else first
    else:
        hi = max(stop + n, first) if stop < 0 else min(stop, last)
    return [items[k] for k in range(lo, hi, step)]


def index_(items: Any, value: Any, start: Any = 0, stop: Any = None) -> Any:
    n = len(items)
    lo = max(start + n, 0) if start < 0 else start
    hi = n if stop is None else max(stop + n, 0) if stop < 0 else min(stop, n)
    for k in range(lo, hi):
        if items[k] == value:
            return k
    raise ValueError("the value is not in the list")


def count_(items: Any, value: Any) -> Any:
    found = 0
    for item in items:
        if item == value:
            found += 1
    return found


def contains_(items: Any, value: Any) -> Any:
    for item in items:  # noqa: SIM110
        if item == value:
            return True
    return False


def same_length_(items: Any, more: Any) -> None:
    if len(items) != len(more):
        raise ValueError("a list and its cotangent have different lengths")


def added_(items: Any, more: Any, depth: Any) -> Any:
    return [
        inside_(items[k], more[k], depth - 1) if depth else sum_(items[k], more[k])
        for k in range(len(items))
    ]


def inside_(items: Any, more: Any, depth: Any) -> Any:
    same_length_(items, more)
    return added_(items, more, depth)


def sum_(item: Any, more: Any) -> Any:
    if np.shape(item) != np.shape(more):
        raise ValueError("an item of a list and its cotangent have different shapes")
    return item + more


def column_(items: Any, k: Any) -> Any:
    return [item[k] for item in items]


def sorted_few(items: Any, keys: Any, reverse: Any) -> Any:
    items, keys = list(items), list(keys)
    for last in range(1, len(items)):
        for k in range(last, 0, -1):
            before, now = keys[k - 1], keys[k]
            if (before < now) if reverse else (now < before):
                keys[k - 1], keys[k] = now, before
                items[k - 1], items[k] = items[k], items[k - 1]
    return items


def of_range(numbers: Any, first: Any, step: Any, at: Any) -> Any:
    n = len(numbers)
    k = at + n if at < 0 else at
    if k < 0 or k >= n:
        raise IndexError("range object index out of range")
    return first + k * step
