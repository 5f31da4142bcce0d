"""Methods and slices of lists whose length or index only the run time knows, and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.array([0.3, 1.2, -0.7, 2.1, 0.9])


def positive(x: Any) -> Any:
    found = []
    for v in x:
        if v > 0:
            found.append(v * 2)
    return found


def slices(x: Any) -> Any:
    xs = positive(x)
    return sum(xs[1:]) * xs[-1] + sum(xs[:-1][::-1]) + sum(xs[-2:]) * 3 + xs[::2][1]


def taken_from_the_front(x: Any) -> Any:
    xs = positive(x)
    total = 0.0
    while len(xs) > 1:
        total = total * 0.5 + xs.pop(0)
    return total * xs[0]


def popped(x: Any) -> Any:
    xs = positive(x)
    last = xs.pop(-2)
    return last * sum(xs)


def inserted(x: Any) -> Any:
    xs = positive(x)
    xs.insert(1, x[4] ** 2)
    xs.insert(-1, x[0])
    xs.insert(99, x[1] ** 3)
    return xs[1] * xs[2] + xs[-1] + xs[-3] ** 2


def deleted(x: Any) -> Any:
    xs = positive(x)
    del xs[0]
    del xs[-1]
    return xs[0] * xs[1]


def turned_around(x: Any) -> Any:
    xs = positive(x)
    xs.reverse()
    return xs[0] * 3 + xs[1] ** 2 + len(xs)


def copied(x: Any) -> Any:
    xs = positive(x)
    ys = xs.copy()
    ys.append(x[0])
    ys[0] = 1.0
    return sum(xs) * sum(ys)


def extended(x: Any) -> Any:
    xs = positive(x)
    xs.extend(xs)
    xs += positive(x * 2)
    ys = [x[3], *[x[2]]] + (xs + xs)
    return sum(v * v for v in xs) * ys[-1] * len(ys) * ys[0]


def searched(x: Any) -> Any:
    xs = positive(x)
    there = x[2] if x[4] * 2 in xs else 0.0
    missing = x[3] if 7.0 in xs else 5.0
    return xs.index(xs[1]) * x[0] + xs.count(xs[0]) * x[1] + there + missing


def searched_items(x: Any) -> Any:
    xs = [x[0], x[1], x[2]]
    t = (x[0], x[1], x[0])
    return x[xs.index(x[1])] * t.count(x[0]) * t.index(x[0], 1)


def searched_from(x: Any) -> Any:
    return x[[1, 2, 1, 3].index(1, 1)] * [1, 2, 1].count(1)


def removed(x: Any) -> Any:
    xs = positive(x)
    xs.remove(xs[1])
    ys = [x[0], x[1], x[2]]
    ys.remove(x[1])
    return sum(xs) * ys[1]


def arrays(x: Any) -> Any:
    queue = []
    for v in x:
        if v > 0:
            queue.append(x * v)
    first = queue.pop(0)
    queue.insert(0, x)
    return np.sum(first * queue[1]) + np.sum(queue[0])


def moving_index(x: Any) -> Any:
    xs = [x[0], x[1], x[2]]
    total = 0.0
    for i in range(len(x)):
        xs.insert(0, x[i])
        total += xs.pop(i % 3) * i
    return total + xs[0]


def window(x: Any) -> Any:
    held = []
    total = 0.0
    for v in x:
        held.append(v)
        if len(held) > 2:
            held.pop(0)
        total += sum(held) / len(held) * v
    return total


def copied_set(x: Any) -> Any:
    s = {0, 1}
    t = s.copy()
    t.add(2)
    return x[0] * len(s) * len(t)


PROGRAMS = [
    slices, taken_from_the_front, popped, inserted, deleted, turned_around, copied, extended,
    searched, searched_items, searched_from, removed, arrays, moving_index, window, copied_set,
]  # fmt: skip


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_lists(f: Callable[..., Any], backend: str) -> None:
    np.testing.assert_allclose(sc.jit(f, backend=backend)(X), f(X), rtol=1e-12)
    found = sc.grad(f, backend=backend)(X)
    steps = np.eye(X.size) * 1e-6
    expected = [(f(X + h) - f(X - h)) / 2e-6 for h in steps]
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("scale", [1.0, 0.0])
def test_popping_from_an_empty_list_raises_as_it_does(scale: float) -> None:
    def f(x: Any) -> Any:
        return positive(x).pop(7)

    with pytest.raises(IndexError) as expected:
        f(X * scale)
    with pytest.raises(IndexError) as found:
        sc.jit(f)(X * scale)
    assert str(found.value) == str(expected.value)


def test_a_slice_of_step_zero_raises() -> None:
    with pytest.raises(ValueError, match="slice step cannot be zero"):
        sc.jit(lambda x: positive(x)[::0])(X)
