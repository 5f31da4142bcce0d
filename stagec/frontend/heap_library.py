"""Functions of heapq, written in Python and staged like the user's own code.

A heap has the items at the places where `heapq` puts them, as lists can be read.
"""

# ruff: noqa: D103 (what is staged is loops)
import heapq
from typing import Any


def heappush_(heap: Any, item: Any, /) -> None:
    heap.append(item)
    _rise(heap, 0, len(heap) - 1)


def heappop_(heap: Any, /) -> Any:
    if len(heap) == 0:
        raise IndexError("index out of range")
    last = heap.pop()
    if len(heap) == 0:
        return last
    return _put_first(heap, last)


def heapreplace_(heap: Any, item: Any, /) -> Any:
    if len(heap) == 0:
        raise IndexError("index out of range")
    return _put_first(heap, item)


def heappushpop_(heap: Any, item: Any, /) -> Any:
    if len(heap) > 0 and heap[0] < item:
        return _put_first(heap, item)
    return item


def heapify_(heap: Any, /) -> None:
    for k in range(len(heap) // 2 - 1, -1, -1):
        _settle(heap, k)


def nsmallest_(n: Any, iterable: Any, key: Any = None) -> Any:
    return sorted(iterable, key=key)[: max(n, 0)]


def nlargest_(n: Any, iterable: Any, key: Any = None) -> Any:
    return sorted(iterable, key=key, reverse=True)[: max(n, 0)]


def _put_first(heap: Any, item: Any) -> Any:
    """The first item, which another one replaces."""
    first = heap[0]
    heap[0] = item
    _settle(heap, 0)
    return first


def _rise(heap: Any, top: Any, at: Any) -> None:
    """Move an item up to `top` at most, until the one above it is not larger."""
    item = heap[at]
    while at > top and item < heap[(at - 1) // 2]:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = item


def _settle(heap: Any, top: Any) -> None:
    """Move an item to the end of the branch of the smaller ones, and up again to its place."""
    n = len(heap)
    item = heap[top]
    at = top
    while 2 * at + 1 < n:
        child = 2 * at + 1
        if child + 1 < n and not (heap[child] < heap[child + 1]):
            child += 1
        heap[at] = heap[child]
        at = child
    heap[at] = item
    _rise(heap, top, at)


ENTERED = {
    heapq.heappush: heappush_,
    heapq.heappop: heappop_,
    heapq.heapify: heapify_,
    heapq.heapreplace: heapreplace_,
    heapq.heappushpop: heappushpop_,
    heapq.nsmallest: nsmallest_,
    heapq.nlargest: nlargest_,
}
