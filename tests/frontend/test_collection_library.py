"""Queues and sorted lists: `collections.deque` and `bisect` as in Python."""

import bisect
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.array([1.0, 2.5, -3.0, 4.0])
OUTSIDE = deque([1, 2])


def methods(x: Any, n: Any) -> Any:
    q: Any = deque([1, 2, n])
    r = q
    q.extend([4, 5])
    q.extendleft([6, 7])
    r.reverse()
    del q[0]
    q[0] = 9
    q.remove(2)
    q.insert(1, 8)
    q += [3]
    counted = q.count(9), q.index(8), q == r, sorted(q), sum(q), max(q), 5 in q, bool(q), len(q)
    return (
        q,
        [v for v in q if v],
        [*reversed(q)],
        counted,
        list(enumerate(q)),
        q.copy() is q,
        q[-1],
    )


def bounded(x: Any, n: Any) -> Any:
    q = deque([1, 2], maxlen=3)
    q.append(n)
    q.append(5)
    q.appendleft(7)
    q.rotate(1)
    return q, q.maxlen, isinstance(q, deque), repr(q), q.pop(), list(q)


def window(x: Any, n: Any) -> Any:
    pairs, means, out = deque([1.0, 2.0], maxlen=2), deque(maxlen=2), []
    for v in x:
        pairs.append(v)
        means.append(v)
        out.append((pairs[0] * pairs[1], sum(means) / len(means)))
    return out


def worklist(x: Any, n: Any) -> Any:
    q, total = deque([n]), 0
    while q:
        v = q.popleft()
        total += v
        if v > 0:
            q.append(v - 1)
    return total


def breadth_first(x: Any, n: Any) -> Any:
    graph = {0: [1, 2], 1: [3], 2: [3], 3: []}
    seen, q, order = {0}, deque([0]), []
    while q:
        u = q.popleft()
        order.append(u)
        for v in graph[u]:
            if v not in seen:
                seen.add(v)
                q.append(v)
    return order, x[order[-1]] * n


def of_run_time_length(x: Any, n: Any) -> Any:
    q: Any = deque()
    for i in range(n):
        q.append(i * 2)
    total = 0
    while len(q) > 1:
        total += q.popleft() * q.pop()
    return total, list(q)


def empty(x: Any, n: Any) -> Any:
    q: Any = deque()
    for v in x:
        if v > 5:
            q.append(v)
    return q.popleft()


def sorted_lists(x: Any, n: Any) -> Any:
    known, growing, y = [1, 3, 5, 7], [], np.sort(x)
    bisect.insort(known, n)
    bisect.insort_left(known, 4)
    for v in x:
        bisect.insort(growing, v)
    places = bisect.bisect(known, 4), bisect.bisect_left(known, n), bisect.bisect(y, 2.0)
    keyed = bisect.bisect_left([(1, n), (2, n), (4, n)], n, key=lambda p: p[0])
    return known, growing, places, keyed, [bisect.bisect_left(y, v, 1) for v in x]


FUNCTIONS: list[Callable[..., Any]] = [
    methods, bounded, window, worklist, breadth_first, of_run_time_length, empty, sorted_lists,
]  # fmt: skip


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_as_in_python(f: Any, backend: Any) -> None:
    def outcome(g: Any, n: int) -> Any:
        try:
            return repr(g(X.copy(), n))
        except IndexError as error:
            return str(error)

    for n in (3, 2, 0):
        assert outcome(sc.jit(f, backend=backend), n) == outcome(f, n)


def test_a_queue_is_differentiated() -> None:
    def f(x: Any) -> Any:
        q, total = deque([1.0, 2.0], maxlen=2), 0.0
        for v in x:
            q.append(v)
            total += q[0] * q[1]
        return total

    assert np.array_equal(sc.grad(f)(X), [4.5, -2.0, 6.5, -3.0])


def test_a_queue_of_the_caller_is_not_changed_once_at_staging() -> None:
    def f(x: Any) -> Any:
        OUTSIDE.append(1)
        return x * len(OUTSIDE)

    with pytest.raises(sc.StagecError, match="SC361"):
        sc.jit(f)(2.0)
