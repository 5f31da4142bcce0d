"""Lists of tuples whose length only the run time knows: uses, changes, gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import stagec as sc

X = np.array([0.3, 1.2, -0.7, 2.1, 0.9])
BACKENDS = ("numpy", "numba")


class Edge(NamedTuple):
    """An edge of a graph."""

    weight: Any
    end: Any


def pairs(x: Any, far: Any) -> Any:
    found = []
    for i in range(len(x)):
        for j in range(i):
            if abs(x[i] - x[j]) < far:
                found.append((i, j))
    return found


def walked(x: Any, far: Any) -> Any:
    found = pairs(x, far)
    total = x[found[0][1]] * len(found) if found else x[0]
    for k, (i, j) in enumerate(found):
        total += k * x[i] * x[j]
    for (i, _), (_, j) in zip(found, reversed(found), strict=True):
        total += x[i] * x[j] ** 2
    return total


def changed(x: Any, far: Any) -> Any:
    found = pairs(x, far)
    other = found.copy()
    last = other.pop()
    other.insert(0, (1, 2))
    other.reverse()
    other[0] = (7, 8)
    first = other.pop(0)
    other.extend(found)
    del other[1]
    inside = (1, 0) in found, found.count((1, 0)), found + [(3, 4)]  # noqa: RUF005
    return np.array(found), found[1:-1], other, last, first, inside


def named(x: Any, far: Any) -> Any:
    edges = [Edge(1.5, 3)]
    for i in range(len(x)):
        if x[i] > far:
            edges.append(Edge(x[i], i))
    best = edges[0]
    for edge in edges:
        if edge.weight < best.weight:
            best = edge
    return edges, best, best.end


def halves(x: Any, far: Any) -> Any:
    """A stack of tuples in tuples."""
    stack = [((0, len(x)), far)]
    total = 0.0
    while stack:
        (lo, hi), weight = stack.pop()
        if hi - lo < 2:
            total += weight * x[lo] ** 2
            continue
        middle = (lo + hi) // 2
        stack.append(((lo, middle), weight + 1))
        stack.append(((middle, hi), weight + x[middle]))
    return total


def history(x: Any, far: Any) -> Any:
    """Arrays and numbers in one tuple, and a caller that reads them."""
    log = []
    y = x.copy()
    while y @ y > far:
        y = y * 0.7
        log.append((y.sum(), y, len(log)))
    return sum(s * np.sum(v**2) * k for s, v, k in log)


def ordered(x: Any, far: Any) -> Any:
    edges = [(x[i] - x[i] % far, i, j) for i in range(len(x)) for j in range(i)]
    large = [v for v in x if v > 0]
    edges.sort(key=lambda e: e[2])
    return (
        edges,
        sorted(edges),
        sorted(edges, reverse=True),
        sorted(edges, key=lambda e: -e[0]),
        sorted(edges, key=lambda e: e[0], reverse=True),
        sorted(edges, key=lambda e: (e[2], e[0]), reverse=True),
        sorted(large, key=lambda v: (v * 10) % 1),
    )


def components(image: Any, far: Any) -> Any:
    labels = np.zeros(image.shape, dtype=np.int32)
    count = 0
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            if image[i, j] > far and labels[i, j] == 0:
                count += 1
                stack = [(i, j)]
                labels[i, j] = count
                while stack:
                    y, x = stack.pop()
                    for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                        a, b = y + dy, x + dx
                        inside = 0 <= a < image.shape[0] and 0 <= b < image.shape[1]
                        if inside and image[a, b] > far and not labels[a, b]:
                            labels[a, b] = count
                            stack.append((a, b))
    return labels, count


def equal(a: Any, b: Any) -> bool:
    if isinstance(b, list | tuple):
        same = type(a) is type(b) and len(a) == len(b)
        return same and all(map(equal, a, b))
    return bool(np.asarray(a).dtype == np.asarray(b).dtype and np.allclose(a, b, rtol=1e-12))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("f", [pairs, walked, changed, named, halves, history, ordered])
def test_lists_of_tuples_are_those_of_python(f: Callable[..., Any], backend: str) -> None:
    assert equal(sc.jit(f, backend=backend)(X.copy(), 1.1), f(X.copy(), 1.1))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stack_of_places(backend: str) -> None:
    image = np.random.default_rng(0).random((6, 7))
    assert equal(sc.jit(components, backend=backend)(image, 0.5), components(image, 0.5))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("f", [walked, halves, history])
def test_gradients_of_what_is_in_tuples(f: Callable[..., Any], backend: str) -> None:
    h = 1e-6
    steps = h * np.eye(len(X))
    slope = np.array([(f(X + d, 1.1) - f(X - d, 1.1)) / (2 * h) for d in steps])
    np.testing.assert_allclose(sc.grad(f, backend=backend)(X, 1.1), slope, rtol=1e-6)


def test_the_callers_list_gets_tuples() -> None:
    def f(found: Any, x: Any) -> Any:
        for v in x:
            found.append((v, 2))
        return len(found)

    given: list[Any] = [(1.0, 2)]
    assert sc.jit(f)(given, X) == 6
    assert given == [(1.0, 2), *((v, 2) for v in X)]


def test_tangents_of_tuples() -> None:
    def f(x: Any) -> Any:
        found = []
        for v in x:
            found.append((v * v, 1.0))
        return found

    assert equal(sc.jvp(f, (X,), (X,)), (f(X), [(2 * v * v, 0.0) for v in X]))


def test_no_rows_have_no_array() -> None:
    with pytest.raises(ValueError, match="at least one"):
        sc.jit(lambda x, far: np.array(pairs(x, far)))(X, 0.0)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (lambda v: (v,), "SC333: a list of tuples of 2 gets a tuple of 1"),
        (lambda v: v, "SC333: a list of tuples of 2 gets"),
    ],
)
def test_rows_of_another_form_are_refused(row: Any, said: str) -> None:
    def f(x: Any) -> Any:
        found = []
        for v in x:
            found.append((v, 1.0))
        for v in x:
            found.append(row(v))
        return found

    with pytest.raises(sc.StagecError, match=said):
        sc.jit(f)(X)


def test_what_needs_more_than_columns_is_refused() -> None:
    with pytest.raises(sc.StagecError, match="SC323"):
        sc.jit(lambda x: f"{pairs(x, 1.0)}")(X)
    with pytest.raises(sc.StagecError, match="SC335"):
        sc.jit(lambda x: pairs(x, 1.0) == [(1, 0)])(X)
    with pytest.raises(sc.StagecError, match="SC303"):
        sc.jit(lambda x: sorted(pairs(x, 1.0), key=lambda p: x * p[0]))(X)


def in_order(x: Any, far: Any) -> Any:
    found = pairs(x, far)
    found.sort(key=lambda pair: pair[0] % 2)
    return found, sorted(found, reverse=True), [i for i, _ in sorted(found)]


def picked(x: Any, far: Any) -> Any:
    far_ones = []
    for i in range(len(x)):
        if x[i] > far:
            far_ones.append(i)
    return x[far_ones]


@pytest.mark.parametrize("backend", BACKENDS)
def test_lists_without_items_are_sorted_and_pick_nothing(backend: str) -> None:
    assert sc.jit(in_order, backend=backend)(X, -1.0) == in_order(X, -1.0) == ([], [], [])
    assert sc.jit(in_order, backend=backend)(X, 1.5) == in_order(X, 1.5)
    for far in (9.0, 0.5):
        got = sc.jit(picked, backend=backend)(X, far)
        np.testing.assert_array_equal(got, picked(X, far), strict=True)
    slope = sc.grad(lambda x, far: np.sum(picked(x, far) ** 2), backend=backend)
    np.testing.assert_array_equal(slope(X, 9.0), np.zeros(5))
    np.testing.assert_array_equal(slope(X, 1.0), np.where(X > 1.0, 2 * X, 0.0))


def filled(x: Any, n: Any) -> Any:
    rows = [[0 for _ in range(3)] for _ in range(2)]
    for i in range(2):
        for j in range(3):
            rows[i][j] = x ** (i + j)
    return np.array(rows)


def wider(x: Any, n: Any) -> Any:
    items = [i for i in range(n)]  # noqa: C416
    items[1] = items[0] + x
    same = items
    same.append(x / 2)
    others = [2 for _ in range(n)]
    if x > 1:
        others = [x, x * x]
    return items, others[1] * x


def turned(x: Any, n: Any) -> Any:
    items = [1.5 for _ in range(n)]
    items[0] = 1j * x
    return items[0] + items[1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_list_that_gets_a_wider_number_becomes_one_of_such(backend: str) -> None:
    x = 1.5
    np.testing.assert_allclose(sc.jit(filled, backend=backend)(x, 4), filled(x, 4), rtol=1e-15)
    assert sc.jit(wider, backend=backend)(x, 4) == wider(x, 4)
    assert sc.jit(turned, backend=backend)(x, 4) == turned(x, 4)
    slope = sc.grad(sc.jit(lambda x, n: np.sum(filled(x, n)), backend=backend))
    assert slope(x, 4) == pytest.approx(2 + 4 * x + 3 * x**2)


def test_a_list_of_truths_gets_no_number() -> None:
    def mixed(x: Any, n: Any) -> Any:
        items = [True for _ in range(n)]
        items[0] = x
        return items

    with pytest.raises(
        sc.StagecError, match="SC333: a list of bool gets an element of type float"
    ):
        sc.jit(mixed)(1.5, 3)
