"""Functions of heapq on staged values, and their gradients."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.array([0.7, 0.1, 0.9, 0.4, 0.2, 0.8, 0.4])
STARTS = np.array([0, 2, 4, 5, 6, 6])
ENDS = np.array([1, 2, 2, 3, 4, 1])
WEIGHTS = np.array([0.5, 2.0, 0.7, 3.0, 0.25, 0.1])


def sifted(x: Any) -> Any:
    heap: list[Any] = []
    for v in x:
        heapq.heappush(heap, v)
    first = heapq.heappop(heap)
    return first, heap


def largest(x: Any) -> Any:
    heap: list[Any] = []
    out = []
    for v in x:
        if len(heap) < 3:
            heapq.heappush(heap, v)
        else:
            out.append(heapq.heappushpop(heap, v))
    return heap, out


def replaced(x: Any) -> Any:
    heap = list(x)
    heapq.heapify(heap)
    return heapq.heapreplace(heap, x[0] - 0.4), heap


def chosen(x: Any) -> Any:
    far = heapq.nlargest(2, x, key=lambda v: abs(v - 0.5))
    return heapq.nsmallest(3, x), far, heapq.nlargest(-1, x)


def known(x: Any) -> Any:
    heap = [5, 3, 4, 1]
    heapq.heapify(heap)
    heapq.heappush(heap, 0)
    return heapq.heappop(heap) * x[0], heap


def pairs(x: Any) -> Any:
    heap = [(x[0], 0)]
    for k in range(1, len(x)):
        heapq.heappush(heap, (x[k], k))
    order = []
    while heap:
        order.append(heapq.heappop(heap)[1])
    return order


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("f", [sifted, largest, replaced, chosen, known, pairs])
def test_heaps_are_as_python_makes_them(f: Callable[..., Any], backend: str) -> None:
    assert repr(sc.jit(f, backend=backend)(X)) == repr(f(X))


def distances(weights: Any, starts: Any, ends: Any) -> Any:
    """Dijkstra's shortest paths from the first node."""
    dist = np.full(len(starts) - 1, np.inf)
    dist[0] = 0.0
    queue = [(0.0, 0)]
    while queue:
        d, u = heapq.heappop(queue)
        if d > dist[u]:
            continue
        for e in range(starts[u], starts[u + 1]):
            near = d + weights[e]
            if near < dist[ends[e]]:
                dist[ends[e]] = near
                heapq.heappush(queue, (near, ends[e]))
    return dist


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_shortest_paths_have_gradients(backend: str) -> None:
    found = sc.jit(distances, backend=backend)(WEIGHTS, STARTS, ENDS)
    np.testing.assert_allclose(found, [0.0, 0.5, 1.2, 3.5, 1.45], rtol=1e-14)

    def total(weights: Any) -> Any:
        return np.sum(distances(weights, STARTS, ENDS))

    gradient = sc.grad(total, backend=backend)(WEIGHTS)
    np.testing.assert_array_equal(gradient, [4.0, 0.0, 2.0, 1.0, 1.0, 0.0])


def test_an_empty_heap_has_no_first_item() -> None:
    def emptied(x: Any) -> Any:
        heap = [x]
        while True:
            heapq.heappop(heap)

    with pytest.raises(IndexError, match="index out of range"):
        sc.jit(emptied)(1.0)
